import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Errands } from "../src/line/errands";
import type { ToServer } from "../src/line/wire";
import { bench } from "./fakes";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(() => vi.useRealTimers());

describe("a command", () => {
  it("is sent again after a reconnect with the same id and the same body until it is answered", async () => {
    const at = bench();
    at.line.connect();
    at.welcome();
    const answer = at.errands.send("coupon.drop", { coupon: "c20", groups: "all", from: null });
    const first = at.last().of("do")[0];
    at.last().ends(1006);
    vi.advanceTimersByTime(150);
    at.welcome({ recovered: true, state: undefined });
    expect(at.last().of("do")).toEqual([first]);
    at.last().says({ op: "done", id: first!["id"], position: "P4", result: { drop: "drop1" } });
    expect(await answer).toMatchObject({ op: "done", result: { drop: "drop1" } });
    at.last().ends(1006);
    vi.advanceTimersByTime(1_000);
    at.welcome({ recovered: true, state: undefined });
    expect(at.last().of("do")).toEqual([]);
  });

  it("has an id that no other command has, on this screen or another", () => {
    const frames: ToServer[] = [];
    for (const errands of [new Errands(), new Errands()]) {
      errands.lineUp((frame) => frames.push(frame));
      void errands.send("person.ready");
      void errands.send("person.ready");
    }
    expect(new Set(frames.map((frame) => (frame as { id: string }).id)).size).toBe(4);
  });

  it("looks pending until the answer, whatever the answer is", () => {
    const errands = new Errands();
    const frames: { id: string }[] = [];
    errands.lineUp((frame) => frames.push(frame as never));
    void errands.send("cue.hold", { cue: "a.1", from: "r1" });
    expect(errands.pending("cue.hold", { cue: "a.1" })).toBe(true);
    expect(errands.pending("cue.hold", { cue: "a.2" })).toBe(false);
    errands.answer({ op: "refused", id: frames[0]!.id, code: "stale", message: "" });
    expect(errands.pending("cue.hold", { cue: "a.1" })).toBe(false);
  });

  it("that is refused is told to the person who pressed", async () => {
    const refusals: string[] = [];
    const frames: { id: string }[] = [];
    const errands = new Errands((errand, refused) => refusals.push(`${errand.kind} ${refused.code}`));
    errands.lineUp((frame) => frames.push(frame as never));
    const answer = errands.send("segment.next", { from: "r1" });
    errands.answer({ op: "refused", id: frames[0]!.id, code: "stale", message: "r2" });
    expect(await answer).toMatchObject({ op: "refused", code: "stale" });
    expect(refusals).toEqual(["segment.next stale"]);
  });

  it.each(["busy", "capped"])("is asked again when it was refused as %s, after the time that the server named", (code) => {
    const frames: { id: string }[] = [];
    const errands = new Errands();
    errands.lineUp((frame) => frames.push(frame as never));
    void errands.send("link.drop", { link: "room" });
    errands.answer({ op: "refused", id: frames[0]!.id, code, message: "", details: { retry_ms: 400 } });
    vi.advanceTimersByTime(399);
    expect(frames).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(frames).toHaveLength(2);
    expect(frames[1]).toEqual(frames[0]);
  });

  it("outlives a reload of the page", () => {
    sessionStorage.clear();
    const before = new Errands(undefined, sessionStorage);
    void before.send("show.halt", { reason: "价格有误", from: "r7" });
    const frames: ToServer[] = [];
    const after = new Errands(undefined, sessionStorage);
    after.lineUp((frame) => frames.push(frame));
    expect(frames).toEqual([{ op: "do", id: [...before.open.keys()][0], kind: "show.halt", reason: "价格有误", from: "r7" }]);
    after.answer({ op: "done", id: (frames[0] as { id: string }).id });
    expect(sessionStorage.length).toBe(0);
  });
});
