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
    """Sorted set of the tenant's partitions, scored by their next expiry (epoch seconds)."""
    return f"{tenant_prefix(tenant_uid)}:partitions"


def document_versions(tenant_uid: str) -> str:
    """Set of the ``<document>@<version>`` that have a `document_partitions` set."""
    return f"{tenant_prefix(tenant_uid)}:docs"


def document_partitions(tenant_uid: str, document: str, version: str) -> str:
    """Set of the partitions whose answers rest on this version of a document."""
    return f"{tenant_prefix(tenant_uid)}:doc:{document}@{version}"


def entry(tenant_uid: str, partition: str, entry_id: str) -> str:
    """Hash of one entry: field ``e`` msgpack `types.Entry`, ``v`` float32 vector."""
    return f"{tenant_prefix(tenant_uid)}:{{{partition}}}:e:{entry_id}"


def vectors(tenant_uid: str, partition: str) -> str:
    """Vector set of the partition; its elements are entry ids."""
    return f"{tenant_prefix(tenant_uid)}:{{{partition}}}:v"


def expiries(tenant_uid: str, partition: str) -> str:
    """Sorted set entry id -> absolute expiry (epoch seconds), read by the collector."""
    return f"{tenant_prefix(tenant_uid)}:{{{partition}}}:x"


def partition_documents(tenant_uid: str, partition: str) -> str:
    """Hash document -> version that the partition's answers rest on; absent when on none."""
    return f"{tenant_prefix(tenant_uid)}:{{{partition}}}:d"


def tagged(tenant_uid: str, tag: str) -> str:
    """Sorted set ``<partition>.<entry>`` -> expiry of the entries that carry a tag."""
    return f"{tenant_prefix(tenant_uid)}:tag:{tag}"


def asked_by(tenant_uid: str, user: str) -> str:
    """Sorted set ``<partition>.<entry>`` -> expiry of the entries that a user caused.

    The name holds a digest, so that listing keys tells nobody's name.
    """
    digest = hashlib.blake2b(user.encode(), digest_size=16).hexdigest()
    return f"{tenant_prefix(tenant_uid)}:user:{digest}"


def used(tenant_uid: str) -> str:
    """Sorted set ``<partition>.<entry>`` -> last served (epoch seconds) or how often; eviction."""
    return f"{tenant_prefix(tenant_uid)}:used"


def cut(tenant_uid: str, what: str) -> str:
    """String epoch seconds: what was asked before must no longer be stored. `what`: ``tag:<tag>``,
    ``user:<digest>`` or ``entry:<id>``; expires when no call of that time can still be under way.
    """
    return f"{tenant_prefix(tenant_uid)}:cut:{what}"


def event_seen(tenant_uid: str, event_id: str) -> str:
    """String that marks an event as taken; expires after a day."""
    return f"{tenant_prefix(tenant_uid)}:event:{event_id}"


def lease(tenant_uid: str, partition: str, entry_id: str) -> str:
    """Hash ``token``, ``query``: the call that is asking the provider for this entry."""
    return f"{tenant_prefix(tenant_uid)}:{{{partition}}}:l:{entry_id}"


def flights(tenant_uid: str, partition: str) -> str:
    """Vector set of the questions that are being asked of the provider."""
    return f"{tenant_prefix(tenant_uid)}:{{{partition}}}:f"
