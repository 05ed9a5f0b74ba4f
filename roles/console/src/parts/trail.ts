import { onBeforeUnmount, ref, type Ref } from "vue";

export interface Point {
  at: number;
  value: number;
}

/** One point in ten seconds for twenty minutes: as much as a line 100 pixels wide can show. */
const EVERY_MS = 10_000;
const KEPT = 120;

/** The recent way of a figure, since this screen was opened. Nothing is made up for the time before. */
export function useTrail(read: () => number): Ref<Point[]> {
  const trail = ref<Point[]>([]);
  const add = (): void => {
    trail.value = [...trail.value.slice(1 - KEPT), { at: Date.now(), value: read() }];
  };
  add();
  const timer = setInterval(add, EVERY_MS);
  onBeforeUnmount(() => clearInterval(timer));
  return trail;
}
