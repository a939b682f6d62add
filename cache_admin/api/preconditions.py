"""ETags and If-Match: nobody overwrites an edit they have not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.utils.http import parse_etags

from cache_admin.api.errors import PreconditionFailed, PreconditionRequired
from cache_admin.errors import StaleEdit

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.request import Request

    from cache_admin.models.base import Editable


T = TypeVar("T")


def etag_of(item: Editable) -> str:
    """The strong ETag of the object's current version."""
    return f'"{item.version}"'


def expected_version(request: Request, item: Editable) -> int | None:
    """The version the edit was made on; None when ``If-Match: *`` accepts any.

    Raises PreconditionRequired without If-Match, PreconditionFailed when it names other versions.
    Weak ETags never match.
    """
    header = request.headers.get("If-Match", "").strip()
    if not header:
        raise PreconditionRequired
    if _accepts_any(request):
        return None
    if etag_of(item) not in parse_etags(header):
        raise PreconditionFailed
    return item.version


def version_read(request: Request, item: Editable) -> int:
    """The version that an edit of some of `item` fills up from; raises like `expected_version`.

    ``If-Match: *`` accepts any version, but the values that the edit leaves out are those of this
    one: saving them over another would undo what was changed there.
    """
    expected_version(request, item)
    return item.version


def merged(request: Request, edit: Callable[[], T]) -> T:
    """What `edit` returns, which reads an object, changes some of it and saves.

    Done again, once, when someone saves in between and ``If-Match: *`` accepts that.
    """
    try:
        return edit()
    except StaleEdit:
        if not _accepts_any(request):
            raise
    return edit()


def _accepts_any(request: Request) -> bool:
    return request.headers.get("If-Match", "").strip() == "*"
