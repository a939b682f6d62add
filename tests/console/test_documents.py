from __future__ import annotations

import pytest
import redis
from django.test import Client
from pytest_django import Settings

from cache_admin.models import Document, Tenant
from routing import redis_names
from tests.console.builders import make_document
from tests.console.pages import form_errors, text

FAR_AHEAD = 4_000_000_000


def test_list__document__shows_version(acme: Tenant, viewer: Client) -> None:
    make_document(acme, slug="manual")

    assert "The manual manual 1" in text(viewer.get("/t/acme/documents/"))


def test_new__valid__saved(acme: Tenant, operator: Client) -> None:
    response = operator.post(
        "/t/acme/documents/new/", {"title": "Help centre", "slug": "help"}, follow=True
    )

    assert Document.objects.get().title == "Help centre"
    assert "Document created. Saved as revision 1." in text(response)


@pytest.mark.parametrize(("field", "value"), [("title", ""), ("slug", "a b"), ("slug", "Upper")])
def test_new__bad_value__named_at_its_field(
    field: str, value: str, acme: Tenant, operator: Client
) -> None:
    sent = {"title": "Help centre", "slug": "help"} | {field: value}

    response = operator.post("/t/acme/documents/new/", sent)

    assert list(form_errors(response)) == [field]


def test_new__slug_taken__refused_at_the_slug(acme: Tenant, operator: Client) -> None:
    make_document(acme, slug="manual")

    response = operator.post("/t/acme/documents/new/", {"title": "Other", "slug": "manual"})

    assert list(form_errors(response)) == ["slug"]


def test_rename__valid__saved(acme: Tenant, operator: Client) -> None:
    document = make_document(acme)

    operator.post(f"/t/acme/documents/{document.uid}/", {"title": "New", "version": 1})

    document.refresh_from_db()
    assert document.title == "New"


def test_rename__saved_meanwhile__both_titles_shown(acme: Tenant, operator: Client) -> None:
    document = make_document(acme)
    operator.post(f"/t/acme/documents/{document.uid}/", {"title": "First", "version": 1})

    response = operator.post(
        f"/t/acme/documents/{document.uid}/", {"title": "Second", "version": 1}
    )

    assert "Title First Second" in text(response)


def test_bump__asked__previews_the_entries_it_retires(
    acme: Tenant, operator: Client, redis_client: redis.Redis, redis_url: str, settings: Settings
) -> None:
    settings.REDIS_URL = redis_url
    document = make_document(acme, slug="manual")
    redis_client.sadd(redis_names.document_partitions(acme.uid, "manual", "1"), "p1")
    redis_client.zadd(redis_names.expiries(acme.uid, "p1"), {"a": FAR_AHEAD, "b": FAR_AHEAD})

    page = text(operator.get(f"/t/acme/documents/{document.uid}/bump/"))

    assert "2 stored answers rest on the version in force" in page


def test_bump__redis_away__says_the_number_is_unknown(acme: Tenant, operator: Client) -> None:
    document = make_document(acme)

    page = text(operator.get(f"/t/acme/documents/{document.uid}/bump/"))

    assert "the cache cannot be reached" in page


def test_bump__asked__changes_nothing(acme: Tenant, operator: Client) -> None:
    document = make_document(acme)

    operator.get(f"/t/acme/documents/{document.uid}/bump/")

    document.refresh_from_db()
    assert document.current_version == 1


def test_bump__confirmed__new_version_with_its_note(acme: Tenant, operator: Client) -> None:
    document = make_document(acme)

    response = operator.post(
        f"/t/acme/documents/{document.uid}/bump/", {"note": "New prices"}, follow=True
    )

    page = text(response)
    assert document.versions.get(number=2).note == "New prices"
    assert "A new version is in force. Saved as revision 2." in page
    assert "New prices" in page


def test_bump__note_too_long__refused(acme: Tenant, operator: Client) -> None:
    document = make_document(acme)

    response = operator.post(f"/t/acme/documents/{document.uid}/bump/", {"note": "x" * 501})

    assert list(form_errors(response)) == ["note"]
