import { t } from "../i18n";
import type { Group } from "../line/entities";
import { reasonWords } from "./reasons";

export function isUnreached(group: Group): boolean {
  return Boolean(group.frozen && group.frozen_why && !group.dissolved);
}

/** Why nothing is sent into a frozen group. */
export function whyFrozen(group: Group): string {
  if (group.dissolved) return t("grp.dissolved");
  return group.frozen_why ? reasonWords(group.frozen_why) : t("grp.why.byHand");
}
