"""`python -m bench [http|push|bump|stampede|chaos|all] [--json]`: each prints one JSON object."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from bench import bump, chaos, gateway, push, stampede


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "which",
        nargs="?",
        default="all",
        choices=["http", "push", "bump", "stampede", "chaos", "all"],
    )
    parser.add_argument("--json", action="store_true", help="one line each instead of indented")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each throughput run")
    parser.add_argument("--calls", type=int, default=500, help="of each latency run")
    parser.add_argument("--saves", type=int, default=50, help="threshold saves to time")
    parser.add_argument("--rounds", type=int, default=5, help="of identical calls at once")
    parser.add_argument("--entries", type=int, default=200_000, help="that a bump retires")
    parser.add_argument("--calm", type=float, default=60.0, help="seconds before every fault")
    parser.add_argument("--rate", type=float, default=200.0, help="calls a second of chaos")
    parser.add_argument("--faults", default="", help="of chaos, commas between; all unless given")
    options = parser.parse_args()
    benchmarks: dict[str, Callable[[], dict[str, Any]]] = {
        "http": lambda: gateway.run(seconds=options.seconds, calls=options.calls),
        "push": lambda: push.run(saves=options.saves),
        "bump": lambda: bump.run(entries=options.entries),
        "stampede": lambda: stampede.run(rounds=options.rounds),
        "chaos": lambda: chaos.run(
            chaos.Plan(rate=options.rate, calm_seconds=options.calm),
            only=[name for name in options.faults.split(",") if name],
        ),
    }
    for name, run in benchmarks.items():
        if options.which in (name, "all"):
            print(json.dumps(run(), indent=None if options.json else 2), flush=True)


if __name__ == "__main__":
    main()
