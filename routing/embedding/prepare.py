"""Prepares an embedding model once: ``python -m routing.embedding.prepare MODEL --cache-dir DIR``.

Exports a sentence-transformers model to ONNX, pooling and L2 norm inside the graph, and proves the
export against the original before it is used. This is the only module that needs torch, and it runs
in a process of its own so that the runtime never carries it.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from routing.embedding.artefact import (
    MAX_TOKENS,
    META_FILE,
    ONNX_FILE,
    TOKENIZER_FILE,
    ModelMeta,
    exporter_versions,
    fetched_source,
    find_prepared,
    local_source,
    prepared_dir,
    short_name,
    source_digest,
    symmetric_prefix,
)
from routing.embedding.session import EmbeddingSession
from routing.errors import ConfigError

MIN_AGREEMENT = 0.9999
OPSET = 17
_NICENESS = 10

# The TorchScript exporter is deprecated but is the one whose graph keeps a dynamic length; what it
# says of negative indices does not apply to a sentence encoder, and the probes would show it.
_EXPORTER_WARNINGS = (
    "You are using the legacy TorchScript-based",
    "The feature will be removed",
    "Exporting aten::index operator of advanced indexing",
)

_QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}

PROBES = (
    "How do I cancel my order?",
    "Can I cancel after 48 hours?",
    "¿Cómo puedo cancelar mi pedido si ya ha sido enviado?",
    "refund",
    "The parcel arrived on Monday, but two of the three items that I ordered were missing. " * 40,
)


def main(argv: list[str] | None = None) -> int:
    """Prepare the model named on the command line; 0 when it is ready, 1 with a message."""
    parser = argparse.ArgumentParser(prog="python -m routing.embedding.prepare")
    parser.add_argument("model", help="a packaged model, a directory, or a model name to fetch")
    parser.add_argument("--cache-dir", type=Path, required=True)
    arguments = parser.parse_args(argv)
    try:
        directory = prepare(arguments.model, cache_dir=arguments.cache_dir)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    _say(f"embedding model {arguments.model} is ready in {directory}")
    return 0


def prepare(model: str, *, cache_dir: Path) -> Path:
    """Directory of the prepared `model`, made now unless it is already there.

    Raises ConfigError when the model cannot be found or its export disagrees with the original.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    with _only_one(cache_dir / f".{short_name(model)}.lock"):
        if (ready := find_prepared(model, cache_dir=cache_dir)) is not None:
            return ready
        started = time.monotonic()
        _say(f"preparing embedding model {model} (once)")
        source = local_source(model, cache_dir=cache_dir) or _fetch(model, cache_dir=cache_dir)
        target = prepared_dir(model, digest=source_digest(source), cache_dir=cache_dir)
        with _scratch(cache_dir / f".{short_name(model)}.preparing") as scratch:
            _export(source, name=short_name(model), target=scratch)
            scratch.rename(target)
        _say(f"prepared in {time.monotonic() - started:.1f} s")
        return target


def _fetch(model: str, *, cache_dir: Path) -> Path:
    _say(f"fetching {model}")
    loaded = _load(model)
    target = fetched_source(model, cache_dir=cache_dir)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _scratch(cache_dir / f".{short_name(model)}.fetching") as scratch:
        loaded.save_pretrained(str(scratch))
        scratch.rename(target)
    return target


def _export(source: Path, *, name: str, target: Path) -> None:
    _say("loading the original")
    original = _load(str(source))
    original.max_seq_length = min(original.max_seq_length or MAX_TOKENS, MAX_TOKENS)
    meta = ModelMeta(
        name=name,
        digest=source_digest(source),
        dimensions=int(original.get_embedding_dimension()),
        max_tokens=int(original.max_seq_length),
        versions=exporter_versions(),
        prefix=symmetric_prefix(
            name, prompts=original.prompts, default=original.default_prompt_name
        ),
    )
    _save_tokenizer(original, target / TOKENIZER_FILE)
    _say("exporting")
    _write_onnx(original, target / ONNX_FILE)
    (target / META_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(meta), indent=2))
    worst = _worst_agreement(original, target, prefix=meta.prefix)
    _say(f"worst cosine against the original {worst:.6f}")
    if worst <= MIN_AGREEMENT:
        raise ConfigError(
            f"the exported {name} agrees with the original only to cosine {worst:.6f}, "
            f"needed is more than {MIN_AGREEMENT}; choose another EMBEDDING_MODEL"
        )


def _load(source: str) -> Any:
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(
            source, device="cpu", model_kwargs={"attn_implementation": "eager"}
        )
    except (OSError, ValueError) as error:
        raise ConfigError(f"embedding model {source!r} cannot be loaded: {error}") from error


def _write_onnx(original: Any, path: Path) -> None:
    import torch

    class Sentence(torch.nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
        def __init__(self) -> None:
            super().__init__()
            self.original = original

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            for module in self.original:
                features = module(features)
            return torch.nn.functional.normalize(features["sentence_embedding"], dim=1)

    sample = original.tokenizer([PROBES[0], PROBES[1]], return_tensors="pt", padding=True)
    axes = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        for message in _EXPORTER_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        torch.onnx.export(
            Sentence().eval(),
            (sample["input_ids"], sample["attention_mask"]),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )


def _save_tokenizer(original: Any, path: Path) -> None:
    tokenizer = getattr(original.tokenizer, "backend_tokenizer", None)
    if tokenizer is None:
        raise ConfigError(
            "the model has no tokenizer.json, which the runtime needs; choose another model"
        )
    tokenizer.save(str(path))


def _worst_agreement(original: Any, directory: Path, *, prefix: str) -> float:
    session = EmbeddingSession(directory, streams=1)
    # The prefix by name and none by default, so that it counts once whatever the model's own is.
    expected = original.encode(
        [prefix + probe for probe in PROBES],
        prompt="",
        normalize_embeddings=True,
        show_progress_bar=False,
    )
    return min(
        float(np.dot(session.embed(probe), vector))
        for probe, vector in zip(PROBES, expected, strict=True)
    )


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _scratch(directory: Path) -> Iterator[Path]:
    # One name per model, safe under the lock: what a killed run left behind goes away here.
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.environ.update(_QUIET)
    # A runtime may be answering calls on this machine.
    os.nice(_NICENESS)
    raise SystemExit(main())
