"""The CSP allows no inline style and no inline script: no page may hold one."""

from __future__ import annotations

from html.parser import HTMLParser
from importlib.resources import files

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from cache_admin.models import Tenant
from tests.console.builders import make_rollup, make_superuser
from tests.console.pages import PAGES, Page, address, make_one_of_each


class _Inline(HTMLParser):
    """Collects what a strict CSP would block, and the addresses of what the page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "style" or "style" in values:
            self.found.append(f"style in <{tag}>")
        if tag == "script" and "src" not in values and values.get("type") != "application/json":
            self.found.append("inline script")
        self.found += [f"{name} in <{tag}>" for name in values if name.startswith("on")]
        source = values.get("src") or (values.get("href") if tag in ("link", "use") else None)
        if source:
            self.loaded.append(source)


def _read(html: str) -> _Inline:
    reader = _Inline()
    reader.feed(html)
    return reader


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path or "overview")
def test_page__rendered__nothing_inline(page: Page, acme: Tenant, owner: Client) -> None:
    make_rollup(acme, hour=timezone.now().replace(minute=0, second=0, microsecond=0))
    path = address(page, slug="acme", ids=make_one_of_each(acme))

    assert _read(owner.get(path).content.decode()).found == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path or "overview")
def test_page__rendered__loads_only_files_of_ours_that_exist(
    page: Page, acme: Tenant, owner: Client
) -> None:
    path = address(page, slug="acme", ids=make_one_of_each(acme))

    loaded = _read(owner.get(path).content.decode()).loaded

    paths = [source.removeprefix("/static/").split("#")[0] for source in loaded]
    assert [name for name in paths if not finders.find(name)] == []


@pytest.mark.parametrize("path", ["/tenants/", "/tenants/new/"])
def test_tenants_page__rendered__nothing_inline(path: str, db: None) -> None:
    assert _read(make_superuser().get(path).content.decode()).found == []


@pytest.mark.parametrize(
    "template", ["400.html", "403.html", "403_csrf.html", "404.html", "500.html"]
)
def test_error_page__rendered_without_context__nothing_inline(template: str) -> None:
    assert _read(render_to_string(template)).found == []


def test_every_page__policy__has_no_exceptions(owner: Client) -> None:
    policy = owner.get("/t/acme/")["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_overview__plotly_style_ids__are_those_of_the_installed_plotly(owner: Client) -> None:
    page = owner.get("/t/acme/").content.decode()
    library = files("plotly").joinpath("package_data/plotly.min.js").read_text("utf-8")

    maplibre_id = page.split('<template id="')[1].split('"')[0]

    assert f'getElementById("{maplibre_id}")' in library
    assert '"plotly.js-style-"' in library


def test_plotly__pages_without_charts__not_loaded(acme: Tenant, owner: Client) -> None:
    assert b"plotly" not in owner.get("/t/acme/policies/").content
