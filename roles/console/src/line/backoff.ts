/** First try again almost at once: most drops are a relay of Wi-Fi access points or a restart. */
const FIRST_MS = 300;
/** Nobody in a show waits longer than this for the next try. */
const LONGEST_MS = 8_000;

/**
 * How long to wait before try number `attempt` (from 0).
 *
 * Doubles up to a bound; half of it is random, so that hundreds of consoles do not come back in one instant.
 */
export function waitBefore(attempt: number, random: () => number = Math.random): number {
  const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(bound / 2 + (bound / 2) * random());
}
