"""`python -m bench.slow_proxy`: passes TCP on to another port, as slowly as it is told to.

A connection to the control port that sends a number sets the delay in milliseconds; it is answered
with the number. The delay lies on the way to the server, so that a round trip is longer by it.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from contextlib import suppress

_CHUNK_BYTES = 65_536


def set_delay(control_port: int, *, milliseconds: float) -> None:
    """Have the proxy whose control port this is delay what is sent from now on."""
    with socket.create_connection(("127.0.0.1", control_port), timeout=5) as control:
        control.sendall(b"%f\n" % milliseconds)
        control.recv(64)


class SlowProxy:
    """One listening port in front of another."""

    def __init__(self, *, target_port: int) -> None:
        self._target_port = target_port
        self._delay_seconds = 0.0

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a new delay."""
        line = await reader.readline()
        self._delay_seconds = float(line) / 1000
        writer.write(line)
        await writer.drain()
        writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on until either side ends it."""
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.close()
            return
        ways = [
            asyncio.create_task(self._pass_late(reader, back)),
            asyncio.create_task(_pass_on(there, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        writer.close()
        back.close()

    async def _pass_late(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Each piece is late by the delay, without holding up the next."""
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                if self._delay_seconds:
                    loop.call_later(self._delay_seconds, writer.write, data)
                else:
                    writer.write(data)
                    await writer.drain()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()


async def _run(*, port: int, control_port: int, target_port: int) -> None:
    proxy = SlowProxy(target_port=target_port)
    await asyncio.start_server(proxy.control, "127.0.0.1", control_port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Run until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m bench.slow_proxy", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--control-port", type=int, required=True)
    parser.add_argument("--target-port", type=int, required=True)
    options = parser.parse_args()
    run = _run(
        port=options.port, control_port=options.control_port, target_port=options.target_port
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(run)


if __name__ == "__main__":
    main()
