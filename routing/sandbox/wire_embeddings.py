"""OpenAI's embeddings as they go over the wire, and vectors made from the words of a text.

A text's vector is the sum of its words' vectors, which a hash makes. So texts that share words are
near, others are not, and equal texts are equal: enough to stand in for a model, no more.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from routing.sandbox.tokens import count_tokens
from routing.sandbox.wire_openai import BadRequest

MAX_INPUTS = 2048
MAX_INPUT_TOKENS = 8191

_WORD = re.compile(r"[^\W_]+")
_COMMON_WEIGHT = 0.2
_COMMON_WORDS = (
    "a an and are at be can could de del do does el en for from i in is it la las los me mi my of "
    "on or please que the there this to un una want we what will with would you your"
)
_COMMON = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """Length of a model's vectors, and whether the caller may ask for shorter ones."""

    dimensions: int
    shortens: bool


EMBEDDING_MODELS = {
    "text-embedding-3-small": EmbeddingModel(1536, shortens=True),
    "text-embedding-3-large": EmbeddingModel(3072, shortens=True),
    "text-embedding-ada-002": EmbeddingModel(1536, shortens=False),
}


class EmbeddingRequest(Struct):
    """The fields of an embedding request that the sandbox heeds."""

    model: str
    input: str | Annotated[list[str], Meta(min_length=1, max_length=MAX_INPUTS)]
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    encoding_format: Literal["float", "base64"] = "float"

    def texts(self) -> list[str]:
        """What is to be embedded, one or many."""
        return [self.input] if isinstance(self.input, str) else self.input


def decode_embedding_request(body: bytes) -> EmbeddingRequest:
    """The request in `body`. Raises BadRequest saying what is wrong with it."""
    try:
        request = msgspec.json.decode(body, type=EmbeddingRequest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(str(error)) from error
    for index, text in enumerate(request.texts()):
        if not text:
            raise BadRequest(f"'$.input[{index}]' is empty")
        if count_tokens(text) > MAX_INPUT_TOKENS:
            raise BadRequest(f"This model's maximum context length is {MAX_INPUT_TOKENS} tokens")
    return request


def dimensions_of(request: EmbeddingRequest, model: EmbeddingModel) -> int:
    """Length of the vectors asked for. Raises BadRequest when the model has none so long."""
    if request.dimensions is None:
        return model.dimensions
    if not model.shortens:
        raise BadRequest("This model does not support specifying dimensions.")
    if request.dimensions > model.dimensions:
        raise BadRequest(f"'dimensions' must be at most {model.dimensions}")
    return request.dimensions


def embed_words(text: str, dimensions: int) -> NDArray[np.float32]:
    """The L2-normalised vector of `text`. Words that say little count a fifth."""
    words = _WORD.findall(text.casefold()) or [text]
    total = np.zeros(dimensions, dtype=np.float32)
    for word in words:
        total += (_COMMON_WEIGHT if word in _COMMON else 1.0) * _word_vector(word, dimensions)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def embeddings_body(
    vectors: list[NDArray[np.float32]], *, model: str, base64_encoded: bool, tokens: int
) -> bytes:
    """A whole answer. `tokens`: those of all texts together."""
    return msgspec.json.encode(
        {
            "object": "list",
            "data": [
                {
                    "object": "embedding",
                    "index": index,
                    "embedding": (
                        base64.b64encode(vector.tobytes()).decode()
                        if base64_encoded
                        else vector.tolist()
                    ),
                }
                for index, vector in enumerate(vectors)
            ],
            "model": model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


@lru_cache(maxsize=4096)
def _word_vector(word: str, dimensions: int) -> NDArray[np.float32]:
    # The plural is near enough the singular to count as the same word.
    stem = word[:-1] if len(word) > 3 and word.endswith("s") else word
    seed = hashlib.blake2b(stem.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    source = np.random.default_rng(int.from_bytes(seed))
    return source.standard_normal(dimensions).astype(np.float32)
