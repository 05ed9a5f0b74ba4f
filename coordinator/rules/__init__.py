"""Rule sets: data files, read and checked here, compiled for the core, which reads no files.

`cn` is shipped. A folder of one's own (`DROPCUE_RULES`) holds more, each `NAME.yaml`; a sheet names the one it is
judged by (`checks: {rules: NAME}`).
"""

from __future__ import annotations

from pathlib import Path

import structlog

from coordinator.core.rules import Judge
from coordinator.rules.reading import RulesError, read_rules

__all__ = ["DEFAULT", "RulesError", "judge", "judge_for", "known", "take"]

log = structlog.get_logger(__name__)

DEFAULT = "cn"
_SHIPPED = Path(__file__).parent

_judges: dict[str, Judge] = {}
_away: set[str] = set()  # sets that a sale asked for and that are not here: said once, and not looked for again


def judge(name: str = DEFAULT) -> Judge:
    """The set of that name, compiled. Raises `RulesError` where there is none."""
    found = _judges.get(name)
    if found is None:
        path = _SHIPPED / f"{name}.yaml"
        if name not in shipped():
            raise RulesError(f"there is no rule set {name[:40]!r}; known are {', '.join(known())}")
        found = _judges[name] = Judge(read_rules(path, _base))
    return found


def judge_for(name: str) -> Judge:
    """The set that a sale is judged by. One that is not here (the sale came from another node) gives way to the shipped."""
    if name in _judges:
        return _judges[name]
    if name not in _away:
        try:
            return judge(name)
        except RulesError as e:
            log.error("a sale is judged by the shipped rules: its own set is not here", rules=name, reason=str(e))
            _away.add(name)
    return judge()


def take(folder: Path) -> list[str]:
    """Adds the sets of a folder of one's own; their names. Raises `RulesError` where one of them is wrong."""
    taken = []
    try:
        files = sorted(folder.glob("*.yaml"))
    except OSError as e:
        raise RulesError(f"{folder} cannot be read ({e.strerror})") from None
    if not folder.is_dir():
        raise RulesError(f"{folder} is no folder; DROPCUE_RULES names a folder of rule sets")
    for file in files:
        if file.stem in shipped():
            raise RulesError(f"{file}: {file.stem} is the name of a set that is shipped; give yours another")
        rules = read_rules(file, _base)
        _judges[rules.name] = Judge(rules)
        taken.append(rules.name)
    return taken


def shipped() -> list[str]:
    return sorted(path.stem for path in _SHIPPED.glob("*.yaml"))


def known() -> list[str]:
    """The names of all sets there are here."""
    return sorted({*shipped(), *_judges})


def _base(name: str) -> Judge:
    return judge(name)
