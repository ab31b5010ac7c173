"""A client that says nothing and waits for its end: one line when it is connected, one with the code and reason it is told."""

import asyncio
import json
import sys

import websockets


async def main(url):
    # It leaves pings to the broker.
    async with websockets.connect(url, ping_interval=None) as socket:
        print("connected", flush=True)
        await socket.wait_closed()
        print(json.dumps([socket.close_code, socket.close_reason]), flush=True)


asyncio.run(main(sys.argv[1]))
