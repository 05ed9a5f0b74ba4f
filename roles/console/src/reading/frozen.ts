import { t } from "../i18n";
import type { Group } from "../line/entities";
import { reasonWords } from "./reasons";

export function isUnreached(group: Group): boolean {
  return Boolean(group.frozen && group.frozen_why);
}

/** Why nothing is sent into a frozen group. */
export function whyFrozen(group: Group): string {
  return group.frozen_why ? reasonWords(group.frozen_why) : t("grp.why.byHand");
}
