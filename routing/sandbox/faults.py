"""How slow and how unreliable the sandbox is, adjustable while it runs."""

from __future__ import annotations

import random
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

Rate = Annotated[float, Meta(ge=0.0, le=1.0)]
Milliseconds = Annotated[float, Meta(ge=0.0)]


class Behaviour(Struct, frozen=True, forbid_unknown_fields=True):
    """Latency and fault rates.

    `latency_ms` passes before the first token, `token_latency_ms` before every further one,
    `embedding_latency_ms` before embeddings. Each call draws at most one fault; the rates are
    shares of all calls and add up to at most 1. `seed` makes the draws repeatable.
    """

    latency_ms: Milliseconds = 0.0
    token_latency_ms: Milliseconds = 0.0
    embedding_latency_ms: Milliseconds = 0.0
    rate_limit_rate: Rate = 0.0
    error_rate: Rate = 0.0
    hang_rate: Rate = 0.0
    cut_rate: Rate = 0.0
    retry_after_seconds: Annotated[int, Meta(ge=0)] = 1
    seed: int = 0


class Fault(StrEnum):
    """What goes wrong with a call."""

    NONE = "none"
    RATE_LIMIT = "rate_limit"
    ERROR = "error"
    HANG = "hang"
    CUT = "cut"


def change_behaviour(behaviour: Behaviour, body: bytes) -> Behaviour:
    """`behaviour` with the fields named in the JSON object `body` replaced.

    Raises msgspec.MsgspecError on malformed JSON, unknown fields and values out of range.
    """
    given = msgspec.json.decode(body, type=dict[str, object])
    changed = msgspec.convert({**msgspec.structs.asdict(behaviour), **given}, type=Behaviour)
    if sum(rate for _, rate in _rates(changed)) > 1.0:
        raise msgspec.ValidationError("the fault rates add up to more than 1")
    return changed


class FaultDice:
    """Draws one fault per call from a seeded source."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._random = random.Random(behaviour.seed)  # noqa: S311 - repeatable, not secret

    def draw(self) -> Fault:
        """The fault of the next call."""
        left = self._random.random()
        for fault, rate in _rates(self.behaviour):
            left -= rate
            if left < 0:
                return fault
        return Fault.NONE


def _rates(behaviour: Behaviour) -> tuple[tuple[Fault, float], ...]:
    return (
        (Fault.RATE_LIMIT, behaviour.rate_limit_rate),
        (Fault.ERROR, behaviour.error_rate),
        (Fault.HANG, behaviour.hang_rate),
        (Fault.CUT, behaviour.cut_rate),
    )
