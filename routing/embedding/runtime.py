"""The embedder of the running service: off the event loop, without torch."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from routing.embedding.artefact import ONNX_FILE, ModelMeta, find_prepared, read_meta
from routing.embedding.session import EmbeddingSession, Vector
from routing.errors import CacheUnavailable, ConfigError

logger = logging.getLogger(__name__)

_CHARS_PER_TOKEN = 20
"""More than any model's tokens have on average: a longer text needs no counting to be too long."""

_MOST_WAITING = 64
PATIENCE_SECONDS = 0.25

_QUIET_PAUSE_SECONDS = 0.005

_LOADING = threading.Lock()
"""The very first inference of a process must be alone: OpenVINO initialises a static under a guard
while it waits for the GIL, and a second thread that holds the GIL would wait for the guard."""

_WARM_UP = ("Hello", "How do I cancel my order?", "Where is the parcel I ordered on Monday?")


class Embedder:
    """Turns texts into vectors on `workers` threads.

    Usable once `start` has returned; until then, and after a failure, `embed` raises
    CacheUnavailable so that calls go on without it. `model_id` and `dimensions` are known as soon
    as the prepared model has been found, and raise CacheUnavailable before. A call waits
    `patience_seconds` for its vector.
    """

    def __init__(
        self,
        model: str,
        *,
        cache_dir: Path,
        workers: int,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._model = model
        self._cache_dir = cache_dir
        self._workers = workers
        self._patience_seconds = patience_seconds
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="embedding")
        self._session: EmbeddingSession | None = None
        self._meta: ModelMeta | None = None
        self._weight_bytes = 0
        self._waiting = 0
        self._quiet = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """Whether the model is loaded and warm."""
        return self._session is not None

    @property
    def model_id(self) -> str:
        """Name and digest of the model; part of every partition."""
        return self._described().model_id

    @property
    def dimensions(self) -> int:
        """Length of the vectors."""
        return self._described().dimensions

    @property
    def weight_bytes(self) -> int:
        """Size of the weights, which the process holds once; 0 until they have been found."""
        return self._weight_bytes

    async def start(self) -> None:
        """Load and warm the model, preparing it first when this machine has not yet done so.

        Preparing takes up to a minute, loading about a second, neither on the event loop. Raises
        ConfigError when the model cannot be had.
        """
        directory = await asyncio.to_thread(self._find)
        if directory is None:
            await self._prepare()
            directory = await asyncio.to_thread(self._find)
        if directory is None:
            raise ConfigError(f"preparing {self._model} left nothing in {self._cache_dir}")
        self._meta, self._weight_bytes = await asyncio.to_thread(_describe, directory)
        loop = asyncio.get_running_loop()
        session = await loop.run_in_executor(self._executor, self._load, directory)
        await asyncio.gather(
            *(
                loop.run_in_executor(self._executor, session.embed, text)
                for text in _WARM_UP * self._workers
            )
        )
        self._session = session
        logger.info("embedder.ready model=%s workers=%d", session.meta.model_id, self._workers)

    async def close(self) -> None:
        """Let running embeddings end, refuse new ones."""
        self._session = None
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)

    async def embed(self, text: str) -> Vector | None:
        """The L2-normalised float32 vector of `text`; None when it is longer than the model reads.

        Raises CacheUnavailable when the model is not loaded, fails, or is too busy: with 64 texts
        waiting, or its patience at an end, the call is better off without the cache.
        """
        session = self._loaded()
        if len(text) > session.meta.max_tokens * _CHARS_PER_TOKEN:
            return None
        if self._waiting >= _MOST_WAITING:
            raise CacheUnavailable("embedding", "too many texts are waiting")
        loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await loop.run_in_executor(self._executor, session.embed_whole, text)
        except TimeoutError as error:
            raise CacheUnavailable("embedding", "out of time") from error
        except RuntimeError as error:
            raise CacheUnavailable("embedding", str(error)) from error
        finally:
            self._waiting -= 1

    async def embed_many(self, texts: Sequence[str]) -> list[Vector | None]:
        """As `embed` for each of `texts`, for work that no call waits for: one text at a time, only
        while no call waits, however long that takes."""
        async with self._quiet:
            return [await self._embed_quietly(text) for text in texts]

    async def _embed_quietly(self, text: str) -> Vector | None:
        while self._waiting:
            await asyncio.sleep(_QUIET_PAUSE_SECONDS)
        session = self._loaded()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, session.embed_whole, text)
        except RuntimeError as error:
            raise CacheUnavailable("embedding", str(error)) from error

    def _described(self) -> ModelMeta:
        if self._meta is None:
            raise CacheUnavailable("embedding", f"model {self._model} is not loaded")
        return self._meta

    def _loaded(self) -> EmbeddingSession:
        if self._session is None:
            raise CacheUnavailable("embedding", f"model {self._model} is not loaded")
        return self._session

    def _find(self) -> Path | None:
        return find_prepared(self._model, cache_dir=self._cache_dir)

    def _load(self, directory: Path) -> EmbeddingSession:
        session = EmbeddingSession(directory, streams=self._workers)
        with _LOADING:
            session.embed(_WARM_UP[0])
        return session

    async def _prepare(self) -> None:
        logger.info("embedder.preparing model=%s", self._model)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "routing.embedding.prepare",
            self._model,
            "--cache-dir",
            str(self._cache_dir),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, complaint = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode != 0:
            raise ConfigError(complaint.decode(errors="replace").strip()[-2000:])


def _describe(directory: Path) -> tuple[ModelMeta, int]:
    return read_meta(directory), (directory / ONNX_FILE).stat().st_size
