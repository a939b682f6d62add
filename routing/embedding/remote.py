"""An embedding model behind OpenAI's API: bounded in time, in number and in failures."""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import logging
import math
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import numpy as np
from msgspec import Struct

from routing.breaker import Breaker
from routing.embedding.session import Vector
from routing.embedding_models import ModelName
from routing.errors import CacheUnavailable, ProviderError
from routing.providers.targets import Target

logger = logging.getLogger(__name__)

MAX_TEXT_BYTES = 8_000
"""No token is shorter than a byte, and the models read 8,191 of them."""

_MOST_WAITING = 64
_AT_ONCE = 64
_PROBE = "Hello"
_LONGEST_PROBE_PAUSE_SECONDS = 10.0
_NORM_FLOOR = 1e-6
_BAD_TEXT = frozenset({400, 413, 422})


class EmbeddingProvider(Protocol):
    """What is needed of the official client's pool."""

    async def embed(self, body: bytes, *, target: Target, may_retry: Callable[[], bool]) -> bytes:
        """The answer to an embedding request. Raises ProviderError."""


class _Row(Struct, frozen=True):
    index: int
    embedding: str | list[float]


class _Usage(Struct, frozen=True):
    prompt_tokens: int = 0


class _Embeddings(Struct, frozen=True):
    data: list[_Row]
    usage: _Usage = _Usage()


