"""The installation's own secrets, made at the first start and kept in one private file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet

from controlplane.serve.plan import ServeError


def _token() -> str:
    return secrets.token_urlsafe(32)


_GENERATORS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": _token,
    "CREDENTIALS_KEY": lambda: Fernet.generate_key().decode(),
    "METRICS_TOKEN": _token,
    "DEMO_PASSWORD": lambda: secrets.token_urlsafe(12),
}


def load_secrets(path: Path) -> dict[str, str]:
    """The secrets in `path`; those it lacks are generated and written to it (mode 0600).

    Raises ServeError when the file is there but cannot be read as secrets: to generate new ones
    would make everything encrypted with the old ones unreadable.
    """
    values = read_secrets(path)
    missing = {name: make() for name, make in _GENERATORS.items() if not values.get(name)}
    if missing:
        values = {**values, **missing}
        write_secrets(path, values)
    return values


def read_secrets(path: Path) -> dict[str, str]:
    """The secrets in `path`, empty when there is no such file. Raises ServeError as above."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise ServeError(
            f"{path} cannot be read as secrets ({error}); restore it from a backup"
        ) from error


def write_secrets(path: Path, values: dict[str, str]) -> None:
    """Replace the file at `path` in one step, readable by its owner only."""
    body = msgspec.json.format(msgspec.json.encode(values, order="sorted"), indent=2) + b"\n"
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
