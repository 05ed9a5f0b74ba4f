import { t, type Key } from "../i18n";
import type { Group } from "../line/entities";

/** What relays say of a group that they cannot write into, in the words that Dropcue's own use; another's stand as they came. */
const KNOWN: readonly [RegExp, Key][] = [
  [/removed|kicked/i, "grp.why.removed"],
  [/\bbot left\b|not a member/i, "grp.why.left"],
  [/may not write|rights to send/i, "grp.why.muted"],
];

export function isUnreached(group: Group): boolean {
  return Boolean(group.frozen && group.frozen_why);
}

/** Why nothing is sent into a frozen group. */
export function whyFrozen(group: Group): string {
  if (!group.frozen_why) return t("grp.why.byHand");
  const known = KNOWN.find(([words]) => words.test(group.frozen_why ?? ""));
  return known ? t(known[1]) : group.frozen_why;
}
