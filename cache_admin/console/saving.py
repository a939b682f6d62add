"""From a valid form through a service to a message that names the new revision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from django.contrib import messages
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from cache_admin.console.forms.base import ConsoleForm
from cache_admin.console.workspace import ConsoleRequest, Workspace
from cache_admin.errors import DomainError
from cache_admin.services.publishing import noted_revisions

T = TypeVar("T")


def save(
    request: ConsoleRequest,
    workspace: Workspace,
    *,
    form: ConsoleForm | None = None,
    change: Callable[[], T],
    done: str,
) -> T | None:
    """Run `change`; say `done` and the revision it became.

    A DomainError lands on `form` (or, without one, in a message) and the result is None.
    """
    try:
        with noted_revisions() as numbers:
            result = change()
    except DomainError as error:
        if form is None:
            messages.error(request, str(error.message))
        else:
            form.add_domain_error(error)
        return None
    messages.success(request, _said(workspace, done=done, numbers=numbers))
    return result


def _said(workspace: Workspace, *, done: str, numbers: Sequence[int]) -> str:
    """`done`, with a link to the revision when there is one."""
    if not numbers:
        return done
    link = format_html(
        '<a href="{}">{}</a>',
        reverse("console:revision", args=[workspace.tenant.slug, numbers[-1]]),
        _("revision %(number)s") % {"number": numbers[-1]},
    )
    return format_html(_("{done} Saved as {revision}."), done=done, revision=link)
