"""From a valid form through a service to a message that names the new revision."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.contrib import messages
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from cache_admin.console.forms.base import ConsoleForm
from cache_admin.console.workspace import ConsoleRequest, Workspace
from cache_admin.errors import DomainError
from cache_admin.models import Revision

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
    before = _latest(workspace)
    try:
        result = change()
    except DomainError as error:
        if form is None:
            messages.error(request, str(error.message))
        else:
            form.add_domain_error(error)
        return None
    announce(request, workspace, done=done, before=before)
    return result


def announce(request: ConsoleRequest, workspace: Workspace, *, done: str, before: int) -> None:
    """Say `done`, and link the revision published since `before` when there is one."""
    number = _latest(workspace)
    if number == before:
        messages.success(request, done)
        return
    link = format_html(
        '<a href="{}">{}</a>',
        reverse("console:revision", args=[workspace.tenant.slug, number]),
        _("revision %(number)s") % {"number": number},
    )
    said = format_html(_("{done} Saved as {revision}."), done=done, revision=link)
    messages.success(request, said)


def _latest(workspace: Workspace) -> int:
    """The newest revision that an edit of this tenant became; 0 before the first."""
    own = Revision.objects.filter(tenant=workspace.tenant).order_by("-number")
    return own.values_list("number", flat=True).first() or 0
