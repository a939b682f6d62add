"""Every Redis key and channel of the product, named in one place for both planes.

Keys of a tenant start with the tenant. All keys of one partition share the hash tag
``{partition}``, so that a cluster keeps them in one slot and one script may touch them all.
"""

from __future__ import annotations

import hashlib

PREFIX = "reprise"

SNAPSHOT_POINTER = f"{PREFIX}:snapshot:current"
"""String ``<revision>:<sha256 hex of the body>``; moves forward only (compare-and-set)."""

SNAPSHOT_CHANNEL = f"{PREFIX}:snapshot:published"
"""Pub/sub hint, payload = revision. The pointer is the truth."""

RUNTIMES = f"{PREFIX}:runtimes"
"""Hash instance id -> JSON `routing.snapshot.Heartbeat`."""

EVENT_STREAM = f"{PREFIX}:events"
"""Stream; each entry has one field ``batch``: a msgpack array of `telemetry.events.Event`."""

EVENT_GROUP = "ingest"

TENANTS = f"{PREFIX}:tenants"
"""Set of the tenant uids that have, or had, partitions."""

COLLECTOR_LEASE = f"{PREFIX}:collector:lease"
"""Held by the runtime that is collecting."""


REEMBEDDING = f"{PREFIX}:reembedding"
"""Hash tenant uid -> JSON `embedding_models.Reembedding`."""

REEMBEDDING_LEASE = f"{PREFIX}:reembedding:lease"
"""String, the token of the runtime that is re-embedding."""


def scratch(tenant_uid: str) -> str:
    """String; while it is there a measurement is using this tenant, which no snapshot knows."""
    return f"{PREFIX}:scratch:{tenant_uid}"


def snapshot_body(revision: int) -> str:
    """Immutable JSON body of one revision."""
    return f"{PREFIX}:snapshot:{revision}"


def acknowledgements(revision: int) -> str:
    """Hash instance id -> JSON `routing.snapshot.Acknowledgement`; expires after 30 days."""
    return f"{PREFIX}:acks:{revision}"


def tenant_prefix(tenant_uid: str) -> str:
    """Start of every key that holds a tenant's data."""
    return f"{PREFIX}:t:{tenant_uid}"


def partitions(tenant_uid: str) -> str:
    """Sorted set of the tenant's partitions, scored by when Redis forgets the next of their entries
    (epoch seconds)."""
    return f"{tenant_prefix(tenant_uid)}:partitions"


def document_versions(tenant_uid: str) -> str:
    """Set of the ``<name>@<version>`` that have a `document_partitions` set; names are documents,
    and the generations of the tenant and of its policies."""
    return f"{tenant_prefix(tenant_uid)}:docs"


def document_partitions(tenant_uid: str, document: str, version: str) -> str:
    """Set of the partitions whose answers rest on this version of a document or generation."""
    return f"{tenant_prefix(tenant_uid)}:doc:{document}@{version}"


def entry(tenant_uid: str, partition: str, entry_id: str) -> str:
    """Hash of one entry: field ``e`` msgpack `types.Entry`, ``at`` when it was asked (epoch
    seconds), ``v`` float32 vector of the question, ``a`` float16 vector of the answer."""
    return f"{tenant_prefix(tenant_uid)}:{{{partition}}}:e:{entry_id}"


def vectors(tenant_uid: str, partition: str) -> str:
    """Vector set of the partition; its elements are entry ids."""
    return f"{tenant_prefix(tenant_uid)}:{{{partition}}}:v"


def expiries(tenant_uid: str, partition: str) -> str:
    """Sorted set entry id -> when Redis forgets it (epoch seconds: expiry and grace), read by the
    collector."""
    return f"{tenant_prefix(tenant_uid)}:{{{partition}}}:x"


def partition_documents(tenant_uid: str, partition: str) -> str:
    """Hash document or generation -> version that the partition's answers rest on."""
    return f"{tenant_prefix(tenant_uid)}:{{{partition}}}:d"


def tagged(tenant_uid: str, tag: str) -> str:
    """Sorted set ``<partition>.<entry>`` -> expiry of the entries that carry a tag."""
    return f"{tenant_prefix(tenant_uid)}:tag:{tag}"


def asked_by(tenant_uid: str, user: str) -> str:
    """Sorted set ``<partition>.<entry>`` -> expiry of the entries that a user caused.

    The name holds a digest, so that listing keys tells nobody's name.
    """
    return f"{tenant_prefix(tenant_uid)}:user:{user_digest(user)}"


def user_digest(user: str) -> str:
    """128-bit digest (hex) that stands for a user in the names of keys."""
    return hashlib.blake2b(user.encode(), digest_size=16).hexdigest()


def used(tenant_uid: str) -> str:
    """Sorted set ``<partition>.<entry>`` -> last served (epoch seconds) or how often; eviction.

    Kept only where a limit may call for eviction.
    """
    return f"{tenant_prefix(tenant_uid)}:used"


def used_complete(tenant_uid: str) -> str:
    """String ``lru`` or ``lfu``: `used` names every entry, in that order; expires after an hour."""
    return f"{tenant_prefix(tenant_uid)}:used-complete"


def cut(tenant_uid: str, what: str) -> str:
    """String epoch seconds: what was asked before must no longer be stored. `what`: ``tag:<tag>``,
    ``user:<digest>``, ``entry:<partition>.<entry>``, ``policy:<uid>`` or ``tenant``; expires when
    no call of that time can still be under way.
    """
    return f"{tenant_prefix(tenant_uid)}:cut:{what}"


def unfinished(tenant_uid: str) -> str:
    """Hash ``<cut>:<tag>`` -> when it began (epoch seconds): tags whose entries are being dropped.

    What is still there after a while was left by a runtime that died, and the collector ends it.
    """
    return f"{tenant_prefix(tenant_uid)}:unfinished"


def event_seen(tenant_uid: str, event_id: str) -> str:
    """String that marks an event as taken; expires after a day."""
    return f"{tenant_prefix(tenant_uid)}:event:{event_id}"


def split(tenant_uid: str, policy_uid: str) -> str:
    """String JSON `splits.SplitReport`: calls of the policy cannot share answers; expires soon."""
    return f"{tenant_prefix(tenant_uid)}:split:{policy_uid}"


def lease(tenant_uid: str, partition: str, entry_id: str) -> str:
    """Hash ``token``, ``query``: the call that is asking the provider for this entry."""
    return f"{tenant_prefix(tenant_uid)}:{{{partition}}}:l:{entry_id}"


def flights(tenant_uid: str, partition: str) -> str:
    """Vector set of the questions that are being asked of the provider."""
    return f"{tenant_prefix(tenant_uid)}:{{{partition}}}:f"
