from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command
from pytest_django import Settings

from cache_admin.errors import InvalidInput
from cache_admin.models import Policy, Tenant
from cache_admin.quality.report import pairs_report, stream_report
from cache_admin.quality.setting import DEFAULT_POLICY, measured_setting
from cache_admin.services.tenants import create_tenant
from routing.evaluation import PairPoint, StreamPoint
from tests.cache_admin.builders import ROBOT
from tests.charts.test_evaluation import measured_pairs, measured_stream

PAIRS = (
    {"a": "How do I reset my password?", "b": "How can I reset my password?", "same": 1},
    {"a": "Can I return it in 14 days?", "b": "Can I return it in 30 days?", "same": 0},
)
STREAM = (
    {"text": "How do I reset my password?", "answer_id": "reset", "source": "shop"},
    {"text": "How can I reset my password?", "answer_id": "reset", "source": "shop"},
    {"text": "How can I reset my password?", "answer_id": "reset", "source": "bank"},
)


@pytest.fixture
def evaluating(live_redis: redis.Redis, settings: Settings, model_cache_dir: Path) -> redis.Redis:
    """The Redis that the command uses, which has the prepared model at hand too."""
    settings.DATA_DIR = model_cache_dir.parent
    return live_redis


def written(path: Path, rows: tuple[dict[str, Any], ...]) -> str:
    file = path / "labelled.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(file)


def evaluated(*arguments: str) -> Any:
    output = StringIO()
    call_command("evaluate_cache", *arguments, "--json", stdout=output)
    return json.loads(output.getvalue())


@pytest.mark.model
def test_evaluate_cache__pairs__what_was_agreed(evaluating: redis.Redis, tmp_path: Path) -> None:
    result = evaluated("--pairs", written(tmp_path, PAIRS))

    assert set(result) >= {
        "n", "positives", "negatives", "hit_rate_same", "hit_rate_different", "precision", "curve",
        "guards", "seconds",
    }  # fmt: skip
    assert (result["hit_rate_same"], result["hit_rate_different"]) == (1.0, 0.0)
    assert [point["min_similarity"] for point in result["curve"]][:: len(result["curve"]) - 1] == [
        0.5,
        0.99,
    ]


@pytest.mark.model
def test_evaluate_cache__no_guards__look_alike_hits(
    evaluating: redis.Redis, tmp_path: Path
) -> None:
    result = evaluated("--pairs", written(tmp_path, PAIRS), "--no-guards")

    assert result["hit_rate_different"] == 1.0


@pytest.mark.model
def test_evaluate_cache__stream_in_parts__what_was_agreed(
    evaluating: redis.Redis, tmp_path: Path
) -> None:
    result = evaluated("--stream", written(tmp_path, STREAM), "--partition-by", "source")

    assert set(result) >= {
        "n", "hits", "right_hits", "wrong_hits", "hit_rate", "wrong_per_hit", "wrong_per_query",
        "by_layer", "curve", "seconds",
    }  # fmt: skip
    assert result["by_layer"] == {"faq": 0, "exact": 0, "semantic": 1, "none": 2}
    assert set(result["curve"][0]) == {"min_similarity", "min_margin", "hit_rate", "wrong_per_hit"}


