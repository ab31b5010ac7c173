"""Conversations over TLS with Python's `websockets` on OpenSSL, told line by line as JSON on standard output.

Takes the broker's URL and the certificate to trust.
"""

import asyncio
import json
import ssl
import sys

import websockets


def tell(what, value=None):
    print(json.dumps([what, value]), flush=True)


async def converse(url, context):
    async with websockets.connect(url, ssl=context, max_size=None) as socket:
        tls = socket.transport.get_extra_info("ssl_object")
        tell("version", tls.version())
        for size in (1, 5000, 900_000):
            await socket.send("x" * size)
            tell("echo", len(await socket.recv()))
        await socket.close(3001)
        tell("closed", socket.close_code)


async def main(url, trusted):
    context = ssl.create_default_context(cafile=trusted)
    await converse(url, context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    await converse(url, context)
    try:
        await websockets.connect(url, ssl=ssl.create_default_context())
    except ssl.SSLCertVerificationError as error:
        tell("distrusted", error.verify_message)


asyncio.run(main(*sys.argv[1:]))
