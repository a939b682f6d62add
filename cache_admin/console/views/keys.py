"""API keys: list, create, revoke."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from cache_admin.console.forms.keys import KeyForm
from cache_admin.console.once import fresh_nonce, mark_sent, was_sent
from cache_admin.console.saving import save
from cache_admin.console.workspace import ConsoleRequest, Workspace, show, tenant_page
from cache_admin.models import ApiKey, KeyScope, Role
from cache_admin.services.keys import NewKey, create_key, revoke_key


@tenant_page()
def keys(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Every key by name and prefix; none by its text."""
    rows = ApiKey.objects.for_tenant(workspace.tenant).select_related("created_by")
    return show(request, workspace, "console/keys/list.html", keys=rows, now=timezone.now())


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def key_new(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Create a key. Its text is in this one response and nowhere else, so there is no redirect.

    Reloading that response sends the form again, which must not make a second key.
    """
    fresh = {"scopes": [KeyScope.CALL.value], "nonce": fresh_nonce()}
    form = KeyForm(request.POST or None, initial=fresh)
    if request.method == "POST" and form.is_valid():
        if was_sent(request, form):
            return show(request, workspace, "console/keys/again.html", name=form["name"].value())
        new = _create(request, workspace, form=form)
        if new is not None:
            return show(request, workspace, "console/keys/created.html", key=new.key, text=new.text)
    return show(request, workspace, "console/keys/new.html", form=form)


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def key_revoke(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Ask, then end a key."""
    key = get_object_or_404(ApiKey.objects.for_tenant(workspace.tenant), uid=uid)
    if request.method == "POST":
        save(
            request,
            workspace,
            change=lambda: revoke_key(key=key, actor=workspace.actor),
            done=_("Key revoked."),
        )
        return redirect("console:keys", workspace.tenant.slug)
    return show(request, workspace, "console/keys/revoke.html", key=key)


def _create(request: ConsoleRequest, workspace: Workspace, *, form: KeyForm) -> NewKey | None:
    new = save(
        request,
        workspace,
        form=form,
        change=lambda: create_key(
            tenant=workspace.tenant,
            actor=workspace.actor,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=form.cleaned_data["expires_at"],
        ),
        done=_("Key created."),
    )
    if new is not None:
        mark_sent(request, form)
    return new
