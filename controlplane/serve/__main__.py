"""`python -m controlplane.serve`: check, prepare, then become the supervisor."""

from __future__ import annotations

import os
import sys

from controlplane.serve.checks import lock_data_dir, require_free_ports, require_redis
from controlplane.serve.plan import (
    PROJECT_ROOT,
    ServeError,
    ServePlan,
    child_environment,
    read_plan,
)
from controlplane.serve.preparation import prepare, say
from controlplane.serve.programs import list_programs, render_supervisor_config
from controlplane.serve.secret_file import load_secrets


def main() -> None:
    """Start everything; returns only by exiting, when that was impossible."""
    try:
        plan = read_plan(os.environ)
        environ = _make_ready(plan)
    except ServeError as error:
        sys.exit(f"Cannot start: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    config = plan.data_dir / "supervisord.conf"
    argv = [sys.executable, "-m", "controlplane.serve.supervise", str(config)]
    os.chdir(PROJECT_ROOT)
    os.execve(sys.executable, argv, environ)  # noqa: S606 - our own interpreter


def _make_ready(plan: ServePlan) -> dict[str, str]:
    plan.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock_data_dir(plan.data_dir)
    require_free_ports(plan)
    if plan.embedded_redis:
        (plan.data_dir / "redis").mkdir(exist_ok=True, mode=0o700)
    else:
        require_redis(plan.redis_url)
    secrets = load_secrets(plan.data_dir / "secrets.json")
    environ = child_environment(plan, os.environ, secrets=secrets)
    prepare(plan, environ=environ)
    programs = list_programs(plan)
    (plan.data_dir / "supervisord.conf").write_text(render_supervisor_config(plan, programs))
    say("Starting " + ", ".join(program.name for program in programs if not program.one_shot))
    return environ


if __name__ == "__main__":
    main()