class RemoteEmbedder:
    """Turns texts into vectors through `provider`, with the account of `target`.

    Usable once `start` has returned; until then, and while the provider fails, `embed` raises
    CacheUnavailable so that calls go on without it. `on_tokens` is told what was billed.
    """

    weight_bytes = 0
    """The weights are elsewhere."""

    def __init__(
        self,
        name: ModelName,
        *,
        target: Target,
        provider: EmbeddingProvider,
        timeout_seconds: float,
        on_tokens: Callable[[str, int], None],
    ) -> None:
        """`timeout_seconds` bounds what one call waits for its vector."""
        self._name = name
        self._target = target
        self._provider = provider
        self._timeout_seconds = timeout_seconds
        self._on_tokens = on_tokens
        host = hashlib.blake2b(target.base_url.encode(), digest_size=4).hexdigest()
        self._model_id = f"openai:{name.model}@{name.dimensions or 'own'}#{host}"
        self._dimensions = name.dimensions
        self._ready = False
        self._waiting = 0
        self._breaker = Breaker(
            f"embedding {name.model}",
            probe=self._try,
            patience=timeout_seconds,
            longest_pause=_LONGEST_PROBE_PAUSE_SECONDS,
        )

    @property
    def ready(self) -> bool:
        """Whether the model has answered."""
        return self._ready

    @property
    def model_id(self) -> str:
        """Name, dimensions and a digest of the address: what another host calls by the same name,
        the sandbox above all, is another model."""
        return self._model_id

    @property
    def dimensions(self) -> int:
        """Length of the vectors. Raises CacheUnavailable until the model has told."""
        if self._dimensions is None:
            raise CacheUnavailable("embedding", f"{self._name.model} has not answered yet")
        return self._dimensions

    async def start(self) -> None:
        """Ask the model once, which shows that it can be had and how long its vectors are.

        Raises ProviderError, or CacheUnavailable when its answer makes no sense.
        """
        await self._ask([_PROBE], may_retry=True)
        self._ready = True
        logger.info("embedder.ready model=%s", self.model_id)

    async def close(self) -> None:
        """Take no more texts."""
        self._ready = False
        await self._breaker.close()

    async def embed(self, text: str) -> Vector | None:
        """The L2-normalised float32 vector of `text`; None when it is longer than the model reads.

        Raises CacheUnavailable when the model is not ready, fails, takes too long or has too many
        texts waiting already.
        """
        self._require_ready()
        if _is_too_long(text):
            return None
        if self._breaker.is_open:
            raise CacheUnavailable("embedding", "the provider is being left alone")
        if self._waiting >= _MOST_WAITING:
            raise CacheUnavailable("embedding", "too many texts are waiting")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._timeout_seconds):
                vectors = await self._ask([text], may_retry=False)
        except TimeoutError as error:
            self._breaker.failed()
            raise CacheUnavailable("embedding", "out of time") from error
        except ProviderError as error:
            if error.status not in _BAD_TEXT:
                self._breaker.failed()
            raise CacheUnavailable("embedding", error.message) from error
        except CacheUnavailable:
            # What makes no sense is billed all the same.
            self._breaker.failed()
            raise
        finally:
            self._waiting -= 1
        self._breaker.succeeded()
        return vectors[0]

    async def embed_many(self, texts: Sequence[str]) -> list[Vector | None]:
        """As `embed` for each of `texts`, for work that no call waits for: in few requests, which
        are made again when the provider asks to wait."""
        self._require_ready()
        if self._breaker.is_open:
            raise CacheUnavailable("embedding", "the provider is being left alone")
        vectors: list[Vector | None] = [None] * len(texts)
        readable = [index for index, text in enumerate(texts) if text and not _is_too_long(text)]
        for start in range(0, len(readable), _AT_ONCE):
            chosen = readable[start : start + _AT_ONCE]
            try:
                found = await self._ask([texts[index] for index in chosen], may_retry=True)
            except ProviderError as error:
                raise CacheUnavailable("embedding", error.message) from error
            for index, vector in zip(chosen, found, strict=True):
                vectors[index] = vector
        return vectors

    async def _try(self) -> None:
        await self._ask([_PROBE], may_retry=False)

    async def _ask(self, texts: Sequence[str], *, may_retry: bool) -> list[Vector]:
        request: dict[str, object] = {
            "model": self._name.model,
            "input": texts,
            "encoding_format": "base64",
        }
        if self._name.dimensions is not None:
            request["dimensions"] = self._name.dimensions
        answer = await self._provider.embed(
            msgspec.json.encode(request), target=self._target, may_retry=lambda: may_retry
        )
        try:
            found = msgspec.json.decode(answer, type=_Embeddings)
        except msgspec.MsgspecError as error:
            raise _senseless(f"an answer of another shape: {error}") from error
        self._on_tokens(self._name.model, max(0, found.usage.prompt_tokens))
        rows = sorted(found.data, key=lambda row: row.index)
        if [row.index for row in rows] != list(range(len(texts))):
            raise _senseless(f"{len(rows)} vectors for {len(texts)} texts")
        return [self._checked(_numbers(row.embedding)) for row in rows]

    def _checked(self, vector: Vector) -> Vector:
        """`vector` normalised; the first one tells how long all must be."""
        length = float(np.linalg.norm(vector)) if vector.size else 0.0
        if not math.isfinite(length) or length < _NORM_FLOOR:
            raise _senseless("a vector without direction")
        if self._dimensions is None:
            self._dimensions = vector.size
        if vector.size != self._dimensions:
            raise _senseless(f"{vector.size} dimensions, expected {self._dimensions}")
        return np.asarray(vector / np.float32(length), dtype=np.float32)

    def _require_ready(self) -> None:
        if not self._ready:
            raise CacheUnavailable("embedding", f"{self._name.model} is not ready")


def _is_too_long(text: str) -> bool:
    return len(text) > MAX_TEXT_BYTES or len(text.encode(errors="replace")) > MAX_TEXT_BYTES


def _numbers(embedding: str | list[float]) -> Vector:
    if isinstance(embedding, list):
        return np.array(embedding, dtype=np.float32)
    try:
        return np.frombuffer(b64decode(embedding, validate=True), dtype="<f4").astype(np.float32)
    except (binascii.Error, ValueError) as error:
        raise _senseless("a vector that is no base64 of float32") from error


def _senseless(what: str) -> CacheUnavailable:
    return CacheUnavailable("embedding", f"the provider gave {what}")
