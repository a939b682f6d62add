"""What the app and the ledger are told when a provider misbehaves."""

from __future__ import annotations

import pytest

from tests.gateway.scripted import Reply, ScriptedProvider, chunk, event, stream_end
from tests.gateway.serving import Gateway

pytestmark = pytest.mark.model


def test_stream__error_inside__passed_on_and_booked_as_a_failure(
    scripted_gateway: Gateway, provider: ScriptedProvider
) -> None:
    error = event({"error": {"message": "overloaded", "code": 503}})
    provider.will(Reply((chunk("In the "), error)))

    response = scripted_gateway.ask("Is it overloaded?", stream=True)

    assert response.content == chunk("In the ") + error
    booked = scripted_gateway.event(response)
    assert (booked.status, booked.error) == (502, "provider_stream_error")


def test_stream__ends_in_the_middle_of_an_event__half_is_dropped_before_our_error(
    scripted_gateway: Gateway, provider: ScriptedProvider
) -> None:
    provider.will(Reply((chunk("In the "), b'data: {"choi')))

    response = scripted_gateway.ask("Is it cut?", stream=True)

    assert response.content.startswith(chunk("In the ") + b'data: {"error":')
    assert scripted_gateway.event(response).error == "provider_stream_cut"


def test_stream__no_events__given_up(scripted_gateway: Gateway, provider: ScriptedProvider) -> None:
    provider.will(Reply((b"x" * 2**21,)))

    response = scripted_gateway.ask("Are these events?", stream=True)

    assert scripted_gateway.event(response).error == "provider_stream_malformed"


def test_stream__whole__as_the_provider_sent_it(
    scripted_gateway: Gateway, provider: ScriptedProvider
) -> None:
    provider.will(Reply((chunk("In the app."), stream_end())))

    options = {"include_usage": True}
    response = scripted_gateway.ask("Is it whole?", stream=True, stream_options=options)

    assert response.content == chunk("In the app.") + stream_end()
    assert scripted_gateway.event(response).status == 200
