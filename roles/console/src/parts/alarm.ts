import { onBeforeUnmount, ref, watch, type Ref } from "vue";
import { t } from "../i18n";

/** Whether the person wants to be called; kept on this phone. */
const KEPT = "dropcue.alarm";

export interface Alarm {
  readonly on: Ref<boolean>;
  turn(): Promise<void>;
}

/**
 * Calls the person who has put the phone aside: a shake, a sound, a note of the browser's where it is allowed, and the
 * screen kept lit. `called` names what calls; each name calls once. `waits` stands in the page's title.
 */
export function useAlarm(called: Ref<{ key: string; words: string }[]>, waits: Ref<number>, title: Ref<string>): Alarm {
  const on = ref(read());
  const heard = new Set(called.value.map((call) => call.key));
  let sound: AudioContext | null = null;
  let lit: WakeLockSentinel | null = null;

  async function light(): Promise<void> {
    if (!on.value || document.visibilityState !== "visible") return;
    try {
      lit = (await navigator.wakeLock?.request("screen")) ?? null;
    } catch {
      lit = null; // a battery that is low: the screen goes dark as it always does
    }
  }
  function beep(): void {
    if (!sound) return;
    const tone = sound.createOscillator();
    const loud = sound.createGain();
    tone.frequency.value = 880;
    loud.gain.setValueAtTime(0.2, sound.currentTime);
    loud.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + 0.5);
    tone.connect(loud).connect(sound.destination);
    tone.start();
    tone.stop(sound.currentTime + 0.5);
  }
  function call(words: string): void {
    if (typeof navigator.vibrate === "function" && navigator.userActivation?.hasBeenActive) navigator.vibrate([200, 100, 200]);
    if (!on.value) return;
    beep();
    try {
      if (document.hidden && typeof Notification !== "undefined" && Notification.permission === "granted") new Notification(t("post.alarm"), { body: words, tag: "dropcue" });
    } catch {
      // some phones allow a page no notes of its own
    }
  }
  async function turn(): Promise<void> {
    on.value = !on.value;
    try {
      localStorage.setItem(KEPT, on.value ? "on" : "off");
    } catch {
      // it holds until the page is left
    }
    if (!on.value) {
      await lit?.release();
      return;
    }
    // Browsers let a page sound and ask only within a press.
    sound ??= typeof AudioContext === "undefined" ? null : new AudioContext();
    beep();
    if (typeof Notification !== "undefined" && Notification.permission === "default") await Notification.requestPermission();
    await light();
  }
  watch(called, (calls) => {
    for (const each of calls) {
      if (heard.has(each.key)) continue;
      heard.add(each.key);
      call(each.words);
    }
  });
  watch([waits, title], ([n, words]) => (document.title = (n ? `(${n}) ` : "") + words), { immediate: true, flush: "post" });
  const seen = (): void => void light();
  document.addEventListener("visibilitychange", seen);
  void light();
  onBeforeUnmount(() => {
    document.removeEventListener("visibilitychange", seen);
    void lit?.release();
    void sound?.close();
  });
  return { on, turn };
}

function read(): boolean {
  try {
    return localStorage.getItem(KEPT) === "on";
  } catch {
    return false;
  }
}
