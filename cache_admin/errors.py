"""What a service refuses, and why.

DomainError is never raised itself::

    DomainError
    ├── InvalidInput   a value breaks a rule; `fields` says which and how
    ├── Conflict       the value is taken by something else, which the message names
    ├── StaleEdit      someone else saved the object since it was read
    └── NotAllowed     the object does not permit this now, whoever asks
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

_NO_FIELDS: Mapping[str, _StrOrPromise] = MappingProxyType({})


class DomainError(Exception):
    """Base of every refusal.

    `code` is a stable machine word, `message` is for people and translated when shown, `fields`
    maps the names of the values at fault to what is wrong with each.
    """

    default_code: ClassVar[str] = "error"

    def __init__(
        self,
        message: _StrOrPromise,
        *,
        code: str = "",
        fields: Mapping[str, _StrOrPromise] = _NO_FIELDS,
    ) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.message = message
        self.fields = fields

    def __str__(self) -> str:
        return str(self.message)


class InvalidInput(DomainError):
    """A value breaks a rule."""

    default_code = "invalid_input"


class Conflict(DomainError):
    """A value is taken by something else."""

    default_code = "conflict"


class StaleEdit(DomainError):
    """The object was saved by someone else since it was read."""

    default_code = "stale_edit"


class NotAllowed(DomainError):
    """The object does not permit this now."""

    default_code = "not_allowed"
