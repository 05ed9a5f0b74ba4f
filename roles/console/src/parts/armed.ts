import { CalendarCheck, ClipboardList, Gift, ListPlus, MessageCircleQuestion, Vote, Wallet } from "@lucide/vue";

/** What a controller or cohost can have armed: the form that is open before something goes into groups. */
export const GAMES = {
  chain: { command: "chain.open", icon: ListPlus },
  draw: { command: "draw.open", icon: Gift },
  redpacket: { command: "redpacket.announce", icon: Wallet },
  poll: { command: "poll.open", icon: Vote },
  quiz: { command: "quiz.open", icon: MessageCircleQuestion },
  survey: { command: "survey.open", icon: ClipboardList },
  checkin: { command: "checkin.open", icon: CalendarCheck },
} as const;
export type Game = keyof typeof GAMES;
export type Armed = "link" | "coupon" | Game;

export function isGame(armed: Armed | null): armed is Game {
  return armed !== null && armed in GAMES;
}
