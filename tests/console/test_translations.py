"""Spanish is complete: every text of the product is in the catalogue, and translated."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

from controlplane.serve.plan import PROJECT_ROOT

CATALOGUE = PROJECT_ROOT / "locale" / "es" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
SOURCES = ("cache_admin", "controlplane", "templates", "manage.py", "locale")


@pytest.fixture(scope="module")
def spanish() -> polib.POFile:
    return polib.pofile(str(CATALOGUE))


def test_spanish__every_entry__translated(spanish: polib.POFile) -> None:
    assert [entry.msgid for entry in spanish.untranslated_entries()] == []


def test_spanish__every_entry__surely_right(spanish: polib.POFile) -> None:
    assert [entry.msgid for entry in spanish.fuzzy_entries()] == []
    assert spanish.obsolete_entries() == []


def test_spanish__placeholders__those_of_the_english(spanish: polib.POFile) -> None:
    different = [
        entry.msgid
        for entry in spanish
        for said in (entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr])
        if set(PLACEHOLDER.findall(said)) != set(PLACEHOLDER.findall(entry.msgid))
    ]

    assert different == []


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="needs xgettext (apt: gettext)")
def test_spanish__texts_of_the_source__all_in_the_catalogue(
    spanish: polib.POFile, tmp_path: Path
) -> None:
    for name in SOURCES:
        source = PROJECT_ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    # Without settings Django looks for texts in the current directory alone.
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("DJANGO_")}
    command = [sys.executable, "-m", "django", "makemessages", "-l", "es", "--no-obsolete"]

    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)

    found = polib.pofile(str(tmp_path / "locale" / "es" / "LC_MESSAGES" / "django.po"))
    assert {entry.msgid for entry in found} == {entry.msgid for entry in spanish}
