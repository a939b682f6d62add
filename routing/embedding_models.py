"""How embedding models are named, and what is known of the usual ones. Pure; both planes use it.

A name is one of::

    all-MiniLM-L6-v2                     a sentence-transformers model, by name
    /srv/models/support-e5               the same, as a directory on the runtime's disk
    openai:text-embedding-3-small        a model of OpenAI, or of what speaks its API
    openai:text-embedding-3-small@512    the same, its vectors shortened to 512 dimensions
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from routing.errors import ConfigError

MAX_NAME_CHARS = 200
MAX_DIMENSIONS = 4096

_OPENAI = re.compile(r"openai:([A-Za-z0-9][A-Za-z0-9._/-]{0,99})(?:@([1-9][0-9]{0,4}))?")
_LOCAL = re.compile(r"[A-Za-z0-9._/][A-Za-z0-9._~/@+ -]*")


class ModelName(Struct, frozen=True):
    """A parsed name. `dimensions`: those asked for, None for the model's own."""

    provider: Literal["local", "openai"]
    model: str
    dimensions: int | None = None


class KnownModel(Struct, frozen=True):
    """A model that operators are offered.

    `english_only`: made for English; other languages are told apart badly. `weight_mb`: what its
    weights take in a runtime's memory, 0 when they are elsewhere.
    """

    name: str
    dimensions: int
    english_only: bool
    weight_mb: int


class Reembedding(Struct, frozen=True):
    """How far a tenant's most used answers have been put in their places under its present model.

    `total` is what the job set out to do; `done` of it is in place or needs no place any more,
    `failed` could not be embedded. `attempts`: how often the job was begun. `error` says why it is
    held up, or has failed.
    """

    model: str
    model_id: str
    state: Literal["running", "done", "failed"]
    started_at: datetime
    updated_at: datetime
    total: int = 0
    done: int = 0
    failed: int = 0
    attempts: int = 0
    error: str = ""

    @property
    def seconds_left(self) -> float | None:
        """Of a running job, at the speed so far; None while nobody can tell."""
        gone, behind = self.done + self.failed, self.updated_at - self.started_at
        if self.state != "running" or not gone:
            return None
        return behind.total_seconds() / gone * (self.total - gone)


KNOWN_MODELS = (
    KnownModel("all-MiniLM-L6-v2", 384, english_only=True, weight_mb=90),
    KnownModel("all-mpnet-base-v2", 768, english_only=True, weight_mb=420),
    KnownModel("BAAI/bge-large-en-v1.5", 1024, english_only=True, weight_mb=1340),
    KnownModel("intfloat/e5-large-v2", 1024, english_only=True, weight_mb=1340),
    KnownModel(
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        384,
        english_only=False,
        weight_mb=470,
    ),
    KnownModel("intfloat/multilingual-e5-base", 768, english_only=False, weight_mb=1110),
    KnownModel("openai:text-embedding-3-small@512", 512, english_only=False, weight_mb=0),
    KnownModel("openai:text-embedding-3-small", 1536, english_only=False, weight_mb=0),
    KnownModel("openai:text-embedding-3-large@1024", 1024, english_only=False, weight_mb=0),
    KnownModel("openai:text-embedding-3-large", 3072, english_only=False, weight_mb=0),
    KnownModel("openai:text-embedding-ada-002", 1536, english_only=False, weight_mb=0),
)

_OPENAI_DIMENSIONS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
_FIXED_LENGTH = frozenset({"text-embedding-ada-002"})


def parse_model_name(name: str) -> ModelName:
    """What `name` stands for. Raises ConfigError saying what is wrong with it."""
    if len(name) > MAX_NAME_CHARS:
        raise ConfigError(f"an embedding model's name has at most {MAX_NAME_CHARS} characters")
    if name.startswith("openai:"):
        return _parse_openai(name)
    if not _LOCAL.fullmatch(name) or name != name.strip() or ".." in name.split("/"):
        raise ConfigError(
            f"{name!r} is no embedding model: give a sentence-transformers name, a directory, or "
            "openai:<model>, with @<dimensions> if its vectors are to be shorter"
        )
    return ModelName("local", name)


def known_model(name: str) -> KnownModel | None:
    """What is known of the model called `name`, with or without its publisher."""
    short = name.rsplit("/", 1)[-1]
    return next((m for m in KNOWN_MODELS if name == m.name or short == m.name.split("/")[-1]), None)


def decode_progress(blob: bytes) -> Reembedding | None:
    """What is told of a tenant's job; None when another release wrote it."""
    try:
        return msgspec.json.decode(blob, type=Reembedding)
    except msgspec.MsgspecError:
        return None


def bytes_per_vector(dimensions: int) -> tuple[int, int]:
    """What one vector takes in Redis: float32 kept with the entry, 8 bits a number in the index."""
    return 4 * dimensions, dimensions


def _parse_openai(name: str) -> ModelName:
    found = _OPENAI.fullmatch(name)
    if found is None:
        raise ConfigError(f"{name!r} is not of the form openai:<model> or openai:<model>@<number>")
    model, asked = found[1], found[2]
    if asked is None:
        return ModelName("openai", model)
    dimensions, most = int(asked), _OPENAI_DIMENSIONS.get(model, MAX_DIMENSIONS)
    if model in _FIXED_LENGTH:
        raise ConfigError(f"{model} has {most} dimensions and cannot give fewer")
    if dimensions > most:
        raise ConfigError(f"{model} has at most {most} dimensions, {dimensions} were asked for")
    return ModelName("openai", model, dimensions)
