"""Taking turns between processes by locking a row."""

from __future__ import annotations

from cache_admin.models import Mutex


def take_turn(name: str) -> None:
    """Wait until no other transaction holds `name`, then hold it until this one ends.

    Call it first thing in the transaction: what was read before may be old. On SQLite the
    transaction itself is the lock (it begins IMMEDIATE).
    """
    Mutex.objects.get_or_create(name=name)
    Mutex.objects.select_for_update().get(name=name)
