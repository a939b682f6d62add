"""One call's account while it runs, and the one event it becomes."""

from __future__ import annotations

import time
from typing import Protocol

from routing.active import ActiveConfig, Grant
from routing.ledger import Cost
from routing.prices import NO_TOKENS
from routing.telemetry.events import Avoided, Event, Stages, new_event_id
from routing.types import Call, Lookup

CLIENT_CLOSED_REQUEST = 499
UNPRICED = "unpriced"
NO_USAGE = "no_usage"


class EventKeeper(Protocol):
    """Where events go; durable when `record` returns."""

    def record(self, event: Event) -> None:
        """Keep `event`. Never raises."""


class CallRecord:
    """What is known of a call so far. `id` is both the event's and the response's.

    `finish` makes the event, once; a later `finish` changes nothing, so that the first thing that
    ended a call is the one told. `attempts` counts how often the provider was asked. Once
    `client_gone`, nobody is told any more, and the event says 499 whatever else happens.
    """

    __slots__ = (
        "_finished", "_grant", "_keeper", "_protocol", "_started_ns", "active", "attempts",
        "avoided", "call", "client_gone", "cost", "id", "lookup", "model_used", "notes", "provider",
        "provider_us", "stream", "usage",
    )  # fmt: skip

    def __init__(
        self, keeper: EventKeeper, *, active: ActiveConfig, grant: Grant, protocol: str
    ) -> None:
        self._started_ns = time.perf_counter_ns()
        self._keeper = keeper
        self._grant = grant
        self._protocol = protocol
        self._finished = False
        self.id = new_event_id()
        self.active = active
        self.call: Call | None = None
        self.lookup: Lookup | None = None
        self.stream = False
        self.model_used = ""
        self.provider = ""
        self.attempts = 1
        self.client_gone = False
        self.provider_us = 0
        self.usage = NO_TOKENS
        self.cost = Cost(nanousd=0)
        self.avoided = Avoided()
        self.notes: list[str] = []

    @property
    def grant(self) -> Grant:
        """Whose call it is."""
        return self._grant

    def lose_usage(self) -> None:
        """Note that the provider may have charged for what it did not say, once."""
        if self.usage == NO_TOKENS and NO_USAGE not in self.notes:
            self.notes.append(NO_USAGE)

    def finish(self, status: int, *, error: str = "") -> None:
        """Leave the event. `status` is what the app was told, 499 when it had gone by then."""
        if self._finished:
            return
        self._finished = True
        if self.client_gone:
            if error:
                self.notes.append(error)
            status, error = CLIENT_CLOSED_REQUEST, "client_gone"
        call, lookup = self.call, self.lookup
        decision = lookup.decision if lookup else None
        answer = lookup.answer if lookup else None
        self._keeper.record(
            Event(
                id=self.id,
                time_ms=time.time_ns() // 1_000_000,
                tenant=self._grant.tenant.config.uid,
                key=self._grant.key_uid,
                protocol=self._protocol,
                layer=answer.layer if answer else "none",
                result=decision.result if decision else "bypass",
                status=status,
                revision=self.active.revision,
                policy=decision.policy if decision else "",
                endpoint=call.controls.endpoint if call else "",
                user=call.controls.user if call else "",
                model_asked=call.model if call else "",
                model_used=self.model_used,
                provider=self.provider,
                similarity=decision.similarity if decision else None,
                margin=decision.margin if decision else None,
                guards=decision.guards if decision else (),
                entry=answer.entry_id if answer else "",
                reason=self._reason(),
                stream=self.stream,
                usage=self.usage,
                cost_nanousd=self.cost.nanousd,
                avoided_nanousd=self.avoided,
                stages_us=Stages(
                    total=(time.perf_counter_ns() - self._started_ns) // 1000,
                    lookup=lookup.lookup_us if lookup else 0,
                    embedding=lookup.embedding_us if lookup else 0,
                    provider=self.provider_us,
                ),
                error=error,
            )
        )

    def _reason(self) -> str:
        """Why the cache did not answer, why it did not keep what came instead, and what the ledger
        lacks; words joined by commas."""
        words = list(self.notes)
        if self.lookup is not None and self.lookup.answer is None:
            decision = self.lookup.decision
            layers = decision.layers
            words[:0] = [layers[-1].reason] if layers and layers[-1].reason else []
            if decision.not_stored:
                words.append(f"not_stored={decision.not_stored}")
        if self.attempts > 1:
            words.append(f"attempts={self.attempts}")
        return ",".join(words)
