"""Rules of events, and what signs them."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from cache_admin.models import EventRule, EventSecret, Tenant
from tests.console.builders import make_event_rule, make_event_secret
from tests.console.pages import form_errors, text

NEW_SECRET = "/t/acme/events/secrets/new/"


def rule_input(**changed: object) -> dict[str, object]:
    """What a browser sends for a rule, with `changed` values."""
    return {"event": "order_updated", "tag": "order:{id}", "enabled": "on", **changed}


def test_list__rule_and_secret__shown_without_its_text(acme: Tenant, viewer: Client) -> None:
    make_event_rule(acme)
    secret = make_event_secret(acme)

    page = text(viewer.get("/t/acme/events/"))

    assert "order:{id}" in page
    assert f"…{secret.hint}" in page


def test_list__nothing_yet__says_what_to_do(acme: Tenant, viewer: Client) -> None:
    page = text(viewer.get("/t/acme/events/"))

    assert "No rule yet" in page
    assert "Make a secret" in page


def test_new__valid__in_force(acme: Tenant, operator: Client) -> None:
    response = operator.post("/t/acme/events/new/", rule_input(), follow=True)

    assert "Rule created. Saved as revision" in text(response)
    assert EventRule.objects.get().tag == "order:{id}"


@pytest.mark.parametrize(
    ("field", "value"), [("event", "two words"), ("tag", "order:{name}"), ("tag", "")]
)
def test_new__bad_value__named_at_its_field(
    acme: Tenant, operator: Client, field: str, value: str
) -> None:
    response = operator.post("/t/acme/events/new/", rule_input(**{field: value}))

    assert list(form_errors(response)) == [field]


def test_edit__valid__saved(acme: Tenant, operator: Client) -> None:
    rule = make_event_rule(acme)

    operator.post(f"/t/acme/events/{rule.uid}/", rule_input(version=1, tag="orders"))

    rule.refresh_from_db()
    assert rule.tag == "orders"


def test_delete__confirmed__gone(acme: Tenant, operator: Client) -> None:
    rule = make_event_rule(acme)

    operator.post(f"/t/acme/events/{rule.uid}/delete/", {"version": 1})

    assert not EventRule.objects.exists()


def test_secret__made__shown_once(acme: Tenant, operator: Client) -> None:
    page = operator.post(NEW_SECRET, {"nonce": "n"}).content.decode()
    later = operator.get("/t/acme/events/").content.decode()

    [shown] = re.findall(r"rpe_[A-Za-z0-9_-]{43}", page)
    assert shown.endswith(EventSecret.objects.get().hint)
    assert "rpe_" not in later


def test_secret__form_sent_again__no_second_one(acme: Tenant, operator: Client) -> None:
    operator.post(NEW_SECRET, {"nonce": "n"})

    response = operator.post(NEW_SECRET, {"nonce": "n"})

    assert "no second one was made" in text(response)
    assert EventSecret.objects.count() == 1


def test_secret__two_in_force__third_refused(acme: Tenant, operator: Client) -> None:
    for _turn in range(2):
        make_event_secret(acme)

    response = operator.post(NEW_SECRET, {"nonce": "n"})

    assert "Withdraw the older one first." in text(response)
    assert "New secret" not in text(operator.get("/t/acme/events/"))


def test_secret__withdrawn__gone(acme: Tenant, operator: Client) -> None:
    secret = make_event_secret(acme)

    response = operator.post(f"/t/acme/events/secrets/{secret.uid}/withdraw/", follow=True)

    assert "Secret withdrawn." in text(response)
    assert not EventSecret.objects.exists()


def test_secret__of_another_tenant__not_found(
    acme: Tenant, globex: Tenant, operator: Client
) -> None:
    secret = make_event_secret(globex)

    response = operator.post(f"/t/acme/events/secrets/{secret.uid}/withdraw/")

    assert response.status_code == 404
