"""`python -m controlplane.serve.demo [replay options]`: the bundled traffic against this server."""

from __future__ import annotations

import os
import sys

from controlplane.serve.plan import PROJECT_ROOT, ServeError, child_environment, read_plan
from controlplane.serve.secret_file import read_secrets

_QUESTIONS = PROJECT_ROOT / "cache_admin" / "data" / "demo_queries.jsonl"


def main() -> None:
    """Become `manage.py replay` with the demo tenant's app key."""
    try:
        plan = read_plan(os.environ)
        secrets = read_secrets(plan.data_dir / "secrets.json")
        if "DEMO_APP_KEY" not in secrets:
            raise ServeError(f"{plan.data_dir} has no demo tenant yet; run script/server first")
    except ServeError as error:
        sys.exit(f"Cannot run the demo: {error}")
    replay = [sys.executable, str(PROJECT_ROOT / "manage.py"), "replay", str(_QUESTIONS)]
    target = ["--base-url", f"{plan.runtime_url}/v1", "--key", secrets["DEMO_APP_KEY"]]
    environ = child_environment(plan, os.environ, secrets=secrets)
    os.execve(sys.executable, [*replay, *target, *sys.argv[1:]], environ)  # noqa: S606 - our own


if __name__ == "__main__":
    main()
