"""Removing stored answers by hand, receipts, and limits."""

from __future__ import annotations

import pytest
import redis
from django.test import Client
from pytest_django import Settings

from cache_admin.models import Invalidation, Policy, Tenant, TenantLimits
from routing.redis_names import user_digest
from tests.cache_admin.stored import keep_answer
from tests.console.builders import make_document, make_invalidation, make_policy
from tests.console.pages import form_errors, text

NEW = "/t/acme/invalidations/new/"
LIMITS = "/t/acme/invalidations/limits/"


@pytest.fixture
def url(redis_client: redis.Redis, redis_url: str, settings: Settings) -> str:
    """An empty Redis, which the console uses."""
    settings.REDIS_URL = settings.CELERY_BROKER_URL = redis_url
    return redis_url


def asked(kind: str = "tag", target: str = "order:1", **more: object) -> dict[str, object]:
    """What a browser sends of what is to go."""
    return {"kind": kind, "target": target, "note": "Wrong price", **more}


def test_new__first_sent__asks_with_the_count(acme: Tenant, operator: Client, url: str) -> None:
    keep_answer(url, acme, tags=("order:1",))

    page = text(operator.post(NEW, asked()))

    assert "1 stored answer will no longer be served." in page
    assert not Invalidation.objects.exists()


@pytest.mark.parametrize(
    ("kind", "target"),
    [("user", "ann"), ("policy", "chat"), ("document", "manual"), ("tenant", ""), ("entry", "p.e")],
)
def test_new__any_kind__asks_first(
    acme: Tenant, operator: Client, url: str, kind: str, target: str
) -> None:
    make_policy(acme)
    make_document(acme)

    page = text(operator.post(NEW, asked(kind, target)))

    assert "Remove these answers?" in page


def test_new__redis_away__asks_without_a_count(acme: Tenant, operator: Client) -> None:
    assert "is not known" in text(operator.post(NEW, asked()))


def test_new__confirmed__leads_to_the_receipt(acme: Tenant, operator: Client) -> None:
    response = operator.post(NEW, asked(confirmed="on"), follow=True)

    row = Invalidation.objects.get()
    assert (row.kind, row.target, row.note) == ("tag", "order:1", "Wrong price")
    assert response.redirect_chain == [(f"/t/acme/invalidations/{row.uid}/", 302)]
    assert "The removal is under way." in text(response)


def test_new__user_with_blanks_around__meant_as_typed(acme: Tenant, operator: Client) -> None:
    operator.post(NEW, asked("user", " ann ", confirmed="on"))

    assert Invalidation.objects.get().target == user_digest(" ann ")


@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "on"}])
def test_new__unknown_policy__named_at_its_field(
    acme: Tenant, operator: Client, confirmed: dict[str, str]
) -> None:
    response = operator.post(NEW, asked("policy", "missing", **confirmed))

    assert list(form_errors(response)) == ["target"]
    assert not Invalidation.objects.exists()


def test_receipt__user__digest_and_no_name(acme: Tenant, viewer: Client) -> None:
    row = make_invalidation(acme, kind="user", target="ann@example.com")

    page = viewer.get(f"/t/acme/invalidations/{row.uid}/").content.decode()

    assert user_digest("ann@example.com") in page
    assert "ann@example.com" not in page


def test_receipt__over__figures_and_no_more_asking(acme: Tenant, viewer: Client) -> None:
    row = make_invalidation(acme)
    Invalidation.objects.update(
        state="done", removed_entries=1234, removed_index_keys=2, residual_keys=0, duration_ms=80
    )

    page = viewer.get(f"/t/acme/invalidations/{row.uid}/")

    assert "Entries removed 1,234" in text(page)
    assert "Found by a second look 0" in text(page)
    assert "hx-trigger" not in page.content.decode()


def test_receipt__running__shows_how_far_and_asks_again(acme: Tenant, viewer: Client) -> None:
    row = make_invalidation(acme)
    Invalidation.objects.update(state="running", progress_done=300, progress_total=1200)

    page = viewer.get(f"/t/acme/invalidations/{row.uid}/", headers={"HX-Request": "true"})

    assert "300 of 1,200" in text(page)
    assert '<progress class="progress" aria-label="running" value="300" max="1200">' in (
        page.content.decode()
    )
    assert 'hx-trigger="every 1s"' in page.content.decode()


