/** What a controller or cohost can have armed: the form that is open before something goes into groups. */
export type Game = "chain" | "draw" | "redpacket";
export type Armed = "link" | "coupon" | Game;

export function isGame(armed: Armed | null): armed is Game {
  return armed !== null && armed !== "link" && armed !== "coupon";
}
