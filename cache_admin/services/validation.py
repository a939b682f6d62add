"""Model rules, told as refusals of the service."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.db.backends.base.operations import BaseDatabaseOperations
from django.utils.translation import gettext as _

from cache_admin.errors import InvalidInput, StaleEdit
from cache_admin.models.base import Editable

ModelT = TypeVar("ModelT", bound=models.Model)
EditableT = TypeVar("EditableT", bound=Editable)


def validated(row: ModelT) -> ModelT:
    """`row` itself when it obeys every rule of its model, and any of our databases can hold it.

    Raises InvalidInput otherwise.
    """
    _check_storable(row)
    try:
        row.full_clean()
    except ValidationError as error:
        fields = {
            name: " ".join(messages)
            for name, messages in error.message_dict.items()
            if name != NON_FIELD_ERRORS
        }
        general = error.message_dict.get(NON_FIELD_ERRORS, [])
        message = " ".join(general) or _("Some of the input is not right.")
        raise InvalidInput(message, fields=fields) from error
    return row


def current(row: EditableT, *, expected_version: int | None) -> EditableT:
    """`row` as the database has it now.

    Raises StaleEdit when `expected_version` is given and differs, or when the row is gone (code
    ``deleted``).
    """
    fresh = type(row)._default_manager.filter(pk=row.pk).first()
    if fresh is None:
        raise StaleEdit(_("Someone deleted this meanwhile."), code="deleted")
    if expected_version is not None and fresh.version != expected_version:
        raise StaleEdit(_("Someone saved this meanwhile."))
    return fresh


def current_or_new(row: EditableT, *, expected_version: int | None) -> EditableT:
    """`row` itself, just read in this transaction, or not saved yet.

    Raises StaleEdit when `expected_version` is given and differs.
    """
    if expected_version is not None and row.version != expected_version:
        raise StaleEdit(_("Someone saved this meanwhile."))
    return row


def _check_storable(row: models.Model) -> None:
    """Refuse what PostgreSQL cannot hold also where SQLite could, so that the two never differ."""
    fields = {
        field.name: fault
        for field in row._meta.concrete_fields
        if (fault := _fault(field, getattr(row, field.attname)))
    }
    if fields:
        raise InvalidInput(_("Some of the input is not right."), fields=fields)


def _fault(field: models.Field[Any, Any], value: object) -> str:
    if isinstance(value, str):
        return "" if is_text(value) else _("This holds characters that cannot be kept.")
    if isinstance(value, list):
        return next((fault for item in value if (fault := _fault(field, item))), "")
    if isinstance(field, models.IntegerField) and isinstance(value, int):
        least, most = BaseDatabaseOperations.integer_field_ranges[field.get_internal_type()]
        if not least <= value <= most:
            return _("Must be from %(least)d to %(most)d.") % {"least": least, "most": most}
    return ""


def is_text(value: str) -> bool:
    """Whether UTF-8 has it (half a surrogate pair it has not) and it is free of NUL."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value
