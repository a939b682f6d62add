"""What several models share."""

from __future__ import annotations

import secrets

from django.db import models

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_UID_LENGTH = 16


def new_uid() -> str:
    """A random public id of 80 bits; never used again, safe in URLs and Redis keys."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_UID_LENGTH))


class Editable(models.Model):
    """An object that people edit: public id, and a version that rises with every edit.

    `version` is what `If-Match` and hidden form fields carry, so that two people editing the same
    object cannot silently overwrite each other.
    """

    uid = models.CharField(max_length=_UID_LENGTH, unique=True, editable=False, default=new_uid)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
