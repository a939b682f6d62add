"""Forms whose answer shows a secret: sent again, as by reloading, they must not make another."""

from __future__ import annotations

import secrets

from django import forms

from cache_admin.console.forms.base import ConsoleForm
from cache_admin.console.workspace import ConsoleRequest

_USED = "used_nonces"
_KEPT = 20
_NONCE_BYTES = 16


class OnceForm(ConsoleForm):
    """`nonce` is of this one form: seen again, it is the same form sent again."""

    nonce = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)


def fresh_nonce() -> str:
    """A nonce for a new form."""
    return secrets.token_urlsafe(_NONCE_BYTES)


def was_sent(request: ConsoleRequest, form: OnceForm) -> bool:
    """Whether this valid form has done its work before."""
    return form.cleaned_data["nonce"] in request.session.get(_USED, [])


def mark_sent(request: ConsoleRequest, form: OnceForm) -> None:
    """Note that this valid form has done its work."""
    if nonce := form.cleaned_data["nonce"]:
        request.session[_USED] = [*request.session.get(_USED, []), nonce][-_KEPT:]
