"""The whole product as `python -m controlplane.serve` runs it: start, use, crash, stop, start."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from controlplane.serve.plan import PROJECT_ROOT

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]

_PORTS = ("RUNTIME_PORT", "CONSOLE_PORT", "SANDBOX_PORT", "REDIS_PORT")


class Server:
    """One installation that can be started again on the same data."""

    def __init__(self, directory: Path) -> None:
        self._log = directory / "output"
        ports = {name: str(port) for name, port in zip(_PORTS, free_ports(), strict=True)}
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._environ = {**kept, **ports, "DATA_DIR": str(directory / "data"), "SANDBOX": "1"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start and wait for the announcement, which is returned."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "controlplane.serve"],
                cwd=PROJECT_ROOT,
                env=self._environ,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: "Ctrl-C ends everything" in self._output(), seconds=120)
        return self._output()

    def stop(self) -> list[int]:
        """Ask it to end; returns the processes it left behind."""
        if self._process is None:
            return []
        pids = self.children()
        self._process.terminate()
        self._process.wait(timeout=60)
        self._process = None
        return [pid for pid in pids if Path(f"/proc/{pid}").exists()]

    def children(self) -> dict[int, str]:
        """The command line of every process it runs, by process id."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        pids = [int(pid) for pid in children.read_text().split()]
        return {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in pids}

    def _output(self) -> str:
        assert self._process is not None
        output = self._log.read_text()
        assert self._process.poll() is None, output
        return output


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model_cache_dir: Path) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("server")
    model_cache_dir.mkdir(parents=True, exist_ok=True)
    (directory / "data").mkdir()
    (directory / "data" / "models").symlink_to(model_cache_dir, target_is_directory=True)
    server = Server(directory)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[openai.OpenAI]:
    announced = server.start()
    url, key = (found(rf"{name} +(\S+)", announced) for name in ("Base URL", "App key"))
    with openai.OpenAI(base_url=url, api_key=key, max_retries=8) as client:
        yield client


def test_server__question_repeated_and_rephrased__comes_from_cache(client: openai.OpenAI) -> None:
    assert ask(client, "May I bring an elephant on board?") == "none"

    # The answer is kept after it was given, so the next call may come too early.
    wait_until(lambda: ask(client, "May I bring an elephant on board?") == "exact", seconds=10)
    assert ask(client, "May I bring my elephant on board?") == "semantic"


def test_server__stream__comes_from_cache_too(client: openai.OpenAI) -> None:
    question = "Is there a swimming pool?"
    assert ask(client, question, stream=True) == "none"

    wait_until(lambda: ask(client, question, stream=True) == "exact", seconds=10)


def test_server__runtime_killed__comes_back(server: Server, client: openai.OpenAI) -> None:
    [killed] = [pid for pid, argv in server.children().items() if "routing\0--host" in argv]

    os.kill(killed, signal.SIGKILL)

    wait_until(lambda: ask(client, "May I bring an elephant on board?") == "exact", seconds=30)
    assert killed not in server.children()


def test_server__stopped_and_started__left_nothing_and_forgot_nothing(
    server: Server, client: openai.OpenAI
) -> None:
    assert server.stop() == []

    announced = server.start()

    assert client.api_key in announced
    assert ask(client, "May I bring an elephant on board?") == "exact"


def ask(client: openai.OpenAI, question: str, **options: Any) -> str:
    """The layer that answers `question`."""
    arguments: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": question}]}
    reply = client.chat.completions.with_raw_response.create(**arguments, **options)
    if options.get("stream"):
        list(reply.parse())
    return reply.headers["x-cache-layer"]


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]


def free_ports() -> list[int]:
    probes = [socket.socket() for _ in _PORTS]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def wait_until(holds: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
