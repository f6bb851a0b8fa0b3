"""python-hl7's own asyncio server: it parses each message and acknowledges it, and stores nothing.

Prints the port it listens on as JSON, then serves until it is killed.
"""

import asyncio
import json
import sys

import hl7
from hl7.mllp import start_hl7_server


async def _answer(reader, writer):
    try:
        while not writer.is_closing():
            message = await reader.readmessage()
            writer.writemessage(message.create_ack())
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _serve():
    server = await start_hl7_server(_answer, "127.0.0.1", 0, encoding="utf-8")
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1], "version": hl7.__version__}) + "\n")
    sys.stdout.flush()
    await server.serve_forever()


asyncio.run(_serve())
