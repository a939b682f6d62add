"""What the app and the ledger are told when a provider misbehaves."""

from __future__ import annotations

import httpx2
import pytest

from routing.telemetry.events import Event
from tests.gateway.scripted import (
    COST_NANOUSD,
    Reply,
    ScriptedProvider,
    answer,
    chunk,
    event,
    stream_end,
)
from tests.gateway.serving import Gateway, events, wait_until
from tests.routing.builders import ACME_KEY

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


def left(
    gateway: Gateway,
    question: str,
    *,
    stream: bool = False,
    after: float = 0.3,
    policy: str = "default",
) -> Event:
    """The event of a call whose app goes away `after` seconds without a word."""
    request = {
        "model": "gpt-5-mini",
        "messages": [{"role": "user", "content": question}],
        "stream": stream,
        "cache": {"bypass": True, "endpoint": question, "policy": policy},
    }
    headers = {"authorization": f"Bearer {ACME_KEY}"}
    url = f"{gateway.url}/v1/chat/completions"
    with pytest.raises(httpx2.TimeoutException):
        httpx2.post(url, json=request, headers=headers, timeout=after)

    def found() -> list[Event]:
        return [event for event in events(gateway.redis).values() if event.endpoint == question]

    wait_until(lambda: bool(found()))
    return found()[0]


def test_chat__app_goes_away__answer_booked_and_kept(
    scripted_gateway: Gateway, scripted: ScriptedProvider
) -> None:
    scripted.will(Reply((answer("Too late."),), pause=0.5))

    event = left(scripted_gateway, "Who waits for this?")

    assert (event.status, event.error, event.cost_nanousd) == (499, "client_gone", COST_NANOUSD)
    assert scripted_gateway.ask("Who waits for this?").headers["x-cache-layer"] == "exact"


@pytest.mark.parametrize(
    ("policy", "reason", "layer"),
    [("default", ",not_stored=abandoned", "none"), ("patient", "", "exact")],
)
def test_stream__app_goes_away__booked_and_kept_only_as_the_policy_says(
    scripted_gateway: Gateway, scripted: ScriptedProvider, policy: str, reason: str, layer: str
) -> None:
    question = f"Who reads what is {policy}?"
    scripted.will(
        Reply((chunk("Too "), chunk("late."), stream_end()), pause=0.4), Reply((answer("Fresh."),))
    )

    event = left(scripted_gateway, question, stream=True, after=0.35, policy=policy)

    assert (event.status, event.cost_nanousd) == (499, COST_NANOUSD)
    assert event.reason == f"asked{reason}"
    again = scripted_gateway.ask(question, cache={"policy": policy})
    assert again.headers["x-cache-layer"] == layer


def test_chat__app_goes_away_and_the_provider_refuses__not_asked_again(
    scripted_gateway: Gateway, scripted: ScriptedProvider
) -> None:
    scripted.will(Reply((b"{}",), status=503, headers=SOON, pause=0.5))

    event = left(scripted_gateway, "Who is refused?")

    assert (event.status, event.error, scripted.calls) == (499, "client_gone", 1)
    assert event.reason.endswith("provider_503")


def test_chat__app_goes_away_and_no_answer_comes__event_says_that_its_cost_is_not_known(
    scripted_gateway: Gateway, scripted: ScriptedProvider
) -> None:
    scripted.will(Reply((b"half",), pause=0.5, cut=True))

    event = left(scripted_gateway, "Who is cut off?")

    assert (event.status, event.error) == (499, "client_gone")
    assert "no_usage" in event.reason.split(",")


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
