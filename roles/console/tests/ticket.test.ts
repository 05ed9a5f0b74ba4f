import { beforeEach, describe, expect, it, vi } from "vitest";
import { findTicket, forgetTicket, readTicket } from "../src/line/ticket";
import { token } from "./fakes";

const replaceState = vi.fn();
function find(hash: string, now = 0): ReturnType<typeof findTicket> {
  const address = { hash, pathname: "/console/", search: "" } as Location;
  return findTicket(address, { replaceState } as unknown as History, sessionStorage, localStorage, now);
}
beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
  replaceState.mockClear();
});

describe("a join link", () => {
  const host = token({ sub: "林", role: "host", sale: "s1", exp: 1_000 });

  it("is read, and taken out of the address bar", () => {
    expect(find(`#${host}`).ticket).toMatchObject({ person: "林", role: "host", sale: "s1", until: 1_000_000 });
    expect(replaceState).toHaveBeenCalledWith(null, "", "/console/");
  });
  it("is still known after a reload, and in a new tab of this device", () => {
    find(`#${host}`);
    expect(find("").ticket?.token).toBe(host);
    sessionStorage.clear();
    expect(find("").ticket?.token).toBe(host);
  });
  it("that has run out is not kept", () => {
    find(`#${host}`);
    sessionStorage.clear();
    expect(find("", 2_000_000).ticket).toBeNull();
    expect(localStorage.length).toBe(0);
  });
  it("to a second sale makes a new tab ask which one is meant", () => {
    find(`#${host}`);
    find(`#${token({ sub: "li", role: "controller", sale: "s2" })}`);
    sessionStorage.clear();
    expect(find("").several).toHaveLength(2);
  });
  it("that was cut says so instead of joining as somebody else", () => {
    find(`#${host}`);
    expect(find("#eyJhbGciOi")).toMatchObject({ ticket: null, broken: true });
  });
  it("of an owner may be for all sales", () => {
    expect(readTicket(token({ sub: "zhou", role: "owner" }))?.sale).toBeNull();
  });
  it("leaves nothing behind when its person leaves", () => {
    const { ticket } = find(`#${host}`);
    forgetTicket(ticket!, sessionStorage, localStorage);
    expect(sessionStorage.length + localStorage.length).toBe(0);
  });
});
