"""What a runtime keeps of itself on disk: its name and the last snapshot it put in force."""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from routing.errors import SnapshotSchemaError

logger = logging.getLogger(__name__)


class _Kept(Struct, frozen=True):
    digest: str
    body: str


class LastGood:
    """The file ``snapshot.json`` in `data_dir`: the exact body and its digest."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "snapshot.json"

    def read(self) -> tuple[bytes, str] | None:
        """Body and digest; None when nothing was kept yet.

        Raises SnapshotSchemaError when the file is damaged, OSError when it cannot be read.
        """
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise SnapshotSchemaError(f"{self._path}: {error}") from error
        return kept.body.encode(), kept.digest

    def write(self, body: bytes, digest: str) -> None:
        """Replace the file, whole or not at all. Raises OSError."""
        write_atomically(self._path, msgspec.json.encode(_Kept(digest=digest, body=body.decode())))


def instance_id(data_dir: Path) -> str:
    """This runtime's name, the same after a restart on the same `data_dir` if it is writable."""
    path = data_dir / "instance-id"
    with suppress(OSError):
        known = path.read_text(errors="replace").strip()
        if re.fullmatch(r"[A-Za-z0-9.-]{1,128}", known):
            return known
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()) or "runtime"
    name = f"{host[:100]}-{secrets.token_hex(4)}"
    try:
        write_atomically(path, name.encode())
    except OSError as error:
        logger.warning("instance.not_on_disk name=%s reason=%s", name, error)
    return name


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` with `content`, readable by its owner alone. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.rename(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise
