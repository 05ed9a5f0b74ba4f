import { computed, inject, onScopeDispose, ref, shallowRef, type ComputedRef, type InjectionKey, type Ref } from "vue";
import { standing } from "../reading/standing";
import { theShow } from "../reading/spine";
import type { Show } from "./entities";
import { SaleClock } from "./clock";
import { Line, type LineStatus, type Wire } from "./connection";
import { Errands, type Answer, type Shelf } from "./errands";
import { fetchPermissions, type Permissions } from "./http";
import { Store } from "./store";
import type { Fields, Refused } from "./wire";

/** A refusal on its way to the person who pressed. */
export interface Notice {
  id: string;
  kind: string;
  refused: Refused;
}

/** Ten times a second: a second never looks longer than it is, and nothing is drawn that has not changed. */
const TICK_MS = 100;
/** These roles see announcements before their time. */
const AHEAD: ReadonlySet<string> = new Set(["controller", "owner"]);

/** All that a screen needs: the state, the time, who I am, what I may press, and pressing it. */
export interface Session {
  readonly store: Store;
  readonly line: LineStatus;
  readonly errands: Errands;
  readonly notices: Ref<Notice[]>;
  readonly now: Ref<number>;
  readonly show: ComputedRef<Show | undefined>;
  readonly role: ComputedRef<string>;
  readonly person: string;
  readonly sale: string | undefined;
  readonly token: string;
  readonly up: ComputedRef<boolean>;
  may(kind: string): boolean;
  /** Gives the command with its `from`; `from` may be handed in where it was seen earlier, at arming. */
  press(kind: string, fields?: Fields, from?: string | null): Promise<Answer>;
  hurry(): void;
  leave(): void;
}

export const SESSION: InjectionKey<Session> = Symbol("session");

export function useSession(): Session {
  const session = inject(SESSION);
  if (!session) throw new Error("a screen stands outside the shell");
  return session;
}

export interface SessionOptions {
  token: string;
  role: string;
  person: string;
  sale?: string;
  open: () => Wire;
  shelf?: Shelf;
}

export function openSession(options: SessionOptions): Session & { start(): void } {
  const store = new Store();
  const clock = new SaleClock();
  const notices = ref<Notice[]>([]);
  const errands: Errands = new Errands((errand, refused) => {
    // HALT is about the show and not about what ran when it was pressed: a segment that changed in the same blink
    // must not swallow it. That it is halted already is what the person wanted.
    if (errand.kind === "show.halt" && refused.code === "stale") {
      const current = (refused.details?.["current"] ?? null) as string | null;
      if (current !== errand.fields["from"]) void errands.send("show.halt", { ...errand.fields, from: current });
      return;
    }
    notices.value.push({ id: errand.id, kind: errand.kind, refused });
  }, options.shelf ?? null);
  const line = new Line({
    token: options.token,
    ...(options.sale ? { sale: options.sale } : {}),
    ahead: AHEAD.has(options.role),
    store,
    clock,
    errands,
    open: options.open,
  });
  const now = ref(clock.now());
  const permissions = shallowRef<Permissions | null>(null);
  const ticking = setInterval(() => (now.value = clock.now()), TICK_MS);
  const role = computed(() => line.status.role ?? options.role);

  async function learnPermissions(): Promise<void> {
    try {
      permissions.value = await fetchPermissions(options.token);
    } catch {
      setTimeout(() => void learnPermissions(), 5_000);
    }
  }
  const hurry = (): void => line.hurry();
  const seen = (): void => {
    if (document.visibilityState === "visible") line.hurry();
  };

  onScopeDispose(() => {
    clearInterval(ticking);
    window.removeEventListener("online", hurry);
    document.removeEventListener("visibilitychange", seen);
    line.leave();
  });

  return {
    store,
    line: line.status,
    errands,
    notices,
    now,
    show: computed(() => theShow(store)),
    role,
    person: options.person,
    sale: options.sale,
    token: options.token,
    up: computed(() => line.status.phase === "open"),
    // Until the table is here the buttons of the role's own screen stand; the server decides in any case.
    may: (kind) => permissions.value === null || (permissions.value[kind]?.includes(role.value) ?? false),
    press: (kind, fields = {}, from) => {
      const seenFrom = from === undefined ? standing(store, kind, fields) : from;
      return errands.send(kind, seenFrom === undefined ? fields : { ...fields, from: seenFrom });
    },
    hurry,
    leave: () => line.leave(),
    start() {
      window.addEventListener("online", hurry);
      document.addEventListener("visibilitychange", seen);
      line.connect();
      void learnPermissions();
    },
  };
}
