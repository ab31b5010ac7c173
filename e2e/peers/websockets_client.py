"""A conversation held by Python's `websockets`, told line by line as JSON on standard output.

Takes the broker's URL. Waits for a line on standard input before each step that the other side has to be ready for.
"""

import asyncio
import json
import sys

import websockets


def tell(what, value=None):
    print(json.dumps([what, value]), flush=True)


async def ready():
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def main(url):
    async with websockets.connect(
        url,
        subprotocols=["chat", "other"],
        additional_headers={"Cookie": "user=py"},
        compression=None,
        max_size=None,
    ) as socket:
        tell("subprotocol", socket.subprotocol)

        await socket.send('{"type":"text","text":"Zürich 😀"}')
        tell("text", await socket.recv())

        waiter = await socket.ping(b"payload")
        await waiter
        tell("pong")

        async def pieces():
            for piece in ['{"type":"frag', 'ments","list":[', "1,2,", "3]}"]:
                yield piece

        await socket.send(pieces())
        tell("fragments", await socket.recv())

        await socket.send(json.dumps({"type": "large", "text": "x" * 900_000}))
        tell("large", len(await socket.recv()))

        await socket.send(b"\x00\x01\xfe\xff")
        binary = await socket.recv()
        tell("binary", [type(binary).__name__, list(binary)])

        await socket.close(3001, "see you")
        tell("closed", socket.close_code)

    # And the other way round: the broker closes.
    async with websockets.connect(url) as socket:
        tell("again", socket.subprotocol)
        try:
            while True:
                tell("heard", await socket.recv())
        except websockets.ConnectionClosed as end:
            tell("told", [end.rcvd.code, end.rcvd.reason])

    # A client that vanishes without a word.
    socket = await websockets.connect(url)
    tell("here")
    await ready()
    socket.transport.abort()
    tell("gone")


asyncio.run(main(sys.argv[1]))
