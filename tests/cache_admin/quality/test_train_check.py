from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cache_admin.models import LabelledPair, Policy
from tests.cache_admin.quality.test_evaluate_check import rows, written
from tests.cache_admin.quality.test_trainings import label_many
from tests.cache_admin.quality.test_trainings import policy as policy  # a fixture

pytestmark = pytest.mark.django_db


def trained(*arguments: str) -> Any:
    output = StringIO()
    call_command("train_check", "acme", "frequent-faq", *arguments, "--json", stdout=output)
    return json.loads(output.getvalue())


@pytest.mark.model
def test_train_check__file_of_pairs__labelled_learned_and_off(
    policy: Policy, tmp_path: Path
) -> None:
    result = trained("--pairs", written(tmp_path / "pairs.jsonl", rows()))

    policy.refresh_from_db()
    assert result["held_out"]["pairs"] + result["left_out"] == LabelledPair.objects.count()
    assert policy.learned is None


def test_train_check__probability_given__in_force(policy: Policy) -> None:
    label_many(policy)

    trained("--min-probability", "0.8")

    policy.refresh_from_db()
    assert policy.learned is not None
    assert policy.learned["min_probability"] == 0.8


def test_train_check__too_few_pairs__refused_saying_how_many(policy: Policy) -> None:
    with pytest.raises(CommandError, match="0 pairs can be learned from"):
        trained()


def test_train_check__unknown_policy__known_ones_named(policy: Policy) -> None:
    with pytest.raises(CommandError, match="archival"):
        call_command("train_check", "acme", "none-such")
