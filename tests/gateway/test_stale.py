"""Answers past their lifetime: served while they are renewed, or when the provider fails."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from routing import redis_names
from routing.telemetry.events import Event
from tests.gateway.pairs import Pair, layers
from tests.gateway.scripted import COST_NANOUSD, Reply, answer, chunk
from tests.gateway.serving import events, wait_until

pytestmark = pytest.mark.model

ONCE = ((b"x-should-retry", b"false"),)
DOWN = Reply((b'{"error": {"message": "down"}}',), status=503, headers=ONCE)
RENEWED = {"policy": "renewed"}
RESILIENT = {"policy": "resilient"}


def store_and_let_it_expire(pair: Pair, question: str, *, cache: Any) -> str:
    """The name of the entry. Both policies' answers live for one second."""
    pair.will(Reply((answer("Old."),)))
    pair.here.ask(question, cache=cache)
    wait_until(lambda: pair.here.ask(question, cache=cache).headers["x-cache-layer"] == "exact")
    name = pair.here.ask(question, cache=cache).headers["x-cache-entry"]
    time.sleep(1.1)
    return str(name)


def text(response: httpx2.Response) -> str:
    return str(response.json()["choices"][0]["message"]["content"])


def renewals(pair: Pair, label: str) -> list[Event]:
    """The events of renewals that calls with this endpoint label have caused."""
    every = events(pair.here.redis).values()
    return [item for item in every if item.endpoint == label and item.reason == "revalidation"]


def ask_until_renewed(pair: Pair, question: str, *, label: str) -> Event:
    """The event of a renewal; none begins in the first seconds after the answer was stored."""
    cache = RENEWED | {"endpoint": label}

    def is_renewed() -> bool:
        pair.here.ask(question, cache=cache)
        return bool(renewals(pair, label))

    wait_until(is_renewed)
    return renewals(pair, label)[0]


def test_stale__asked_again__served_at_once_and_renewed_behind(pair: Pair) -> None:
    store_and_let_it_expire(pair, "Is it renewed?", cache=RENEWED)
    pair.will(Reply((answer("New."),), pause=0.2))

    stale = pair.here.ask("Is it renewed?", cache=RENEWED)

    assert (text(stale), stale.headers["x-cache-layer"]) == ("Old.", "exact")
    wait_until(lambda: text(pair.here.ask("Is it renewed?", cache=RENEWED)) == "New.")
    assert pair.provider.calls == 1


def test_stale__served_while_renewed__status_and_event_say_so(pair: Pair) -> None:
    store_and_let_it_expire(pair, "Does it say so?", cache=RENEWED)
    pair.will(Reply((answer("New."),)))

    time.sleep(1)
    stale = pair.here.ask("Does it say so?", cache=RENEWED)

    name, hit, ttl, detail = stale.headers["cache-status"].split("; ")
    assert (name, hit, detail) == ("reprise", "hit", "detail=stale-while-revalidate")
    assert int(ttl.removeprefix("ttl=")) < 0
    event = pair.here.event(stale)
    assert (event.layer, event.result, event.reason) == ("exact", "hit", "stale_while_revalidate")


def test_stale__renewed__its_cost_is_booked_in_an_event_of_its_own(pair: Pair) -> None:
    store_and_let_it_expire(pair, "Is it booked?", cache=RENEWED)
    pair.will(Reply((answer("New."),)))

    event = ask_until_renewed(pair, "Is it booked?", label="booked")

    assert (event.result, event.layer, event.status) == ("bypass", "none", 200)
    assert (event.cost_nanousd, event.policy) == (COST_NANOUSD, "renewed")


def test_stale__asked_at_once_over_two_gateways__one_renewal(pair: Pair) -> None:
    store_and_let_it_expire(pair, "Is it renewed once?", cache=RENEWED)
    pair.will(Reply((answer("New."),), pause=0.5))

    responses = pair.ask_at_once(*["Is it renewed once?"] * 40, cache=RENEWED)

    assert layers(responses) == ["exact"] * 40
    wait_until(lambda: text(pair.here.ask("Is it renewed once?", cache=RENEWED)) == "New.")
    assert pair.provider.calls == 1


def test_stale__streamed__renewed_by_a_whole_answer(pair: Pair) -> None:
    store_and_let_it_expire(pair, "Is it streamed stale?", cache=RENEWED)
    pair.will(Reply((answer("New."),)))

    stale = pair.here.ask("Is it streamed stale?", stream=True, cache=RENEWED)

    assert stale.headers["content-type"].startswith("text/event-stream")
    wait_until(lambda: text(pair.here.ask("Is it streamed stale?", cache=RENEWED)) == "New.")


