"""Logging in, one's password, and the way from ``/`` to a tenant."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from cache_admin.console.forms.session import LoginForm, PasswordForm
from cache_admin.console.workspace import LAST_TENANT, ConsoleRequest, login_page
from cache_admin.models import Tenant


class LoginPage(LoginView):
    """Log in and go on to where one was going."""

    template_name = "console/session/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        if isinstance(form, LoginForm) and form.retry_after:
            response.status_code = 429
            response["Retry-After"] = str(form.retry_after)
        return response


class PasswordPage(PasswordChangeView):
    """Change one's own password; the other sessions of the account end."""

    template_name = "console/session/password.html"
    form_class = PasswordForm
    success_url = reverse_lazy("console:home")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        messages.success(self.request, _("Password changed."))
        return super().form_valid(form)


@login_page()
def home(request: ConsoleRequest) -> HttpResponse:
    """Go to the tenant last worked in, else to the first; say so when there is none."""
    tenants = Tenant.objects.visible_to(request.user)
    last = tenants.filter(slug=request.session.get(LAST_TENANT, "")).first()
    tenant = last or tenants.first()
    if tenant is None:
        return render(request, "console/session/no_tenant.html", status=200)
    return redirect("console:overview", tenant.slug)
