from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

import routing
from routing.errors import SnapshotSchemaError
from routing.snapshot import LearnedCheck, check_snapshot, snapshot_json_schema
from tests.routing.builders import policy, snapshot, tenant

ROOT = Path(__file__).resolve().parents[2]


def test_snapshot_schema__committed_file__current() -> None:
    """To renew it, write the expected text of this assertion into the file."""
    schema = msgspec.json.encode(snapshot_json_schema(), order="deterministic")
    expected = msgspec.json.format(schema, indent=2).decode() + "\n"

    assert (ROOT / "docs" / "snapshot.schema.json").read_text() == expected


def test_version__package_and_project__same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert routing.__version__ == project["version"]


@pytest.mark.parametrize("scales", [(0.0,), (-1.0,), (1.0, 1.0)])
def test_check_snapshot__learned_check_that_cannot_be_reckoned__refused(
    scales: tuple[float, ...],
) -> None:
    check = LearnedCheck(
        min_probability=0.9,
        features=("similarity",),
        means=(0.8,),
        scales=scales,
        coefficients=(1.0,),
        intercept=0.0,
        trained_at=datetime(2026, 3, 2, tzinfo=UTC),
        pairs=200,
    )

    with pytest.raises(SnapshotSchemaError, match="learned check of acme/default"):
        check_snapshot(snapshot(tenant("acme", policies=(policy(learned=check),))))
