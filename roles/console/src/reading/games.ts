import type { Store } from "../line/store";
import type { Chain, Draw } from "../line/entities";

/** The game that the team looks at now: what is open, else a draw that waits to be run, else what ended last. */
export type Game = { kind: "chain"; chain: Chain } | { kind: "draw"; draw: Draw };

/** How long the end of a game stays in view when nothing else is played. */
const STAYS_MS = 10 * 60_000;

export function games(store: Store): Game[] {
  return [
    ...store.all("chains").map((chain): Game => ({ kind: "chain", chain })),
    ...store.all("draws").map((draw): Game => ({ kind: "draw", draw })),
  ].sort((a, b) => rank(b) - rank(a) || openedAt(b) - openedAt(a));
}

export function current(store: Store, now: number): Game | undefined {
  return games(store).find((game) => rank(game) > 0 || now - endedAt(game) < STAYS_MS);
}

export function isOpen(game: Game): boolean {
  return (game.kind === "chain" ? game.chain.status : game.draw.status) === "open";
}

function rank(game: Game): number {
  if (isOpen(game)) return 2;
  return game.kind === "draw" && game.draw.status === "closed" ? 1 : 0;
}

function openedAt(game: Game): number {
  return game.kind === "chain" ? game.chain.at : game.draw.at;
}

function endedAt(game: Game): number {
  return (game.kind === "chain" ? game.chain.ended_at : game.draw.drawn_at) ?? openedAt(game);
}
