from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from routing.canonical import canonical_json
from routing.errors import CallError
from routing.gateway.json_body import JsonLimits
from routing.gateway.request import (
    MAX_QUERY_CHARS,
    ChatRequest,
    parse_chat_request,
    provider_body,
)
from routing.types import Context

CASES = Path(__file__).parent / "cases"


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in json.loads((CASES / name).read_text())]


def context_of(parts: dict[str, Any]) -> Context:
    """The context whose parts are given as JSON values."""
    turns = tuple(map(canonical_json, parts.pop("turns", [])))
    return Context(turns=turns, **{name: canonical_json(part) for name, part in parts.items()})


def parse(body: bytes, *, depth: int = 32, nodes: int = 50_000, **headers: str) -> ChatRequest:
    cache_headers = {
        f"x-cache-{name.replace('_', '-')}".encode(): value.encode()
        for name, value in headers.items()
    }
    return parse_chat_request(
        body,
        tenant="uid-acme",
        cache_headers=cache_headers,
        limits=JsonLimits(depth=depth, nodes=nodes),
    )


def question(**fields: Any) -> bytes:
    request = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Q"}]}
    return json.dumps(request | fields).encode()


@pytest.mark.parametrize("case", cases("chat_requests.json"))
def test_request__valid__becomes_the_call(case: dict[str, Any]) -> None:
    call = parse(json.dumps(case["request"]).encode()).call

    assert (call.query, call.context, call.bypass_reason, call.plain_text) == (
        case["query"],
        context_of(case["context"]),
        case["bypass_reason"],
        case["plain_text"],
    )


@pytest.mark.parametrize("case", cases("bad_requests.json"))
def test_request__wrong__names_the_field(case: dict[str, Any]) -> None:
    with pytest.raises(CallError) as caught:
        parse(case["body"].encode())

    error = caught.value
    assert (error.status, error.param, error.code) == (400, case["param"], case["code"])


@pytest.mark.parametrize("case", cases("equal_requests.json"))
def test_request__says_the_same__same_context(case: dict[str, Any]) -> None:
    one, other = (parse(json.dumps(case[name]).encode()).call for name in ("one", "other"))

    assert (one.query, one.context) == (other.query, other.context)


@pytest.mark.parametrize("case", cases("unequal_requests.json"))
def test_request__says_something_else__only_that_part_differs(case: dict[str, Any]) -> None:
    one, other = (parse(json.dumps(case[name]).encode()).call for name in ("one", "other"))

    differing = [
        part
        for part in Context.__struct_fields__
        if getattr(one.context, part) != getattr(other.context, part)
    ]
    assert (one.query, differing) == (other.query, case["parts"])


def test_request__attachments_change_places__another_context() -> None:
    def asked(first: str, second: str) -> Context:
        content = [
            {"type": "text", "text": "Before:"},
            {"type": "image_url", "image_url": {"url": first}},
            {"type": "text", "text": "After:"},
            {"type": "image_url", "image_url": {"url": second}},
            {"type": "text", "text": "What changed?"},
        ]
        return parse(question(messages=[{"role": "user", "content": content}])).call.context

    assert asked("https://x/a.png", "https://x/b.png") != asked(
        "https://x/b.png", "https://x/a.png"
    )


def test_request__attachment_moves_between_texts__another_context() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x/a.png"}}
    texts = [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}]

    def asked(*content: Any) -> Context:
        return parse(question(messages=[{"role": "user", "content": content}])).call.context

    assert asked(image, *texts) != asked(texts[0], image, texts[1])


def test_request__openai_user__is_the_default_user() -> None:
    assert parse(question(user="u1")).call.controls.user == "u1"


def test_request__cache_user__wins_over_openai_user() -> None:
    request = parse(question(user="u1", cache={"user": "u2"}))

    assert request.call.controls.user == "u2"


def test_request__deeper_than_allowed__refused() -> None:
    body = question(metadata=json.loads("[" * 8 + "]" * 8))

    with pytest.raises(CallError, match="nested deeper than 8 levels"):
        parse(body, depth=8)


def test_request__brackets_in_text__not_counted_as_depth() -> None:
    body = question(messages=[{"role": "user", "content": '[[[[ \\" [[[[ {{{{'}])

    assert parse(body, depth=4).call.query == '[[[[ \\" [[[[ {{{{'


def test_request__recursion_bomb__refused() -> None:
    with pytest.raises(CallError) as caught:
        parse(b"[" * 100_000, nodes=100_000)

    assert caught.value.code == "json_too_deep"


@pytest.mark.parametrize(
    "tools",
    [
        pytest.param("[" + ",".join(["1.0"] * 101) + "]", id="numbers"),
        pytest.param("[" + ",".join(["[]"] * 101) + "]", id="lists"),
        pytest.param("[" + ",".join(['""'] * 101) + "]", id="strings"),
        pytest.param("[" + ",".join(['"["'] * 101) + "]", id="strings with brackets"),
    ],
)
def test_request__more_values_than_allowed__refused(tools: str) -> None:
    body = question(messages=[{"role": "user", "content": "Q"}]).replace(
        b'{"model"', b'{"tools":' + tools.encode() + b',"model"'
    )

    with pytest.raises(CallError, match="raise MAX_JSON_NODES") as caught:
        parse(body, nodes=100)

    assert caught.value.code == "json_too_many_nodes"


@pytest.mark.parametrize("text", [",[{" * 500, '",' * 500, '\\",' * 500])
def test_request__signs_of_json_in_text__not_counted_as_values(text: str) -> None:
    request = parse(question(messages=[{"role": "user", "content": text}]), nodes=100)

    assert request.call.query == text


def test_request__text_too_long_to_be_compared__bypass() -> None:
    text = "a" * (MAX_QUERY_CHARS + 1)

    call = parse(question(messages=[{"role": "user", "content": text}])).call

    assert call.bypass_reason == "query_too_long"


def test_request__written_out_escape_of_nul__accepted() -> None:
    request = parse(question(messages=[{"role": "user", "content": "What is \\u0000?"}]))

    assert request.call.query == "What is \\u0000?"


def test_provider_body__plain__drops_cache_and_names_the_target() -> None:
    request = parse(question(cache={"no_store": True}, temperature=0.5))

    assert json.loads(provider_body(request, target_model="gpt-5")) == {
        "model": "gpt-5",
        "messages": [{"role": "user", "content": "Q"}],
        "temperature": 0.5,
    }


def test_provider_body__stream__asks_for_usage() -> None:
    request = parse(question(stream=True, stream_options={"include_obfuscation": False}))

    body = json.loads(provider_body(request, target_model="m"))

    assert body["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert not request.include_usage
