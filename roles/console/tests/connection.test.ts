import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bench } from "./fakes";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance", "Date"] });
});
afterEach(() => vi.useRealTimers());

describe("the line", () => {
  it("says hello with the token in the first frame, and asks for announcements where the role has them", () => {
    const at = bench({ ahead: true, sale: "s1" });
    at.line.connect();
    at.last().opens();
    expect(at.last().sent).toEqual([{ op: "hello", token: "TOKEN", sale: "s1", ahead: true }]);
  });

  it("comes back after a drop with the position of the last frame, and goes on from there", () => {
    const at = bench();
    at.line.connect();
    at.welcome({ state: { products: { pan: { id: "pan", price: 1 } } } });
    at.last().says({ op: "events", position: "P2", events: [], changes: { products: { pan: { id: "pan", price: 2 } } } });
    at.last().ends(1006);
    expect(at.line.status.phase).toBe("lost");
    vi.advanceTimersByTime(150);
    expect(at.wires).toHaveLength(2);
    at.last().opens();
    expect(at.last().sent[0]).toEqual({ op: "hello", token: "TOKEN", position: "P2" });
    at.last().says({ op: "welcome", sale: "s1", role: "host", name: "lin", now: 1, speed: 1, position: "P2", recovered: true });
    at.last().says({ op: "events", position: "P3", events: [], changes: { products: { pan: null } } });
    expect(at.line.status.phase).toBe("open");
    expect(at.store.plain()).toEqual({ products: {} });
  });

  it("takes a snapshot at any time, and its position with it", () => {
    const at = bench();
    at.line.connect();
    at.welcome({ state: { tasks: { t1: { id: "t1" } } } });
    at.last().says({ op: "snapshot", position: "P9", state: { tasks: {} } });
    at.last().ends(4001);
    vi.advanceTimersByTime(150);
    at.last().opens();
    expect(at.last().sent[0]).toMatchObject({ position: "P9" });
    expect(at.store.plain()).toEqual({ tasks: {} });
  });

  it("a frame that cannot be read makes it start from a snapshot rather than from half a change", () => {
    const at = bench();
    at.line.connect();
    at.welcome();
    at.last().saysText("{not json");
    expect(at.line.status.phase).toBe("lost");
    vi.advanceTimersByTime(150);
    at.last().opens();
    expect(at.last().sent[0]).not.toHaveProperty("position");
  });

  it.each([4000, 4001, 4099, 1001, 1006, 1012])("comes back after close code %i", (code) => {
    const at = bench();
    at.line.connect();
    at.welcome();
    at.last().ends(code);
    vi.advanceTimersByTime(10_000);
    expect(at.wires.length).toBeGreaterThan(1);
  });

  it("comes back when the service says, not when it would have by itself", () => {
    const at = bench();
    at.line.connect();
    at.last().opens();
    at.last().says({ op: "bye", code: 4000, message: "too many come at once", retry: true, retry_ms: 3_210 });
    at.last().ends(4000);
    vi.advanceTimersByTime(3_209);
    expect(at.wires).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(at.wires).toHaveLength(2);
  });

  it.each([4100, 4101, 4102, 4103, 4199])("stays away after close code %i, and keeps the reason", (code) => {
    const at = bench();
    at.line.connect();
    at.welcome();
    at.last().says({ op: "bye", code, message: "revoked", retry: false });
    at.last().ends(code);
    vi.advanceTimersByTime(60_000);
    expect(at.wires).toHaveLength(1);
    expect(at.line.status).toMatchObject({ phase: "ended", end: { code, message: "revoked" } });
  });

  it("notices a line that is dead without a close, and says since when it heard nothing", () => {
    const at = bench();
    at.line.connect();
    at.welcome({ now: 500_000 });
    vi.advanceTimersByTime(20_000);
    expect(at.line.status.phase).not.toBe("open");
    expect(at.wires[0]!.closed).toBe(true);
    expect(at.line.status.heardAt).toBeCloseTo(500_000, -1);
    expect(at.wires.length).toBeGreaterThan(1);
  });

  it("a line that is answered stays, and shows its round trip", () => {
    const at = bench();
    at.line.connect();
    at.welcome();
    at.last().hears = (frame) => {
      if (frame.op === "ping") setTimeout(() => at.last().says({ op: "pong", sent: frame.sent, now: 1_000_000 + Math.round(performance.now()), speed: 1 }), 12);
    };
    vi.advanceTimersByTime(100_000);
    expect(at.line.status.phase).toBe("open");
    expect(at.wires).toHaveLength(1);
    expect(at.line.status.rtt).toBeCloseTo(12, 0);
  });

  it("a tab that slept does not take its own sleep for a dead line", () => {
    const at = bench();
    at.line.connect();
    at.welcome();
    vi.advanceTimersByTime(3_000);
    const pings = at.last().of("ping");
    at.last().says({ op: "pong", sent: pings[pings.length - 1]!["sent"], now: 1, speed: 1 });
    vi.setSystemTime(Date.now() + 60_000);
    vi.advanceTimersByTime(2_500);
    expect(at.line.status.phase).toBe("open");
  });
});
