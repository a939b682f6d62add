"""What a measurement measures: a policy as it stands, or the built-in default."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from cache_admin.errors import InvalidInput
from cache_admin.mappers import map_lexicon, map_policy, read_pairs
from cache_admin.models import Policy, Tenant
from cache_admin.services.policies import DEFAULT_MIN_MARGIN, DEFAULT_MIN_SIMILARITY
from routing.active import covers
from routing.snapshot import ContentClass, LexiconConfig, NeverMerge, PolicyConfig
from routing.types import Controls

DEFAULT_POLICY = PolicyConfig(
    uid="default",
    name="default",
    content_class=ContentClass.FREQUENT_FAQ,
    min_similarity=float(DEFAULT_MIN_SIMILARITY),
    min_margin=float(DEFAULT_MIN_MARGIN),
    ttl_seconds=3_600,
)
"""All guards, and every other setting as a new policy has it."""


class Measured(Struct, frozen=True):
    """A policy with what its tenant adds to the guards, and the tenant's own embedding model
    ("" for the runtime's)."""

    policy: PolicyConfig = DEFAULT_POLICY
    language: str = "en"
    lexicon: LexiconConfig = LexiconConfig()
    never_merge: tuple[NeverMerge, ...] = ()
    embedding_model: str = ""

    def with_policy(self, policy: PolicyConfig) -> Measured:
        """The same with another policy."""
        return replace(self, policy=policy)


def measured_setting(*, tenant: Tenant | None, policy: str | None) -> Measured:
    """The policy of that name, else the one that the tenant's unlabelled calls get, else the
    built-in default.

    Without a tenant the name must be that of one tenant's policy only. Raises InvalidInput.
    """
    if tenant is None and policy is None:
        return Measured()
    if tenant is None:
        row = _only(list(Policy.objects.filter(name=policy)), policy or "")
        return _measured(row.tenant, map_policy(row))
    configured = [map_policy(row) for row in tenant.policies.prefetch_related("documents")]
    if policy is not None:
        named = [item for item in configured if item.name == policy]
        if not named:
            known = ", ".join(sorted(item.name for item in configured)) or "none yet"
            raise InvalidInput(
                f"{tenant.slug} has no policy {policy!r}; known: {known}.", code="unknown_policy"
            )
        return _measured(tenant, named[0])
    covering = [item for item in configured if item.enabled and covers(item, Controls(), model="")]
    first = min(covering, key=lambda item: (-item.priority, item.name), default=DEFAULT_POLICY)
    return _measured(tenant, first)


def _only(found: Sequence[Policy], name: str) -> Policy:
    if not found:
        raise InvalidInput(f"No tenant has a policy {name!r}.", code="unknown_policy")
    if len(found) > 1:
        tenants = ", ".join(sorted(row.tenant.slug for row in found))
        raise InvalidInput(
            f"Several tenants have a policy {name!r}; name one of them: {tenants}.",
            code="ambiguous_policy",
        )
    return found[0]


def _measured(tenant: Tenant, policy: PolicyConfig) -> Measured:
    return Measured(
        policy=policy,
        language=tenant.language,
        lexicon=map_lexicon(getattr(tenant, "lexicon", None)),
        never_merge=tuple(read_pairs([tenant]).get(tenant.pk, ())),
        embedding_model=getattr(tenant, "embedding_model", ""),
    )
