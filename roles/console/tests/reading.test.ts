import { beforeEach, describe, expect, it } from "vitest";
import { Store } from "../src/line/store";
import { board, boardRows } from "../src/reading/board";
import { haltWords, reasonWords } from "../src/reading/reasons";
import { refusalWords, serverWords } from "../src/reading/refusals";
import { choices, reach } from "../src/reading/reach";
import { promptWords, saidWords } from "../src/reading/said";
import { cuesBySegment, cueWords, nextCue, spine } from "../src/reading/spine";
import { standing } from "../src/reading/standing";
import { setLanguage } from "../src/i18n";
import { kitchen, NOW } from "./fixture";

let store: Store;
beforeEach(() => {
  store = new Store();
  store.replace(kitchen());
});
function change(topic: string, id: string, fields: Record<string, unknown>): void {
  store.apply({ [topic]: { [id]: { ...kitchen()[topic]?.[id], ...fields } } });
}

describe("what the service says", () => {
  const told = { id: "p1", to: "owner", at: NOW, text: "pan-intro.2: 等场控确认 / waits for the controller to confirm", zh: "等场控确认", en: "waits for the controller to confirm" };
  it("stands in the page's language alone, and names the cue as the page does", () => {
    setLanguage("en");
    expect(promptWords({ ...told, cue: "pan-intro.2" }, store)).toBe("Link 不粘锅: waits for the controller to confirm");
    setLanguage("zh");
    expect(promptWords({ ...told, cue: "pan-intro.2" }, store)).toBe("上链接 不粘锅: 等场控确认");
    expect(promptWords({ ...told, cue: "not-here" }, store)).toBe("等场控确认");
  });
  it("leaves what a person wrote, and what an older record has, as it came", () => {
    for (const text of ["讲燃气灶 / gas too", "q7: 请处理这个提问 / this question is for you"]) {
      expect(promptWords({ id: "p2", to: "host", at: NOW, text, cue: "pan-intro.2" }, store)).toBe(text);
      expect(saidWords({ text })).toBe(text);
    }
  });
});

describe("a refusal", () => {
  const refused = (code: string, details?: Record<string, unknown>) => ({ op: "refused" as const, id: "1", code, message: "c20 has run out", details });
  it("names the field as the page does, not as the wire does", () => {
    setLanguage("zh");
    expect(refusalWords(refused("invalid", { field: "coupon" }), undefined)).toContain("优惠券");
    setLanguage("en");
    expect(refusalWords(refused("invalid", { field: "to" }), undefined)).not.toContain("undefined");
  });
  it("shows the server's English to who reads Chinese only where nothing else says it", () => {
    setLanguage("zh");
    expect(serverWords(refused("exhausted"))).toBe("");
    expect(serverWords(refused("invalid"))).toBe("c20 has run out");
    setLanguage("en");
    expect(serverWords(refused("exhausted"))).toBe("c20 has run out");
  });
});

describe("a halt", () => {
  it("gives its reason in the page's language where it was chosen, as it is where it was written", () => {
    setLanguage("zh");
    expect(haltWords("Wrong price")).toBe("价格有误");
    expect(haltWords("主播摔倒了")).toBe("主播摔倒了");
    setLanguage("en");
    expect(haltWords("价格有误")).toBe("Wrong price");
    setLanguage("zh");
  });
});

describe("the spine", () => {
  it("says what runs, what is left, what comes, and how far it is from the plan", () => {
    const at = spine(store, NOW);
    expect(at.running?.id).toBe("pan-intro");
    expect(at.left).toBe(132_000);
    expect(at.next?.id).toBe("knife-intro");
    expect(at.nextAt).toBe(NOW + 132_000);
    expect(at.drift).toBe(48_000);
  });
  it("names a round that was opened by hand by what it asks, not by its thanks", () => {
    change("cues", "hand-1", { id: "hand-1", segment: "pan-intro", do: "poll.open", coupon: "c20", status: "fired" });
    change("drops", "drop-1", { id: "drop-1", cue: "hand-1" });
    change("polls", "poll1", { id: "poll1", drop: "drop-1", question: "下一款上哪个?", options: ["锅", "刀"], votes: [0, 0], at: NOW });
    expect(cueWords(store.get("cues", "hand-1")!, store)).toContain("下一款上哪个?");
  });
  it("counts a rehearsal from its own start, whichever hour that is", () => {
    const start = NOW - 48_000;
    const planned_start = start + 50_000_000;
    change("show", "show", { rehearsal: true, start });
    change("segments", "pan-intro", { start, planned_start });
    change("segments", "knife-intro", { start: start + 240_000, planned_start: planned_start + 180_000 });
    expect(spine(store, NOW).drift).toBe(60_000);
  });
  it("does not count what stands at a clock time as early because the show began late", () => {
    const start = NOW - 48_000;
    change("show", "show", { rehearsal: true, start });
    change("segments", "pan-intro", { start, planned_start: start - 52_000 });
    change("segments", "knife-intro", { start: start + 86_400_000, planned_start: start + 86_400_000 });
    expect(spine(store, NOW).drift).toBe(0);
  });
  it("names a sign-in by what it says, and by its series where it says nothing", () => {
    const cue = { id: "signin", segment: "pan-intro", do: "checkin.open", form: { series: "daily" }, status: "planned" };
    change("cues", "signin", { ...cue, text: "第 2 天打卡" });
    expect(cueWords(store.get("cues", "signin")!, store)).toContain("第 2 天打卡");
    change("cues", "signin", cue);
    expect(cueWords(store.get("cues", "signin")!, store)).toContain("daily");
  });
  it("goes below zero once the segment is over", () => {
    expect(spine(store, NOW + 180_000).left).toBe(-48_000);
    expect(spine(store, NOW + 180_000).passed).toBe(1);
  });
  it("stands still while the show is paused", () => {
    change("show", "show", { status: "paused", paused_at: NOW });
    expect(spine(store, NOW + 60_000).left).toBe(132_000);
  });
  it("has nothing next after the end", () => {
    change("show", "show", { status: "ended", segment: undefined });
    expect(spine(store, NOW).next).toBeNull();
  });
  it("GO is about the next cue that has a time; conditions are not", () => {
    expect(nextCue(store)?.id).toBe("pan-intro.2");
  });
  it("a cue by hand stands in the segment in which it happened", () => {
    store.apply({ cues: { "hand-1": { id: "hand-1", do: "link.drop", status: "fired", fired_at: NOW - 10_000, hand: true } } });
    expect(cuesBySegment(store).get("pan-intro")?.map((cue) => cue.id)).toEqual(["pan-intro.1", "hand-1", "pan-intro.2", "pan-intro.3"]);
  });
});

