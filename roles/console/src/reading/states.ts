import type { CueStatus, DeliveryStatus, Segment } from "../line/entities";
import type { Key } from "../i18n";

/**
 * The six looks that everything has: a shape and a colour, beside its word.
 * Grey waiting, blue announced, green sent, amber held or waits for a person, red failed, violet unknown.
 */
export type Look = "waiting" | "announced" | "sent" | "held" | "failed" | "unknown" | "none";

export const SHAPES: Readonly<Record<Look, string>> = {
  waiting: "○",
  announced: "◔",
  sent: "●",
  held: "◐",
  failed: "✕",
  unknown: "?",
  none: "·",
};

export interface Mark {
  look: Look;
  word: Key;
}

const DELIVERIES: Readonly<Record<DeliveryStatus, Mark>> = {
  requested: { look: "announced", word: "dlv.s.requested" },
  held: { look: "held", word: "dlv.s.held" },
  awaiting: { look: "held", word: "dlv.s.awaiting" },
  sent: { look: "sent", word: "dlv.s.sent" },
  failed: { look: "failed", word: "dlv.s.failed" },
  expired: { look: "failed", word: "dlv.s.expired" },
  withdrawn: { look: "none", word: "dlv.s.withdrawn" },
  unknown: { look: "unknown", word: "dlv.s.unknown" },
};

/** With a rule, the core holds it back and no relay has it yet. */
export function deliveryMark(status: DeliveryStatus, rule?: string): Mark {
  if (status === "held" && rule) return { look: "held", word: "dlv.s.paced" };
  return DELIVERIES[status] ?? { look: "unknown", word: "dlv.s.unknown" };
}

const CUES: Readonly<Record<CueStatus, Mark>> = {
  planned: { look: "waiting", word: "cue.planned" },
  announced: { look: "announced", word: "cue.announced" },
  fired: { look: "sent", word: "cue.fired" },
  waiting: { look: "held", word: "cue.waiting" },
  held: { look: "held", word: "cue.held" },
  skipped: { look: "none", word: "cue.skipped" },
};

export function cueMark(status: CueStatus): Mark {
  return CUES[status] ?? { look: "waiting", word: "cue.planned" };
}

const SEGMENTS: Readonly<Record<Segment["status"], Mark>> = {
  planned: { look: "waiting", word: "seg.planned" },
  running: { look: "announced", word: "seg.running" },
  ended: { look: "sent", word: "seg.ended" },
  skipped: { look: "none", word: "seg.skipped" },
};

export function segmentMark(status: Segment["status"]): Mark {
  return SEGMENTS[status] ?? SEGMENTS.planned;
}
