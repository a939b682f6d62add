"""Logging in, and changing one's password."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest
from django.utils.translation import gettext as _

from cache_admin.services.login_brake import (
    Attempt,
    login_failed,
    login_succeeded,
    take_turn_to_log_in,
)
from cache_admin.spans import spoken_span


class LoginForm(AuthenticationForm):
    """Django's form in our look, with a brake on guessing.

    `retry_after` is how many seconds to wait when the attempt was not even looked at, else 0.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.retry_after = 0
        in_our_look(self)

    def clean(self) -> dict[str, Any]:
        username, password = (self.cleaned_data.get(name) for name in ("username", "password"))
        if self.request is None or not username or not password:
            return super().clean()
        attempt = Attempt(username, client_address(self.request))
        turn = take_turn_to_log_in(attempt)
        if not turn.allowed:
            self.retry_after = turn.wait_seconds
            raise _wait(turn.wait_seconds)
        try:
            cleaned = super().clean()
        except ValidationError as error:
            login_failed(attempt)
            if not turn.wait_seconds:
                raise
            raise ValidationError([error, _wait(turn.wait_seconds)]) from error
        login_succeeded(attempt)
        return cleaned


class PasswordForm(PasswordChangeForm):
    """Django's form in our look."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        # Django's own is a list, which the paragraph below a field cannot hold.
        self.fields["new_password1"].help_text = " ".join(password_validators_help_texts())
        in_our_look(self)


def in_our_look(form: Form) -> None:
    """Give every field of a form of Django's the class of our text boxes."""
    for field in form.fields.values():
        field.widget.attrs["class"] = "input"


def client_address(request: HttpRequest) -> str:
    """Where the request comes from; as the proxy says, if there is one to trust."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    if settings.SECURE_PROXY_SSL_HEADER and forwarded:
        # The last address is the one that our proxy saw; those before it anyone can invent.
        return forwarded.rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


def _wait(seconds: int) -> ValidationError:
    return ValidationError(
        _("Too many failed attempts. Wait %(wait)s before the next one."),
        code="too_many_attempts",
        params={"wait": spoken_span(seconds)},
    )