@pytest.mark.model
def test_evaluate_cache__report__one_page_that_asks_no_other_host(
    evaluating: redis.Redis, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"

    evaluated("--stream", written(tmp_path, STREAM), "--report", str(page))

    html = page.read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", html)
    assert '<script id="figure" type="application/json">' in html


@pytest.mark.model
def test_evaluate_cache__end__nothing_left_in_redis(
    evaluating: redis.Redis, tmp_path: Path
) -> None:
    evaluated("--stream", written(tmp_path, STREAM))

    assert evaluating.keys() == []


@pytest.mark.model
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_evaluate_cache__stopped_in_the_middle__nothing_left_in_redis(
    evaluating: redis.Redis,
    redis_url: str,
    model_cache_dir: Path,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    rows = tuple({"text": f"Where is order {row}?", "answer_id": str(row)} for row in range(4_000))
    command = [sys.executable, "manage.py", "evaluate_cache", "--stream", written(tmp_path, rows)]
    settings = {"DATA_DIR": str(model_cache_dir.parent), "REDIS_URL": redis_url}

    with subprocess.Popen(command, env=os.environ | settings, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not evaluating.keys("*:e:*") and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        process.send_signal(number)
        _, complaint = process.communicate(timeout=60)

    assert b"stopped" in complaint
    assert evaluating.keys() == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--limit", "0"), "at least 1"),
        (("--seed-faq", "faq.jsonl"), "goes with --stream"),
        (("--partition-by", "source"), "goes with --stream"),
        (("--report", "/no/such/directory/report.html"), "no such directory"),
        (("--min-similarity", "1.5"), "number from 0 to 1"),
        (("--policy", "no-such"), "No tenant has a policy"),
        (("--tenant", "nobody"), "no tenant 'nobody'"),
    ],
)
@pytest.mark.django_db
def test_evaluate_cache__wrong_option__refused(
    tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(CommandError, match=complaint):
        evaluated("--pairs", written(tmp_path, PAIRS), *arguments)


def test_evaluate_cache__bad_row__names_its_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="line 2"):
        evaluated("--pairs", written(tmp_path, (PAIRS[0], {"a": "x"})))


@pytest.mark.model
def test_evaluate_cache__redis_away__says_so(
    settings: Settings, model_cache_dir: Path, tmp_path: Path
) -> None:
    settings.DATA_DIR = model_cache_dir.parent

    with pytest.raises(CommandError, match="Redis does not answer"):
        evaluated("--pairs", written(tmp_path, PAIRS))


def test_evaluate_cache__imported__engine_not_loaded() -> None:
    program = (
        "import sys, django; django.setup(); "
        "import cache_admin.management.commands.evaluate_cache; "
        "print({'openvino', 'tokenizers', 'routing.engine'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"DJANGO_SETTINGS_MODULE": "controlplane.settings_test", "PATH": "/usr/bin:/bin"},
    )

    assert done.stdout.strip() == "set()"


def test_setting__nothing_named__built_in_default() -> None:
    measured = measured_setting(tenant=None, policy=None)

    assert (measured.policy.min_similarity, measured.policy.disabled_guards) == (0.79, ())


def test_setting__policy_of_one_tenant__found_by_name(acme: Tenant) -> None:
    row = Policy.objects.get(name="static-docs")

    assert measured_setting(tenant=None, policy="static-docs").policy.uid == row.uid


def test_setting__policy_of_two_tenants__tenant_must_be_named(acme: Tenant) -> None:
    create_tenant(actor=ROBOT, slug="globex", name="Globex")

    with pytest.raises(InvalidInput, match="acme, globex"):
        measured_setting(tenant=None, policy="static-docs")


def test_setting__tenant_without_that_policy__names_those_there_are(acme: Tenant) -> None:
    with pytest.raises(InvalidInput, match="static-docs"):
        measured_setting(tenant=acme, policy="no-such")


def test_setting__tenant_alone__policy_of_its_unlabelled_calls(acme: Tenant) -> None:
    Policy.objects.filter(tenant=acme).exclude(name="frequent-faq").update(enabled=False)

    assert measured_setting(tenant=acme, policy=None).policy.name == "frequent-faq"


def test_setting__tenant_without_policies__built_in_default(acme: Tenant) -> None:
    Policy.objects.all().delete()

    assert measured_setting(tenant=acme, policy=None).policy == DEFAULT_POLICY


def test_stream_report__curve__stands_in_a_table_too() -> None:
    html = stream_report(measured_stream(StreamPoint(0.79, 0.0, 0.5, 0.2)), source="log.jsonl")

    row = "<td>0.79</td><td>0.00</td><td>50.0%</td><td>20.0%</td>"
    assert f'<tr class="measured">{row}</tr>' in html


def test_pairs_report__guards__right_and_wrong_objections_apart() -> None:
    html = pairs_report(measured_pairs(PairPoint(0.8, 0.9, 0.1, 0.95)), source="pairs.jsonl")

    assert "<tr><td>numbers</td><td>1</td><td>1</td></tr>" in html


def test_report__name_with_markup__escaped() -> None:
    html = pairs_report(measured_pairs(), source="<b>.jsonl")

    assert "<title>&lt;b&gt;.jsonl" in html
