"""Who makes a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, or something that acts for one; `label` outlives the account."""

    user: User | None
    label: str

    @classmethod
    def of(cls, user: User) -> Actor:
        """The signed-in person."""
        return cls(user, user.get_username())

    @classmethod
    def system(cls, name: str) -> Actor:
        """The product itself, by the name of what acts: a command, a scheduled task."""
        return cls(None, name)
