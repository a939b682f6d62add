"""The published description of the app-facing API, held against the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from routing.config import RuntimeConfig
from routing.gateway.app import build_app
from routing.gateway.cache_api import LookupAnswer, StoreAnswer
from routing.gateway.events_api import EventAnswer
from routing.gateway.headers import decision_header, hit_headers, pass_headers
from routing.gateway.models import Model
from routing.prices import NO_TOKENS
from routing.types import Answer, Controls, Decision

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "gateway-openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(PUBLISHED.read_text())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
MODEL = SCHEMAS["ModelList"]["properties"]["data"]["items"]


def test_openapi__paths__are_those_that_are_served(tmp_path: Path) -> None:
    config = RuntimeConfig(redis_url="redis://127.0.0.1:1/0", data_dir=tmp_path)
    app = build_app(config)

    served = {*app.hot, *(getattr(route, "path", "") for route in app.routes)}

    assert set(DOCUMENT["paths"]) == served


def test_openapi__controls__are_those_that_are_read() -> None:
    read = {field.name for field in msgspec.structs.fields(Controls)}

    assert set(SCHEMAS["Controls"]["properties"]) == read


def test_openapi__control_headers__one_for_each_control() -> None:
    headers = {parameter["name"] for parameter in DOCUMENT["components"]["parameters"].values()}

    controls = SCHEMAS["Controls"]["properties"]

    assert headers == {f"x-cache-{name.replace('_', '-')}" for name in controls}


def test_openapi__answer_headers__are_those_that_are_sent() -> None:
    decision = Decision(result="miss", layer="none", revision=1, similarity=0.5)
    answer = Answer(
        text="Yes.",
        layer="exact",
        similarity=1.0,
        entry_id="p.e",
        age_seconds=1,
        ttl_seconds=2,
        model="m",
        usage=NO_TOKENS,
        cost_nanousd=0,
    )
    sent = [
        *hit_headers(answer, decision, response_id="r"),
        *pass_headers(decision, response_id="r", cost_nanousd=1),
        decision_header(decision),
    ]

    described = DOCUMENT["paths"]["/v1/chat/completions"]["post"]["responses"]["200"]["headers"]

    assert set(described) == {name.decode() for name, _ in sent}


@pytest.mark.parametrize(
    ("schema", "struct"),
    [
        (SCHEMAS["LookupAnswer"], LookupAnswer),
        (SCHEMAS["StoreAnswer"], StoreAnswer),
        (SCHEMAS["EventAnswer"], EventAnswer),
        (MODEL, Model),
    ],
    ids=["lookup", "store", "event", "model"],
)
def test_openapi__answer__has_the_fields_of_the_code(schema: Any, struct: Any) -> None:
    assert set(schema["properties"]) == {field.name for field in msgspec.structs.fields(struct)}
