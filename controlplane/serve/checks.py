"""What must hold before anything is started."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

import redis

from controlplane.serve.plan import Port, ServeError, ServePlan

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


def require_vector_sets(url: str) -> None:
    """Raise ServeError when the Redis at `url` cannot be reached or has no vector sets."""
    with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
        location = _location(client)
        try:
            version = str(client.info("server").get("redis_version", "unknown"))
            client.execute_command("VCARD", "reprise:probe")
        except redis.ResponseError as error:
            if "unknown command" not in str(error).lower():
                raise ServeError(f"Redis at {location} refuses to be used: {error}") from error
            raise ServeError(
                f"Redis >= 8.0 with vector sets is required, {location} runs {version}; "
                "point REDIS_URL at a newer one, or unset it to have one started for you"
            ) from error
        except redis.RedisError as error:
            raise ServeError(
                f"Redis at {location} cannot be reached ({error}); "
                "correct REDIS_URL, or unset it to have one started for you"
            ) from error


def _location(client: redis.Redis) -> str:
    """Host and port without the password that the URL may hold."""
    arguments = client.connection_pool.connection_kwargs
    if path := arguments.get("path"):
        return str(path)
    return f"{arguments.get('host', 'localhost')}:{arguments.get('port', 6379)}"


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
