"""What rests on a document."""

from __future__ import annotations

from dataclasses import dataclass

from cache_admin.models import Document, Policy
from cache_admin.selectors.stored import document_preview


@dataclass(frozen=True, slots=True)
class BumpPreview:
    """What a bump would do; `entries` is None when Redis does not answer.

    There are at least so many entries when not `exact`.
    """

    document: Document
    entries: int | None
    exact: bool
    policies: tuple[Policy, ...]


def entries_resting_on(document: Document, *, version: int | None = None) -> int | None:
    """How many live entries rest on `version` (default: the current one) of `document`.

    None when Redis does not answer; of very many at least so many.
    """
    preview = document_preview(document, version=version)
    return None if preview is None else preview.entries


def bump_preview(document: Document) -> BumpPreview:
    """The entries and the policies that a bump of `document` would concern."""
    policies = document.policies.filter(enabled=True).order_by("-priority", "name")
    preview = document_preview(document)
    return BumpPreview(
        document=document,
        entries=None if preview is None else preview.entries,
        exact=preview is not None and preview.exact,
        policies=tuple(policies),
    )
