"""A double in a process of its own: `python -m tests.roles.relay.doubles wecom --port-file F --log FILE`.

The port file holds its address once it answers. The log has one JSON object a line for each message that was taken:
`{"at", "at_ms", "group", "text", "credential"}`; it is whole after a kill of the double or of a relay.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from tests.roles.relay.doubles.platforms import DOUBLES


async def _run(given: argparse.Namespace) -> None:
    kind = DOUBLES[given.platform]
    async with kind(limit=given.limit, per_s=given.per_s, latency_s=given.latency_ms / 1000, log=given.log) as double:
        for name in given.keys:
            double.add_key(name)
        ready = given.port_file.with_suffix(".new")
        ready.write_text(double.base)
        ready.rename(given.port_file)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("platform", choices=sorted(DOUBLES))
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--limit", type=int, help="messages in a window; the platform's own by default")
    parser.add_argument("--per-s", type=float, help="the window's length")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--keys", nargs="*", default=[], help="further keys that it knows; without a secret")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
