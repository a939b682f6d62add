"""What the app and the ledger are told when a provider misbehaves."""

from __future__ import annotations

import pytest

from tests.gateway.scripted import (
    Reply,
    ScriptedProvider,
    answer,
    chunk,
    event,
    stream_end,
)
from tests.gateway.serving import Gateway

pytestmark = pytest.mark.model


SOON = ((b"retry-after-ms", b"1"),)


@pytest.mark.parametrize("stream", [False, True])
def test_chat__refused_once__answered_and_the_event_counts_the_attempts(
    scripted_gateway: Gateway, scripted: ScriptedProvider, *, stream: bool
) -> None:
    reply = Reply((chunk("Twice."), stream_end()) if stream else (answer("Twice."),))
    scripted.will(Reply((b"{}",), status=503, headers=SOON), reply)

    response = scripted_gateway.ask("Asked twice?", stream=stream, cache={"bypass": True})

    assert response.status_code == 200
    assert scripted_gateway.event(response).reason.endswith(",attempts=2")


def test_chat__refused_each_time__app_told_not_to_retry(
    scripted_gateway: Gateway, scripted: ScriptedProvider
) -> None:
    scripted.will(*[Reply((b"{}",), status=503, headers=SOON)] * 3)

    response = scripted_gateway.ask("Asked thrice?", cache={"bypass": True})

    assert (response.status_code, response.headers["x-should-retry"]) == (503, "false")
    assert scripted_gateway.event(response).reason.endswith(",attempts=3")


def test_chat__refused_for_good__app_told_nothing_of_retries(
    scripted_gateway: Gateway, scripted: ScriptedProvider
) -> None:
    scripted.will(Reply((b"{}",), status=404))

    response = scripted_gateway.ask("Asked once?", cache={"bypass": True})

    assert "x-should-retry" not in response.headers
    assert "attempts" not in scripted_gateway.event(response).reason


@pytest.mark.parametrize("stream", [False, True])
def test_chat__answer_lost_on_the_way__event_says_that_its_cost_is_not_known(
    scripted_gateway: Gateway, scripted: ScriptedProvider, *, stream: bool
) -> None:
    scripted.will(Reply((), cut=True))

    response = scripted_gateway.ask("Is it lost?", stream=stream, cache={"bypass": True})

    event = scripted_gateway.event(response)
    assert (event.status, event.reason.split(",")[-1]) == (502, "no_usage")


def test_stream__error_inside__passed_on_and_booked_as_a_failure(
    scripted_gateway: Gateway, scripted: ScriptedProvider
) -> None:
    error = event({"error": {"message": "overloaded", "code": 503}})
    scripted.will(Reply((chunk("In the "), error)))

    response = scripted_gateway.ask("Is it overloaded?", stream=True)

    assert response.content == chunk("In the ") + error
    booked = scripted_gateway.event(response)
    assert (booked.status, booked.error) == (502, "provider_stream_error")


def test_stream__ends_in_the_middle_of_an_event__half_is_dropped_before_our_error(
    scripted_gateway: Gateway, scripted: ScriptedProvider
) -> None:
    scripted.will(Reply((chunk("In the "), b'data: {"choi')))

    response = scripted_gateway.ask("Is it cut?", stream=True)

    assert response.content.startswith(chunk("In the ") + b'data: {"error":')
    assert scripted_gateway.event(response).error == "provider_stream_cut"


def test_stream__no_events__given_up(scripted_gateway: Gateway, scripted: ScriptedProvider) -> None:
    scripted.will(Reply((b"x" * 2**21,)))

    response = scripted_gateway.ask("Are these events?", stream=True)

    assert scripted_gateway.event(response).error == "provider_stream_malformed"


def test_stream__whole__as_the_provider_sent_it(
    scripted_gateway: Gateway, scripted: ScriptedProvider
) -> None:
    scripted.will(Reply((chunk("In the app."), stream_end())))

    options = {"include_usage": True}
    response = scripted_gateway.ask("Is it whole?", stream=True, stream_options=options)

    assert response.content == chunk("In the app.") + stream_end()
    assert scripted_gateway.event(response).status == 200
