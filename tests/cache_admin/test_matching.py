from __future__ import annotations

from typing import Any

import pytest

from cache_admin.errors import Conflict, InvalidInput, NotAllowed, StaleEdit
from cache_admin.models import AuditEntry, NeverMergePair, Revision, Tenant
from cache_admin.services import matching
from cache_admin.services.matching import (
    LexiconSpec,
    PairSpec,
    create_pair,
    delete_pair,
    lexicon_of,
    update_lexicon,
    update_pair,
)
from cache_admin.services.tenants import create_tenant
from tests.cache_admin.builders import ROBOT, make_pair

pytestmark = pytest.mark.django_db


def _save(tenant: Tenant, **words: Any) -> None:
    update_lexicon(tenant=tenant, actor=ROBOT, spec=LexiconSpec(**words), expected_version=None)


def test_create_pair__valid__diff_names_both_questions(acme: Tenant) -> None:
    make_pair(acme, a="How do I pay?", b="How do I get paid?")

    assert [change["path"] for change in Revision.objects.latest("number").diff] == [
        "tenants/acme/never_merge/How do I pay? ≠ How do I get paid?"
    ]


@pytest.mark.parametrize("other", ["How do I pay?", "HOW do I pay", "how  do I páy?"])
def test_create_pair__one_question_twice__refused(acme: Tenant, other: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_pair(acme, a="How do I pay?", b=other)

    assert set(caught.value.fields) == {"b"}


def test_create_pair__nothing_to_compare__refused_at_its_field(acme: Tenant) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_pair(acme, a="?!")

    assert set(caught.value.fields) == {"a"}


def test_create_pair__there_the_other_way_round__conflict(acme: Tenant) -> None:
    make_pair(acme, a="Pay now?", b="Pay later?")

    with pytest.raises(Conflict):
        make_pair(acme, a="pay LATER", b="pay now")


def test_create_pair__same_in_another_tenant__allowed(acme: Tenant) -> None:
    globex = create_tenant(actor=ROBOT, slug="globex", name="Globex")
    make_pair(acme)

    make_pair(globex)

    assert NeverMergePair.objects.count() == 2


def test_create_pair__too_many__refused(acme: Tenant) -> None:
    NeverMergePair.objects.bulk_create(
        NeverMergePair(tenant=acme, a=f"a {number}", b="b", digest=str(number))
        for number in range(matching.MAX_PAIRS)
    )

    with pytest.raises(NotAllowed):
        make_pair(acme)


def test_update_pair__switched_off__leaves_the_snapshot(acme: Tenant) -> None:
    pair = make_pair(acme)
    spec = PairSpec(a=pair.a, b=pair.b, enabled=False)

    update_pair(pair=pair, actor=ROBOT, spec=spec, expected_version=1)

    assert Revision.objects.latest("number").diff[0]["after"] is None


def test_update_pair__old_version__stale(acme: Tenant) -> None:
    pair = make_pair(acme)

    with pytest.raises(StaleEdit):
        update_pair(pair=pair, actor=ROBOT, spec=PairSpec(a="x", b="y"), expected_version=7)


def test_update_pair__to_one_that_is_there__conflict(acme: Tenant) -> None:
    make_pair(acme, a="x", b="y")
    pair = make_pair(acme, a="x", b="z")

    with pytest.raises(Conflict):
        update_pair(pair=pair, actor=ROBOT, spec=PairSpec(a="Y", b="X"), expected_version=None)


def test_delete_pair__existing__audited(acme: Tenant) -> None:
    delete_pair(pair=make_pair(acme), actor=ROBOT)

    assert AuditEntry.objects.latest("pk").action == "never_merge.deleted"
    assert not NeverMergePair.objects.exists()


def test_create_pair__longest_questions__fit_every_database(acme: Tenant) -> None:
    spec = PairSpec(a="ñ" * 500, b="日" * 500)

    assert create_pair(tenant=acme, actor=ROBOT, spec=spec).pk


def test_update_lexicon__blanks_and_repeats__dropped(acme: Tenant) -> None:
    _save(acme, alike=((" e-mail ", "mail", "e-mail"), ("",)))

    assert lexicon_of(acme).alike == [["e-mail", "mail"]]


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("opposites", (("open",),)),
        ("opposites", (("open", "shut", "ajar"),)),
        ("opposites", (("open", "Open"),)),
        ("alike", (("mail",),)),
        ("apart", (("pro", "x" * 61),)),
        ("apart", (("pro", "gold, silver"),)),
        ("apart", (("pro", "?!"),)),
        ("apart", (tuple(f"plan {number}" for number in range(51)),)),
        ("alike", tuple((f"a{number}", f"b{number}") for number in range(501))),
    ],
)
def test_update_lexicon__bad_group__refused_at_its_list(
    acme: Tenant, name: str, groups: tuple[tuple[str, ...], ...]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        _save(acme, **{name: groups})

    assert set(caught.value.fields) == {name}


@pytest.mark.parametrize("name", ["opposites", "apart"])
def test_update_lexicon__words_alike_and_not__refused(acme: Tenant, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _save(acme, alike=(("pro", "gold", "plus"),), **{name: (("Gold", "plus"),)})

    assert set(caught.value.fields) == {name}


def test_update_lexicon__first_time__version_rises_from_one(acme: Tenant) -> None:
    spec = LexiconSpec(apart=(("pro", "gold"),))

    lexicon = update_lexicon(tenant=acme, actor=ROBOT, spec=spec, expected_version=1)

    assert lexicon.version == 2


def test_update_lexicon__old_version__stale(acme: Tenant) -> None:
    _save(acme, apart=(("pro", "gold"),))

    with pytest.raises(StaleEdit):
        update_lexicon(tenant=acme, actor=ROBOT, spec=LexiconSpec(), expected_version=1)


def test_update_lexicon__same_words__publishes_nothing(acme: Tenant) -> None:
    _save(acme, apart=(("pro", "gold"),))
    before = Revision.objects.count()

    _save(acme, apart=(("pro", "gold"),))

    assert Revision.objects.count() == before
