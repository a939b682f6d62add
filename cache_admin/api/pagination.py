"""Pages by position and not by count: stable while rows come and go, cheap at any depth."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.utils.urls import replace_query_param

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rest_framework.request import Request

ItemT = TypeVar("ItemT")
ModelT = TypeVar("ModelT", bound=models.Model)

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """Some items in order, and the address of the page after them."""

    items: tuple[ItemT, ...]
    next: str | None


def page_of(
    queryset: models.QuerySet[ModelT], request: Request, *, by: str, descending: bool = False
) -> Page[ModelT]:
    """The page of `queryset` that `request` asks for, ordered by the unique field `by`.

    `by` holds positive integers or slugs. Raises ValidationError for a malformed `cursor` or
    `page_size`; a page size above the cap is lowered to it.
    """
    size = page_size(request)
    rows = queryset.order_by(f"-{by}" if descending else by)
    numeric = isinstance(queryset.model._meta.get_field(by), models.IntegerField)
    position = _position(request, pattern=_NUMBER if numeric else _SLUG)
    if position is not None:
        lookup = f"{by}__lt" if descending else f"{by}__gt"
        rows = rows.filter(**{lookup: position})
    found = tuple(rows[: size + 1])
    return page_from(found, request, size=size, position_of=lambda row: getattr(row, by))


def page_from(
    found: Sequence[ItemT], request: Request, *, size: int, position_of: Callable[[ItemT], Any]
) -> Page[ItemT]:
    """A page of the first `size` of `found`; one more of them says that a page follows."""
    if len(found) <= size:
        return Page(tuple(found), None)
    last = str(position_of(found[size - 1]))
    cursor = base64.urlsafe_b64encode(last.encode("ascii")).decode("ascii")
    address = replace_query_param(request.build_absolute_uri(), "cursor", cursor)
    return Page(tuple(found[:size]), address)


def page_size(request: Request) -> int:
    """How many items `request` asks for. Raises ValidationError when that is no such number."""
    text = request.query_params.get("page_size", str(DEFAULT_PAGE_SIZE))
    if not _NUMBER.fullmatch(text) or int(text) == 0:
        raise ValidationError({"page_size": _("Must be a positive whole number.")})
    return min(int(text), MAX_PAGE_SIZE)


def number_position(request: Request) -> int | None:
    """The number after which the page starts; None on the first. Raises ValidationError."""
    position = _position(request, pattern=_NUMBER)
    return None if position is None else int(position)


def _position(request: Request, *, pattern: re.Pattern[str]) -> str | None:
    cursor = request.query_params.get("cursor")
    if cursor is None:
        return None
    try:
        position = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii")
    except ValueError:
        position = ""
    if not pattern.fullmatch(position):
        raise ValidationError({"cursor": _("Take the cursor from the address in `next`.")})
    return position
