from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from cache_admin.errors import InvalidInput, NotAllowed
from cache_admin.models import AuditEntry, Faq, ModelRoute, Policy, Revision, Tenant
from cache_admin.selectors.faq_search import faqs_found
from cache_admin.services import documents, faqs, keys, policies
from cache_admin.services.credentials import set_credential
from cache_admin.services.events import add_event_secret, delete_event_rule
from cache_admin.services.limits import LimitsSpec, update_limits
from cache_admin.services.matching import LexiconSpec, PairSpec, update_lexicon, update_pair
from cache_admin.services.revisions import prune_revisions, publish, rollback
from cache_admin.services.tenants import create_tenant, update_tenant
from cache_admin.snapshot_changes import same_content
from routing.snapshot import LearnedCheck, Snapshot, decode_snapshot
from tests.cache_admin.builders import (
    ROBOT,
    make_document,
    make_event_rule,
    make_faq,
    make_pair,
    make_policy,
    make_user,
)

pytestmark = pytest.mark.django_db

LEARNED = LearnedCheck(
    min_probability=0.9,
    features=("similarity",),
    means=(0.8,),
    scales=(0.1,),
    coefficients=(2.5,),
    intercept=-1.0,
    trained_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
    pairs=300,
)


def _latest() -> Revision:
    return Revision.objects.latest("number")


def _content(revision: Revision) -> Snapshot:
    return decode_snapshot(revision.snapshot_body, digest=revision.digest)


def _make_route(tenant: Tenant, *, model: str) -> ModelRoute:
    return ModelRoute.objects.create(tenant=tenant, model=model, target_model="m", group="g")


def _edit(policy: Policy, **values: object) -> None:
    spec = replace(policies.spec_of(policy), **values)  # type: ignore[arg-type]  # checked below
    policies.update_policy(policy=policy, actor=ROBOT, spec=spec, expected_version=None)


def test_rollback__everything_edited__content_is_the_old_one(acme: Tenant) -> None:
    make_document(acme)
    policy, faq = make_policy(acme), make_faq(acme)
    old = _latest()
    _edit(policy, name="talk", min_similarity=Decimal("0.9"), documents=("manual",))
    spec = replace(faqs.spec_of(faq), answer="In cash.", aliases=("Do you take cash?",))
    faqs.update_faq(faq=faq, actor=ROBOT, spec=spec, expected_version=None)
    update_tenant(
        tenant=acme, actor=ROBOT, name="Acme", language="es", enabled=False, expected_version=None
    )

    new = rollback(revision=old, actor=ROBOT)

    assert same_content(_content(old), _content(new))


def test_rollback__new_revision__names_what_it_restores(acme: Tenant) -> None:
    make_faq(acme)

    new = rollback(revision=Revision.objects.get(number=1), actor=ROBOT, note="Too early")

    assert (new.number, new.restores_id, new.note) == (3, 1, "Too early")


def test_rollback__deleted_things__come_back_under_their_uid(acme: Tenant) -> None:
    policy, faq = make_policy(acme), make_faq(acme, aliases=("Payment methods",))
    old = _latest()
    policies.delete_policy(policy=policy, actor=ROBOT)
    faqs.delete_faq(faq=faq, actor=ROBOT)

    rollback(revision=old, actor=ROBOT)

    restored = Faq.objects.get(uid=faq.uid)
    assert faqs.spec_of(restored).aliases == ("Payment methods",)
    assert Policy.objects.filter(uid=policy.uid).exists()


def test_rollback__created_since__disabled_not_deleted(acme: Tenant) -> None:
    old = _latest()
    policy, faq = make_policy(acme), make_faq(acme)

    rollback(revision=old, actor=ROBOT)

    policy.refresh_from_db()
    faq.refresh_from_db()
    assert (policy.enabled, faq.enabled) == (False, False)


