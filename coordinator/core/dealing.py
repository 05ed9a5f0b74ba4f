"""How tasks are dealt: evenly over those who are here and the groups they serve, no two people with the same words.

Fair is by count: whoever of those who serve a group has had the fewest tasks gets the next one. Who comes late begins at
the fewest that anybody here has, and so is not given all of what comes next.

Words are one person's alone, for the whole sale: the same text from several accounts would be a shill's. The person may
say them again in another group, or in the same one after ten minutes. Where no words are left for somebody, they are
given nothing, and it is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from coordinator.core import render, selectors
from coordinator.core.prompts import PROMPTED_ROLES
from coordinator.core.questions import normalised

if TYPE_CHECKING:
    from coordinator.core.state import State

SAME_GROUP_MS = 600_000  # the trade's rule: the same content does not go into a group twice within ten minutes
MOST_WORDINGS = 200  # of one task: of {a|b|c} and the like


class Worded(msgspec.Struct, kw_only=True):
    """Words that one person has, and when they were given them for which group."""

    person: str
    groups: dict[str, int] = {}


class Share(msgspec.Struct, frozen=True):
    """What one person is to post in one group; `text` None where no words are left."""

    person: str
    group: str | None
    text: str | None


def served(state: State, role: str, person: str) -> tuple[str, ...]:
    """The groups somebody serves: those of their token, where it names any or says none; else the sheet's, else all."""
    known = state.people.get(f"{role}:{person}")
    if known is not None and known.groups is not None:
        return known.groups
    return sheet_groups(state, role, person)


def sheet_groups(state: State, role: str, person: str) -> tuple[str, ...]:
    """The groups that the sheet gives somebody to serve; all where it gives none."""
    everything = list(state.groups.values())
    if role == "poster":
        return tuple(g.id for g in everything if person in g.relay)
    for member in state.p.team:
        if member.role == role and member.person == person and member.groups is not None:
            return tuple(selectors.select(member.groups, everything))
    return tuple(g.id for g in everything)


def people(state: State, role: str) -> list[str]:
    """Those of a role who are here, as the sheet has them; where none of them is, all that it names."""
    planned = [m.person for m in state.p.team if m.role == role]
    here = {p.person for p in state.people.values() if p.role == role and p.here}
    return [p for p in planned if p in here] + sorted(here - set(planned)) or planned


def variants(texts: Iterable[str]) -> list[str]:
    """Every wording of `{a|b}`, each once."""
    found: dict[str, None] = {}
    for text in texts:
        first = render.wording(text, 0)
        found[first] = None
        for i in range(1, MOST_WORDINGS):
            wording = render.wording(text, i)
            if wording == first or len(found) >= MOST_WORDINGS:
                break
            found[wording] = None
    return list(found)


def deal(
    state: State,
    who: str,
    texts: Sequence[str],
    at: int,
    *,
    group: str | None = None,
    groups: Sequence[str] | None = None,
    own: bool,
) -> list[Share]:
    """Who is to do what where. `who` is a person, or a role: then one share for each of the groups, or, where none are
    named, for each person (in `group`: for each who serves it).

    `own`: it is to be posted, and each person's words are nobody else's.
    """
    role, names = meant(state, who)
    if group is not None:
        serving = [name for name in names if group in served(state, role, name)] if who == role else names
        pairs: list[tuple[str, str | None]] = [(name, group) for name in serving]
    elif groups is not None:
        pairs = _over_groups(state, role, names, groups)
    elif own:
        pairs = _over_people(state, role, names)
    else:
        pairs = [(name, None) for name in names]
    choices = variants(texts)
    if not own:
        turn = {person: i for i, person in enumerate(dict.fromkeys(p for p, _ in pairs))}
        return [Share(p, g, filled(state, choices[turn[p] % len(choices)], g)) for p, g in pairs]
    words = _Words(state, choices, at)
    # Everybody has words before anybody has a second set.
    firsts = {person: n for n, (person, _) in reversed(list(enumerate(pairs)))}
    order = sorted(range(len(pairs)), key=lambda n: (firsts[pairs[n][0]] != n, n))
    text = {n: words.fresh(*pairs[n]) or words.again(*pairs[n]) for n in order}
    return [Share(person, group, text[n]) for n, (person, group) in enumerate(pairs)]


