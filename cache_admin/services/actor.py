"""Who makes a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from cache_admin.models import ApiKey


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, or something that acts for one; `label` outlives the account.

    `is_key` for a key of the management API, which may not do all that a person may.
    """

    user: User | None
    label: str
    is_key: bool = False

    @classmethod
    def of(cls, user: User) -> Actor:
        """The signed-in person."""
        return cls(user, user.get_username())

    @classmethod
    def of_key(cls, key: ApiKey) -> Actor:
        """A key, told from others of its name by its prefix."""
        return cls(None, f"key {key.prefix} ({key.name})", is_key=True)

    @classmethod
    def system(cls, name: str) -> Actor:
        """The product itself, by the name of what acts: a command, a scheduled task."""
        return cls(None, name)