def test_rollback__newcomer_has_the_old_name__steps_aside(acme: Tenant) -> None:
    first = make_policy(acme, name="chat")
    old = _latest()
    policies.delete_policy(policy=first, actor=ROBOT)
    second = make_policy(acme, name="chat")

    rollback(revision=old, actor=ROBOT)

    second.refresh_from_db()
    assert Policy.objects.get(tenant=acme, name="chat").uid == first.uid
    assert second.name == f"chat-{second.uid}"


def test_rollback__names_swapped_since__swapped_back(acme: Tenant) -> None:
    one, two = make_policy(acme, name="one"), make_policy(acme, name="two")
    old = _latest()
    _edit(one, name="three")
    _edit(two, name="one")
    one.refresh_from_db()
    _edit(one, name="two")

    rollback(revision=old, actor=ROBOT)

    names = dict(Policy.objects.filter(pk__in=[one.pk, two.pk]).values_list("uid", "name"))
    assert names == {one.uid: "one", two.uid: "two"}


def test_rollback__newcomer_answers_the_old_question__old_answer_wins(acme: Tenant) -> None:
    first = make_faq(acme, question="How do I pay?", answer="By card.")
    old = _latest()
    faqs.delete_faq(faq=first, actor=ROBOT)
    make_faq(acme, question="How do I pay?", answer="In cash.")

    rollback(revision=old, actor=ROBOT)

    assert [faq.answer for faq in acme.faqs.filter(enabled=True)] == ["By card."]


def test_rollback__newcomer_answers_the_old_question__keeps_its_phrasings(acme: Tenant) -> None:
    first = make_faq(acme, question="How do I pay?")
    old = _latest()
    faqs.delete_faq(faq=first, actor=ROBOT)
    second = make_faq(acme, question="How do I pay?", aliases=("Pay how?",))

    rollback(revision=old, actor=ROBOT)

    assert {first.uid, second.uid} == {
        faq.uid for faq in faqs_found(tenant=acme, text="How do I pay")
    }
    assert faqs.spec_of(second).aliases == ("Pay how?",)


def test_rollback__phrasings_swapped_since__swapped_back(acme: Tenant) -> None:
    one = make_faq(acme, question="One?", aliases=("First?",))
    two = make_faq(acme, question="Two?", aliases=("Second?",))
    old = _latest()
    for faq, aliases in ((one, ()), (two, ("First?",)), (one, ("Second?",))):
        spec = replace(faqs.spec_of(faq), aliases=aliases)
        faqs.update_faq(faq=faq, actor=ROBOT, spec=spec, expected_version=None)

    rollback(revision=old, actor=ROBOT)

    assert faqs.spec_of(Faq.objects.get(pk=one.pk)).aliases == ("First?",)


def test_rollback__revoked_key__stays_revoked(acme: Tenant) -> None:
    key = keys.create_key(tenant=acme, actor=ROBOT, name="app").key
    old = _latest()
    keys.revoke_key(key=key, actor=ROBOT)

    new = rollback(revision=old, actor=ROBOT)

    assert _content(new).tenants[0].api_keys == ()


def test_rollback__credential_replaced_since__current_one_stays(acme: Tenant) -> None:
    set_credential(tenant=acme, actor=ROBOT, provider="openai", secret="sk-old-old-old")
    old = _latest()
    set_credential(tenant=acme, actor=ROBOT, provider="openai", secret="sk-new-new-new")
    current = _content(_latest()).tenants[0].credentials

    new = rollback(revision=old, actor=ROBOT)

    assert _content(new).tenants[0].credentials == current


def test_rollback__document_bumped_since__version_stays(acme: Tenant) -> None:
    document = make_document(acme)
    old = _latest()
    documents.bump_document(document=document, actor=ROBOT, note="Prices were wrong")

    rollback(revision=old, actor=ROBOT)

    document.refresh_from_db()
    assert document.current_version == 2


