"""`manage.py replay` against a real endpoint."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cache_admin.management.commands.replay import Pace, Question, percentile
from tests.sandbox.conftest import Sandbox


def test_replay__every_question__counted_as_the_provider_counts(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    file = _write(tmp_path, "How do I pay?", "Where is my order?", "How do I pay?")

    summary = _replay(file, sandbox)

    total = sandbox.meter()["total"]
    assert summary["calls"] == total["calls"] == 3
    assert summary["by_layer"] == {"faq": 0, "exact": 0, "semantic": 0, "none": 3}
    assert summary["input_tokens"] == total["input_tokens"]
    assert summary["output_tokens"] == total["output_tokens"]


def test_replay__limit__sends_only_the_first(sandbox: Sandbox, tmp_path: Path) -> None:
    file = _write(tmp_path, "How do I pay?", "Where is my order?")

    assert _replay(file, sandbox, limit=1)["calls"] == 1


def test_replay__some_refused__counted_as_errors(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.control(rate_limit_rate=0.5, seed=1)

    summary = _replay(_write(tmp_path, *["How do I pay?"] * 20), sandbox)

    assert summary["errors_by_code"] == {"429": summary["errors"]}
    assert summary["errors"] + summary["by_layer"]["none"] == summary["calls"] == 20


def test_replay__nothing_answered__fails(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.control(error_rate=1)

    with pytest.raises(CommandError, match=r"answered no call: {'500': 1}"):
        _replay(_write(tmp_path, "How do I pay?"), sandbox)


def test_replay__malformed_line__named(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"text": "How do I pay?"}\n{"question": 1}\n')

    with pytest.raises(CommandError, match="line 2"):
        call_command("replay", file, base_url="http://127.0.0.1:1", key="k")


def test_replay__no_such_file__said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("replay", tmp_path / "none.jsonl", base_url="http://127.0.0.1:1", key="k")


@pytest.mark.parametrize(
    ("pace", "due"),
    [(Pace(4), 0.0), (Pace(4, rate=2.0), 1.5), (Pace(4, speed=10.0), 6.0)],
)
def test_pace__third_question__due(pace: Pace, due: float) -> None:
    assert pace.due_seconds(3, Question(text="How do I pay?", t=60.0)) == due


@pytest.mark.parametrize(("share", "value"), [(0.5, 2.0), (0.99, 4.0), (0.0, 1.0)])
def test_percentile__share__value_not_exceeded(share: float, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == value


def _write(folder: Path, *texts: str) -> Path:
    file = folder / "questions.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return file


def _replay(file: Path, sandbox: Sandbox, **options: Any) -> dict[str, Any]:
    output = io.StringIO()
    url = f"{sandbox.url}/v1"
    call_command("replay", file, base_url=url, key="k", json=True, stdout=output, **options)
    summary: dict[str, Any] = json.loads(output.getvalue())
    return summary
