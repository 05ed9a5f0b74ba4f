import { computed } from "vue";
import { describe, expect, it } from "vitest";
import { Store } from "../src/line/store";
import { kitchen } from "./fixture";

describe("the store", () => {
  it("old state and changes give the fresh state", () => {
    const store = new Store();
    store.replace(kitchen());
    store.apply({
      products: { pan: { ...kitchen()["products"]!["pan"], price: 9_900 }, knife: null },
      prompts: { p1: { id: "p1", to: "host", text: "快一点" } },
      followups: { f1: { id: "f1" } },
    });
    const fresh = JSON.parse(JSON.stringify(kitchen()));
    fresh.products.pan.price = 9_900;
    delete fresh.products.knife;
    fresh.prompts = { p1: { id: "p1", to: "host", text: "快一点" } };
    fresh.followups = { f1: { id: "f1" } };
    expect(store.plain()).toEqual(fresh);
  });

  it("a snapshot takes away what is not in it", () => {
    const store = new Store();
    store.replace(kitchen());
    store.replace({ products: { pan: { id: "pan" } } });
    expect(store.plain()).toEqual({ products: { pan: { id: "pan" } } });
  });

  it("what a screen reads follows changes, new entities and new topics", () => {
    const store = new Store();
    const names = computed(() => store.all("products").map((product) => product.name));
    const questions = computed(() => store.all("questions").length);
    expect(names.value).toEqual([]);
    store.apply({ products: { pan: { id: "pan", name: "锅" } } });
    expect(names.value).toEqual(["锅"]);
    store.apply({ products: { pan: { id: "pan", name: "不粘锅" } }, questions: { q1: { id: "q1" } } });
    expect(names.value).toEqual(["不粘锅"]);
    expect(questions.value).toBe(1);
    store.replace({ products: {} });
    expect(names.value).toEqual([]);
    expect(questions.value).toBe(0);
  });

  it("reads what the wire left out because it is the default", () => {
    const store = new Store();
    store.replace({ cues: { a: { id: "a", do: "link.drop" }, b: { id: "b", do: "link.drop", status: "fired" } }, deliveries: { d1: { id: "d1", group: "g1" } } });
    expect(store.get("cues", "a")?.status).toBe("planned");
    expect(store.all("cues").map((cue) => cue.status)).toEqual(["planned", "fired"]);
    expect(store.get("deliveries", "d1")).toMatchObject({ status: "requested", attempt: 1 });
    store.apply({ tasks: { t1: { id: "t1", group: null, text: "hello" } } });
    expect(store.get("tasks", "t1")).toEqual({ id: "t1", text: "hello", status: "open" }); // null is the same as absent
    store.apply({ cues: { a: { id: "a", do: "link.drop", status: "skipped" } } });
    expect(store.get("cues", "a")?.status).toBe("skipped");
  });

  it("the server's own objects are not written to", () => {
    const store = new Store();
    const sent = kitchen();
    store.replace(sent);
    store.apply({ products: { pan: null } });
    expect(sent).toEqual(kitchen());
  });
});