def meant(state: State, who: str) -> tuple[str, list[str]]:
    """(role, people) that a role or a person's name means."""
    roles = {p.role for p in state.people.values()} | {m.role for m in state.p.team} | set(PROMPTED_ROLES)
    if who in roles:
        return who, people(state, who)
    return next((p.role for p in state.people.values() if p.person == who), ""), [who]


class _Words:
    """What of a task's wordings is still to be had, as they are given out."""

    def __init__(self, state: State, choices: Sequence[str], at: int) -> None:
        self.state, self.choices, self.at = state, choices, at
        self.given: dict[str, str] = {}  # words → person, of this dealing
        self.where: set[tuple[str, str | None]] = set()

    def fresh(self, person: str, group: str | None) -> str | None:
        """Words that nobody has."""
        for choice in self.choices:
            text = filled(self.state, choice, group)
            key = normalised(text)
            if key not in self.state.worded and key not in self.given and key not in self.state.posted:
                return self._give(person, group, key, text)
        return None

    def again(self, person: str, group: str | None) -> str | None:
        """Words that are this person's own, and have not just been said in this group."""
        for choice in self.choices:
            text = filled(self.state, choice, group)
            key = normalised(text)
            known = self.state.worded.get(key)
            mine = self.given.get(key) == person or (known is not None and known.person == person)
            lately = known is not None and self.at - known.groups.get(group or "", -SAME_GROUP_MS) < SAME_GROUP_MS
            if mine and self.state.posted.get(key, person) == person and not lately and (key, group) not in self.where:
                return self._give(person, group, key, text)
        return None

    def _give(self, person: str, group: str | None, key: str, text: str) -> str:
        self.given[key] = person
        self.where.add((key, group))
        return text


def _over_groups(state: State, role: str, names: Sequence[str], groups: Sequence[str]) -> list[tuple[str, str | None]]:
    """One for each group that somebody serves, to whom of them has had the fewest."""
    serving = {name: frozenset(served(state, role, name)) for name in names}
    had = {name: state.dealt.get(name, 0) for name in names}
    chosen: dict[str, str] = {}
    # What few can take is given away first, and to who can take little else: so the load comes out evenest.
    for group in sorted(groups, key=lambda g: sum(g in theirs for theirs in serving.values())):
        who = [name for name in names if group in serving[name]]
        if who:
            chosen[group] = min(who, key=lambda name: (had[name], len(serving[name])))  # of equals the sheet's first
            had[chosen[group]] += 1
    return [(chosen[group], group) for group in groups if group in chosen]


def _over_people(state: State, role: str, names: Sequence[str]) -> list[tuple[str, str | None]]:
    """One for each person, in the one of their groups that has had the fewest."""
    had = {id_: group.tasks for id_, group in state.groups.items()}
    pairs: list[tuple[str, str | None]] = []
    for name in names:
        theirs = [g for g in served(state, role, name) if not state.groups[g].frozen and g in state.index.groups]
        if theirs:
            group = min(theirs, key=lambda g: (had[g], theirs.index(g)))
            had[group] += 1
            pairs.append((name, group))
        elif not state.index.groups:
            pairs.append((name, None))
    return pairs


def filled(state: State, text: str, group: str | None) -> str:
    """The words with their live fields, and the group's own `{group}` and `{owner}`."""
    known = state.groups.get(group or "")
    if known is not None:
        text = text.replace("{group}", known.name or known.id)
        # An owner whom the sheet does not name is 群主, and is not called so twice.
        text = text.replace("群主{owner}", f"群主{known.owner}").replace("{owner}", known.owner or "群主")
    return render.fill(state, text)
