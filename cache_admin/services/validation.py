"""Model rules, told as refusals of the service."""

from __future__ import annotations

from typing import TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.utils.translation import gettext as _

from cache_admin.errors import InvalidInput, StaleEdit
from cache_admin.models.base import Editable

ModelT = TypeVar("ModelT", bound=models.Model)
EditableT = TypeVar("EditableT", bound=Editable)


def validated(row: ModelT) -> ModelT:
    """`row` itself when it obeys every rule of its model; raises InvalidInput otherwise."""
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

    Raises StaleEdit when `expected_version` is given and differs, or when the row is gone.
    """
    fresh = type(row)._default_manager.filter(pk=row.pk).first()
    if fresh is None:
        raise StaleEdit(_("Someone deleted this meanwhile."))
    if expected_version is not None and fresh.version != expected_version:
        raise StaleEdit(_("Someone saved this meanwhile."))
    return fresh
