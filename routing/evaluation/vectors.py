"""The vectors of all texts of a measurement, made ahead in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from routing.embedding.artefact import find_prepared
from routing.embedding.runtime import Embedder
from routing.embedding.session import EmbeddingSession
from routing.errors import ConfigError

Vector = NDArray[np.float32]
OnProgress = Callable[[str, int, int], None]
"""Told the stage (a word), how much of it is done, and how much there is."""

_BATCH = 64
_LONGEST_CHARS = 20_000
"""Far more than any model reads, and too much to cut into tokens only to find that out."""


class TextVectors:
    """An embedder that has done its work. A text it does not know is embedded when asked for."""

    def __init__(self, session: EmbeddingSession) -> None:
        self._session = session
        self._known: dict[str, Vector | None] = {}

    @property
    def model_id(self) -> str:
        """Name and digest of the model."""
        return self._session.meta.model_id

    async def embed(self, text: str) -> Vector | None:
        """The vector that the runtime makes of `text`; None when it is too long."""
        if text not in self._known:
            self._learn([text])
        return self._known[text]

    async def embed_many(self, texts: Sequence[str]) -> list[Vector | None]:
        """As `embed` for each of `texts`."""
        return [await self.embed(text) for text in texts]

    def of(self, text: str) -> Vector | None:
        """The vector of a text that `embed_all` was given."""
        return self._known[text]

    async def embed_all(
        self, texts: Iterable[str], *, workers: int, on_progress: OnProgress
    ) -> None:
        """Make the vectors of `texts` on `workers` threads."""
        # Texts of one length side by side: they share an inference.
        waiting = sorted(set(texts) - self._known.keys(), key=lambda text: (len(text), text))
        batches = [waiting[at : at + _BATCH] for at in range(0, len(waiting), _BATCH)]
        loop = asyncio.get_running_loop()
        done = 0
        with ThreadPoolExecutor(workers, thread_name_prefix="embedding") as executor:
            try:
                tasks = [loop.run_in_executor(executor, self._learn, batch) for batch in batches]
                for task in asyncio.as_completed(tasks):
                    done += await task
                    on_progress("embedding", done, len(waiting))
            finally:
                executor.shutdown(wait=False, cancel_futures=True)

    def _learn(self, texts: Sequence[str]) -> int:
        readable = [text for text in texts if len(text) <= _LONGEST_CHARS]
        self._known.update(dict.fromkeys(texts))
        self._known.update(zip(readable, self._session.embed_batch(readable), strict=True))
        return len(texts)


async def load_vectors(model: str, *, cache_dir: Path, workers: int) -> TextVectors:
    """The embedder of a measurement with the local `model`, which is prepared when it is not yet.

    Raises ConfigError when the model cannot be had.
    """
    directory = await asyncio.to_thread(find_prepared, model, cache_dir=cache_dir)
    if directory is None:
        embedder = Embedder(model, cache_dir=cache_dir, workers=1)
        await embedder.start()
        await embedder.close()
        directory = await asyncio.to_thread(find_prepared, model, cache_dir=cache_dir)
    if directory is None:
        raise ConfigError(f"the embedding model {model!r} cannot be prepared in {cache_dir}")
    session = await asyncio.to_thread(EmbeddingSession, directory, streams=workers)
    # The very first inference must be alone (see routing.embedding.runtime).
    await asyncio.to_thread(session.embed, "Hello")
    return TextVectors(session)
