"""Static files taken from installed Python packages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

_PREFIX = "vendor/plotly"
_FILE = "plotly.min.js"


class PlotlyFinder(BaseFinder):
    """Serves ``vendor/plotly/plotly.min.js`` and nothing else of the plotly package.

    The folder also holds datasets and templates, which a plain STATICFILES_DIRS entry would
    publish too.
    """

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        spec = find_spec("plotly")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("plotly is not installed; install requirements.txt")
        self._folder = Path(spec.origin).parent / "package_data"

    def check(self, **_kwargs: Any) -> list[Any]:
        """No settings of its own to check."""
        return []

    def find(self, path: str, find_all: bool = False, **_kwargs: Any) -> Any:  # noqa: FBT001
        """The absolute path of the one file, as Django's finder protocol wants it."""
        if path != f"{_PREFIX}/{_FILE}":
            return []
        found = str(self._folder / _FILE)
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        """The one file, with a storage that places it under its prefix."""
        storage = FileSystemStorage(location=self._folder)
        storage.prefix = _PREFIX  # type: ignore[attr-defined] # what collectstatic reads
        yield _FILE, storage
