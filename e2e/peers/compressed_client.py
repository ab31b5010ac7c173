"""Compressed conversations held by Python's `websockets` and its zlib, told line by line as JSON on standard output.

Takes the URL of an echo endpoint. For each window and setting it says what was agreed on, and whether all messages came
back as they were.
"""

import asyncio
import json
import random
import sys

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory


def messages():
    """Short and long, alike and not, text and binary; the long ones repeat what is far back."""
    noise = random.Random(1)
    letters = "".join(noise.choices("abcdefghijklmnopqrstuvwxyzäöü ", k=20_000))
    yield ""
    yield "Zürich 😀"
    yield letters * 3
    yield json.dumps([{"id": number, "type": "position"} for number in range(5_000)])
    yield noise.randbytes(100_000)
    yield bytes(900_000)


async def converse(url, factory):
    async with websockets.connect(url, compression=None, extensions=[factory], max_size=None) as socket:
        agreed = socket.response.headers.get("Sec-WebSocket-Extensions")
        unchanged = 0
        for message in messages():
            await socket.send(message)
            unchanged += await socket.recv() == message
            # The same in fragments, which are one compressed message.
            if len(message) > 2:
                third = len(message) // 3
                await socket.send([message[:third], message[third : 2 * third], message[2 * third :]])
                unchanged += await socket.recv() == message
        print(json.dumps([agreed, unchanged]), flush=True)


async def main(url):
    for bits in [None, *range(9, 16)]:
        await converse(url, ClientPerMessageDeflateFactory(server_max_window_bits=bits))
    await converse(url, ClientPerMessageDeflateFactory(client_max_window_bits=9))
    await converse(
        url,
        ClientPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True),
    )


asyncio.run(main(sys.argv[1]))
