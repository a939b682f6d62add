"""The few forms that a successful answer takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Max
from rest_framework.response import Response

from cache_admin.api.preconditions import etag_of
from cache_admin.models import Revision

if TYPE_CHECKING:
    from rest_framework.serializers import BaseSerializer

    from cache_admin.api.pagination import Page
    from cache_admin.models.base import Editable


def paged(page: Page[Any], serializer: type[BaseSerializer[Any]]) -> Response:
    """A page of a list: ``{"results": [...], "next": address or null}``."""
    results = serializer(page.items, many=True).data
    return Response({"results": results, "next": page.next})


def shown(item: Editable, serializer: type[BaseSerializer[Any]]) -> Response:
    """One editable object with the ETag that an edit of it must send back."""
    return Response(serializer(item).data, headers={"ETag": etag_of(item)})


def written(
    item: Editable, serializer: type[BaseSerializer[Any]], *, status: int = 200
) -> Response:
    """One editable object as just saved."""
    headers = {"ETag": etag_of(item), **revision_header()}
    return Response(serializer(item).data, status=status, headers=headers)


def deleted() -> Response:
    """Nothing, after a deletion."""
    return Response(status=204, headers=revision_header())


def revision_header() -> dict[str, str]:
    """``X-Revision``: the newest revision, which holds the write just made."""
    newest = Revision.objects.aggregate(newest=Max("number"))["newest"]
    return {} if newest is None else {"X-Revision": str(newest)}
