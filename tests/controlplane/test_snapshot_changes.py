from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from cache_admin.snapshot_changes import (
    Change,
    PartSummary,
    same_content,
    snapshot_changes,
    summarize,
)
from routing.snapshot import (
    ApiKeyConfig,
    ContentClass,
    CredentialConfig,
    DocumentConfig,
    MatchRule,
    NeverMerge,
    PolicyConfig,
    PriceConfig,
    Snapshot,
    TenantConfig,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CHAT = PolicyConfig(
    uid="p1",
    name="chat",
    content_class=ContentClass.ARCHIVAL,
    min_similarity=0.79,
    ttl_seconds=60,
)
ACME = TenantConfig(uid="t1", slug="acme", policies=(CHAT,))


def _snapshot(*tenants: TenantConfig, revision: int = 1) -> Snapshot:
    return Snapshot(schema_version=1, revision=revision, created_at=NOON, tenants=tenants)


def test_snapshot_changes__same__none() -> None:
    assert snapshot_changes(_snapshot(ACME), _snapshot(ACME, revision=2)) == ()


def test_snapshot_changes__field__before_and_after() -> None:
    edited = replace(ACME, policies=(replace(CHAT, ttl_seconds=90),))

    assert snapshot_changes(_snapshot(ACME), _snapshot(edited)) == (
        Change("tenants/acme/policies/chat/ttl_seconds", 60, 90),
    )


def test_snapshot_changes__renamed__told_under_the_new_name() -> None:
    edited = replace(ACME, policies=(replace(CHAT, name="talk"),))

    assert snapshot_changes(_snapshot(ACME), _snapshot(edited)) == (
        Change("tenants/acme/policies/talk/name", "chat", "talk"),
    )


def test_snapshot_changes__removed__whole_thing_before() -> None:
    [change] = snapshot_changes(_snapshot(ACME), _snapshot(replace(ACME, policies=())))

    assert (change.path, change.before["ttl_seconds"], change.after) == (
        "tenants/acme/policies/chat",
        60,
        None,
    )


def test_snapshot_changes__new_tenant__itself_and_its_parts() -> None:
    paths = [change.path for change in snapshot_changes(None, _snapshot(ACME))]

    assert paths == ["tenants/acme", "tenants/acme/policies/chat"]


def test_snapshot_changes__key_and_credential__secrets_hidden() -> None:
    edited = replace(
        ACME,
        api_keys=(ApiKeyConfig(uid="k1", digest="d" * 64, scopes=("call",)),),
        credentials=(CredentialConfig(uid="c1", provider="openai", secret="token"),),
    )

    told = str(snapshot_changes(_snapshot(ACME), _snapshot(edited)))

    assert "token" not in told
    assert "d" * 64 not in told


def test_snapshot_changes__rotated_secret__told_but_hidden() -> None:
    old = replace(ACME, credentials=(CredentialConfig(uid="c", provider="openai", secret="a"),))
    new = replace(ACME, credentials=(CredentialConfig(uid="c", provider="openai", secret="b"),))

    assert snapshot_changes(_snapshot(old), _snapshot(new)) == (
        Change("tenants/acme/credentials/openai/secret", "(hidden)", "(hidden)"),
    )


def test_snapshot_changes__part_of_a_field__named() -> None:
    edited = replace(ACME, policies=(replace(CHAT, match=MatchRule(tags=("a",))),))

    assert snapshot_changes(_snapshot(ACME), _snapshot(edited)) == (
        Change("tenants/acme/policies/chat/match/tags", (), ("a",)),
    )


def test_snapshot_changes__pair_added__that_pair_alone() -> None:
    one, two = NeverMerge("a", "b"), NeverMerge("c", "d")
    old, new = replace(ACME, never_merge=(one,)), replace(ACME, never_merge=(one, two))

    assert snapshot_changes(_snapshot(old), _snapshot(new)) == (
        Change("tenants/acme/never_merge/c ≠ d", None, {"a": "c", "b": "d"}),
    )


def test_snapshot_changes__secrets_of_events__hidden_everywhere() -> None:
    signed = replace(ACME, event_secrets=("token-1",))
    other = replace(ACME, event_secrets=("token-2",))

    told = [
        snapshot_changes(None, _snapshot(signed)),
        snapshot_changes(_snapshot(signed), _snapshot(other)),
        snapshot_changes(_snapshot(signed), _snapshot()),
    ]

    assert "token" not in str(told)


def test_snapshot_changes__price__by_model_and_day() -> None:
    price = PriceConfig("gpt-4o", NOON, 1, 2, 3, 4, 5)

    [change] = snapshot_changes(_snapshot(), replace(_snapshot(), prices=(price,)))

    assert (change.path, change.before) == ("prices/gpt-4o/2026-01-01", None)


def test_same_content__only_number_differs__same() -> None:
    assert same_content(_snapshot(ACME), _snapshot(ACME, revision=9))


def test_same_content__bumped_document__not_same() -> None:
    one = replace(ACME, documents=(DocumentConfig("d", "manual", 1),))
    two = replace(ACME, documents=(DocumentConfig("d", "manual", 2),))

    assert not same_content(_snapshot(one), _snapshot(two))


def test_summarize__many_changes__count_and_first_paths_by_part() -> None:
    names = ("a", "b", "c", "d")
    changes = [Change(f"tenants/acme/faqs/{name}", None, {}) for name in names]

    short = summarize([*changes, Change("prices/gpt-4o/2026-01-01", None, {})])

    assert short == (
        PartSummary("tenants/acme", 4, tuple(f"tenants/acme/faqs/{name}" for name in "abc")),
        PartSummary("prices", 1, ("prices/gpt-4o/2026-01-01",)),
    )
