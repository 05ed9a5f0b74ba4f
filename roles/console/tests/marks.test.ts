import { expect, test } from "vitest";
import { blocking, pieces, type Found } from "../src/line/checks";

function found(rule: string, severity: Found["severity"], at?: [number, number]): Found {
  return { rule, severity, term: "", message: "", zh: "", ...(at ? { at } : {}) };
}

test("a text is cut where something was found, counted as the server counts", () => {
  expect(pieces("😀最佳锅", [found("AD-ABS", "block", [1, 3])])).toEqual([{ text: "😀" }, { text: "最佳", severity: "block" }, { text: "锅" }]);
});

test("the graver of two findings is shown where they overlap", () => {
  const both = [found("AD-ABS", "block", [1, 2]), found("PRICE", "warn", [0, 3])];
  expect(pieces("abc", both)).toEqual([
    { text: "a", severity: "warn" },
    { text: "b", severity: "block" },
    { text: "c", severity: "warn" },
  ]);
});

test("a finding without a place, or beyond the text, marks nothing", () => {
  expect(pieces("ab", [found("RATE", "warn"), found("PII", "block", [5, 9])])).toEqual([{ text: "ab" }]);
  expect(pieces("", [])).toEqual([]);
});

test("only what blocks has to be overruled, each rule once", () => {
  expect(blocking([found("AD-ABS", "block"), found("AD-ABS", "block"), found("PRICE", "warn")])).toEqual(["AD-ABS"]);
});
