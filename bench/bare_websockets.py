"""A broadcast loop as its documentation advises on websockets: `broadcast` for each event. `python -m bench.bare_websockets PORT`."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AbstractContextManager, suppress

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed

from bench.bare import Numbers, process


def serve() -> AbstractContextManager[tuple[int, int]]:
    """The loop in a process of its own; its port and process id."""
    return process("bench.bare_websockets")


async def main(port: int) -> None:
    clients: set[ServerConnection] = set()
    numbers = Numbers()

    async def socket(ws: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for message in ws:
                order = json.loads(message)
                if order["op"] == "burst":
                    for _ in range(order["count"]):
                        broadcast(clients, numbers.event(order["text"]))
                        await asyncio.sleep(0)  # else nobody else is served until the burst is over
                else:
                    if order["op"] == "hello":
                        clients.add(ws)
                    await ws.send('{"op":"welcome"}')
        clients.discard(ws)

    async with listen(socket, "127.0.0.1", port, compression=None, backlog=4096):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
