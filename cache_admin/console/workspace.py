"""Who works in which tenant on this request, and what they may do there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from cache_admin.models import Membership, Role, Tenant
from cache_admin.services.actor import Actor

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

LAST_TENANT = "last_tenant"


class ConsoleRequest(HttpRequest):
    """A request of someone who is logged in."""

    user: User
    htmx: HtmxDetails


@dataclass(frozen=True, slots=True)
class Workspace:
    """A tenant as one person sees it."""

    tenant: Tenant
    tenants: tuple[Tenant, ...]
    role: str
    actor: Actor

    def may(self, role: str) -> bool:
        """Whether the person holds at least `role` here."""
        return Role.values.index(self.role) >= Role.values.index(role)

    @property
    def may_curate(self) -> bool:
        return self.may(Role.CURATOR)

    @property
    def may_operate(self) -> bool:
        return self.may(Role.OPERATOR)

    @property
    def may_own(self) -> bool:
        return self.may(Role.OWNER)


PageView = Callable[Concatenate[ConsoleRequest, ...], HttpResponse]
TenantView = Callable[Concatenate[ConsoleRequest, Workspace, ...], HttpResponse]
Page = Callable[..., HttpResponse]


def login_page(*, methods: tuple[str, ...] = ("GET",)) -> Callable[[PageView], Page]:
    """A page for anyone who is logged in; others are sent to the login page and back."""

    def decorate(view: PageView) -> Page:
        @wraps(view)
        def page(request: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return _login_first(request)
            response = view(request, **kwargs)
            add_never_cache_headers(response)
            return response

        return require_http_methods(_with_head(methods))(page)

    return decorate


def tenant_page(
    *,
    role: str = Role.VIEWER,
    role_to_post: str | None = None,
    methods: tuple[str, ...] = ("GET",),
) -> Callable[[TenantView], Page]:
    """A page within a tenant: 404 to strangers, 403 to members below `role`.

    `role_to_post` is asked for on POST only, where looking needs less than changing.
    """

    def decorate(view: TenantView) -> Page:
        @wraps(view)
        def page(request: ConsoleRequest, *, slug: str, **kwargs: Any) -> HttpResponse:
            needed = role_to_post if role_to_post and request.method == "POST" else role
            workspace = _load(request, slug=slug, role=needed)
            if request.session.get(LAST_TENANT) != slug:
                request.session[LAST_TENANT] = slug
            return view(request, workspace, **kwargs)

        return login_page(methods=methods)(page)

    return decorate


def show(
    request: ConsoleRequest,
    workspace: Workspace,
    template: str,
    *,
    status: int = 200,
    **context: object,
) -> HttpResponse:
    """Render a page of `workspace`. Its folder under ``console/`` is the section in the menu."""
    values = {"workspace": workspace, "section": template.split("/")[1], **context}
    return render(request, template, values, status=status)


def _load(request: ConsoleRequest, *, slug: str, role: str) -> Workspace:
    tenants = tuple(Tenant.objects.visible_to(request.user))
    tenant = next((tenant for tenant in tenants if tenant.slug == slug), None)
    if tenant is None:
        raise Http404("no such tenant")
    workspace = Workspace(
        tenant=tenant,
        tenants=tenants,
        role=_role(request.user, tenant),
        actor=Actor.of(request.user),
    )
    if not workspace.may(role):
        raise PermissionDenied
    return workspace


def _role(user: User, tenant: Tenant) -> str:
    if user.is_superuser:
        return Role.OWNER
    return Membership.objects.get(user=user, tenant=tenant).role


def _login_first(request: HttpRequest) -> HttpResponse:
    redirect = redirect_to_login(request.get_full_path())
    # A swapped partial cannot hold the login page: the whole page has to go there.
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(redirect["Location"])
    return redirect


def _with_head(methods: tuple[str, ...]) -> list[str]:
    return [*methods, "HEAD"] if "GET" in methods else list(methods)