def test_receipt__verifying__told_as_such(acme: Tenant, viewer: Client) -> None:
    row = make_invalidation(acme)
    Invalidation.objects.update(state="running", is_verifying=True, progress_done=9)

    page = text(viewer.get(f"/t/acme/invalidations/{row.uid}/"))

    assert "9 entries looked through" in page


def test_receipt__of_another_tenant__not_found(
    acme: Tenant, globex: Tenant, viewer: Client
) -> None:
    row = make_invalidation(globex)

    assert viewer.get(f"/t/acme/invalidations/{row.uid}/").status_code == 404


def test_list__one_waits__asks_again(acme: Tenant, viewer: Client) -> None:
    make_invalidation(acme)

    page = viewer.get("/t/acme/invalidations/", headers={"HX-Request": "true"}).content.decode()

    assert page.strip().startswith('<div id="removals" hx-get="/t/acme/invalidations/"')


def test_list__viewer__offers_no_removal(acme: Tenant, viewer: Client) -> None:
    assert "Remove answers" not in text(viewer.get("/t/acme/invalidations/"))


def test_policy_clear__asked__count_shown_and_nothing_done(
    acme: Tenant, operator: Client, url: str
) -> None:
    policy = make_policy(acme)
    keep_answer(url, acme, policy=policy.uid)

    page = text(operator.get(f"/t/acme/policies/{policy.uid}/clear/"))

    assert "1 stored answer will no longer be served." in page
    assert Policy.objects.get().generation == 1


def test_policy_clear__confirmed__generation_rises(acme: Tenant, operator: Client) -> None:
    policy = make_policy(acme)

    response = operator.post(f"/t/acme/policies/{policy.uid}/clear/", {"note": ""}, follow=True)

    assert Policy.objects.get().generation == 2
    assert "The removal is under way. Saved as revision" in text(response)


def test_tenant_clear__confirmed__generation_rises(acme: Tenant, operator: Client) -> None:
    operator.post("/t/acme/invalidations/all/", {"note": "Fresh start"})

    acme.refresh_from_db()
    assert (acme.generation, Invalidation.objects.get().note) == (2, "Fresh start")


def test_limits__saved__in_bytes(acme: Tenant, operator: Client) -> None:
    sent = {"version": 1, "max_entries": "500", "max_mib": "1.5", "eviction": "lfu"}

    operator.post(LIMITS, sent)

    limits = TenantLimits.objects.get()
    assert (limits.max_entries, limits.max_bytes, limits.eviction) == (500, 1_572_864, "lfu")


def test_limits__memory_not_touched__bytes_stay_exact(acme: Tenant, operator: Client) -> None:
    TenantLimits.objects.create(tenant=acme, max_bytes=1_000_001)
    shown = operator.get(LIMITS).context["form"]["max_mib"].value()

    operator.post(
        LIMITS, {"version": 1, "max_entries": "7", "max_mib": str(shown), "eviction": "lru"}
    )

    limits = TenantLimits.objects.get()
    assert (limits.max_entries, limits.max_bytes) == (7, 1_000_001)


def test_limits__emptied__no_limit(acme: Tenant, operator: Client) -> None:
    TenantLimits.objects.create(tenant=acme, max_bytes=10**9, max_entries=5)

    operator.post(LIMITS, {"version": 1, "max_entries": "", "max_mib": "", "eviction": "lru"})

    limits = TenantLimits.objects.get()
    assert (limits.max_entries, limits.max_bytes) == (0, 0)


def test_limits__answers_kept__size_shown(acme: Tenant, viewer: Client, url: str) -> None:
    keep_answer(url, acme)

    assert "Entries 1" in text(viewer.get(LIMITS))


def test_limits__redis_away__says_so(acme: Tenant, viewer: Client) -> None:
    assert "Not known" in text(viewer.get(LIMITS))
