"""What is done once before the processes start: schema, static files, translations, model."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from controlplane.serve.plan import PROJECT_ROOT, ServeError, ServePlan
from controlplane.serve.translations import compile_translations
from routing.config import DEFAULT_EMBEDDING_MODEL


def say(line: str) -> None:
    """Tell the person at the terminal."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def prepare(plan: ServePlan, *, environ: Mapping[str, str]) -> None:
    """Bring the data of `plan` and the checkout to the state the processes expect.

    Raises ServeError naming the step that failed.
    """
    manage = [sys.executable, str(PROJECT_ROOT / "manage.py")]
    if compile_translations(PROJECT_ROOT / "locale"):
        say("Compiled the translations")
    say("Preparing the database")
    _run([*manage, "migrate", "--verbosity", "0", "--no-input"], environ=environ)
    _collect_static(manage, plan.data_dir / "staticfiles", environ=environ)
    model = environ.get("EMBEDDING_MODEL") or DEFAULT_EMBEDDING_MODEL
    say(f"Preparing the embedding model {model} (the first time takes a while)")
    cache = ["--cache-dir", str(plan.data_dir / "models")]
    _run([sys.executable, "-m", "routing.embedding.prepare", model, *cache], environ=environ)


def tree_digest(files: Iterable[Path]) -> str:
    """A digest that changes when any of `files` is added, removed, resized or touched."""
    digest = hashlib.sha256()
    for path in sorted(files):
        state = path.stat()
        digest.update(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _collect_static(manage: list[str], root: Path, *, environ: Mapping[str, str]) -> None:
    sources = (PROJECT_ROOT / "cache_admin" / "static").rglob("*")
    digest = tree_digest([PROJECT_ROOT / "requirements.txt", *sources])
    stamp = root / ".collected"
    if stamp.exists() and stamp.read_text() == digest:
        return
    say("Collecting the static files")
    _run([*manage, "collectstatic", "--verbosity", "0", "--no-input"], environ=environ)
    root.mkdir(exist_ok=True)
    stamp.write_text(digest)


def _run(argv: list[str], *, environ: Mapping[str, str]) -> None:
    done = subprocess.run(argv, cwd=PROJECT_ROOT, env=environ, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise ServeError(f"{' '.join(argv[1:3])} failed (exit status {done.returncode}); see above")