def test_rollback__document_gone__back_with_the_policy_that_rests_on_it(acme: Tenant) -> None:
    make_document(acme, slug="manual")
    policy = make_policy(acme)
    _edit(policy, documents=("manual",))
    old = _latest()
    acme.documents.all().delete()

    rollback(revision=old, actor=ROBOT)

    assert [row.slug for row in policy.documents.all()] == ["manual"]


def test_rollback__one_tenant__stays_switched_off_and_in_its_language(acme: Tenant) -> None:
    old = _latest()
    update_tenant(
        tenant=acme, actor=ROBOT, name="Acme", language="es", enabled=False, expected_version=None
    )

    rollback(revision=old, actor=ROBOT, tenant=acme)

    acme.refresh_from_db()
    assert (acme.enabled, acme.language) == (False, "es")


def test_rollback__all_tenants__switched_on_again_and_audited(acme: Tenant) -> None:
    old = _latest()
    update_tenant(
        tenant=acme, actor=ROBOT, name="Acme", language="en", enabled=False, expected_version=None
    )

    rollback(revision=old, actor=ROBOT)

    entry = AuditEntry.objects.get(action="tenant.restored")
    assert entry.changes == {"enabled": [False, True]}


def test_rollback__one_tenant__others_keep_theirs(acme: Tenant) -> None:
    globex = create_tenant(actor=ROBOT, slug="globex", name="Globex")
    old = _latest()
    acme_faq, globex_faq = make_faq(acme), make_faq(globex)

    rollback(revision=old, actor=ROBOT, tenant=acme)

    acme_faq.refresh_from_db()
    globex_faq.refresh_from_db()
    assert (acme_faq.enabled, globex_faq.enabled) == (False, True)


def test_rollback__tenant_created_since__disabled(acme: Tenant) -> None:
    old = _latest()
    globex = create_tenant(actor=ROBOT, slug="globex", name="Globex")

    rollback(revision=old, actor=ROBOT)

    globex.refresh_from_db()
    assert not globex.enabled


def test_rollback__deleted_thing__its_old_version_never_fits_again(acme: Tenant) -> None:
    faq = make_faq(acme)
    old = _latest()
    for name in ("ann", "bob", "cy"):
        spec = replace(faqs.spec_of(faq), owner=make_user(name))
        faq = faqs.update_faq(faq=faq, actor=ROBOT, spec=spec, expected_version=None)
    faqs.delete_faq(faq=faq, actor=ROBOT)

    rollback(revision=old, actor=ROBOT)

    assert Faq.objects.get(uid=faq.uid).version > faq.version


def test_rollback__restored_and_disabled__each_audited(acme: Tenant) -> None:
    policy = make_policy(acme, ttl_seconds=600)
    old = _latest()
    _edit(policy, ttl_seconds=60)
    faq = make_faq(acme)

    rollback(revision=old, actor=ROBOT)

    entries = AuditEntry.objects.filter(target_uid__in=[policy.uid, faq.uid]).order_by("-pk")[:2]
    assert [(entry.action, entry.tenant, entry.changes) for entry in entries] == [
        ("faq.disabled", acme, {"enabled": [True, False]}),
        ("policy.restored", acme, {"ttl_seconds": [60, 600]}),
    ]


def test_rollback__routes_swapped_since__swapped_back(acme: Tenant) -> None:
    one = _make_route(acme, model="small")
    two = _make_route(acme, model="large")
    publish(actor=ROBOT)
    old = _latest()
    for row, model in ((one, "other"), (two, "small"), (one, "large")):
        ModelRoute.objects.filter(pk=row.pk).update(model=model)
    publish(actor=ROBOT)

    rollback(revision=old, actor=ROBOT)

    assert dict(acme.routes.values_list("pk", "model")) == {one.pk: "small", two.pk: "large"}


def test_rollback__older_than_the_tenant__refused(acme: Tenant) -> None:
    old = _latest()
    globex = create_tenant(actor=ROBOT, slug="globex", name="Globex")

    with pytest.raises(InvalidInput):
        rollback(revision=old, actor=ROBOT, tenant=globex)


