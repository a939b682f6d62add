"""Every Redis key and channel of the product, named in one place for both planes.

Keys of a tenant start with the tenant. All keys of one partition share the hash tag
``{partition}``, so that a cluster keeps them in one slot and one script may touch them all.
"""

from __future__ import annotations

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
