"""`python -m routing.sandbox --port N` serves the sandbox until it is told to stop."""

from __future__ import annotations

import argparse

import uvicorn

from routing.sandbox.app import build_app
from routing.sandbox.faults import Behaviour


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m routing.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--token-latency-ms", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    behaviour = Behaviour(
        latency_ms=options.latency_ms,
        token_latency_ms=options.token_latency_ms,
        seed=options.seed,
    )
    # A hung call ends only with its client; without a limit it would hold up the shutdown.
    uvicorn.run(
        build_app(behaviour),
        host=options.host,
        port=options.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
