"""The warning that no hit is possible: overview, list of policies, a policy's page."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from django.test import Client
from pytest_django import Settings

from cache_admin.models import Policy, Tenant
from routing import redis_names
from routing.splits import SplitReport, encode_report
from tests.console.builders import make_policy, policy_input
from tests.console.pages import text

WARNING = "No hit is possible under chat"


@pytest.fixture
def cache(redis_client: redis.Redis, redis_url: str, settings: Settings) -> redis.Redis:
    """The Redis that runtimes and console share."""
    settings.REDIS_URL = redis_url
    return redis_client


@pytest.fixture
def chat(acme: Tenant) -> Policy:
    return make_policy(acme, name="chat")


def tell(cache: redis.Redis, policy: Policy, **changes: Any) -> None:
    """What a runtime writes of `policy`."""
    values: dict[str, Any] = {
        "tenant": policy.tenant.uid,
        "policy": policy.uid,
        "calls": 200,
        "partitions": 198,
        "part": "system_prompt",
        "before": "It is 12:01.",
        "after": "It is 12:02.",
    }
    report = SplitReport(**(values | changes))
    cache.set(redis_names.split(report.tenant, report.policy), encode_report(report))


@pytest.mark.parametrize("path", ["", "policies/", "policies/{uid}/"])
def test_page__calls_share_nothing__warned_with_what_differs(
    path: str, chat: Policy, viewer: Client, cache: redis.Redis
) -> None:
    tell(cache, chat)

    page = text(viewer.get(f"/t/acme/{path.format(uid=chat.uid)}"))

    assert f"{WARNING} 198 of the latest 200 calls can share no answer." in page.replace("\n", " ")
    assert "Last call but one It is 12:01. Last call It is 12:02." in page


@pytest.mark.parametrize("path", ["", "policies/", "policies/{uid}/"])
def test_page__nothing_reported__no_warning(
    path: str, chat: Policy, viewer: Client, cache: redis.Redis
) -> None:
    assert WARNING not in text(viewer.get(f"/t/acme/{path.format(uid=chat.uid)}"))


@pytest.mark.parametrize("path", ["", "policies/", "policies/{uid}/"])
def test_page__redis_away__page_without_the_warning(
    path: str, chat: Policy, viewer: Client
) -> None:
    response = viewer.get(f"/t/acme/{path.format(uid=chat.uid)}")

    assert response.status_code == 200
    assert WARNING not in text(response)


@pytest.mark.parametrize("path", ["", "policies/"])
def test_page__other_tenants_policy__not_shown(
    path: str, chat: Policy, globex: Tenant, viewer: Client, cache: redis.Redis
) -> None:
    tell(cache, make_policy(globex, name="theirs"))

    assert "No hit is possible" not in text(viewer.get(f"/t/acme/{path}"))


def test_page__policy_switched_off__no_warning(
    chat: Policy, viewer: Client, cache: redis.Redis
) -> None:
    tell(cache, chat)
    Policy.objects.update(enabled=False)

    assert WARNING not in text(viewer.get("/t/acme/policies/"))


def test_page__something_else_than_a_report__no_warning(
    chat: Policy, viewer: Client, cache: redis.Redis
) -> None:
    cache.set(redis_names.split(chat.tenant.uid, chat.uid), b'{"calls": "many"}')

    assert WARNING not in text(viewer.get("/t/acme/policies/"))


def test_overview__another_span_by_htmx__the_figures_alone(
    chat: Policy, viewer: Client, cache: redis.Redis
) -> None:
    tell(cache, chat)

    assert WARNING not in text(viewer.get("/t/acme/", headers={"HX-Request": "true"}))


def test_excerpt__markup__escaped(chat: Policy, viewer: Client, cache: redis.Redis) -> None:
    tell(cache, chat, before="<script>alert(1)</script>")

    page = viewer.get("/t/acme/policies/").content.decode()

    assert "<code>&lt;script&gt;alert(1)&lt;/script&gt;</code>" in page


def test_excerpt__absent_in_one_call__said_so(
    chat: Policy, viewer: Client, cache: redis.Redis
) -> None:
    tell(cache, chat, part="tools", before="")

    assert "Last call but one nothing there" in text(viewer.get("/t/acme/policies/"))


@pytest.mark.parametrize(
    ("part", "differs", "remedy"),
    [
        ("system_prompt", "The system prompt changes", "move it to the last message"),
        ("tools", "The tools change", "leave this part out under What must be equal"),
        ("response_format", "The response format changes", "leave this part out"),
        ("attachments", "The attachments change", "the very same bytes"),
        ("parameters", "The parameters, such as temperature, change", "Send the same values"),
        ("conversation", "The earlier turns change", "Let only the last few turns count"),
        ("other", "Something beside the text", "It always counts"),
        ("", "the calls differ in model, language or documents", "Send the same model"),
        ("not known yet", "Something beside the text", "It always counts"),
    ],
)
def test_warning__part__in_words_with_its_remedy(
    chat: Policy, viewer: Client, cache: redis.Redis, part: str, differs: str, remedy: str
) -> None:
    tell(cache, chat, part=part)

    page = text(viewer.get("/t/acme/policies/"))

    assert differs in page
    assert remedy in page


@pytest.mark.parametrize(
    ("part", "choice"),
    [
        ("system_prompt", {"context_system_prompt": False}),
        ("conversation", {"context_conversation": "none"}),
    ],
)
def test_warning__part_left_out_meanwhile__not_asked_for_again(
    chat: Policy, viewer: Client, cache: redis.Redis, part: str, choice: dict[str, Any]
) -> None:
    tell(cache, chat, part=part)
    Policy.objects.update(**choice)

    page = text(viewer.get("/t/acme/policies/"))

    assert "This policy leaves it out already" in page
    assert "What must be equal" not in page


def test_warning__answers_of_each_user_apart__told_instead_of_the_context(
    chat: Policy, viewer: Client, cache: redis.Redis
) -> None:
    tell(cache, chat, part="", before="", after="")
    Policy.objects.update(scope="user")

    page = text(viewer.get("/t/acme/policies/"))

    assert "keeps the answers of each user apart" in page
    assert "Last call but one" not in page


def test_warning__remedy__leads_to_what_must_be_equal(
    chat: Policy, viewer: Client, cache: redis.Redis
) -> None:
    tell(cache, chat)

    target = f"/t/acme/policies/{chat.uid}/#must-be-equal"

    assert f'href="{target}"' in viewer.get("/t/acme/").content.decode()
    assert '<fieldset id="must-be-equal"' in viewer.get(target).content.decode()


def test_policy__form_comes_back_with_errors__about_what_was_typed_alone(
    chat: Policy, operator: Client, cache: redis.Redis
) -> None:
    tell(cache, chat)

    response = operator.post(f"/t/acme/policies/{chat.uid}/", policy_input(priority=""))

    assert WARNING not in text(response)


def test_warning__spanish__in_spanish(chat: Policy, viewer: Client, cache: redis.Redis) -> None:
    tell(cache, chat)
    viewer.cookies["django_language"] = "es"

    page = text(viewer.get("/t/acme/policies/"))

    assert "No hay acierto posible con chat" in page
    assert "Las instrucciones del sistema cambian con cada llamada." in page
