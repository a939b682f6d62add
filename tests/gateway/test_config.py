from __future__ import annotations

from pathlib import Path

import pytest

from routing.config import load_config
from routing.errors import ConfigError

REDIS = {"REDIS_URL": "redis://:s3cret@cache.example:6379/0"}


@pytest.mark.parametrize("name", ["CREDENTIALS_KEY", "METRICS_TOKEN", "OPENAI_API_KEY"])
def test_config__secret_in_a_file__read_from_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / "secret"
    path.write_text("s3cret\n")

    config = load_config({**REDIS, f"{name}_FILE": str(path)})

    assert getattr(config, name.lower()) == "s3cret"


def test_config__redis_url_in_a_file__read_from_it(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text("redis://cache.example:6379/0\n")

    assert load_config({"REDIS_URL_FILE": str(path)}).redis_url == "redis://cache.example:6379/0"


def test_config__file_missing__refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="METRICS_TOKEN_FILE"):
        load_config({**REDIS, "METRICS_TOKEN_FILE": str(tmp_path / "none")})


def test_config__file_empty__refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch()

    with pytest.raises(ConfigError, match=r"METRICS_TOKEN_FILE=.* is empty"):
        load_config({**REDIS, "METRICS_TOKEN_FILE": str(path)})


def test_config__secret_given_twice__refused_without_showing_it() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({**REDIS, "METRICS_TOKEN": "s3cret", "METRICS_TOKEN_FILE": "/f"})

    assert "s3cret" not in str(caught.value)


def test_config__shown__tells_no_secret() -> None:
    names = ("CREDENTIALS_KEY", "METRICS_TOKEN", "OPENAI_API_KEY")

    assert "s3cret" not in repr(load_config(REDIS | dict.fromkeys(names, "s3cret")))


def test_config__drain_seconds__as_given() -> None:
    assert load_config(REDIS | {"DRAIN_SECONDS": "8"}).drain_seconds == 8
