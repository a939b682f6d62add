"""Notices that no hit is possible: when nearly every call lands in a partition of its own.

A timestamp or a request id in the system prompt makes every call's key unlike every other, and a
cache that never hits looks like one that works. What differs is told to the tenant's operators.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from itertools import zip_longest

import msgspec
from msgspec import Struct

from routing.types import Context

WINDOW = 200
"""Latest calls of a policy that are looked at."""

FEWEST_CALLS = 50
ALARMING_SHARE = 0.9
"""Partitions per call from which no hit is to be expected."""

FORGOTTEN_SECONDS = 600.0
"""What happened longer ago says nothing of the calls to come."""

_MOST_POLICIES = 1_000
_SHOWN_CHARS = 40
_KEPT_BYTES = 16_384
_KEPT_TURNS = 4
_OF_USERS = frozenset({"attachments", "other"})
_PARTS = ("system_prompt", "tools", "response_format", "attachments", "parameters", "other")


class SplitReport(Struct, frozen=True):
    """One policy whose calls cannot share answers.

    `part` of the context differs between the last two calls (``conversation`` for the earlier
    turns, empty when it is not the context); `before` and `after` are what differs, cut short, and
    empty for a conversation and for what comes with a question, which are the users' own.
    """

    tenant: str
    policy: str
    calls: int
    partitions: int
    part: str
    before: str
    after: str


class SplitWatch:
    """Counts the partitions that the latest calls of each policy fell into. Never blocks."""

    def __init__(self) -> None:
        self._policies: OrderedDict[tuple[str, str], _Seen] = OrderedDict()

    def note(
        self, tenant: str, policy: str, *, partition: str, context: Context, now: float
    ) -> None:
        """Take note of one call that was looked up in `partition` at `now` (epoch seconds).

        `context` is what the policy counts of the call's.
        """
        seen = self._policies.get((tenant, policy))
        if seen is None:
            if len(self._policies) >= _MOST_POLICIES:
                self._policies.popitem(last=False)
            seen = self._policies[tenant, policy] = _Seen()
        self._policies.move_to_end((tenant, policy))
        seen.note(partition, context)
        seen.latest = now

    def reports(self, *, now: float) -> list[SplitReport]:
        """The policies that had calls lately and for which no hit is to be expected."""
        return [
            _report(tenant, policy, seen)
            for (tenant, policy), seen in self._policies.items()
            if now - seen.latest < FORGOTTEN_SECONDS
            and len(seen.window) >= FEWEST_CALLS
            and len(seen.counts) >= ALARMING_SHARE * len(seen.window)
        ]


class _Seen:
    __slots__ = ("before", "counts", "last", "latest", "window")

    def __init__(self) -> None:
        self.window: deque[str] = deque()
        self.counts: Counter[str] = Counter()
        self.last = Context()
        self.latest = 0.0
        self.before = Context()

    def note(self, partition: str, context: Context) -> None:
        self.window.append(partition)
        self.counts[partition] += 1
        if len(self.window) > WINDOW:
            oldest = self.window.popleft()
            self.counts[oldest] -= 1
            if not self.counts[oldest]:
                del self.counts[oldest]
        self.before, self.last = self.last, _beginning_of(context)


def _report(tenant: str, policy: str, seen: _Seen) -> SplitReport:
    part, before, after = difference(seen.before, seen.last)
    return SplitReport(
        tenant=tenant,
        policy=policy,
        calls=len(seen.window),
        partitions=len(seen.counts),
        part=part,
        before=before,
        after=after,
    )


def _beginning_of(context: Context) -> Context:
    """As much of `context` as is kept in memory; what differs further on is not shown."""
    return Context(
        system_prompt=context.system_prompt[:_KEPT_BYTES],
        tools=context.tools[:_KEPT_BYTES],
        response_format=context.response_format[:_KEPT_BYTES],
        attachments=context.attachments[:_KEPT_BYTES],
        parameters=context.parameters[:_KEPT_BYTES],
        turns=tuple(turn[:_KEPT_BYTES] for turn in context.turns[-_KEPT_TURNS:]),
        other=context.other[:_KEPT_BYTES],
    )


def difference(one: Context, other: Context) -> tuple[str, str, str]:
    """The first part in which two contexts differ, and what each has there; empty when equal."""
    for part in _PARTS:
        before, after = getattr(one, part), getattr(other, part)
        if before != after:
            return part, *(("", "") if part in _OF_USERS else _excerpts(before, after))
    for earlier, later in zip_longest(one.turns, other.turns, fillvalue=b""):
        if earlier != later:
            return "conversation", "", ""
    return "", "", ""


def encode_report(report: SplitReport) -> bytes:
    """JSON, as kept in Redis."""
    return msgspec.json.encode(report)


def decode_report(blob: bytes) -> SplitReport:
    """Raises msgspec.MsgspecError for anything else than a report."""
    return msgspec.json.decode(blob, type=SplitReport)


def _excerpts(before: bytes, after: bytes) -> tuple[str, str]:
    """What differs first, with a few characters in front of it."""
    one, other = before.decode(errors="replace"), after.decode(errors="replace")
    same = next(
        (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    start = max(0, same - _SHOWN_CHARS // 4)
    return one[start : start + _SHOWN_CHARS], other[start : start + _SHOWN_CHARS]
