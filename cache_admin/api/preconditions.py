"""ETags and If-Match: nobody overwrites an edit they have not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.http import parse_etags

from cache_admin.api.errors import PreconditionFailed, PreconditionRequired

if TYPE_CHECKING:
    from rest_framework.request import Request

    from cache_admin.models.base import Editable


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
    etags = parse_etags(header)
    if etags == ["*"]:
        return None
    if etag_of(item) not in etags:
        raise PreconditionFailed
    return item.version
