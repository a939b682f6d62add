"""The whole product as `python -m controlplane.serve` runs it, for tests that need all of it."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import openai

from controlplane.serve.plan import PROJECT_ROOT, ServePlan, child_environment, read_plan
from controlplane.serve.secret_file import read_secrets
from routing.sandbox.meter import Reading

_PORTS = ("RUNTIME_PORT", "CONSOLE_PORT", "SANDBOX_PORT", "REDIS_PORT")

# A word that stands in the command line of one program only.
_PROGRAMS = {
    "redis": "redis-server",
    "sandbox": "routing.sandbox",
    "runtime": "routing\0--host",
    "console": "gunicorn",
    "ingest": "ingest_events",
    "worker": "\0worker\0",
    "beat": "\0beat\0",
}


@dataclass(frozen=True, slots=True)
class Announced:
    """What the product prints for a person to use it with."""

    base_url: str
    app_key: str = field(repr=False)
    console_url: str
    username: str
    password: str = field(repr=False)


class Product:
    """One installation on free ports that can be started again on the same data.

    `environ` is added to what its processes are given; `models` is where the embedding model is
    prepared.
    """

    announced: Announced

    def __init__(
        self, directory: Path, *, models: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        data = directory / "data"
        models.mkdir(parents=True, exist_ok=True)
        data.mkdir()
        (data / "models").symlink_to(models, target_is_directory=True)
        ports = {name: str(port) for name, port in zip(_PORTS, _free_ports(), strict=True)}
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        own = {"DATA_DIR": str(data), "SANDBOX": "1"}
        self._environ = {**kept, **ports, **own, **(environ or {})}
        self._log = directory / "output"
        self._process: subprocess.Popen[bytes] | None = None
        self.plan: ServePlan = read_plan(self._environ)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.plan.data_dir / "db.sqlite3"

    def start(self) -> None:
        """Start, and wait for the announcement."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "controlplane.serve"],
                cwd=PROJECT_ROOT,
                env=self._environ,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: "Ctrl-C ends everything" in self.output(), seconds=120)
        output = self.output()
        self.announced = Announced(
            base_url=found(r"Base URL +(\S+)", output),
            app_key=found(r"App key +(\S+)", output),
            console_url=found(r"Console +(\S+)/", output),
            username=found(r"Login +(\S+)", output),
            password=found(r"Password +(\S+)", output),
        )

    def stop(self) -> list[int]:
        """Ask it to end; returns the processes it left behind."""
        if self._process is None:
            return []
        pids = self._children()
        self._process.terminate()
        self._process.wait(timeout=60)
        self._process = None
        return [pid for pid in pids if Path(f"/proc/{pid}").exists()]

    def output(self) -> str:
        """What it has printed. Fails when it has ended."""
        assert self._process is not None
        output = self._log.read_text()
        assert self._process.poll() is None, output
        return output

    def pid(self, program: str) -> int:
        """The process id of a program that runs."""
        return self.pids()[program]

    def pids(self) -> dict[str, int]:
        """The process id of every program that runs, by its name."""
        return {
            program: pid
            for pid, argv in self._children().items()
            for program, word in _PROGRAMS.items()
            if word in argv
        }

    def kill(self, program: str) -> int:
        """End a program at once, as a crash would; returns the process id it had."""
        pid = self.pid(program)
        os.kill(pid, signal.SIGKILL)
        return pid

    @contextmanager
    def frozen(self, program: str) -> Iterator[None]:
        """A program that takes connections and answers nothing, until the block ends."""
        pid = self.pid(program)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def kept_down(self, program: str) -> Iterator[None]:
        """A program that is killed and not started again before the block ends."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            self.kill(program)
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def manage(self, *arguments: str) -> str:
        """What `manage.py` with `arguments` prints, run beside the product's processes."""
        secrets = read_secrets(self.plan.data_dir / "secrets.json")
        done = subprocess.run(
            [sys.executable, str(PROJECT_ROOT / "manage.py"), *arguments],
            cwd=PROJECT_ROOT,
            env=child_environment(self.plan, self._environ, secrets=secrets),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def meter(self) -> Reading:
        """What the sandbox provider has billed."""
        return msgspec.json.decode(self._sandbox("GET", "meter"), type=Reading)

    def set_sandbox(self, **behaviour: float) -> None:
        """Change how slow and unreliable the sandbox provider is."""
        self._sandbox("POST", "control", json=behaviour)

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows of an SQL query on the product's database."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(query, parameters).fetchall()

    def client(self, *, app_key: str = "", max_retries: int = 0) -> openai.OpenAI:
        """The official client, with the announced app key unless another is given."""
        return openai.OpenAI(
            base_url=self.announced.base_url,
            api_key=app_key or self.announced.app_key,
            max_retries=max_retries,
        )

    def _sandbox(self, method: str, path: str, **options: Any) -> bytes:
        url = f"http://127.0.0.1:{self.plan.sandbox.number}/{path}"
        return httpx2.request(method, url, **options).raise_for_status().content

    def _children(self) -> dict[int, str]:
        """The command line of every process it runs, by process id."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        argv = {}
        for pid in map(int, children.read_text().split()):
            with suppress(FileNotFoundError):
                argv[pid] = Path(f"/proc/{pid}/cmdline").read_text()
        return argv


def layer_of(client: openai.OpenAI, question: str, **options: Any) -> str:
    """The layer that answers `question`."""
    arguments: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": question}]}
    reply = client.chat.completions.with_raw_response.create(**arguments, **options)
    if options.get("stream"):
        list(reply.parse())
    return str(reply.headers["x-cache-layer"])


def found(pattern: str, text: str) -> str:
    """What the first group of `pattern` matches in `text`."""
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]


def wait_until(holds: Callable[[], bool], *, seconds: float) -> None:
    """Wait for `holds`, for `seconds` at most."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


def _free_ports() -> list[int]:
    probes = [socket.socket() for _ in _PORTS]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
