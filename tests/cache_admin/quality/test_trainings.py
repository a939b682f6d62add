from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from django.utils import timezone
from pytest_django import Settings

from cache_admin.errors import InvalidInput, NotAllowed
from cache_admin.mappers import map_policy
from cache_admin.models import (
    CheckTraining,
    LabelledPair,
    LabelSource,
    Policy,
    Tenant,
    TrainingState,
)
from cache_admin.quality.labels import Label, label_pairs
from cache_admin.quality.learning import HeldOut
from cache_admin.quality.similarities import similarities
from cache_admin.quality.trainings import (
    fail_training,
    request_training,
    resume_trainings,
    run_training,
    switch_on,
)
from cache_admin.services.policies import forget_learned_check
from cache_admin.tasks import train_check
from tests.cache_admin.builders import ROBOT

MODEL = "all-MiniLM-L6-v2"
THINGS = (
    "card", "bill", "invoice", "parcel", "order", "refund", "password", "voucher", "account",
    "address", "ticket", "contract", "licence", "phone", "receipt", "loan", "policy", "claim",
)  # fmt: skip


@pytest.fixture
def policy(acme: Tenant, settings: Settings, model_cache_dir: Path) -> Policy:
    """A policy whose questions are embedded by the model at hand."""
    settings.DATA_DIR = model_cache_dir.parent
    settings.EMBEDDING_MODEL = MODEL
    return Policy.objects.get(tenant=acme, name="frequent-faq")


def label_many(policy: Policy, *, similarity: float | None = 0.9) -> None:
    """Right when both ask for the same thing, wrong when one asks for another."""
    labels = [
        Label(f"where can I find my {one} please", f"where do I find the {other}", one == other)
        for one in THINGS
        for other in THINGS
    ] + [
        Label(f"where can I find {word} {thing}", f"where do I find the {thing}", right=True)
        for thing in THINGS
        for word in ("my", "our", "this", "that", "a")
    ]
    label_pairs(policy=policy, actor=ROBOT, source=LabelSource.IMPORT, labels=labels)
    if similarity is not None:
        LabelledPair.objects.update(similarity=similarity, embedding_model=MODEL)
    # So that a pair about another thing reaches the check at all.
    Policy.objects.filter(pk=policy.pk).update(disabled_guards=["slots", "entities", "opposites"])


def trained(policy: Policy) -> CheckTraining:
    label_many(policy)
    training = request_training(policy=policy, actor=ROBOT)
    run_training(training.pk)
    training.refresh_from_db()
    return training


def test_run_training__enough_pairs__learned_and_not_in_force(policy: Policy) -> None:
    training = trained(policy)

    policy.refresh_from_db()
    assert (training.state, training.error) == (TrainingState.DONE, "")
    assert policy.learned is None


def test_run_training__done__tells_what_it_is_worth(policy: Policy) -> None:
    report = msgspec.convert(trained(policy).report, HeldOut)

    assert report.auc > report.auc_similarity
    assert report.pairs == report.right + (report.pairs - report.right)


def test_run_training__too_few_pairs__fails_and_says_why(policy: Policy) -> None:
    training = request_training(policy=policy, actor=ROBOT)

    run_training(training.pk)

    training.refresh_from_db()
    assert training.state == TrainingState.FAILED
    assert "0 pairs" in training.error


def test_run_training__unlike_and_vetoed_pairs__left_out(policy: Policy) -> None:
    label_many(policy)
    one = LabelledPair.objects.filter(right=True).first()
    assert one is not None
    LabelledPair.objects.filter(pk=one.pk).update(similarity=0.3)
    veto = Label("Is it open for 2 days?", "Is it open for 3 days?", right=False)
    label_pairs(policy=policy, actor=ROBOT, source=LabelSource.REVIEW, labels=[veto])
    LabelledPair.objects.filter(asked=veto.asked).update(similarity=0.95, embedding_model=MODEL)
    training = request_training(policy=policy, actor=ROBOT)

    run_training(training.pk)

    training.refresh_from_db()
    assert training.left_out == 2


def test_run_training__taken_already__not_twice(policy: Policy) -> None:
    training = trained(policy)

    assert run_training(training.pk) is False


@pytest.mark.model
def test_run_training__similarities_unknown__measured_and_kept(policy: Policy) -> None:
    label_many(policy, similarity=None)
    training = request_training(policy=policy, actor=ROBOT)

    run_training(training.pk)

    training.refresh_from_db()
    assert training.progress_done == training.progress_total == LabelledPair.objects.count()
    assert not LabelledPair.objects.filter(similarity=None).exists()


