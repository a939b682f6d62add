from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.cache_admin.quality.test_trainings import THINGS

FRAMES = ("where do I find the {}", "where can I find my {}", "I cannot find the {} anywhere")


@pytest.fixture(autouse=True)
def _prepared_model(settings: Settings, model_cache_dir: Path) -> None:
    settings.DATA_DIR = model_cache_dir.parent


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(path)


def rows() -> list[dict[str, Any]]:
    return [
        {"a": one.format(thing), "b": other.format(another), "same": int(thing == another)}
        for thing in THINGS
        for another in (thing, f"{thing} account", f"copy of the {thing}")
        for one in FRAMES
        for other in FRAMES
    ]


def evaluated(*arguments: str) -> Any:
    output = StringIO()
    call_command("evaluate_check", *arguments, "--json", stdout=output)
    return json.loads(output.getvalue())


@pytest.mark.model
def test_evaluate_check__two_files__both_judged(tmp_path: Path) -> None:
    train = written(tmp_path / "train.jsonl", rows())

    worth = evaluated(train, "--pairs", written(tmp_path / "pairs.jsonl", rows()[::2]))

    assert set(worth) == {"coefficients", "cross_validated", "held_out"}
    assert worth["cross_validated"]["auc"] > worth["cross_validated"]["auc_similarity"]
    assert worth["held_out"]["pairs"] < worth["cross_validated"]["pairs"]


@pytest.mark.model
def test_evaluate_check__too_few_pairs__refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="needed are 200"):
        evaluated(written(tmp_path / "train.jsonl", rows()[:50]))


def test_evaluate_check__bad_row__names_its_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="line 1"):
        evaluated(written(tmp_path / "train.jsonl", [{"a": "x"}]))