describe("`from`", () => {
  it.each([
    ["show.pause", {}, "r7"],
    ["segment.next", {}, "r7"],
    ["cue.fire", { cue: "pan-intro.2" }, null],
    ["cue.hold", { cue: "pan-intro.1" }, "r8"],
    ["coupon.drop", { coupon: "c20" }, "drop2"],
    ["link.drop", { product: "pan" }, "drop1"],
    ["link.drop", { product: "knife" }, null],
    ["link.drop", { link: "room" }, null],
    ["delivery.retry", { delivery: "d4" }, "2"],
    ["delivery.hand", { delivery: "d4" }, "2"],
    ["checkin.open", {}, null],
    ["prompt.send", { to: "host" }, undefined],
    ["question.close", { question: "q1" }, undefined],
  ])("of %s %j is what stands in what its sender sees", (kind, fields, expected) => {
    expect(standing(store, kind, fields)).toBe(expected);
  });
});

describe("who a drop reaches", () => {
  it("is said in groups and members, and the command names exactly those", () => {
    const groups = store.all("groups");
    expect(reach(groups, new Set(["all"]))).toMatchObject({ members: 2_000, send: "all" });
    expect(reach(groups, new Set(["tier:vip"])).send).toEqual(["g1", "g2", "g3"]);
    const both = reach(groups, new Set(["tier:vip", "tag:kitchen"]));
    expect(both.groups).toHaveLength(12); // g2 is both and counts once
    expect(reach(groups, new Set()).groups).toEqual([]);
  });
  it("offers each tier and tag, not a choice that is everybody", () => {
    expect(choices(store.all("groups")).map((choice) => choice.key)).toEqual(["tier:vip", "tier:fan", "tag:kitchen"]);
  });
});

describe("the delivery board", () => {
  it("has the last drop first and counts how it arrived", () => {
    const [last] = board(store, 5);
    expect(last?.drop.id).toBe("drop2");
    expect(last?.tally).toEqual({ all: 3, sent: 1, onWay: 0, waits: 0, failed: 1, unknown: 1 });
  });
  it("of several attempts the last one counts", () => {
    expect(board(store, 5)[1]?.cells.get("g1")?.status).toBe("sent");
  });
  it("puts trouble on top, and the rest in the order of people, not of letters", () => {
    const rows = boardRows(store.all("groups"), board(store, 5), false).map((group) => group.id);
    expect(rows.slice(0, 5)).toEqual(["g2", "g10", "g1", "g3", "g4"]);
    expect(boardRows(store.all("groups"), board(store, 5), true).map((group) => group.id)).toEqual(["g2", "g10"]);
  });
  it("counts a group that cannot be reached as trouble, and one that a person froze as none", () => {
    const groups = [{ id: "g1" }, { id: "g2", frozen: true }, { id: "g3", frozen: true, frozen_why: "the bot was removed" }];
    expect(boardRows(groups, [], true).map((group) => group.id)).toEqual(["g3"]);
    expect(boardRows(groups, [], false).map((group) => group.id)).toEqual(["g3", "g1", "g2"]);
  });
});

describe("why something did not go into a group", () => {
  it("is said in the page's words, with who it is about", () => {
    setLanguage("zh");
    expect(reasonWords("zhangsan has to confirm it in WeCom")).toBe("要 zhangsan 在企业微信里确认");
    expect(reasonWords("the robot's key is not valid, or the robot was removed from its group: add it again and mend `key` (errcode 93000)")).toContain("密钥失效");
    expect(reasonWords("rate window")).not.toBe(reasonWords("errcode 45009: api freq out of limit"));
    expect(reasonWords("qun has not posted it in time")).toBe("qun 没按时发");
    setLanguage("en");
    expect(reasonWords("no answer within 15 s")).toBe("no answer: it may be there or not");
  });
  it("stands as it came where nobody foresaw it", () => expect(reasonWords("the robot 7 is on holiday")).toBe("the robot 7 is on holiday"));
});
