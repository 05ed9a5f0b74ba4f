import { describe, expect, it } from "vitest";
import type { Followup, Question } from "../src/line/entities";
import { Errands } from "../src/line/errands";
import { Store } from "../src/line/store";
import type { Refused, ToServer } from "../src/line/wire";
import { inOrder, mayGo } from "../src/reading/followups";
import { offers } from "../src/reading/phrases";
import { clocks, waiting } from "../src/reading/questions";
import { kitchen, NOW } from "./fixture";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function store(topics: Record<string, Record<string, Record<string, unknown>>> = {}): Store {
  const made = new Store();
  made.replace({ ...kitchen(), ...topics } as never);
  return made;
}

describe("a question's clock", () => {
  const asked = (at: number, more: Partial<Question> = {}): Question => ({ id: "q1", status: "new", at, ...more });
  it.each([
    [29_000, {}, "waiting"],
    [31_000, {}, "announced"],
    [31_000, { acknowledged_at: NOW }, "waiting"],
    [100_000, { acknowledged_at: NOW }, "held"],
    [180_000, {}, "failed"],
  ])("after %i ms is said by look and word", (ms, more, look) => {
    expect(waiting(asked(NOW - ms, more), NOW, clocks(store())).look).toBe(look);
  });
  it("is the sheet's where it has its own", () => {
    const own = store({ service: { service: { id: "service", questions: { breach: 10_000 } } } });
    expect(waiting(asked(NOW - 11_000), NOW, clocks(own)).look).toBe("failed");
  });
});

describe("phrases", () => {
  const phrases = [
    { id: "price", title: "价格", text: "{product} {price}, {stock}", product: "pan" },
    { id: "other", title: "别的", text: "{nothing}" },
  ];
  it("are shown with the figures of now, and say what they lack", () => {
    const found = offers(store({ service: { service: { id: "service", phrases } } }), "", "zh");
    expect(found[0]).toMatchObject({ phrase: "price", title: "价格" });
    expect(found[0]?.text).not.toContain("{");
    expect(found[1]).toMatchObject({ phrase: "other", lacks: "{nothing}" });
  });
  it("are found by what was typed", () => {
    expect(offers(store({ service: { service: { id: "service", phrases } } }), "价格", "zh").map((o) => o.key)).toEqual(["price"]);
  });
});

describe("follow-ups", () => {
  const one = (id: string, more: Partial<Followup> = {}): Followup => ({ id, member: "m", rank: 4, since: NOW - HOUR, status: "open", ...more });
  it("have mine first, then the rank, then the longest wait, then what others have", () => {
    const all = [
      one("f1", { rank: 1, owner: "dan", status: "taken" }),
      one("f2"),
      one("f3", { rank: 1 }),
      one("f4", { rank: 1, since: NOW - 2 * HOUR }),
      one("f5", { owner: "chen", status: "messaged" }),
    ];
    const made = store({ followups: Object.fromEntries(all.map((f) => [f.id, { ...f }])) });
    expect(inOrder(made, "chen").map((f) => f.id)).toEqual(["f5", "f4", "f3", "f2", "f1"]);
  });
  it("say when a message may go", () => {
    const quiet = [[NOW + 5 * MINUTE, NOW + 10 * HOUR]];
    const made = store({ service: { service: { id: "service", followups: { quiet } } } });
    expect(mayGo(made, one("f1"), NOW)).toEqual({ at: NOW, why: "" });
    expect(mayGo(made, one("f1", { since: NOW - 6 * MINUTE }), NOW)).toEqual({ at: NOW + 4 * MINUTE, why: "after" });
    expect(mayGo(made, one("f1"), NOW + HOUR)).toEqual({ at: NOW + 10 * HOUR, why: "quiet" });
    expect(mayGo(made, one("f1", { messaged_at: NOW - HOUR }), NOW)).toEqual({ at: NOW + 23 * HOUR, why: "every" });
  });
});

it("what is capped because of a member is an answer, and is not asked again and again", async () => {
  const sent: ToServer[] = [];
  const errands = new Errands();
  errands.lineUp((frame) => sent.push(frame));
  const answered = errands.send("followup.take", { followup: "f1" });
  const refused: Refused = { op: "refused", id: (sent[0] as { id: string }).id, code: "capped", message: "", details: { until: NOW, why: "quiet" } };
  errands.answer(refused);
  expect(await answered).toBe(refused);
  expect(errands.open.size).toBe(0);
});
