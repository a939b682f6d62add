from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from cache_admin.models import ApiKey, Faq, Policy, Revision, Tenant
from cache_admin.services.demo import seed_demo
from cache_admin.services.keys import key_digest
from cache_admin.services.policies import delete_policy
from tests.cache_admin.builders import ROBOT, make_document, make_faq
from tests.cache_admin.stored import keep_answer, kept_answers

pytestmark = pytest.mark.django_db


def _run(*args: str) -> str:
    output = StringIO()
    call_command(*args, stdout=output)
    return output.getvalue()


def _json(*args: str) -> Any:
    return msgspec.json.decode(_run(*args, "--json"))


def test_create_key__tenant__text_alone_on_stdout(acme: Tenant) -> None:
    text = _run("create_key", "acme").strip()

    assert ApiKey.objects.get().digest == key_digest(text)


def test_create_key__scopes__given(acme: Tenant) -> None:
    made = _json("create_key", "acme", "--name", "ci", "--scopes", "read,write")

    assert (made["name"], made["scopes"]) == ("ci", ["read", "write"])


def test_create_key__unknown_tenant__names_those_there_are(acme: Tenant) -> None:
    with pytest.raises(CommandError, match="known: acme"):
        _run("create_key", "acmee")


def test_create_key__unknown_scope__refused(acme: Tenant) -> None:
    with pytest.raises(CommandError, match="everything"):
        _run("create_key", "acme", "--scopes", "everything")


def test_bump_document__known__new_version(acme: Tenant) -> None:
    make_document(acme, slug="manual")

    assert _json("bump_document", "acme", "manual") == {"document": "manual", "version": 2}


def test_bump_document__unknown__names_those_there_are(acme: Tenant) -> None:
    make_document(acme, slug="manual")

    with pytest.raises(CommandError, match="known: manual"):
        _run("bump_document", "acme", "manul")


def test_publish__redis_away__says_not_pushed(acme: Tenant) -> None:
    assert _json("publish") == {"revision": 1, "pushed": False}


def test_rollback__number__new_revision(acme: Tenant) -> None:
    make_faq(acme)

    assert _json("rollback", "1", "--tenant", "acme") == {"revision": 3, "restores": 1}


def test_rollback__unknown_number__refused(acme: Tenant) -> None:
    with pytest.raises(CommandError, match="no revision 99"):
        _run("rollback", "99")


def test_seed_demo__first_time__login_and_key_that_work() -> None:
    seeded = _json("seed_demo")

    assert User.objects.get(username=seeded["username"]).check_password(seeded["password"])
    assert ApiKey.objects.filter(digest=key_digest(seeded["app_key"])).exists()


def test_seed_demo__second_time__changes_nothing() -> None:
    _run("seed_demo")
    before = Revision.objects.count()

    assert _json("seed_demo") == {"tenant": "demo", "username": "admin"}
    assert Revision.objects.count() == before


def test_seed_demo__password_given__used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_PASSWORD", "as the operator wants")

    assert _json("seed_demo")["password"] == "as the operator wants"


def test_seed_demo__content__what_the_demo_needs() -> None:
    seed_demo()

    demo = Tenant.objects.get(slug="demo")
    assert demo.faqs.filter(language="en").count() >= 12
    assert demo.faqs.filter(language="es").count() >= 6
    assert demo.policies.count() == 5
    assert demo.documents.count() == 2


def test_seed_demo__default_policy__rests_on_the_help_centre() -> None:
    seed_demo()

    policy = Policy.objects.get(tenant__slug="demo", name="frequent-faq")
    assert [document.slug for document in policy.documents.all()] == ["help-center"]


def test_seed_demo__operators_deletion__respected() -> None:
    seed_demo()
    delete_policy(policy=Policy.objects.get(name="archival"), actor=ROBOT)

    seed_demo()

    assert not Policy.objects.filter(name="archival").exists()


def test_export_config__secrets__left_out() -> None:
    seed_demo()

    content = _run("export_config")

    assert ApiKey.objects.get().digest not in content


def test_import_config__into_an_empty_installation__same_content(tmp_path: Path) -> None:
    seed_demo()
    path = tmp_path / "config.json"
    path.write_text(_run("export_config"), encoding="utf-8")
    exported = path.read_text(encoding="utf-8")
    Tenant.objects.all().delete()

    _run("import_config", str(path))

    assert _without_uids(_run("export_config")) == _without_uids(exported)


def test_import_config__same_again__publishes_nothing(tmp_path: Path) -> None:
    seed_demo()
    path = tmp_path / "config.json"
    path.write_text(_run("export_config"), encoding="utf-8")
    before = Revision.objects.count()

    counts = _json("import_config", str(path))

    assert (counts["faqs"], Revision.objects.count()) == (Faq.objects.count(), before)


@pytest.mark.parametrize(
    "content", ["{", '{"format": 1}', '{"format": 2, "tenants": []}', '{"format": 1, "x": 1}']
)
def test_import_config__malformed__refused(db: None, tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)

    with pytest.raises(CommandError):
        _run("import_config", str(path))


def test_import_config__one_bad_tenant__nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(
        '{"format": 1, "tenants": [{"slug": "acme", "name": "Acme"}, {"slug": "b", "name": ""}]}'
    )

    with pytest.raises(CommandError):
        _run("import_config", str(path))

    assert not Tenant.objects.exists()


def _without_uids(content: str) -> object:
    """The file without ids and in an order that does not rest on them."""
    tenants = msgspec.json.decode(content)["tenants"]
    for tenant in tenants:
        for group in ("policies", "faqs", "documents", "routes"):
            items = [{k: v for k, v in item.items() if k != "uid"} for item in tenant[group]]
            tenant[group] = sorted(items, key=str)
    return tenants


def test_invalidate__tag__waits_for_the_receipt(
    acme: Tenant, live_redis: redis.Redis, live_url: str
) -> None:
    keep_answer(live_url, acme, tags=("order:1",))

    receipt = _json("invalidate", "acme", "--tag", "order:1", "--note", "Wrong")

    assert (receipt["removed_entries"], receipt["residual_entries"]) == (1, 0)
    assert kept_answers(live_redis, acme) == []


def test_invalidate__all__generation_rises(acme: Tenant, live_redis: redis.Redis) -> None:
    assert "0 entries" in _run("invalidate", "acme", "--all")

    acme.refresh_from_db()
    assert acme.generation == 2


def test_invalidate__nothing_named__refused(acme: Tenant) -> None:
    with pytest.raises(CommandError, match="--tag"):
        _run("invalidate", "acme")


def test_invalidate__unknown_policy__refused(acme: Tenant) -> None:
    with pytest.raises(CommandError, match="missing"):
        _run("invalidate", "acme", "--policy", "missing")


def test_invalidate__redis_away__says_that_it_waits(acme: Tenant) -> None:
    with pytest.raises(CommandError, match="A worker goes on"):
        _run("invalidate", "acme", "--tag", "order:1")


def test_compact__policy_deleted__its_answers_go(
    acme: Tenant, live_redis: redis.Redis, live_url: str
) -> None:
    policy = acme.policies.get(name="archival")
    keep_answer(live_url, acme, policy=policy.uid)
    delete_policy(policy=policy, actor=ROBOT)

    assert _json("compact") == {"entries": 1, "partitions": 1}
    assert kept_answers(live_redis, acme) == []


def test_compact__redis_away__says_so(acme: Tenant) -> None:
    with pytest.raises(CommandError, match="Redis does not answer"):
        _run("compact")
