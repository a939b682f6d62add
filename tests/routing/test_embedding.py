from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from routing.embedding.artefact import find_prepared
from routing.embedding.runtime import Embedder
from routing.embedding.session import EmbeddingSession, Vector
from routing.errors import CacheUnavailable, ConfigError

MODEL = "all-MiniLM-L6-v2"


@pytest_asyncio.fixture
async def embedder(model_cache_dir: Path) -> AsyncIterator[Embedder]:
    embedder = Embedder(MODEL, cache_dir=model_cache_dir, workers=2)
    await embedder.start()
    yield embedder
    await embedder.close()


async def vector_of(text: str, embedder: Embedder) -> Vector:
    vector = await embedder.embed(text)
    assert vector is not None
    return vector


@pytest.mark.model
async def test_embed__any_text__unit_float32_vector(embedder: Embedder) -> None:
    vector = await vector_of("How do I cancel my order?", embedder)

    assert vector.dtype == np.float32
    assert vector.shape == (embedder.dimensions,)
    assert embedder.dimensions == 384
    assert float(np.linalg.norm(vector)) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.model
async def test_embed__rephrasing__nearer_than_other_question(embedder: Embedder) -> None:
    asked = await vector_of("How do I cancel my order?", embedder)
    rephrased = await vector_of("I want to cancel an order, how does that work?", embedder)
    other = await vector_of("What are your opening hours?", embedder)

    assert asked @ rephrased > 0.8 > 0.5 > asked @ other


@pytest.mark.model
def test_embed_batch__texts_of_all_widths__same_vectors_as_alone(model_cache_dir: Path) -> None:
    directory = find_prepared(MODEL, cache_dir=model_cache_dir)
    assert directory is not None
    session = EmbeddingSession(directory, streams=1)
    texts = [f"Where is order number {number}?" + " please" * number for number in range(40)]

    together = session.embed_batch(texts)

    alone = [session.embed(text) for text in texts]
    assert all(
        vector is not None and vector @ other > 0.99999
        for vector, other in zip(together, alone, strict=True)
    )


@pytest.mark.model
def test_embed_batch__text_too_long__has_none(model_cache_dir: Path) -> None:
    directory = find_prepared(MODEL, cache_dir=model_cache_dir)
    assert directory is not None

    found = EmbeddingSession(directory, streams=1).embed_batch(["Where?", "word " * 300])

    assert [vector is None for vector in found] == [False, True]


@pytest.mark.model
async def test_embed__many_at_once__same_vectors_as_alone(embedder: Embedder) -> None:
    texts = [f"Where is order number {number}?" for number in range(20)]
    alone = [await vector_of(text, embedder) for text in texts]

    together = await asyncio.gather(*(vector_of(text, embedder) for text in texts))

    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.model
@pytest.mark.parametrize("text", ["parcel " * 300, "parcel " * 500_000])
async def test_embed__text_longer_than_the_model_reads__none(embedder: Embedder, text: str) -> None:
    assert await embedder.embed(text) is None


@pytest.mark.model
async def test_embed__more_at_once_than_can_wait__refused_not_queued(embedder: Embedder) -> None:
    asked = [embedder.embed("Where is my order?") for _ in range(500)]

    told = await asyncio.gather(*asked, return_exceptions=True)

    assert sum(isinstance(answer, CacheUnavailable) for answer in told) >= 500 - 64


@pytest.mark.model
@pytest.mark.parametrize("text", ["", " ", "\u200b", "🙂🙃", "¿Dónde está mi pedido?"])
async def test_embed__odd_text__finite_vector(embedder: Embedder, text: str) -> None:
    assert np.isfinite(await vector_of(text, embedder)).all()


@pytest.mark.model
async def test_model_id__loaded__name_and_digest(embedder: Embedder) -> None:
    name, _, digest = embedder.model_id.partition("@")

    assert name == MODEL
    assert len(digest) == 12


async def test_embed__not_started__cache_unavailable(tmp_path: Path) -> None:
    embedder = Embedder(MODEL, cache_dir=tmp_path, workers=1)

    with pytest.raises(CacheUnavailable, match="not loaded"):
        await embedder.embed("How do I cancel my order?")


async def test_start__directory_without_model__config_error(tmp_path: Path) -> None:
    embedder = Embedder(str(tmp_path / "nothing"), cache_dir=tmp_path, workers=1)

    with pytest.raises(ConfigError, match="is not a directory"):
        await embedder.start()


@pytest.mark.model
async def test_embedder__loaded__no_torch_in_the_process(
    embedder: Embedder, model_cache_dir: Path
) -> None:
    program = f"""
import asyncio, sys
from pathlib import Path
from routing.embedding.runtime import Embedder

async def main():
    embedder = Embedder("{MODEL}", cache_dir=Path("{model_cache_dir}"), workers=1)
    await embedder.start()
    await embedder.embed("Where is my order?")
    await embedder.close()

asyncio.run(main())
print(sorted({{"torch", "transformers", "sentence_transformers", "onnx"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.stdout.strip(), done.stderr) == ("[]", "")
