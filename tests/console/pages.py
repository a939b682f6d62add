"""Every page within a tenant, and reading what came back."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from cache_admin.models import Tenant
from tests.console.builders import (
    make_document,
    make_event_rule,
    make_event_secret,
    make_faq,
    make_invalidation,
    make_key,
    make_pair,
    make_policy,
    make_revision,
)

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse


@dataclass(frozen=True, slots=True)
class Page:
    """An address below ``/t/<slug>/``; `role` may see it, `post_role` may send its form."""

    path: str
    role: str = "viewer"
    post_role: str = ""


PAGES = (
    Page(""),
    Page("policies/"),
    Page("policies/new/", "operator", "operator"),
    Page("policies/{policy}/", "viewer", "operator"),
    Page("policies/{policy}/delete/", "operator", "operator"),
    Page("policies/{policy}/forget/", "operator", "operator"),
    Page("policies/{policy}/clear/", "operator", "operator"),
    Page("faqs/"),
    Page("faqs/new/", "curator", "curator"),
    Page("faqs/{faq}/", "viewer", "curator"),
    Page("faqs/{faq}/delete/", "curator", "curator"),
    Page("documents/"),
    Page("documents/new/", "operator", "operator"),
    Page("documents/{document}/", "viewer", "operator"),
    Page("documents/{document}/bump/", "operator", "operator"),
    Page("matching/"),
    Page("matching/new/", "curator", "curator"),
    Page("matching/{pair}/", "viewer", "curator"),
    Page("matching/{pair}/delete/", "curator", "curator"),
    Page("matching/lexicon/", "viewer", "curator"),
    Page("invalidations/"),
    Page("invalidations/new/", "operator", "operator"),
    Page("invalidations/all/", "operator", "operator"),
    Page("invalidations/limits/", "viewer", "operator"),
    Page("invalidations/{invalidation}/"),
    Page("events/"),
    Page("events/new/", "operator", "operator"),
    Page("events/{rule}/", "viewer", "operator"),
    Page("events/{rule}/delete/", "operator", "operator"),
    Page("events/secrets/new/", "operator", "operator"),
    Page("events/secrets/{secret}/withdraw/", "operator", "operator"),
    Page("keys/"),
    Page("keys/new/", "operator", "operator"),
    Page("keys/{key}/revoke/", "operator", "operator"),
    Page("revisions/"),
    Page("revisions/{revision}/"),
    Page("revisions/{revision}/rollback/", "operator", "operator"),
    Page("settings/", "viewer", "owner"),
)


def make_one_of_each(tenant: Tenant) -> dict[str, str]:
    """One object of every kind; their ids by kind."""
    return {
        "policy": make_policy(tenant).uid,
        "faq": make_faq(tenant).uid,
        "document": make_document(tenant).uid,
        "key": make_key(tenant).uid,
        "pair": make_pair(tenant).uid,
        "invalidation": make_invalidation(tenant).uid,
        "rule": make_event_rule(tenant).uid,
        "secret": make_event_secret(tenant).uid,
        "revision": str(make_revision(tenant).number),
    }


def address(page: Page, *, slug: str, ids: dict[str, str]) -> str:
    return f"/t/{slug}/{page.path.format(**ids)}"


def text(response: _MonkeyPatchedWSGIResponse) -> str:
    """The page's visible words, blanks collapsed."""
    reader = _Words()
    reader.feed(response.content.decode())
    return " ".join("".join(reader.words).split())


def form_errors(response: _MonkeyPatchedWSGIResponse) -> dict[str, list[str]]:
    """The errors of the form that the page shows."""
    assert response.context is not None
    return {name: list(errors) for name, errors in response.context["form"].errors.items()}


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._unseen = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen = tag == "script"

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._unseen = False
        if tag in ("dd", "div", "dt", "li", "p", "td", "th"):
            self.words.append(" ")
