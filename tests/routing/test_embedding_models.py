from __future__ import annotations

import pytest

from routing.embedding_models import (
    KNOWN_MODELS,
    ModelName,
    bytes_per_vector,
    known_model,
    parse_model_name,
)
from routing.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("all-MiniLM-L6-v2", ModelName("local", "all-MiniLM-L6-v2")),
        ("intfloat/e5-large-v2", ModelName("local", "intfloat/e5-large-v2")),
        ("/srv/models/my e5", ModelName("local", "/srv/models/my e5")),
        ("openai:text-embedding-3-small", ModelName("openai", "text-embedding-3-small")),
        ("openai:text-embedding-3-small@512", ModelName("openai", "text-embedding-3-small", 512)),
        ("openai:nomic-embed-text", ModelName("openai", "nomic-embed-text")),
    ],
)
def test_parse_model_name__each_form__told_apart(name: str, expected: ModelName) -> None:
    assert parse_model_name(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        " all-MiniLM-L6-v2",
        "../../etc/passwd",
        "--help",
        "models/../../secret",
        "a\nb",
        "a\0b",
        "x" * 201,
        "openai:",
        "openai:text-embedding-3-small@0",
        "openai:text-embedding-3-small@1537",
        "openai:text-embedding-ada-002@512",
        "openai:text-embedding-3-small@512@256",
    ],
)
def test_parse_model_name__none_of_the_forms__refused(name: str) -> None:
    with pytest.raises(ConfigError):
        parse_model_name(name)


def test_known_models__every_name__can_be_parsed() -> None:
    names = [model.name for model in KNOWN_MODELS]

    assert [parse_model_name(name).model for name in names]
    assert len(set(names)) == len(names)


def test_known_model__with_publisher_or_without__found() -> None:
    plain, full = (
        known_model(name) for name in ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2")
    )

    assert plain is not None
    assert plain == full


def test_bytes_per_vector__384_dimensions__float32_and_one_byte_each() -> None:
    assert bytes_per_vector(384) == (1536, 384)
