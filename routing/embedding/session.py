"""One loaded embedding model, called from as many threads as it has streams."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from routing.embedding.artefact import ONNX_FILE, TOKENIZER_FILE, ModelMeta, read_meta

Vector = NDArray[np.float32]

_WIDTH_STEP = 16
"""Inputs are padded to a multiple of this: a width other than the last one costs OpenVINO about a
millisecond of preparation, more than some masked tokens do."""


class EmbeddingSession:
    """Loads on construction (about a second). `embed` blocks, and is safe from any thread.

    Raises ConfigError when `directory` holds no prepared model.
    """

    def __init__(self, directory: Path, *, streams: int) -> None:
        import openvino

        self.meta: ModelMeta = read_meta(directory)
        # The file asks for padding to a fixed length, which would make every short query pay for
        # the longest one.
        self._tokenizer = Tokenizer.from_file(str(directory / TOKENIZER_FILE))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.meta.max_tokens)
        # One compiled model with a one-thread stream per caller shares its weights; a model per
        # caller costs 125 MB more each and two callers on one stream wait for each other.
        self._compiled = openvino.Core().compile_model(
            str(directory / ONNX_FILE),
            "CPU",
            {
                "NUM_STREAMS": streams,
                "INFERENCE_NUM_THREADS": streams,
                "ENABLE_CPU_PINNING": False,
            },
        )
        self._own = threading.local()

    def embed(self, text: str) -> Vector:
        """The L2-normalised vector of `text`, cut at the model's length as its authors cut it.

        Raises RuntimeError when inference fails.
        """
        return self._infer_one(self._encode(text))

    def embed_whole(self, text: str) -> Vector | None:
        """As `embed`, but None for a text longer than the model reads: two texts that begin alike
        would get the same vector, however differently they end."""
        encoding = self._encode(text)
        return None if encoding.overflowing else self._infer_one(encoding)

    def embed_batch(self, texts: Sequence[str]) -> list[Vector | None]:
        """As `embed_whole`, for many texts at once: twice the throughput, but no text gets its
        vector before the last. Only texts of one width share an inference, so that each gets the
        vector that it gets alone (cosine above 0.99999)."""
        vectors: list[Vector | None] = [None] * len(texts)
        by_width: defaultdict[int, list[tuple[int, list[int]]]] = defaultdict(list)
        for position, text in enumerate(texts):
            encoding = self._encode(text)
            if not encoding.overflowing:
                by_width[self._width(len(encoding.ids))].append((position, encoding.ids))
        for width, rows in by_width.items():
            found = self._infer([ids for _, ids in rows], width=width)
            for (position, _), vector in zip(rows, found, strict=True):
                vectors[position] = vector.copy()
        return vectors

    def _encode(self, text: str) -> Encoding:
        return self._tokenizer.encode(self.meta.prefix + text)

    def _width(self, tokens: int) -> int:
        # Never wider than the model reads: it has no positions beyond that.
        padded = -(-tokens // _WIDTH_STEP) * _WIDTH_STEP
        return min(padded, max(tokens, self.meta.max_tokens))

    def _infer_one(self, encoding: Encoding) -> Vector:
        vector: Vector = self._infer([encoding.ids], width=self._width(len(encoding.ids)))[0]
        return vector

    def _infer(self, rows: Sequence[Sequence[int]], *, width: int) -> NDArray[np.float32]:
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        outputs = self._request().infer({0: ids, 1: mask})
        vectors: NDArray[np.float32] = np.array(outputs[0], dtype=np.float32)
        return vectors

    def _request(self) -> Any:
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._compiled.create_infer_request()
        return request
