"""What must hold before anything is started."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

import redis

from controlplane.serve.plan import Port, ServeError, ServePlan
from routing.errors import ConfigError
from routing.redis_check import require_vector_sets

# The supervisor closes every descriptor from 5 on and its children everything from 3 on, so a lock
# held on this one lives exactly as long as the supervisor.
_LOCK_DESCRIPTOR = 4


def require_free_ports(plan: ServePlan) -> None:
    """Raise ServeError naming the first port of `plan` that is taken or given twice."""
    seen: dict[int, str] = {}
    for host, port in plan.listening():
        if port.number in seen:
            raise ServeError(
                f"{seen[port.number]} and {port.variable} are both {port.number}; "
                f"set {port.variable} to another port"
            )
        seen[port.number] = port.variable
        _require_free(host, port)


def lock_data_dir(data_dir: Path) -> None:
    """Claim `data_dir` for this process and what it execs.

    Raises ServeError when another one runs on the same data.
    """
    descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ServeError(
            f"another server runs on {data_dir}; stop it, or set DATA_DIR to a directory of its own"
        ) from None
    if descriptor == _LOCK_DESCRIPTOR:
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - the only way to call it
        return
    os.dup2(descriptor, _LOCK_DESCRIPTOR, inheritable=True)
    os.close(descriptor)


def require_redis(url: str) -> None:
    """Raise ServeError when the Redis at `url` cannot be reached or has no vector sets."""
    try:
        with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
            client.ping()
        require_vector_sets(url)
    except (redis.RedisError, ValueError) as error:
        raise ServeError(
            f"the Redis of REDIS_URL cannot be used ({error}); "
            "correct the address, or unset it to have a Redis started for you"
        ) from error
    except ConfigError as error:
        raise ServeError(str(error)) from error


def _require_free(host: str, port: Port) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port.number, type=socket.SOCK_STREAM
        )[0]
    except socket.gaierror as error:
        raise ServeError(f"HOST={host!r} is not an address of this machine: {error}") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise ServeError(
                f"port {port.number} on {host} cannot be used ({error.strerror}); "
                f"stop what listens there, or set {port.variable} to a free port"
            ) from error
