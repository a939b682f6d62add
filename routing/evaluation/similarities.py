"""How alike pairs are: ``python -m routing.evaluation.similarities MODEL --cache-dir DIR``.

A process of its own, so that the worker that trains a check never carries the embedding model.
Reads one JSON array ``[asked, stored]`` a line from standard input, and writes one JSON object
``{"model", "similarities"}`` for every few hundred, in order; null for a text too long to embed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from routing.errors import ConfigError
from routing.evaluation.vectors import TextVectors, load_vectors

_TOGETHER = 256
_WORKERS = 2


class Similarities(Struct, frozen=True):
    """Cosines of some pairs in order, None where one is too long, and the id of the model."""

    model: str
    similarities: tuple[float | None, ...]


def main(argv: list[str] | None = None) -> int:
    """Answer standard input; 0 when all of it is answered, 1 with a message."""
    parser = argparse.ArgumentParser(prog="python -m routing.evaluation.similarities")
    parser.add_argument("model")
    parser.add_argument("--cache-dir", type=Path, required=True)
    arguments = parser.parse_args(argv)
    pairs = (msgspec.json.decode(line, type=tuple[str, str]) for line in sys.stdin.buffer)
    try:
        asyncio.run(_answer(pairs, model=arguments.model, cache_dir=arguments.cache_dir))
    except (ConfigError, msgspec.MsgspecError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _answer(pairs: Iterator[tuple[str, str]], *, model: str, cache_dir: Path) -> None:
    vectors = await load_vectors(model, cache_dir=cache_dir, workers=_WORKERS)
    while chunk := list(islice(pairs, _TOGETHER)):
        found = await _similarities(chunk, vectors)
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
        sys.stdout.buffer.flush()


async def _similarities(pairs: Iterable[tuple[str, str]], vectors: TextVectors) -> Similarities:
    texts = [text for pair in pairs for text in pair]
    await vectors.embed_all(texts, workers=_WORKERS, on_progress=lambda *_progress: None)
    return Similarities(
        model=vectors.model_id,
        similarities=tuple(_cosine(vectors, asked, stored) for asked, stored in pairs),
    )


def _cosine(vectors: TextVectors, asked: str, stored: str) -> float | None:
    one, other = vectors.of(asked), vectors.of(stored)
    if one is None or other is None:
        return None
    return min(1.0, float(np.dot(one, other)))


if __name__ == "__main__":
    raise SystemExit(main())
