"""Policies that no hit is possible under, as the runtimes tell it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import redis

from cache_admin.models import ConversationChoice, Policy, ScopeChoice, Tenant
from cache_admin.redis import redis_client
from routing import redis_names
from routing.splits import SplitReport, decode_report

logger = logging.getLogger(__name__)

PARTS = (
    "system_prompt",
    "tools",
    "response_format",
    "attachments",
    "parameters",
    "conversation",
    "other",
)
"""What of the context may differ from call to call. A policy has no say in `other`."""

_TIMEOUT_SECONDS = 0.25
"""A page without the warning is better than one that is waited for."""


@dataclass(frozen=True, slots=True)
class Split:
    """A policy of whose latest `calls` as many as `partitions` can share no answer.

    `part` is one of `PARTS`, or empty when it is not the context that differs; `before` and `after`
    are short excerpts of it from the last two calls.
    """

    policy: Policy
    calls: int
    partitions: int
    part: str
    before: str
    after: str

    @property
    def may_be_left_out(self) -> bool:
        """Whether a policy has a say in whether `part` must be equal."""
        return self.part != "other" and self.part in PARTS

    @property
    def is_left_out(self) -> bool:
        """Whether the policy lets `part` differ: the calls that were looked at are older, or differ
        in more than that."""
        if self.part == "conversation":
            return self.policy.context_conversation == ConversationChoice.NONE
        return self.may_be_left_out and not getattr(self.policy, f"context_{self.part}")

    @property
    def keeps_users_apart(self) -> bool:
        return self.policy.scope == ScopeChoice.USER


def current_splits(tenant: Tenant, *, policies: Iterable[Policy]) -> tuple[Split, ...]:
    """Those of `policies`, all of them `tenant`'s, that no hit is to be expected under now.

    Empty where Redis does not answer: what cannot be known is no warning.
    """
    enabled = [policy for policy in policies if policy.enabled]
    if not enabled:
        return ()
    try:
        client = redis_client(timeout_seconds=_TIMEOUT_SECONDS)
        with client.pipeline(transaction=False) as pipe:
            for policy in enabled:
                pipe.get(redis_names.split(tenant.uid, policy.uid))
            blobs = pipe.execute()
    except redis.RedisError as error:
        logger.warning("splits.unknown reason=%s", error)
        return ()
    reports = (
        (policy, _decoded(policy, blob)) for policy, blob in zip(enabled, blobs, strict=True)
    )
    return tuple(_split(policy, report) for policy, report in reports if report)


def _split(policy: Policy, report: SplitReport) -> Split:
    return Split(
        policy=policy,
        calls=report.calls,
        partitions=report.partitions,
        part=report.part,
        before=report.before,
        after=report.after,
    )


def _decoded(policy: Policy, blob: bytes | None) -> SplitReport | None:
    if blob is None:
        return None
    try:
        return decode_report(blob)
    except msgspec.MsgspecError as error:
        logger.warning("splits.bad_report policy=%s reason=%s", policy.uid, error)
        return None
