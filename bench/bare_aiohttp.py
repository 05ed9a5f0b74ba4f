"""A broadcast loop as one writes it on aiohttp: for each event, for each connection, send it. `python -m bench.bare_aiohttp PORT`."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AbstractContextManager

import uvloop
from aiohttp import WSMsgType, web

from bench.bare import Numbers, process


def serve() -> AbstractContextManager[tuple[int, int]]:
    """The loop in a process of its own; its port and process id."""
    return process("bench.bare_aiohttp")


async def main(port: int) -> None:
    clients: set[web.WebSocketResponse] = set()
    numbers = Numbers()

    async def socket(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        try:
            async for message in ws:
                if message.type is not WSMsgType.TEXT:
                    continue
                order = json.loads(message.data)
                if order["op"] == "burst":
                    for _ in range(order["count"]):
                        event = numbers.event(order["text"])
                        for client in clients:
                            await client.send_str(event)
                else:
                    if order["op"] == "hello":
                        clients.add(ws)
                    await ws.send_str('{"op":"welcome"}')
        finally:
            clients.discard(ws)
        return ws

    app = web.Application()
    app.router.add_get("/", socket)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
