from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from routing.errors import CallError
from routing.gateway.json_body import JsonLimits
from routing.gateway.request import parse_chat_request, provider_body

FIELDS = (
    "model", "messages", "stream", "stream_options", "user", "cache", "n", "logprobs", "modalities",
    "tool_choice", "response_format", "temperature", "metadata", "audio",
)  # fmt: skip

LIMITS = JsonLimits(depth=32, nodes=1000)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "role", "content", "policy", "tags", "ttl_seconds"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
messages = st.lists(
    st.fixed_dictionaries({"role": st.just("user"), "content": values}), min_size=1, max_size=2
)
requests = st.builds(
    lambda extra, said: {"model": "m", "messages": said, **extra},
    st.dictionaries(st.sampled_from(FIELDS), values, max_size=5),
    messages,
)


def parse(body: bytes) -> None:
    """Anything but CallError fails the test."""
    with contextlib.suppress(CallError):
        request = parse_chat_request(body, tenant="uid-acme", cache_headers={}, limits=LIMITS)
        provider_body(request, target_model="m")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_parse__any_bytes__only_call_errors(body: bytes) -> None:
    parse(body)


@settings(max_examples=300, deadline=None)
@given(requests)
def test_parse__any_json__only_call_errors(request_body: dict[str, Any]) -> None:
    parse(json.dumps(request_body).encode())


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(max_size=10).map(lambda name: f"x-cache-{name}"), st.text()))
def test_parse__any_header__only_call_errors(headers: dict[str, str]) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"Q"}]}'
    raw = {name.encode(): value.encode() for name, value in headers.items()}

    with contextlib.suppress(CallError):
        parse_chat_request(body, tenant="uid-acme", cache_headers=raw, limits=LIMITS)
