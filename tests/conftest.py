"""Fixtures of the whole suite. Nothing of Django here: the runtime's tests do without it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.redis_server import RedisServer

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for the session."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client of an empty Redis."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def redis_url(redis_server: RedisServer, redis_client: redis.Redis) -> str:
    """The address of an empty Redis."""
    return redis_server.url


@pytest.fixture(scope="session")
def model_cache_dir() -> Path:
    """Where the embedding model is prepared once per checkout."""
    return ROOT / "var" / "models"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 48 dimensions and random weights that wants ``query: `` before its texts."""
    return _tiny_model(tmp_path_factory.mktemp("models") / "tiny", "prompt")


@pytest.fixture(scope="session")
def plain_tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 48 dimensions and random weights, as transformers alone writes it."""
    return _tiny_model(tmp_path_factory.mktemp("models") / "plain", "plain")


def _tiny_model(target: Path, kind: str) -> Path:
    # In a process of its own: this one must not load torch.
    program = ROOT / "tests" / "routing" / "programs" / "make_tiny_model.py"
    command = [sys.executable, str(program), str(target), kind]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return target
