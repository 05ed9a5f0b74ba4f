import type { InjectionKey, Ref } from "vue";
import type { Refused } from "../line/wire";

/** What the server said no to in the armed form around this field; null until it did. */
export const REFUSED: InjectionKey<Ref<Refused | null>> = Symbol("refused");
