"""The message after a save names the revision of that very save."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any

from django.db import connection
from django.test import Client

from cache_admin.models import Tenant
from tests.console.builders import make_faq, make_policy, policy_input
from tests.console.pages import text


@contextmanager
def answered_late(tenant: Tenant) -> Iterator[None]:
    """Someone else saves before the request inside has written its message."""
    waiting = [lambda: make_faq(tenant)]

    def interrupt(execute: Any, sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if waiting and sql.startswith("RELEASE SAVEPOINT") and connection.savepoint_ids == []:
            Context().run(waiting.pop())
        return result

    with connection.execute_wrapper(interrupt):
        yield
    assert not waiting


def test_save__someone_else_right_after__own_revision_named(acme: Tenant, operator: Client) -> None:
    policy = make_policy(acme)

    with answered_late(acme):
        operator.post(
            f"/t/acme/policies/{policy.uid}/", policy_input(priority="7", version=policy.version)
        )

    assert "Policy saved. Saved as revision 2." in text(operator.get("/t/acme/policies/"))
