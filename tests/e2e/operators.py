"""What operators do over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import openai

from tests.product import Product, found, wait_until


@dataclass(frozen=True, slots=True)
class App:
    """A tenant's app, and its operators' API."""

    client: openai.OpenAI
    api: httpx2.Client


def management_key(product: Product, tenant: str) -> str:
    """A new key that reads and writes the tenant's configuration."""
    return product.manage("create_key", tenant, "--scopes", "read,write").strip()


def operators_api(product: Product, tenant: str, *, key: str) -> httpx2.Client:
    """A client of the tenant's part of the operators' API."""
    return httpx2.Client(
        base_url=f"{product.announced.console_url}/api/v1/tenants/{tenant}/",
        headers={"Authorization": f"Bearer {key}"},
        event_hooks={"response": [httpx2.Response.raise_for_status]},
    )


@contextmanager
def new_tenant(product: Product, slug: str) -> Iterator[App]:
    """Create a tenant as the administrator, and the keys of its app and its operator."""
    with httpx2.Client(base_url=product.announced.console_url) as browser:
        _log_in(browser, product)
        token = browser.cookies["csrftoken"]
        browser.post(
            "/api/v1/tenants/",
            json={"slug": slug, "name": slug.title()},
            headers={"X-CSRFToken": token, "Referer": str(browser.base_url)},
        ).raise_for_status()
    app_key = product.manage("create_key", slug).strip()
    with (
        product.client(app_key=app_key) as client,
        operators_api(product, slug, key=management_key(product, slug)) as api,
    ):
        wait_until(lambda: _is_let_in(client), seconds=10)
        yield App(client, api)


def policy(api: httpx2.Client, name: str) -> tuple[str, str]:
    """Where the tenant's policy `name` is, and its ETag."""
    [uid] = [item["uid"] for item in api.get("policies/").json()["results"] if item["name"] == name]
    path = f"policies/{uid}/"
    return path, api.get(path).headers["etag"]


def save_something(api: httpx2.Client) -> int:
    """Publish a revision that changes no answer; returns its number."""
    path, etag = policy(api, "archival")
    priority = api.get(path).json()["priority"] + 1
    saved = api.patch(path, json={"priority": priority}, headers={"If-Match": etag})
    return int(saved.headers["x-revision"])


def _log_in(browser: httpx2.Client, product: Product) -> None:
    page = browser.get("/login/").raise_for_status().text
    form = {
        "csrfmiddlewaretoken": found(r'name="csrfmiddlewaretoken" value="([^"]+)"', page),
        "username": product.announced.username,
        "password": product.announced.password,
    }
    answer = browser.post("/login/", data=form, headers={"Referer": str(browser.base_url)})
    assert answer.status_code == 302, answer.text


def _is_let_in(client: openai.OpenAI) -> bool:
    try:
        client.models.list()
    except openai.AuthenticationError:
        return False
    return True
