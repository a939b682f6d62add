"""Compiles the message catalogues without any tool but Python."""

from __future__ import annotations

from pathlib import Path

import polib

from controlplane.serve.plan import PROJECT_ROOT


def compile_translations(root: Path) -> list[Path]:
    """Write the ``.mo`` beside every ``.po`` under `root` that is newer; returns those written."""
    written = []
    for source in sorted(root.glob("**/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            polib.pofile(str(source)).save_as_mofile(str(target))
            written.append(target)
    return written


if __name__ == "__main__":
    compile_translations(PROJECT_ROOT / "locale")
