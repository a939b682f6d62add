"""Whatever an app may send: equal requests have one context, and every change shows."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from routing.gateway.json_body import JsonLimits
from routing.gateway.request import parse_chat_request
from routing.keys import context_digest, counted
from routing.snapshot import ContextRule

LIMITS = JsonLimits(depth=64, nodes=10_000)
DEFAULTS: dict[str, Any] = {
    "temperature": 1.0, "top_p": 1, "n": 1, "stop": None, "tools": [], "tool_choice": "auto",
    "response_format": {"type": "text"}, "presence_penalty": 0.0, "logit_bias": {}, "seed": None,
    "parallel_tool_calls": True, "stream": False, "user": "ana", "metadata": {"trace": "1"},
    "modalities": ["text"], "verbosity": "medium", "logprobs": False,
}  # fmt: skip

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
data = words.map(lambda text: f"data:image/png;base64,{text * 10}")
images = st.builds(lambda url: {"type": "image_url", "image_url": {"url": url}}, data)
texts = st.builds(lambda text: {"type": "text", "text": text}, words)
contents = words | st.lists(texts | images, min_size=1, max_size=3)
roles = st.sampled_from(["system", "developer", "user", "assistant"])
messages = st.builds(lambda role, content: {"role": role, "content": content}, roles, contents)
questions = st.builds(lambda content: {"role": "user", "content": content}, contents)
schemas = st.dictionaries(words, words | st.none() | st.booleans(), max_size=2)
tools = st.builds(
    lambda name, schema: {"type": "function", "function": {"name": name, "parameters": schema}},
    words,
    schemas,
)
formats = st.builds(
    lambda name, schema: {"type": "json_schema", "json_schema": {"name": name, "schema": schema}},
    words,
    schemas,
)
requests = st.fixed_dictionaries(
    {
        "model": st.just("m"),
        "messages": st.builds(
            lambda earlier, last: [*earlier, last], st.lists(messages, max_size=3), questions
        ),
    },
    optional={
        "tools": st.lists(tools, min_size=1, max_size=2),
        "response_format": formats,
        "temperature": st.floats(0, 2),
        "max_tokens": st.integers(1, 99),
    },
)


def key(request: Any) -> tuple[str, str]:
    """What the cache sees of `request`: the question and the digest of all its context."""
    body = json.dumps(request).encode()
    call = parse_chat_request(body, tenant="uid-acme", cache_headers={}, limits=LIMITS).call
    return call.query, context_digest(counted(call.context, ContextRule()))


def reordered(value: Any) -> Any:
    """`value` with the names of every object the other way round."""
    if isinstance(value, dict):
        return {name: reordered(value[name]) for name in reversed(list(value))}
    return [reordered(item) for item in value] if isinstance(value, list) else value


@settings(deadline=None)
@given(requests)
def test_key__names_in_another_order__same(request_body: dict[str, Any]) -> None:
    assert key(reordered(request_body)) == key(request_body)


@settings(deadline=None)
@given(requests, st.sets(st.sampled_from(sorted(DEFAULTS))))
def test_key__defaults_spelt_out__same(request_body: dict[str, Any], names: set[str]) -> None:
    spelt_out = {name: DEFAULTS[name] for name in names if name not in request_body}

    assert key(request_body | spelt_out) == key(request_body)


@settings(deadline=None)
@given(requests, st.integers(0, 3), messages)
def test_key__earlier_message_put_in__another(
    request_body: dict[str, Any], position: int, message: dict[str, Any]
) -> None:
    *earlier, last = request_body["messages"]
    longer = [*earlier[:position], message, *earlier[position:], last]

    assert key(request_body | {"messages": longer}) != key(request_body)


@settings(deadline=None)
@given(requests, questions)
def test_key__other_question__another(
    request_body: dict[str, Any], question: dict[str, Any]
) -> None:
    *earlier, last = request_body["messages"]
    assume(said(question) != said(last))

    assert key(request_body | {"messages": [*earlier, question]}) != key(request_body)


@settings(deadline=None)
@given(requests, st.lists(tools, max_size=2), st.none() | formats)
def test_key__other_tools_or_format__another(
    request_body: dict[str, Any], other_tools: list[Any], other_format: Any
) -> None:
    other = request_body | {"tools": other_tools, "response_format": other_format}
    before = (request_body.get("tools", []), request_body.get("response_format"))

    assert (key(other) == key(request_body)) == ((other_tools, other_format) == before)


@settings(deadline=None)
@given(data, data)
def test_key__other_image__another(one: str, other: str) -> None:
    def shown(url: str) -> Any:
        parts = [{"type": "text", "text": "Q"}, {"type": "image_url", "image_url": {"url": url}}]
        return {"model": "m", "messages": [{"role": "user", "content": parts}]}

    assert (key(shown(one)) == key(shown(other))) == (one == other)


def said(message: dict[str, Any]) -> Any:
    """Content in the one form in which texts alone are a text."""
    content = message["content"]
    if isinstance(content, list) and all(part["type"] == "text" for part in content):
        return "\n".join(part["text"] for part in content)
    return content
