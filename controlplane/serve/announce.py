"""Runs once beside the other processes: seeds the demo tenant and tells how to use it all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import msgspec
import redis
from msgspec import Struct

from controlplane.serve.plan import PROJECT_ROOT, ServeError, ServePlan, read_plan
from controlplane.serve.secret_file import read_secrets, write_secrets

_REDIS_SECONDS = 60
_READY_SECONDS = 300
_KEY_SECONDS = 15
_POLL_SECONDS = 0.2

_NO_KEY = "<make a new one in the console>"


class Seeded(Struct, frozen=True):
    """What `seed_demo --json` says: the login, and the app key only when it made one."""

    username: str
    password: str | None = None
    app_key: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """What a person needs to use the demo tenant."""

    username: str
    password: str
    app_key: str


def describe(plan: ServePlan, access: Access) -> str:
    """The lines that are printed when everything answers."""
    request = (
        '{"model":"gpt-4o-mini","messages":'
        '[{"role":"user","content":"How do I change my delivery address?"}]}'
    )
    return "\n".join(
        (
            "",
            "Reprise is ready.",
            f"  Console   {plan.console_url}/",
            f"  Login     {access.username}",
            f"  Password  {access.password}",
            f"  Base URL  {plan.runtime_url}/v1",
            f"  App key   {access.app_key}",
            "",
            "Ask twice and watch x-cache-layer change from none to exact:",
            f"  curl -si {plan.runtime_url}/v1/chat/completions \\",
            f"    -H 'Authorization: Bearer {access.app_key}' \\",
            f"    -H 'Content-Type: application/json' -d '{request}'",
            "",
            "Ctrl-C ends everything; the data stays in " + str(plan.data_dir),
            "",
        )
    )


def seed(plan: ServePlan) -> Access:
    """Make the demo tenant unless it exists; keeps its app key in the secrets file.

    Raises ServeError when seeding fails.
    """
    argv = [sys.executable, str(PROJECT_ROOT / "manage.py"), "seed_demo", "--json"]
    done = subprocess.run(argv, cwd=PROJECT_ROOT, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        sys.stderr.buffer.write(done.stderr)
        raise ServeError(f"seed_demo failed (exit status {done.returncode})")
    seeded = msgspec.json.decode(done.stdout, type=Seeded)
    path = plan.data_dir / "secrets.json"
    secrets = read_secrets(path)
    made = {"DEMO_PASSWORD": seeded.password, "DEMO_APP_KEY": seeded.app_key}
    new = {name: value for name, value in made.items() if value and secrets.get(name) != value}
    if new:
        write_secrets(path, {**secrets, **new})
    known = {**secrets, **new}
    return Access(
        username=seeded.username,
        password=known.get("DEMO_PASSWORD", "(as you have set it)"),
        app_key=known.get("DEMO_APP_KEY", _NO_KEY),
    )


def _wait(what: str, holds: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise ServeError(f"{what} did not answer within {seconds:.0f} s; see the lines above")
        time.sleep(_POLL_SECONDS)


def _redis_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _answers(url: str, *, app_key: str = "") -> bool:
    headers = {"Authorization": f"Bearer {app_key}"} if app_key else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http, our own address
    try:
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def main() -> int:
    """Wait for everything, then print. 0 when everything answers."""
    plan = read_plan(os.environ)
    try:
        redis_url = os.environ["REDIS_URL"]
        _wait("Redis", partial(_redis_answers, redis_url), seconds=_REDIS_SECONDS)
        access = seed(plan)
        ready, healthy = f"{plan.runtime_url}/readyz", f"{plan.console_url}/healthz"
        _wait("the runtime", partial(_answers, ready), seconds=_READY_SECONDS)
        _wait("the console", partial(_answers, healthy), seconds=_READY_SECONDS)
        access = _with_working_key(plan, access)
    except ServeError as error:
        sys.stdout.write(f"Not ready: {error}\n")
        return 1
    sys.stdout.write(describe(plan, access))
    return 0


def _with_working_key(plan: ServePlan, access: Access) -> Access:
    """`access` once its key is in force; without the key when an operator has revoked it."""
    models = f"{plan.runtime_url}/v1/models"
    try:
        _wait("the key", partial(_answers, models, app_key=access.app_key), seconds=_KEY_SECONDS)
    except ServeError:
        return replace(access, app_key=_NO_KEY)
    return access


if __name__ == "__main__":
    sys.exit(main())