def test_stale__renewal_fails__provider_left_alone_for_a_while(pair: Pair) -> None:
    store_and_let_it_expire(pair, "Does the renewal fail?", cache=RENEWED)
    pair.will(DOWN)
    event = ask_until_renewed(pair, "Does the renewal fail?", label="failing")

    again = pair.there.ask("Does the renewal fail?", cache=RENEWED)

    assert (event.status, event.error) == (503, "provider_503")
    assert (text(again), pair.provider.calls) == ("Old.", 1)


def test_stale__no_store__not_renewed(pair: Pair) -> None:
    store_and_let_it_expire(pair, "Is it left alone?", cache=RENEWED)
    pair.will()

    response = pair.here.ask("Is it left alone?", cache=RENEWED | {"no_store": True})

    assert (text(response), pair.provider.calls) == ("Old.", 0)


@pytest.mark.parametrize("stream", [False, True])
def test_expired__provider_fails__served_all_the_same(pair: Pair, *, stream: bool) -> None:
    question = f"Is it there, stream={stream}?"
    store_and_let_it_expire(pair, question, cache=RESILIENT)
    pair.will(DOWN)

    response = pair.here.ask(question, stream=stream, cache=RESILIENT)

    assert (response.status_code, response.headers["x-cache-layer"]) == (200, "exact")
    assert "Old." in response.text
    assert response.headers["cache-status"].endswith("detail=stale-if-error")
    event = pair.here.event(response)
    assert (event.layer, event.result, event.reason) == ("exact", "hit", "stale_if_error")
    assert (event.status, event.cost_nanousd) == (200, 0)


def test_expired__provider_cuts_the_answer__served_and_the_lost_usage_noted(pair: Pair) -> None:
    store_and_let_it_expire(pair, "Is it cut?", cache=RESILIENT)
    pair.will(Reply((b"half",), cut=True))

    response = pair.here.ask("Is it cut?", cache=RESILIENT)

    assert text(response) == "Old."
    assert set(pair.here.event(response).reason.split(",")) == {"no_usage", "stale_if_error"}


def test_expired__provider_fails__counted(pair: Pair) -> None:
    store_and_let_it_expire(pair, "Is it counted?", cache=RESILIENT)
    before = failures(pair)
    pair.will(DOWN)

    pair.here.ask("Is it counted?", cache=RESILIENT)

    assert failures(pair) == before + 1


def test_expired__provider_refuses_the_call__app_is_told(pair: Pair) -> None:
    store_and_let_it_expire(pair, "Is it refused too?", cache=RESILIENT)
    pair.will(Reply((b"{}",), status=400))

    assert pair.here.ask("Is it refused too?", cache=RESILIENT).status_code == 400


def test_expired__provider_answers__its_answer_is_served(pair: Pair) -> None:
    store_and_let_it_expire(pair, "Is it fresh?", cache=RESILIENT)
    pair.will(Reply((answer("New."),)))

    assert text(pair.here.ask("Is it fresh?", cache=RESILIENT)) == "New."


def test_expired__stream_breaks_after_it_began__app_is_told(pair: Pair) -> None:
    store_and_let_it_expire(pair, "Does it break?", cache=RESILIENT)
    pair.will(Reply((chunk("New"),)))

    response = pair.here.ask("Does it break?", stream=True, cache=RESILIENT)

    assert "provider_stream_cut" in response.text
    assert "Old." not in response.text


def test_expired__removed_while_the_provider_fails__not_served(pair: Pair) -> None:
    question = "Is it removed meanwhile?"
    entry = store_and_let_it_expire(pair, question, cache=RESILIENT)
    pair.will(Reply(DOWN.pieces, status=503, headers=ONCE, pause=1))

    with ThreadPoolExecutor(1) as app:
        asked = app.submit(pair.here.ask, question, cache=RESILIENT)
        wait_until(lambda: pair.provider.calls == 1)
        pair.here.redis.delete(redis_names.entry("uid-acme", *entry.split(".")))

    assert asked.result().status_code == 503


def test_expired__asked_at_once_and_the_provider_fails__one_call_and_all_are_served(
    pair: Pair,
) -> None:
    store_and_let_it_expire(pair, "Are all served?", cache=RESILIENT)
    pair.will(Reply(DOWN.pieces, status=503, headers=ONCE, pause=0.3))

    responses = pair.ask_at_once(*["Are all served?"] * 10, cache=RESILIENT)

    assert (pair.provider.calls, layers(responses)) == (1, ["exact"] * 10)


def failures(pair: Pair) -> float:
    """Provider failures with status 503 that the gateways have counted."""
    lines = httpx2.get(f"{pair.here.url}/metrics").text.splitlines()
    counted = [line for line in lines if "provider_errors_total" in line and "provider_503" in line]
    return sum(float(line.rpartition(" ")[2]) for line in counted)
