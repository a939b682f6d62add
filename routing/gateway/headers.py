"""The response headers that say how a call was answered (RFC 9211 and ours)."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Literal

import msgspec

from routing.gateway.http import Header
from routing.ledger import usd
from routing.types import Answer, Decision

Headers = list[Header]
Manner = Literal["fresh", "collapsed", "stale-while-revalidate", "stale-if-error"]
"""How an answer comes to be served: as it lies there, brought meanwhile by a call that asked the
same, or past its lifetime."""

SSE_TYPE: Header = (b"content-type", b"text/event-stream; charset=utf-8")
NO_BUFFERING = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))
_COST_NOTHING = (b"x-cost-usd", usd(0).encode())
_LAYERS = {
    layer: (b"x-cache-layer", layer.encode()) for layer in ("faq", "exact", "semantic", "none")
}


def hit_headers(
    answer: Answer, decision: Decision, *, response_id: str, manner: Manner = "fresh"
) -> Headers:
    """Headers of an answer from the cache; it cost nothing."""
    if answer.layer == "faq":
        status = "reprise; hit; detail=faq"
    elif manner == "collapsed":
        # RFC 9211: a call that waited for another one's answer was a miss, forwarded with it.
        status = f"reprise; fwd=miss; collapsed; ttl={answer.ttl_seconds}; detail={answer.layer}"
    else:
        detail = answer.layer if manner == "fresh" else manner
        status = f"reprise; hit; ttl={answer.ttl_seconds}; detail={detail}"
    return [
        (b"cache-status", status.encode()),
        _LAYERS[answer.layer],
        (b"x-cache-similarity", b"%.4f" % (decision.similarity or answer.similarity)),
        (b"x-cache-entry", answer.entry_id.encode("ascii", "replace")),
        (b"x-cache-age", b"%d" % answer.age_seconds),
        _revision(decision.revision),
        (b"x-response-id", response_id.encode()),
        _COST_NOTHING,
    ]


def pass_headers(
    decision: Decision, *, response_id: str, stored: bool = False, cost_nanousd: int | None = None
) -> Headers:
    """Headers of a call the cache did not answer; without `cost_nanousd` the cost is not known."""
    forwarded = "bypass" if decision.result == "bypass" else "miss"
    reason = decision.layers[-1].reason if decision.layers else ""
    status = f"reprise; fwd={forwarded}{'; stored' if stored else ''}"
    if decision.not_stored:
        # A quoted string, since RFC 9211 knows no parameter for it and = may not stand in a token.
        words = [reason, f"not_stored={decision.not_stored}"]
        status += f'; detail="{",".join(filter(None, words))}"'
    elif reason:
        status += f"; detail={reason}"
    headers = [
        (b"cache-status", status.encode()),
        _LAYERS["none"],
        _revision(decision.revision),
        (b"x-response-id", response_id.encode()),
    ]
    if decision.similarity is not None:
        headers.append((b"x-cache-similarity", b"%.4f" % decision.similarity))
    if cost_nanousd is not None:
        headers.append((b"x-cost-usd", usd(cost_nanousd).encode()))
    return headers


def store_headers(*, revision: int, response_id: str) -> Headers:
    """Headers of an answer the app brought to be kept."""
    return [_revision(revision), (b"x-response-id", response_id.encode())]


def decision_header(decision: Decision) -> Header:
    """The decision record as one line of ASCII JSON."""
    record = json.dumps(msgspec.to_builtins(decision), separators=(",", ":"))
    return b"x-cache-decision", record.encode("ascii")


@lru_cache(maxsize=8)
def _revision(revision: int) -> Header:
    return b"x-snapshot-revision", b"%d" % revision
