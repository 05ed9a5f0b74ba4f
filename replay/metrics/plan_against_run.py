"""Each segment as it was planned, as it was last revised, and as it ran."""

from __future__ import annotations

from replay.metrics.figure import Figure, Why, figure
from replay.rows import SegmentRow
from replay.tables import Tables

NOT_RUN: Why = ("it did not run", "未进行")
RUNNING: Why = ("it has not ended", "尚未结束")


def segments(t: Tables) -> list[SegmentRow]:
    """In the order of the show."""
    return sorted(t.segments.values(), key=lambda s: s.index)


def figures(t: Tables) -> list[Figure]:
    out: list[Figure] = []
    for s in segments(t):
        scope = {"segment": s.id}
        planned = s.planned_end - s.planned_start
        real = s.real_end - s.real_start if s.real_start is not None and s.real_end is not None else None
        why = NOT_RUN if s.real_start is None else RUNNING
        out += [
            figure(t, "segment_start_planned", s.planned_start, scope=scope),
            figure(t, "segment_start_revised", s.revised_start, scope=scope),
            figure(t, "segment_start_real", s.real_start, scope=scope, why=why),
            figure(t, "segment_length_planned", planned, scope=scope),
            figure(t, "segment_length_revised", s.revised_end - s.revised_start, scope=scope),
            figure(t, "segment_length_real", real, scope=scope, why=why),
            figure(
                t,
                "segment_late",
                s.real_start - s.planned_start if s.real_start is not None else None,
                scope=scope,
                why=why,
            ),
            figure(t, "segment_over", real - planned if real is not None else None, scope=scope, why=why),
        ]
    return out
