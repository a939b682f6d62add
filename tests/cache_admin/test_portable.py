"""Configuration as a file: what comes out goes in again as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from cache_admin.errors import Conflict, InvalidInput
from cache_admin.models import Policy, Revision, Tenant
from cache_admin.services.events import add_event_secret
from cache_admin.services.faqs import create_faq, delete_faq, spec_of, update_faq
from cache_admin.services.limits import LimitsSpec, limits_of, update_limits
from cache_admin.services.matching import LexiconSpec, lexicon_of, update_lexicon
from cache_admin.services.policies import spec_of as policy_spec_of
from cache_admin.services.policies import update_policy
from cache_admin.services.portable import export_configuration, import_configuration
from cache_admin.services.revisions import rollback
from tests.cache_admin.builders import ROBOT, make_event_rule, make_faq, make_pair, make_policy

pytestmark = pytest.mark.django_db


def _file(**parts: list[dict[str, Any]]) -> bytes:
    """A file of the tenant acme with `parts`."""
    tenant = {"slug": "acme", "name": "Acme", **parts}
    return msgspec.json.encode({"format": 1, "tenants": [tenant]})


def _faq(**values: object) -> dict[str, Any]:
    known = {"uid": "", "language": "en", "question": "How do I pay?", "answer": "By card."}
    return known | values


def test_import__own_export_with_a_newcomer_set_aside__nothing_changes(acme: Tenant) -> None:
    first = make_faq(acme, question="How do I pay?", answer="By card.")
    old = Revision.objects.latest("number")
    delete_faq(faq=first, actor=ROBOT)
    make_faq(acme, question="How do I pay?", answer="In cash.", aliases=("Pay how?",))
    last = rollback(revision=old, actor=ROBOT, tenant=acme)

    import_configuration(export_configuration(), actor=ROBOT)

    assert Revision.objects.latest("number") == last


def test_import__elsewhere__states_stay_apart(acme: Tenant) -> None:
    spec = spec_of(make_faq(acme, question="How do I pay?", answer="By card."))
    spare = replace(spec, answer="In cash.", enabled=False)
    create_faq(tenant=acme, actor=ROBOT, spec=spare)
    content = export_configuration()
    acme.faqs.all().delete()

    import_configuration(content, actor=ROBOT)
    import_configuration(content, actor=ROBOT)

    assert sorted(acme.faqs.values_list("answer", "enabled")) == [
        ("By card.", True),
        ("In cash.", False),
    ]


def test_import__answers_traded_places__enabled_one_changes(acme: Tenant) -> None:
    one = make_faq(acme, question="How do I pay?", answer="By card.")
    spare = replace(spec_of(one), answer="In cash.", enabled=False)
    two = create_faq(tenant=acme, actor=ROBOT, spec=spare)
    content = export_configuration()
    for faq, enabled in ((one, False), (two, True)):
        spec = replace(spec_of(faq), enabled=enabled)
        update_faq(faq=faq, actor=ROBOT, spec=spec, expected_version=None)

    import_configuration(content, actor=ROBOT)

    assert [faq.answer for faq in acme.faqs.filter(enabled=True)] == ["By card."]


def test_import__enabled_question_twice__conflict_names_it(acme: Tenant) -> None:
    content = _file(faqs=[_faq(), _faq(question="how do I PAY", answer="In cash.")])

    with pytest.raises(Conflict, match="how do I PAY"):
        import_configuration(content, actor=ROBOT)


@pytest.mark.parametrize(
    ("part", "item"),
    [
        ("documents", {"slug": "manual", "title": "The manual"}),
        (
            "routes",
            {"uid": "", "model": "m", "provider": "openai", "target_model": "t", "group": "g"},
        ),
    ],
)
def test_import__name_twice__conflict(acme: Tenant, part: str, item: dict[str, Any]) -> None:
    with pytest.raises(Conflict):
        import_configuration(_file(**{part: [item, item]}), actor=ROBOT)


@pytest.mark.parametrize("field", ["question", "answer"])
def test_import__nul__refused_with_its_place(acme: Tenant, field: str) -> None:
    with pytest.raises(InvalidInput, match=rf"tenants\[0\]\.faqs\[0\]\.{field}"):
        import_configuration(_file(faqs=[_faq(**{field: "a\0b"})]), actor=ROBOT)


def test_import__route_with_nul__refused(acme: Tenant) -> None:
    route = {"uid": "", "model": "a\0b", "provider": "openai", "target_model": "t", "group": "g"}

    with pytest.raises(InvalidInput, match="model"):
        import_configuration(_file(routes=[route]), actor=ROBOT)


def test_import__elsewhere__pairs_rules_words_and_limits_come_along(acme: Tenant) -> None:
    make_pair(acme, a="Pay now?", b="Pay later?")
    make_event_rule(acme, event="order_updated", tag="order:{id}")
    words = LexiconSpec(apart=(("pro", "gold"),))
    update_lexicon(tenant=acme, actor=ROBOT, spec=words, expected_version=None)
    update_limits(tenant=acme, actor=ROBOT, spec=LimitsSpec(max_entries=9), expected_version=None)
    content = export_configuration()
    acme.delete()

    import_configuration(content, actor=ROBOT)

    acme = Tenant.objects.get(slug="acme")
    assert list(acme.never_merge.values_list("a", "b")) == [("Pay now?", "Pay later?")]
    assert list(acme.event_rules.values_list("event", "tag")) == [("order_updated", "order:{id}")]
    assert (lexicon_of(acme).apart, limits_of(acme).max_entries) == ([["pro", "gold"]], 9)


def test_import__own_export__nothing_changes(acme: Tenant) -> None:
    make_pair(acme)
    make_event_rule(acme)
    add_event_secret(tenant=acme, actor=ROBOT)
    last = Revision.objects.latest("number")

    import_configuration(export_configuration(), actor=ROBOT)

    assert Revision.objects.latest("number") == last


def test_import__file_without_words_and_limits__those_here_stay(acme: Tenant) -> None:
    update_limits(tenant=acme, actor=ROBOT, spec=LimitsSpec(max_entries=9), expected_version=None)

    import_configuration(_file(), actor=ROBOT)

    assert limits_of(acme).max_entries == 9


def test_import__elsewhere__policy_settings_come_along(acme: Tenant) -> None:
    policy = make_policy(acme, name="chat")
    spec = replace(
        policy_spec_of(policy), disabled_guards=("dates",), context_tools=False, store_max_chars=9
    )
    update_policy(policy=policy, actor=ROBOT, spec=spec, expected_version=None)
    content = export_configuration()
    Policy.objects.all().delete()

    import_configuration(content, actor=ROBOT)

    assert policy_spec_of(acme.policies.get(name="chat")) == spec


def test_export__cleared_and_learned__left_behind(acme: Tenant) -> None:
    Policy.objects.update(generation=7)

    assert b'"generation": 7' not in export_configuration()
