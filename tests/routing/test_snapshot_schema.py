from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

import routing
from routing.snapshot import snapshot_json_schema

ROOT = Path(__file__).resolve().parents[2]


def test_snapshot_schema__committed_file__current() -> None:
    """To renew it, write the expected text of this assertion into the file."""
    schema = msgspec.json.encode(snapshot_json_schema(), order="deterministic")
    expected = msgspec.json.format(schema, indent=2).decode() + "\n"

    assert (ROOT / "docs" / "snapshot.schema.json").read_text() == expected


def test_version__package_and_project__same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert routing.__version__ == project["version"]
