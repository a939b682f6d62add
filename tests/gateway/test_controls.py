from __future__ import annotations

from typing import Any

import pytest

from routing.errors import CallError
from routing.gateway.controls import read_controls
from routing.types import Controls

EVERYTHING = Controls(
    policy="support",
    bypass=True,
    no_store=True,
    ttl_seconds=60,
    min_similarity=0.9,
    user="u1",
    tags=("order:1", "web"),
    documents=("manual",),
    endpoint="help",
    explain=True,
)


def test_controls__none_given__defaults() -> None:
    assert read_controls({}, headers={}) == Controls()


def test_controls__every_body_field__read() -> None:
    fields = {
        "policy": "support", "bypass": True, "no_store": True, "ttl_seconds": 60,
        "min_similarity": 0.9, "user": "u1", "tags": ["order:1", "web", "web"],
        "documents": ["manual"], "endpoint": "help", "explain": True,
    }  # fmt: skip

    assert read_controls(fields, headers={}) == EVERYTHING


def test_controls__every_header__read() -> None:
    headers = {
        b"x-cache-policy": b"support", b"x-cache-bypass": b"1", b"x-cache-no-store": b"true",
        b"x-cache-ttl-seconds": b"60", b"x-cache-min-similarity": b"0.9", b"x-cache-user": b"u1",
        b"x-cache-tags": b"order:1, web", b"x-cache-documents": b"manual",
        b"x-cache-endpoint": b"help", b"x-cache-explain": b"1",
    }  # fmt: skip

    assert read_controls({}, headers=headers) == EVERYTHING


def test_controls__both_speak__body_wins() -> None:
    controls = read_controls({"bypass": False}, headers={b"x-cache-bypass": b"1"})

    assert controls.bypass is False


def test_controls__null__as_not_given() -> None:
    assert read_controls({"policy": None}, headers={}) == Controls()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("policy", 5),
        ("bypass", "yes"),
        ("bypass", 1),
        ("ttl_seconds", 0),
        ("ttl_seconds", 1.5),
        ("ttl_seconds", True),
        ("min_similarity", 1.01),
        ("min_similarity", "0.9"),
        ("user", "u" * 257),
        ("user", "a\nb"),
        ("tags", "web"),
        ("tags", [1]),
        ("tags", ["t"] * 33),
        ("threshold", 0.9),
    ],
)
def test_controls__wrong_field__names_it(field: str, value: Any) -> None:
    with pytest.raises(CallError) as caught:
        read_controls({field: value}, headers={})

    assert (caught.value.status, caught.value.param) == (400, f"cache.{field}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"x-cache-bypass", b"maybe"),
        (b"x-cache-ttl-seconds", b"-5"),
        (b"x-cache-ttl-seconds", b"99999999999999999999"),
        (b"x-cache-min-similarity", b"nan"),
        (b"x-cache-min-similarity", b"high"),
        (b"x-cache-user", b"\xff"),
        (b"x-cache-threshold", b"0.9"),
        (b"x-cache-tags", b",".join(b"t%d" % number for number in range(33))),
        (b"x-cache-tags", b"t" * 129),
    ],
)
def test_controls__wrong_header__names_it(name: bytes, value: bytes) -> None:
    with pytest.raises(CallError) as caught:
        read_controls({}, headers={name: value})

    assert (caught.value.status, caught.value.param) == (400, name.decode())
