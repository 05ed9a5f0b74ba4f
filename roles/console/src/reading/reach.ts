import type { Group } from "../line/entities";

/** One choice of groups by something they have in common. */
export interface Choice {
  key: string;
  kind: "tier" | "stage" | "tag";
  label: string;
  groups: Group[];
}

/** The choices that the sale's groups offer: each tier, stage and tag that at least one of them has. */
export function choices(groups: Group[]): Choice[] {
  const found = new Map<string, Choice>();
  const put = (kind: Choice["kind"], value: string | undefined, group: Group): void => {
    if (!value) return;
    const key = `${kind}:${value}`;
    const choice = found.get(key);
    if (choice) choice.groups.push(group);
    else found.set(key, { key, kind, label: value, groups: [group] });
  };
  for (const kind of ["tier", "stage"] as const) for (const group of groups) put(kind, group[kind], group);
  for (const group of groups) for (const tag of group.tags ?? []) put("tag", tag, group);
  // A choice that is all groups says nothing that "all" does not say.
  return [...found.values()].filter((choice) => choice.groups.length < groups.length);
}

/** Who a drop reaches, and what the command says: `all`, or exactly the ids that were shown. */
export interface Reach {
  groups: Group[];
  members: number;
  frozen: number;
  send: string | string[];
}

/** `picked` holds keys of choices; empty means nobody, `all` means all. */
export function reach(all: Group[], picked: ReadonlySet<string>): Reach {
  const chosen = new Set<Group>();
  if (picked.has("all")) for (const group of all) chosen.add(group);
  else
    for (const choice of choices(all)) if (picked.has(choice.key)) for (const group of choice.groups) chosen.add(group);
  const groups = [...chosen];
  return {
    groups,
    members: groups.reduce((sum, group) => sum + (group.members ?? 0), 0),
    frozen: groups.filter((group) => group.frozen).length,
    send: picked.has("all") ? "all" : groups.map((group) => group.id),
  };
}

/** What is picked where a cue's groups are all, or some of what is offered; nothing where they are more than that can say. */
export function pickedBy(groups: string | readonly string[] | undefined, all: Group[]): Set<string> {
  if (groups === undefined || groups === "all") return new Set(["all"]);
  if (typeof groups !== "string") return new Set();
  const keys = groups.split("|").map((key) => key.trim());
  const offered = new Set(choices(all).map((choice) => choice.key));
  return keys.every((key) => offered.has(key)) ? new Set(keys) : new Set();
}
