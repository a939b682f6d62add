from __future__ import annotations

import pytest

from cache_admin.errors import InvalidInput, NotAllowed
from cache_admin.models import AuditEntry, LabelledPair, LabelSource, Policy, Revision, Tenant
from cache_admin.quality.labels import Label, Labelled, delete_label, label_pairs
from tests.cache_admin.builders import ROBOT


@pytest.fixture
def policy(acme: Tenant) -> Policy:
    return Policy.objects.get(tenant=acme, name="frequent-faq")


def labelled(policy: Policy, *labels: Label) -> Labelled:
    return label_pairs(policy=policy, actor=ROBOT, source=LabelSource.REVIEW, labels=labels)


def test_label_pairs__new_ones__kept_with_their_policy(policy: Policy) -> None:
    done = labelled(policy, Label("How to pay?", "How do I pay?", right=True))

    row = LabelledPair.objects.get()
    assert done == Labelled(new=1, repeated=0)
    assert (row.policy, row.tenant, row.right) == (policy, policy.tenant, True)


def test_label_pairs__same_pair_again__later_word_counts(policy: Policy) -> None:
    labelled(policy, Label("How to pay?", "How do I pay?", right=True))

    done = labelled(policy, Label("  How to  pay? ", "How do I pay?", right=False))

    assert done == Labelled(new=0, repeated=1)
    assert LabelledPair.objects.get().right is False


def test_label_pairs__twice_in_one_go__later_word_counts(policy: Policy) -> None:
    done = labelled(policy, Label("a", "b", right=True), Label("a", "b", right=False))

    assert done == Labelled(new=1, repeated=1)
    assert LabelledPair.objects.get().right is False


def test_label_pairs__texts_that_join_alike__two_pairs(policy: Policy) -> None:
    assert labelled(policy, Label("ab", "c", right=True), Label("a", "bc", right=True)).new == 2


@pytest.mark.parametrize("text", ["", "  ", "x" * 2_001, "\ud800", "a\0b"])
def test_label_pairs__question_that_cannot_be_kept__refused(policy: Policy, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        labelled(policy, Label("How to pay?", text, right=True))

    assert "stored" in refused.value.fields
    assert not LabelledPair.objects.exists()


def test_label_pairs__too_many__refused_and_none_kept(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cache_admin.quality.labels.MAX_PAIRS", 1)

    with pytest.raises(NotAllowed):
        labelled(policy, Label("a", "b", right=True), Label("a", "c", right=True))

    assert not LabelledPair.objects.exists()


def test_label_pairs__any__audited_without_texts_and_nothing_published(policy: Policy) -> None:
    before = Revision.objects.count()

    labelled(policy, Label("my secret question", "b", right=True))

    entry = AuditEntry.objects.get(action="policy.labelled")
    assert "secret" not in str(entry.changes)
    assert Revision.objects.count() == before


def test_delete_label__pair__gone(policy: Policy) -> None:
    labelled(policy, Label("a", "b", right=True))

    delete_label(pair=LabelledPair.objects.get(), actor=ROBOT)

    assert not LabelledPair.objects.exists()
