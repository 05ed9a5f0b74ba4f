"""A relay for a bridge that you run yourself: it posts each drop over HTTP, and tells what members say.

BRIDGE/send takes {"group", "text"} and answers {"id"}; BRIDGE/said streams {"group", "person", "text"}, one a line.
"""

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout

from roles.relay.kit import Delivery, Relay


async def post(relay: Relay, http: ClientSession, delivery: Delivery) -> None:
    message = {"group": delivery.group, "text": delivery.content.as_text()}
    try:
        async with http.post("/send", json=message, allow_redirects=False) as answer:
            if answer.status == 200:
                await relay.sent(delivery, platform_id=(await answer.json())["id"])
            elif answer.status == 429:  # the window is full: it comes again in time
                wait_s = int(answer.headers["Retry-After"])
                await relay.waiting(delivery, until=relay.now() + wait_s * 1000, why="rate window")
            elif answer.status < 500:
                await relay.rejected(delivery, why=f"the bridge answered {answer.status}")
            else:  # it may have taken it before it failed
                await relay.unknown(delivery, why=f"the bridge answered {answer.status}")
    except (ClientError, TimeoutError, ValueError, KeyError) as error:  # it may or may not be there
        await relay.unknown(delivery, why=type(error).__name__)


async def listen(relay: Relay, http: ClientSession) -> None:
    while True:
        # A stream has no end that a client would set; one that breaks is opened again.
        with suppress(ClientError, TimeoutError, ValueError, KeyError):
            async with http.get("/said", timeout=ClientTimeout(total=None)) as stream:
                async for line in stream.content:
                    said = json.loads(line)
                    member = relay.pseudonym("bridge", said["person"])
                    await relay.observe(said["group"], "message", member=member, text=said["text"])
        await asyncio.sleep(1)


async def main(coordinator: str, token: str, bridge: str, data: str) -> None:
    async with (
        ClientSession(bridge) as http,
        Relay(coordinator, token, data=Path(data)) as relay,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(listen(relay, http))
        async for delivery in relay.deliveries():
            tasks.create_task(post(relay, http, delivery))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
