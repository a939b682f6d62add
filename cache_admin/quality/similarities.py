"""How alike the questions of pairs are, told by a process that carries the embedding model."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from cache_admin.errors import NotAllowed

_COMPLAINT_LENGTH = 300


class Chunk(Struct, frozen=True):
    """Cosines of the next pairs in order, None where one is too long; and the model's full id."""

    model: str
    similarities: tuple[float | None, ...]


def similarities(
    pairs: Sequence[tuple[str, str]], *, model: str, cache_dir: Path
) -> Iterator[Chunk]:
    """Cosines of `pairs` under the local `model`, some hundred at a time.

    Raises NotAllowed when the model cannot be had or the process fails.
    """
    command = [sys.executable, "-m", "routing.evaluation.similarities", model]
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as complaint:
        for pair in pairs:
            asked.write(msgspec.json.encode(pair) + b"\n")
        asked.seek(0)
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [*command, "--cache-dir", str(cache_dir)],
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=complaint,
            cwd=Path(__file__).resolve().parent.parent.parent,
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                yield msgspec.json.decode(line, type=Chunk)
            failed = process.wait() != 0
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if failed:
            complaint.seek(0)
            said = complaint.read().decode(errors="replace").strip()
            raise NotAllowed(said[-_COMPLAINT_LENGTH:], code="no_similarities")
