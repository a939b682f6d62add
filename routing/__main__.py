"""``python -m routing``: run the gateway."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence

import uvicorn

from routing.config import RuntimeConfig, load_config
from routing.errors import ConfigError
from routing.gateway.app import build_app
from routing.gateway.protocol import BoundedProtocol
from routing.redis_check import require_vector_sets

_KEEP_ALIVE_SECONDS = 75


def main(argv: Sequence[str] | None = None) -> int:
    """Run until told to stop; returns the process's exit status."""
    parser = argparse.ArgumentParser(prog="python -m routing", description="Run the gateway.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on")
    options = parser.parse_args(argv)
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    # It logs the address of every call it makes.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    try:
        config = load_config(os.environ)
        require_vector_sets(config.redis_url)
        _serve(config, host=options.host, port=options.port)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _serve(config: RuntimeConfig, *, host: str, port: int) -> None:
    # After its orderly shutdown uvicorn raises the signal again, which would look like a crash.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    uvicorn.run(
        build_app(config),
        host=host,
        port=port,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        server_header=False,
        date_header=False,
        # Peers decide who may read metrics, so no header may rewrite them.
        proxy_headers=False,
        # Longer than clients and proxies keep an idle connection: were we to close it first, a call
        # sent at that moment would be lost.
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=config.drain_seconds,
        log_config=None,
    )


if __name__ == "__main__":
    sys.exit(main())