def test_rollback__body_pruned__refused(acme: Tenant) -> None:
    old = _latest()
    old.body = b""
    old.save()

    with pytest.raises(NotAllowed):
        rollback(revision=old, actor=ROBOT)


def test_prune_revisions__beyond_the_newest_two_hundred__body_dropped(acme: Tenant) -> None:
    first = _latest()
    Revision.objects.bulk_create(
        Revision(number=number, body=first.body, digest=first.digest, created_at=first.created_at)
        for number in range(2, 203)
    )

    assert prune_revisions() == 2
    assert set(Revision.objects.filter(body=b"").values_list("number", flat=True)) == {1, 2}


def test_rollback__words_pairs_rules_and_limits_edited__content_is_the_old_one(
    acme: Tenant,
) -> None:
    pair, rule = make_pair(acme), make_event_rule(acme)
    words = LexiconSpec(apart=(("pro", "gold"),))
    update_lexicon(tenant=acme, actor=ROBOT, spec=words, expected_version=None)
    old = _latest()
    off = PairSpec(a=pair.a, b=pair.b, enabled=False)
    update_pair(pair=pair, actor=ROBOT, spec=off, expected_version=None)
    delete_event_rule(rule=rule, actor=ROBOT)
    update_lexicon(tenant=acme, actor=ROBOT, spec=LexiconSpec(), expected_version=None)
    update_limits(tenant=acme, actor=ROBOT, spec=LimitsSpec(max_entries=1), expected_version=None)

    new = rollback(revision=old, actor=ROBOT, tenant=acme)

    assert same_content(_content(old), _content(new))


def test_rollback__pair_and_rule_added_since__switched_off(acme: Tenant) -> None:
    old = _latest()
    pair, rule = make_pair(acme), make_event_rule(acme)

    rollback(revision=old, actor=ROBOT, tenant=acme)

    pair.refresh_from_db()
    rule.refresh_from_db()
    assert (pair.enabled, rule.enabled) == (False, False)
    assert AuditEntry.objects.filter(action__endswith=".disabled").count() == 2


def test_rollback__secret_added_since__stays(acme: Tenant) -> None:
    old = _latest()
    add_event_secret(tenant=acme, actor=ROBOT)

    new = rollback(revision=old, actor=ROBOT, tenant=acme)

    assert len(_content(new).tenants[0].event_secrets) == 1


def test_rollback__policy_cleared_since__stays_cleared(acme: Tenant) -> None:
    policy = make_policy(acme)
    old = _latest()
    Policy.objects.filter(pk=policy.pk).update(generation=3)

    rollback(revision=old, actor=ROBOT, tenant=acme)

    policy.refresh_from_db()
    assert policy.generation == 3


def test_rollback__policy_cleared_then_deleted__its_old_answers_stay_lost(acme: Tenant) -> None:
    policy = make_policy(acme)
    old = _latest()
    policies.delete_policy(policy=policy, actor=ROBOT)

    rollback(revision=old, actor=ROBOT, tenant=acme)

    assert Policy.objects.get(uid=policy.uid).generation > AuditEntry.objects.count() - 2


@pytest.mark.parametrize(("model", "pairs"), [("", 300), ("openai:text-embedding-3-small", None)])
def test_rollback__learned_check__back_only_with_its_embedding_model(
    acme: Tenant, model: str, pairs: int | None
) -> None:
    policy = make_policy(acme)
    Policy.objects.filter(pk=policy.pk).update(learned=msgspec.to_builtins(LEARNED))
    old = publish(actor=ROBOT)
    policies.forget_learned_check(policy=policy, actor=ROBOT)
    Tenant.objects.filter(pk=acme.pk).update(embedding_model=model)

    rollback(revision=old, actor=ROBOT, tenant=acme)

    learned = Policy.objects.get(pk=policy.pk).learned
    assert (learned and learned["pairs"]) == pairs
