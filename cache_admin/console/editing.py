"""The pages that create, edit and delete one object, alike for every kind of object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from cache_admin.console.forms.base import ConfirmForm, EditForm
from cache_admin.console.saving import save
from cache_admin.console.workspace import ConsoleRequest, Workspace, show
from cache_admin.models.base import Editable
from cache_admin.querysets import TenantOwnedQuerySet
from cache_admin.selectors.audit import was_here

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ItemT = TypeVar("ItemT", bound=Editable)

_GONE = 410


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` is the object's name in templates, `folder` that of its templates and its list.

    The rest is what to say when it is done.
    """

    name: str
    folder: str
    created: StrOrPromise
    saved: StrOrPromise
    deleted: StrOrPromise


def item_here(
    request: ConsoleRequest, workspace: Workspace, rows: TenantOwnedQuerySet[ItemT], *, uid: str
) -> ItemT | None:
    """The object; None when a form is sent for one that someone deleted meanwhile.

    Raises Http404 when the tenant has no such object and, to a form, never had one.
    """
    item = rows.for_tenant(workspace.tenant).filter(uid=uid).first()
    if item is None and not (
        request.method == "POST" and was_here(rows.model, tenant=workspace.tenant, uid=uid)
    ):
        raise Http404("no such object")
    return item


def create_page(
    request: ConsoleRequest,
    workspace: Workspace,
    kind: Kind,
    *,
    form: EditForm,
    create: Callable[[], object],
) -> HttpResponse:
    """Show `form` until `create` takes it, then the list."""
    if (
        request.method == "POST"
        and form.is_valid()
        and save(request, workspace, form=form, change=create, done=str(kind.created)) is not None
    ):
        return redirect(f"console:{kind.folder}", workspace.tenant.slug)
    return _form_page(request, workspace, kind, form=form, item=None)


def edit_page(
    request: ConsoleRequest,
    workspace: Workspace,
    kind: Kind,
    *,
    item: ItemT | None,
    form: EditForm,
    update: Callable[[ItemT], object],
    **context: object,
) -> HttpResponse:
    """Show `form`, with `context`, until `update` takes it, then the list.

    Without an `item`, or when it goes meanwhile, the page keeps what was typed for a new one.
    """
    if item is None:
        form.deleted = True
    elif (
        request.method == "POST"
        and form.is_valid()
        and save(request, workspace, form=form, change=lambda: update(item), done=str(kind.saved))
        is not None
    ):
        return redirect(f"console:{kind.folder}", workspace.tenant.slug)
    shown = None if form.deleted else item
    return _form_page(request, workspace, kind, form=form, item=shown, **context)


def delete_page(
    request: ConsoleRequest,
    workspace: Workspace,
    kind: Kind,
    *,
    item: ItemT | None,
    delete: Callable[[ItemT, int], None],
) -> HttpResponse:
    """Ask, then `delete` the version that was shown; ask again when it has changed since."""
    form = ConfirmForm(request.POST or None, initial={"version": item.version if item else 1})
    if item is None:
        form.deleted = True
    elif request.method == "POST" and form.is_valid():
        version = form.expected_version
        save(
            request,
            workspace,
            form=form,
            change=lambda: delete(item, version),
            done=str(kind.deleted),
        )
        if not (form.stale or form.deleted or form.errors):
            return redirect(f"console:{kind.folder}", workspace.tenant.slug)
    if form.deleted:
        messages.error(request, _("Someone deleted this meanwhile."))
        return redirect(f"console:{kind.folder}", workspace.tenant.slug)
    context = {kind.name: item, "form": form}
    return show(request, workspace, f"console/{kind.folder}/delete.html", status=200, **context)


def _form_page(
    request: ConsoleRequest,
    workspace: Workspace,
    kind: Kind,
    *,
    form: EditForm,
    item: Editable | None,
    **context: object,
) -> HttpResponse:
    template = f"console/{kind.folder}/form.html"
    context |= {kind.name: item, "form": form}
    return show(request, workspace, template, status=_GONE if form.deleted else 200, **context)