def test_run_training__model_of_a_provider__refused(policy: Policy, settings: Settings) -> None:
    settings.EMBEDDING_MODEL = "openai:text-embedding-3-small"
    label_many(policy)
    training = request_training(policy=policy, actor=ROBOT)

    run_training(training.pk)

    training.refresh_from_db()
    assert "local embedding model" in training.error


def test_request_training__one_under_way__refused(policy: Policy) -> None:
    request_training(policy=policy, actor=ROBOT)

    with pytest.raises(NotAllowed, match="under way"):
        request_training(policy=policy, actor=ROBOT)


def test_train_check__task_called_twice__second_does_nothing(policy: Policy) -> None:
    training = request_training(policy=policy, actor=ROBOT)

    assert [train_check(training.pk), train_check(training.pk)] == [True, False]


def test_resume_trainings__worker_silent__given_up(policy: Policy) -> None:
    training = request_training(policy=policy, actor=ROBOT)
    long_ago = timezone.now() - timedelta(hours=1)
    CheckTraining.objects.update(state=TrainingState.RUNNING, heard_at=long_ago)

    resume_trainings()

    training.refresh_from_db()
    assert (training.state, training.error) == (TrainingState.FAILED, "The worker was interrupted.")


def test_resume_trainings__never_taken__sent_again(policy: Policy) -> None:
    request_training(policy=policy, actor=ROBOT)
    CheckTraining.objects.update(created_at=timezone.now() - timedelta(minutes=5))

    assert resume_trainings() == 1


def test_fail_training__done_already__stays_done(policy: Policy) -> None:
    training = trained(policy)

    fail_training(training.pk, reason="late")

    training.refresh_from_db()
    assert training.state == TrainingState.DONE


def test_switch_on__trained__in_the_snapshot_of_this_policy_only(policy: Policy) -> None:
    switch_on(training=trained(policy), actor=ROBOT, min_probability=0.9)

    learned = {row.name: map_policy(row).learned for row in Policy.objects.all()}
    assert [name for name, check in learned.items() if check] == ["frequent-faq"]
    check = learned["frequent-faq"]
    assert check is not None
    assert check.min_probability == 0.9


@pytest.mark.parametrize("min_probability", [0.0, 1.0, -1.0, float("nan")])
def test_switch_on__probability_out_of_range__refused(
    policy: Policy, min_probability: float
) -> None:
    with pytest.raises(InvalidInput):
        switch_on(training=trained(policy), actor=ROBOT, min_probability=min_probability)


def test_switch_on__failed_training__refused(policy: Policy) -> None:
    training = request_training(policy=policy, actor=ROBOT)
    run_training(training.pk)
    training.refresh_from_db()

    with pytest.raises(NotAllowed, match="not ended well"):
        switch_on(training=training, actor=ROBOT, min_probability=0.9)


def test_switch_on__other_embedding_model_by_now__refused(
    policy: Policy, settings: Settings
) -> None:
    training = trained(policy)
    settings.EMBEDDING_MODEL = "all-mpnet-base-v2"

    with pytest.raises(NotAllowed, match="train again"):
        switch_on(training=training, actor=ROBOT, min_probability=0.9)


def test_forget__switched_on__off_and_can_be_switched_on_again(policy: Policy) -> None:
    training = trained(policy)
    row = switch_on(training=training, actor=ROBOT, min_probability=0.9)

    assert forget_learned_check(policy=row, actor=ROBOT).learned is None
    assert switch_on(training=training, actor=ROBOT, min_probability=0.8).learned is not None


@pytest.mark.model
def test_similarities__same_and_other_question__told_in_order(model_cache_dir: Path) -> None:
    pairs = [("Where is it?", "Where is it?"), ("Where is it?", "word " * 400), ("cat", "invoice")]

    (chunk,) = similarities(pairs, model=MODEL, cache_dir=model_cache_dir)

    same, too_long, other = chunk.similarities
    assert same == pytest.approx(1.0, abs=1e-4)
    assert too_long is None
    assert other is not None
    assert other < 0.5


def test_similarities__no_such_model__says_so(model_cache_dir: Path) -> None:
    with pytest.raises(NotAllowed, match="not a directory"):
        list(similarities([("a", "b")], model="/no/such/model", cache_dir=model_cache_dir))
