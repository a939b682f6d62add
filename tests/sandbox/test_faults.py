"""How faults reach the official client, and what they do to the meter."""

from __future__ import annotations

import time
from contextlib import suppress

import openai
import pytest

from tests.sandbox.conftest import Sandbox


def test_fault__rate_limit__429_with_retry_after_and_no_bill(sandbox: Sandbox) -> None:
    sandbox.control(rate_limit_rate=1, retry_after_seconds=7)

    with pytest.raises(openai.RateLimitError) as raised:
        sandbox.ask("How do I pay?")

    assert raised.value.response.headers["retry-after"] == "7"
    assert sandbox.meter()["total"]["calls"] == 0
    assert sandbox.meter()["errors"] == {"429": 1}


def test_fault__error__500(sandbox: Sandbox) -> None:
    sandbox.control(error_rate=1)

    with pytest.raises(openai.InternalServerError):
        sandbox.ask("How do I pay?")


def test_fault__hang__only_the_client_ends_it(sandbox: Sandbox) -> None:
    sandbox.control(hang_rate=1)

    with pytest.raises(openai.APITimeoutError):
        sandbox.ask("How do I pay?", timeout=0.2)

    assert sandbox.meter()["total"]["calls"] == 0


def test_fault__whole_answer_cut__client_sees_a_broken_connection(sandbox: Sandbox) -> None:
    sandbox.control(cut_rate=1)

    with pytest.raises(openai.APIConnectionError):
        sandbox.ask("How do I pay?")

    assert sandbox.meter()["abandoned"] == 1


def test_fault__stream_cut__bills_what_was_produced(sandbox: Sandbox) -> None:
    whole = sandbox.ask("How do I pay?").usage.completion_tokens
    sandbox.control(cut_rate=1)

    received = _count_tokens_until_cut(sandbox)

    assert 0 < received < whole
    assert sandbox.meter()["total"]["output_tokens"] == whole + received


def test_stream__client_leaves__bills_only_what_was_produced(sandbox: Sandbox) -> None:
    whole = sandbox.ask("How do I pay?").usage.completion_tokens
    sandbox.control(token_latency_ms=20)

    stream = sandbox.ask("How do I pay?", stream=True)
    next(iter(stream))
    stream.close()

    _wait_for_calls(sandbox, 2)
    assert sandbox.meter()["total"]["output_tokens"] < 2 * whole
    assert sandbox.meter()["abandoned"] == 1


def test_latency__set__passes_before_the_answer(sandbox: Sandbox) -> None:
    sandbox.control(latency_ms=150)

    started = time.monotonic()
    sandbox.ask("How do I pay?")

    assert time.monotonic() - started >= 0.15


def _count_tokens_until_cut(sandbox: Sandbox) -> int:
    received = 0
    with suppress(openai.APIConnectionError):
        for chunk in sandbox.ask("How do I pay?", stream=True):
            received += bool(chunk.choices[0].delta.content)
    return received


def _wait_for_calls(sandbox: Sandbox, calls: int) -> None:
    deadline = time.monotonic() + 5
    while sandbox.meter()["total"]["calls"] < calls and time.monotonic() < deadline:
        time.sleep(0.01)
