"""What is to be started, where, and with which data: read once from the environment."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from routing.config import read_secret
from routing.errors import ConfigError

PROJECT_ROOT = Path(__file__).resolve().parents[2]

_DRAIN_SECONDS = 8
_RESOLVED = frozenset({"REDIS_URL_FILE", "DATABASE_URL_FILE"})
"""Read here, and handed on as what they hold: a process must not be given both forms."""


class ServeError(Exception):
    """The product cannot be started. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port and the variable that moves it elsewhere."""

    variable: str
    number: int


@dataclass(frozen=True, slots=True)
class ServePlan:
    """One installation. `redis_url` and `database_url` are given, or empty for our own.

    `drain_seconds`: how long calls under way may go on once everything is told to stop.
    """

    host: str
    runtime: Port
    console: Port
    sandbox: Port
    redis: Port
    data_dir: Path
    redis_url: str = field(repr=False)
    database_url: str = field(repr=False)
    with_sandbox: bool
    drain_seconds: int

    @property
    def embedded_redis(self) -> bool:
        """Whether we run a Redis of our own."""
        return not self.redis_url

    @property
    def reachable_host(self) -> str:
        """An address of this machine that reaches what listens on `host`."""
        try:
            unspecified = ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return self.host
        if unspecified:
            return "127.0.0.1"
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def runtime_url(self) -> str:
        """Where apps reach the runtime."""
        return f"http://{self.reachable_host}:{self.runtime.number}"

    @property
    def console_url(self) -> str:
        """Where operators reach the console."""
        return f"http://{self.reachable_host}:{self.console.number}"

    @property
    def sandbox_url(self) -> str:
        """Where the runtime reaches the sandbox."""
        return f"http://127.0.0.1:{self.sandbox.number}/v1"

    def listening(self) -> list[tuple[str, Port]]:
        """Every (host, port) that must be free before anything starts."""
        addresses = [(self.host, self.runtime), (self.host, self.console)]
        if self.embedded_redis:
            addresses.append(("127.0.0.1", self.redis))
        if self.with_sandbox:
            addresses.append(("127.0.0.1", self.sandbox))
        return addresses


def read_plan(environ: Mapping[str, str]) -> ServePlan:
    """The plan in `environ`. Raises ServeError naming a malformed variable."""
    data_dir = Path(environ.get("DATA_DIR") or PROJECT_ROOT / "var")
    return ServePlan(
        host=environ.get("HOST") or "127.0.0.1",
        runtime=_port(environ, "RUNTIME_PORT", 8080),
        console=_port(environ, "CONSOLE_PORT", 8000),
        sandbox=_port(environ, "SANDBOX_PORT", 8090),
        redis=_port(environ, "REDIS_PORT", 6390),
        data_dir=data_dir.resolve(),
        redis_url=_secret(environ, "REDIS_URL"),
        database_url=_secret(environ, "DATABASE_URL"),
        with_sandbox=_with_sandbox(environ),
        drain_seconds=_drain_seconds(environ),
    )


def child_environment(
    plan: ServePlan, environ: Mapping[str, str], *, secrets: Mapping[str, str]
) -> dict[str, str]:
    """The variables every process of ours is given: what the operator set wins over `secrets`."""
    kept = {
        name: value
        for name, value in secrets.items()
        if not environ.get(name) and not environ.get(f"{name}_FILE")
    }
    defaults = {
        "ALLOWED_HOSTS": ",".join(("localhost", "127.0.0.1", "[::1]", plan.reachable_host)),
        # The console is plain HTTP here; behind TLS the operator sets COOKIE_SECURE=1.
        "COOKIE_SECURE": "0",
    }
    derived = {
        "DATA_DIR": str(plan.data_dir),
        "REDIS_URL": plan.redis_url or f"redis://127.0.0.1:{plan.redis.number}/0",
        "DATABASE_URL": plan.database_url or f"sqlite:///{plan.data_dir / 'db.sqlite3'}",
        "DRAIN_SECONDS": str(plan.drain_seconds),
        "GATEWAY_URL": plan.runtime_url,
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        # Libraries that would report their use to their makers.
        "DO_NOT_TRACK": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    if plan.with_sandbox:
        derived["SANDBOX_URL"] = plan.sandbox_url
    given = {name: value for name, value in environ.items() if name not in _RESOLVED}
    return {**defaults, **given, **kept, **derived}


def _port(environ: Mapping[str, str], variable: str, default: int) -> Port:
    text = environ.get(variable) or str(default)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ServeError(f"{variable}={text!r} is not a port; set it to a number from 1 to 65535")
    return Port(variable=variable, number=int(text))


def _with_sandbox(environ: Mapping[str, str]) -> bool:
    choice = environ.get("SANDBOX", "")
    if choice not in ("", "0", "1"):
        raise ServeError(f"SANDBOX={choice!r} is neither 0 (off) nor 1 (on)")
    if choice:
        return choice == "1"
    return not (environ.get("OPENAI_API_KEY") or environ.get("OPENAI_API_KEY_FILE"))


def _drain_seconds(environ: Mapping[str, str]) -> int:
    text = environ.get("DRAIN_SECONDS") or str(_DRAIN_SECONDS)
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ServeError(f"DRAIN_SECONDS={text!r} is not a number of seconds; set it to 1 or more")
    return int(text)


def _secret(environ: Mapping[str, str], name: str) -> str:
    try:
        return read_secret(environ, name)
    except ConfigError as error:
        raise ServeError(str(error)) from error
