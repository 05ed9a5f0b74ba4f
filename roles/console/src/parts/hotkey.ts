import { onBeforeUnmount, onMounted, shallowReactive } from "vue";

interface Grip {
  press: () => void;
  modal: boolean;
}

/** Who holds a key. Of several the last that came strikes; a modal one before any that is not. */
const grips = new Map<string, Grip[]>();
/** Keys that a modal part has taken: other buttons do not show them meanwhile. */
export const takenKeys = shallowReactive(new Set<string>());
let listening = false;

/** Runs `press` when the key is struck outside of a field; a key that is held strikes once. */
export function useHotkey(key: string | undefined, press: () => void, options: { modal?: boolean } = {}): void {
  if (!key) return;
  const name = key.toLowerCase();
  const grip: Grip = { press, modal: options.modal ?? false };
  onMounted(() => {
    if (!listening) window.addEventListener("keydown", struck);
    listening = true;
    grips.set(name, [...(grips.get(name) ?? []), grip]);
    learnTaken(name);
  });
  onBeforeUnmount(() => {
    grips.set(name, (grips.get(name) ?? []).filter((other) => other !== grip));
    learnTaken(name);
  });
}

function learnTaken(name: string): void {
  if (grips.get(name)?.some((grip) => grip.modal)) takenKeys.add(name);
  else takenKeys.delete(name);
}

function struck(event: KeyboardEvent): void {
  const name = event.key.toLowerCase();
  const holders = grips.get(name);
  if (!holders?.length || event.repeat || event.defaultPrevented) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (target?.closest("input, textarea, select, [contenteditable]")) return;
  // Enter and space on a focused button are that button's own.
  if ((name === "enter" || name === " ") && target?.closest("button, a, summary")) return;
  event.preventDefault();
  (holders.findLast((grip) => grip.modal) ?? holders[holders.length - 1])?.press();
}
