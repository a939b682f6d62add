"""Events that drop answers: their rules, and what signs them."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext_lazy as _

from cache_admin.console.editing import Kind, create_page, delete_page, edit_page, item_here
from cache_admin.console.forms.events import EventRuleForm, event_rule_values
from cache_admin.console.once import OnceForm, fresh_nonce, mark_sent, was_sent
from cache_admin.console.saving import save
from cache_admin.console.workspace import ConsoleRequest, Workspace, show, tenant_page
from cache_admin.models import EventRule, EventSecret, Role
from cache_admin.services.events import (
    MAX_SECRETS,
    add_event_secret,
    create_event_rule,
    delete_event_rule,
    update_event_rule,
    withdraw_event_secret,
)

_KIND = Kind("rule", "events", _("Rule created."), _("Rule saved."), _("Rule deleted."))


@tenant_page()
def events(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """The rules, the secrets in force and how an event is sent."""
    secrets = EventSecret.objects.for_tenant(workspace.tenant).select_related("created_by")
    return show(
        request,
        workspace,
        "console/events/list.html",
        rules=EventRule.objects.for_tenant(workspace.tenant),
        secrets=secrets,
        may_add=len(secrets) < MAX_SECRETS,
        gateway_url=settings.GATEWAY_URL,
    )


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def event_rule_new(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Have an event drop what carries a tag."""
    form = EventRuleForm(request.POST or None, initial={"enabled": True})
    return create_page(
        request,
        workspace,
        _KIND,
        form=form,
        create=lambda: create_event_rule(
            tenant=workspace.tenant, actor=workspace.actor, spec=form.spec()
        ),
    )


@tenant_page(role_to_post=Role.OPERATOR, methods=("GET", "POST"))
def event_rule_edit(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Look at a rule and, with the right, change it."""
    rule = item_here(request, workspace, EventRule.objects.all(), uid=uid)
    form = EventRuleForm(request.POST or None, initial=event_rule_values(rule) if rule else {})
    return edit_page(
        request,
        workspace,
        _KIND,
        item=rule,
        form=form,
        update=lambda item: update_event_rule(
            rule=item,
            actor=workspace.actor,
            spec=form.spec(),
            expected_version=form.expected_version,
        ),
    )


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def event_rule_delete(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Ask, then delete a rule."""
    return delete_page(
        request,
        workspace,
        _KIND,
        item=item_here(request, workspace, EventRule.objects.all(), uid=uid),
        delete=lambda item, version: delete_event_rule(
            rule=item, actor=workspace.actor, expected_version=version
        ),
    )


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def event_secret_new(request: ConsoleRequest, workspace: Workspace) -> HttpResponse:
    """Make a secret. Its text is in this one response and nowhere else, so there is no redirect."""
    form = OnceForm(request.POST or None, initial={"nonce": fresh_nonce()})
    if request.method == "POST" and form.is_valid():
        if was_sent(request, form):
            return show(request, workspace, "console/events/secret_again.html")
        made = save(
            request,
            workspace,
            form=form,
            change=lambda: add_event_secret(tenant=workspace.tenant, actor=workspace.actor),
            done=str(_("Secret created.")),
        )
        if made is not None:
            mark_sent(request, form)
            return show(request, workspace, "console/events/secret_created.html", text=made.text)
    return show(request, workspace, "console/events/secret_new.html", form=form)


@tenant_page(role=Role.OPERATOR, methods=("GET", "POST"))
def event_secret_withdraw(request: ConsoleRequest, workspace: Workspace, uid: str) -> HttpResponse:
    """Ask, then end a secret."""
    secret = get_object_or_404(EventSecret.objects.for_tenant(workspace.tenant), uid=uid)
    if request.method == "POST":
        save(
            request,
            workspace,
            change=lambda: withdraw_event_secret(secret=secret, actor=workspace.actor),
            done=str(_("Secret withdrawn.")),
        )
        return redirect("console:events", workspace.tenant.slug)
    return show(request, workspace, "console/events/secret_withdraw.html", secret=secret)
