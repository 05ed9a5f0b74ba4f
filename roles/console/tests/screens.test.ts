import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp, h, nextTick, type App, type Component } from "vue";
import { setLanguage } from "../src/i18n";
import { openSession, SESSION, type Session } from "../src/line/session";
import TopBar from "../src/parts/TopBar.vue";
import Controller from "../src/screens/Controller.vue";
import Host from "../src/screens/Host.vue";
import Owner from "../src/screens/Owner.vue";
import { FakeWire } from "./fakes";
import { kitchen, NOW } from "./fixture";

const PERMISSIONS = { commands: { "show.halt": ["owner", "controller"], "show.unhalt": ["owner", "controller"], "coupon.drop": ["controller"], "link.drop": ["controller"], "cue.fire": ["controller"], "cue.hold": ["controller"], "cue.skip": ["controller"], "segment.next": ["controller"], "prompt.ack": ["host"], "prompt.send": ["controller"], "product.show": ["controller"], "correction.send": ["controller"], "correction.dismiss": ["controller"], "audience.report": ["controller", "shop"], "cost.report": ["owner"] } };
let app: App | null = null;
let wire: FakeWire;
let root: HTMLElement;

/** Puts a screen on the page, on a line that is up and has the kitchen's state. */
async function show(screens: Component[], role: string, person: string, state = kitchen()): Promise<Session> {
  wire = new FakeWire();
  let session: (Session & { start(): void }) | null = null;
  app = createApp({
    setup() {
      session = openSession({ token: "T", role, person, sale: "s1", open: () => wire });
      app?.provide(SESSION, session);
      return () => screens.map((screen) => h(screen));
    },
  });
  root = document.createElement("div");
  document.body.append(root);
  app.mount(root);
  session!.start();
  wire.opens();
  wire.says({ op: "welcome", sale: "s1", role, name: person, now: NOW, speed: 1, position: "P1", recovered: false, state });
  await vi.advanceTimersByTimeAsync(500);
  return session!;
}
function button(words: string): HTMLButtonElement {
  const found = [...root.querySelectorAll("button")].find((candidate) => candidate.textContent?.includes(words));
  if (!found) throw new Error(`no button says ${words}`);
  return found;
}
function pressed(): Record<string, unknown>[] {
  return wire.of("do").map(({ op: _op, id: _id, ...rest }) => rest);
}
function strike(key: string): void {
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance", "Date"] });
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify(PERMISSIONS)));
  setLanguage("en");
});
afterEach(() => {
  app?.unmount();
  root.remove();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("the controller", () => {
  it("halts with one press", async () => {
    await show([TopBar, Controller], "controller", "li");
    button("HALT").click();
    expect(pressed()).toEqual([{ kind: "show.halt", reason: "Stopped on set", from: "r7" }]);
  });

  it("a HALT is not lost to a segment that changed in the same blink", async () => {
    const session = await show([TopBar, Controller], "controller", "li");
    button("HALT").click();
    wire.says({ op: "refused", id: wire.of("do")[0]!["id"], code: "stale", message: "", details: { current: "r8" } });
    expect(pressed().at(-1)).toEqual({ kind: "show.halt", reason: "Stopped on set", from: "r8" });
    wire.says({ op: "refused", id: wire.of("do")[1]!["id"], code: "stale", message: "halted already", details: { current: "r8" } });
    expect(pressed()).toHaveLength(2);
    expect(session.notices.value).toEqual([]);
  });

  it("arms a coupon first, sees whom it reaches, and fires with the second press", async () => {
    await show([Controller], "controller", "li");
    button("COUPON").click();
    await nextTick();
    expect(pressed()).toEqual([]);
    expect(root.textContent).toContain("20 groups · 2,000 members");
    button("VIP").click();
    await nextTick();
    expect(root.textContent).toContain("3 groups · 300 members");
    await vi.advanceTimersByTimeAsync(500);
    button("Fire").click();
    expect(pressed()).toEqual([{ kind: "coupon.drop", coupon: "c20", groups: ["g1", "g2", "g3"], from: "drop2" }]);
  });

  it("a double click on a drop arms it and no more", async () => {
    await show([Controller], "controller", "li");
    button("LINK").click();
    await nextTick();
    button("Fire").click();
    strike("Enter");
    expect(pressed()).toEqual([]);
  });

  it("a drop that somebody else made after the arming is answered by the server: `from` is what was seen", async () => {
    await show([Controller], "controller", "li");
    button("COUPON").click();
    await nextTick();
    wire.says({ op: "events", position: "P2", events: [], changes: { coupons: { c20: { ...kitchen()["coupons"]!["c20"], drop: "drop9" } } } });
    await vi.advanceTimersByTimeAsync(500);
    button("Fire").click();
    expect(pressed()[0]).toMatchObject({ from: "drop2" });
  });

  it("Enter fires what is armed and does not press GO as well", async () => {
    await show([Controller], "controller", "li");
    strike("c");
    await vi.advanceTimersByTimeAsync(500);
    strike("Enter");
    await vi.advanceTimersByTimeAsync(500);
    strike("Enter");
    expect(pressed().map((command) => command["kind"])).toEqual(["coupon.drop"]);
  });

  it("two presses with the mouse start the next segment, though the button lets go of the focus in between", async () => {
    await show([Controller], "controller", "li");
    const next = button("Next");
    next.focus();
    next.click();
    next.blur(); // the shell does this after each click, so that Enter stays GO's
    expect(pressed()).toEqual([]);
    await vi.advanceTimersByTimeAsync(600);
    expect(next.textContent).toContain("Press again");
    next.click();
    expect(pressed()).toEqual([{ kind: "segment.next", from: "r7" }]);
  });

  it("the second press has four seconds; after that the first is forgotten", async () => {
    await show([Controller], "controller", "li");
    button("Next").click();
    await vi.advanceTimersByTimeAsync(4_100);
    button("Next").click();
    expect(pressed()).toEqual([]);
  });

  it("recalls a drop with one press while its lead runs", async () => {
    const state = kitchen();
    const drop = { id: "drop3", kind: "link", what: "pan", cue: "hand-1", run: "r9", at: NOW, fire_at: NOW + 2_000, status: "announced", groups: ["g1"] };
    const cue = { id: "hand-1", do: "link.drop", product: "pan", status: "announced", run: "r9", fire_at: NOW + 2_000, hand: true };
    await show([Controller], "controller", "li", { ...state, drops: { ...state["drops"], drop3: drop }, cues: { ...state["cues"], "hand-1": cue } });
    button("Recall").click();
    expect(pressed()).toEqual([{ kind: "cue.hold", cue: "hand-1", from: "r9" }]);
  });

  const correction = { id: "x1", product: "pan", what: "price", text: "更正: 不粘锅 现价 ¥99", groups: ["g1", "g2"], at: NOW, status: "proposed" };

  it("sees a correction that is proposed, with its text and groups, and sends it with one press", async () => {
    await show([Controller], "controller", "li", { ...kitchen(), corrections: { x1: correction, x2: { ...correction, id: "x2", text: "another", status: "sent" } } });
    expect(root.textContent).toContain("更正: 不粘锅 现价 ¥99");
    expect(root.textContent).toContain("2 groups · the old price is still there");
    expect(root.textContent).not.toContain("another");
    button("Send correction").click();
    expect(pressed()).toEqual([{ kind: "correction.send", correction: "x1" }]);
  });

  it("types in how many watch; what was left empty is not told", async () => {
    await show([Controller], "controller", "li");
    button("Type in").click();
    await nextTick();
    const field = root.querySelector<HTMLInputElement>('input[aria-label="Watching"]')!;
    field.value = "1200";
    field.dispatchEvent(new Event("input"));
    await nextTick();
    field.form!.dispatchEvent(new Event("submit", { cancelable: true }));
    expect(pressed()).toEqual([{ kind: "audience.report", viewers: 1200 }]);
  });

  it("has no drop while everything is halted", async () => {
    const state = kitchen();
    await show([Controller], "controller", "li", { ...state, show: { show: { ...state["show"]!["show"], halted: true } } });
    expect(button("COUPON").disabled).toBe(true);
  });

  it("cannot press on a dead line what it would regret later; HALT it can, and it goes out when the line is up", async () => {
    await show([TopBar, Controller], "controller", "li");
    wire.ends(1006);
    await nextTick();
    expect(button("LINK").disabled).toBe(true);
    expect(button("GO").disabled).toBe(true);
    button("HALT").click();
    await vi.advanceTimersByTimeAsync(400);
    wire.opens();
    wire.says({ op: "welcome", sale: "s1", role: "controller", name: "li", now: NOW, speed: 1, position: "P1", recovered: true });
    expect(pressed().at(-1)).toMatchObject({ kind: "show.halt" });
  });
});

describe("the host", () => {
  const prompt = { id: "p1", to: "host", text: "讲燃气灶也能用", at: NOW };

  it("reads product, price, at most three points and what comes next", async () => {
    await show([Host], "host", "lin");
    for (const words of ["不粘锅", "¥129", "无涂层 · 免烟 · 七年保", "刀具", "2:12"]) expect(root.textContent).toContain(words);
    expect(root.textContent).not.toContain("第四点");
  });

  it("acknowledges a prompt with space", async () => {
    await show([Host], "host", "lin", { ...kitchen(), prompts: { p1: prompt } });
    strike(" ");
    expect(pressed()).toEqual([{ kind: "prompt.ack", prompt: "p1" }]);
  });

  it("has no buttons that its role may not press", async () => {
    await show([TopBar, Host], "host", "lin");
    expect([...root.querySelectorAll("button")].some((found) => found.textContent?.includes("HALT"))).toBe(false);
  });
});

describe("the owner", () => {
  it("types in what something cost, and sees the sum of all costs", async () => {
    await show([Owner], "owner", "zhang", { ...kitchen(), costs: { a: { id: "a", amount: 50_000 }, b: { id: "b", amount: 10_000 } } });
    expect(root.textContent).toContain("¥600");
    button("Type in cost").click();
    await nextTick();
    for (const [label, value] of [["What it was for", "红包"], ["Amount", "88.50"]]) {
      const field = root.querySelector<HTMLInputElement>(`input[aria-label="${label}"]`)!;
      field.value = value!;
      field.dispatchEvent(new Event("input"));
    }
    await nextTick();
    root.querySelector<HTMLInputElement>('input[aria-label="Amount"]')!.form!.dispatchEvent(new Event("submit", { cancelable: true }));
    expect(pressed()).toEqual([{ kind: "cost.report", what: "红包", amount: 8_850 }]);
  });
});
