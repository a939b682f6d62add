"""The gateway as the process that operators run."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2

from tests.gateway.serving import wait_until


class Process:
    """``python -m routing`` on a port of its own."""

    def __init__(self, *, data_dir: Path, redis_url: str, sandbox_url: str, **environ: str) -> None:
        self.port = free_port()
        self.log = data_dir / "log"
        self.url = f"http://127.0.0.1:{self.port}"
        self._environ = os.environ | {
            "REDIS_URL": redis_url,
            "DATA_DIR": str(data_dir),
            "SANDBOX_URL": sandbox_url,
            "METRICS_TOKEN": "metrics-secret",
            **environ,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it is ready to answer."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "routing", "--port", str(self.port)],
                env=self._environ,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers)

    @property
    def memory_bytes(self) -> int:
        """What it holds of the machine's memory."""
        assert self._process is not None
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        assert self._process is not None
        return self._process.wait(timeout=20)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=1).status_code == 200
        except httpx2.HTTPError:
            return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
