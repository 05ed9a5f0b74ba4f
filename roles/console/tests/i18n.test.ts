import { describe, expect, it } from "vitest";
import { chooseLanguage, fill } from "../src/i18n";
import { en, zh } from "../src/i18n/words";

const names = (words: string): string[] => [...new Set([...words.matchAll(/\{(\w+)/g)].map((match) => match[1]!))].sort();

describe("the words", () => {
  it("are there in both languages, none empty", () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
    for (const words of [...Object.values(zh), ...Object.values(en)]) expect(words.trim()).not.toBe("");
  });

  it("fill in the same values in both languages", () => {
    for (const key of Object.keys(zh) as (keyof typeof zh)[]) expect([key, names(en[key])]).toEqual([key, names(zh[key])]);
  });

  it("every refusal code of the contract has its words", () => {
    for (const code of ["invalid", "forbidden", "unknown", "stale", "exhausted", "already", "too_early", "too_late", "capped", "blocked", "busy"])
      expect(zh).toHaveProperty([`refused.${code}`]);
  });

  it("one group is a group, two are groups", () => {
    expect(fill("{n} {n|group|groups}", { n: 1 })).toBe("1 group");
    expect(fill("{n} {n|group|groups}", { n: "1,200" })).toBe("1,200 groups");
  });

  it("follow what was chosen, else what the browser asks for", () => {
    expect(chooseLanguage("en", ["zh-CN"])).toBe("en");
    expect(chooseLanguage(null, ["zh-TW", "en"])).toBe("zh");
    expect(chooseLanguage(null, ["de-DE"])).toBe("en");
    expect(chooseLanguage("xx", [])).toBe("zh");
  });
});
