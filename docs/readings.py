"""The page on conditions: how they are written, and what each topic lets them read."""

from __future__ import annotations

from coordinator.core.conditions import MAX_DEPTH, MAX_LENGTH
from coordinator.core.readings import HAPPENINGS, PHRASES, THINGS, Field

HEAD = f"""\
# Conditions

What stands behind `when:` in a run sheet, and in `cue.add`. This page is made from the code by `python -m docs.generate`.

```
when: coupon c20 left <= 10%
when: orders of pan >= 50 and not coupon c20 stopped
when: segment over by 30s
when: sales_paid >= 80% of sales_created or questions waiting > 10
```

## How they are written

- A **comparison** is two sides with one of `<` `<=` `>` `>=` `=` `!=` between them. At least one side reads something.
- A side is a number, or what is read, or several of them joined by `+` and `-` (with blanks around the sign).
- Counts are whole numbers: `20`. Money stands in major units of the sale's currency: `5000` or `"5000.00"`. A length has
  its unit: `500ms`, `30s`, `5m`, `1h30m`, `2d`. A percentage is of the quantity of what it is compared with (`10%`), or of
  something else that is read: `10% of members`. Nothing is rounded.
- `segment over by 30s` is short for `segment over >= 30s`; `by` stands before a length of time.
- What is so or not is written alone: `coupon c20 stopped`.
- Join them by `and`, `or`, `not` and brackets. `not` binds before `and`, `and` before `or`.
- `FIELD of ID` is short for `WORD ID FIELD` where one word alone has that field: `orders of pan` is `product pan orders`.
- The signs of a Chinese keyboard （）＜＞＝％ are read alike. At most {MAX_LENGTH} characters, and {MAX_DEPTH} brackets within each other.

A condition is read when the sheet is, and when a cue is added; what is wrong is told with its place and what is accepted there.
It is looked at from its segment's start on, while the show runs, after each event, and at the moment when time alone makes it
true. It fires on the edge from false to true, once, or again after the time the sheet allows (`again after`). A pause, and a
halt for what goes into groups, makes no edge and loses none. What is not known (a stock that nobody counts, an open question
where there is none) makes a comparison neither true nor false: it sets nothing off, with `not` neither.
"""


def page() -> str:
    parts = [HEAD, "## What can be read\n"]
    for things in THINGS.values():
        ways = f"`{things.word} ID …`"
        if things.current is not None:
            ways += f"; without an id, `{things.word} …`, the one that is on"
        elif not things.id_needed:
            ways += f"; without an id, `{things.word} …`: any of them is so, or all together"
        parts.append(f"### `{things.word}`\n\n{ways}.\n")
        parts.append(_table(("write", "it is", "a"), [(f"`{n}`", f.about, _kind(f)) for n, f in things.fields.items()]))
    parts.append("### The whole sale\n")
    parts.append(_table(("write", "it is", "a"), [(f"`{' '.join(w)}`", r.about, r.kind) for w, r in PHRASES.items()]))
    parts.append(
        "### What happens\n\nTrue at that event, and not before or after it. With `again after` it can set a cue off each time.\n"
    )
    parts.append(_table(("write", "when"), [(f"`{a} {b}`", about) for (a, b), (_, about) in HAPPENINGS.items()]))
    return "\n".join(parts)


def _kind(f: Field) -> str:
    return f"{f.kind}, or a percentage of the {f.of}" if f.of else f.kind


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "".join("| " + " | ".join(line) + " |\n" for line in (head, tuple("---" for _ in head), *rows))
