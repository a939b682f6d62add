from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from routing.embedding.artefact import (
    ModelMeta,
    find_prepared,
    local_source,
    read_meta,
    short_name,
    source_digest,
    symmetric_prefix,
)
from routing.embedding.runtime import Embedder
from routing.embedding.session import EmbeddingSession
from routing.errors import ConfigError


def test_short_name__folders_and_odd_characters__fit_for_a_file() -> None:
    assert short_name("intfloat/e5 large:v2") == "e5-large-v2"


def test_local_source__both_names_of_the_packaged_model__same_directory(tmp_path: Path) -> None:
    plain = local_source("all-MiniLM-L6-v2", cache_dir=tmp_path)
    full = local_source("sentence-transformers/all-MiniLM-L6-v2", cache_dir=tmp_path)

    assert plain is not None
    assert plain == full
    assert (plain / "modules.json").is_file()


def test_local_source__name_never_fetched__none(tmp_path: Path) -> None:
    assert local_source("intfloat/e5-large-v2", cache_dir=tmp_path) is None


def test_source_digest__weights_change__differs(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    before = source_digest(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"other weights")

    assert source_digest(tmp_path) != before


def test_source_digest__readme_changes__same(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    before = source_digest(tmp_path)
    (tmp_path / "README.md").write_text("more words")

    assert source_digest(tmp_path) == before


def test_find_prepared__empty_cache__none(tmp_path: Path) -> None:
    assert find_prepared("all-MiniLM-L6-v2", cache_dir=tmp_path) is None


def test_read_meta__damaged__config_error_names_the_directory(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text("{")

    with pytest.raises(ConfigError, match=str(tmp_path)):
        read_meta(tmp_path)


def test_model_id__meta__name_and_twelve_digits() -> None:
    meta = ModelMeta(name="m", digest="ab" * 32, dimensions=3, max_tokens=256, versions={})

    assert meta.model_id == "m@abababababab"


@pytest.mark.model
def test_prepare__earlier_run_was_killed__its_leftovers_replaced(tmp_path: Path) -> None:
    (tmp_path / ".all-MiniLM-L6-v2.preparing").mkdir()
    (tmp_path / ".all-MiniLM-L6-v2.preparing" / "model.onnx").write_bytes(b"half a model")

    command = [sys.executable, "-m", "routing.embedding.prepare", "all-MiniLM-L6-v2"]
    done = subprocess.run([*command, "--cache-dir", str(tmp_path)], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert not (tmp_path / ".all-MiniLM-L6-v2.preparing").exists()


@pytest.mark.model
async def test_prepare__two_starters_at_once__prepared_once_without_warnings(
    tmp_path: Path,
) -> None:
    command = ["-W", "error", "-m", "routing.embedding.prepare", "all-MiniLM-L6-v2"]
    starters = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            "--cache-dir",
            str(tmp_path),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]
    said = [await starter.communicate() for starter in starters]

    assert [starter.returncode for starter in starters] == [0, 0]
    assert sum(b"exporting" in out for out, _ in said) == 1
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == [
        "all-MiniLM-L6-v2-" + source_digest(_packaged(tmp_path))[:12]
    ]


def _packaged(cache_dir: Path) -> Path:
    source = local_source("all-MiniLM-L6-v2", cache_dir=cache_dir)
    assert source is not None
    return source


@pytest.mark.parametrize(
    ("name", "prompts", "default", "prefix"),
    [
        ("all-MiniLM-L6-v2", {"query": "", "document": ""}, None, ""),
        ("all-MiniLM-L6-v2", {}, None, ""),
        ("arctic", {"query": "Represent: ", "document": ""}, None, "Represent: "),
        ("gemma", {"STS": "task: similarity | ", "query": "search: "}, None, "task: similarity | "),
        ("own", {"short": "text: ", "query": "search: "}, "short", "text: "),
        ("e5-large-v2", {}, None, "query: "),
        ("multilingual-e5-base", {"query": "", "document": ""}, None, "query: "),
        ("multilingual-e5-large-instruct", {}, None, ""),
    ],
)
def test_symmetric_prefix__what_a_model_says_of_itself__the_one_for_equals(
    name: str, prompts: dict[str, str | None], default: str | None, prefix: str
) -> None:
    assert symmetric_prefix(name, prompts=prompts, default=default) == prefix


@pytest.mark.model
async def test_prepare__own_directory_with_a_prompt__prefix_before_every_text(
    tiny_model: Path, tmp_path: Path
) -> None:
    embedder = Embedder(str(tiny_model), cache_dir=tmp_path, workers=1)
    await embedder.start()

    vector = await embedder.embed("how do i pay?")
    await embedder.close()

    session = EmbeddingSession(next(tmp_path.glob("tiny-*")), streams=1)
    assert (session.meta.prefix, embedder.dimensions) == ("query: ", 48)
    assert vector is not None
    assert float(vector @ session.embed("how do i pay?")) > 0.9999


@pytest.mark.model
async def test_prepare__directory_that_says_nothing_of_pooling__mean_of_the_words(
    plain_tiny_model: Path, tmp_path: Path
) -> None:
    embedder = Embedder(str(plain_tiny_model), cache_dir=tmp_path, workers=1)
    await embedder.start()
    longest = "a " * 70

    assert await embedder.embed(longest) is not None
    await embedder.close()


@pytest.mark.model
async def test_prepare__directory_without_a_model__config_error(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("no model here")
    embedder = Embedder(str(tmp_path), cache_dir=tmp_path / "models", workers=1)

    with pytest.raises(ConfigError, match="cannot be loaded"):
        await embedder.start()
    await embedder.close()
