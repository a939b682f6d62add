"""Every refusal leaves in one shape: ``{"error": {"code", "message", "fields"}}``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.response import Response

from cache_admin.errors import Conflict, DomainError, InvalidInput, NotAllowed, StaleEdit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logger = logging.getLogger(__name__)

_LONGEST_TEXT = 500

_STATUS_OF_DOMAIN_ERROR: dict[type[DomainError], int] = {
    InvalidInput: 400,
    NotAllowed: 403,
    Conflict: 409,
    StaleEdit: 412,
}
_CODE_OF_STATUS = {
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    415: "unsupported_media_type",
    429: "throttled",
}


class LengthRequired(exceptions.APIException):
    """The body comes without its length, and would be taken for an empty one."""

    status_code = 411
    default_detail = gettext_lazy("Send the body with its Content-Length.")
    default_code = "length_required"


class PayloadTooLarge(exceptions.APIException):
    """The body is longer than any object can be."""

    status_code = 413
    default_detail = gettext_lazy("The body is larger than 1 MiB.")
    default_code = "payload_too_large"


class PreconditionRequired(exceptions.APIException):
    """The edit does not say which version it was made on."""

    status_code = 428
    default_detail = gettext_lazy("Send If-Match with the ETag that the object was read with.")
    default_code = "precondition_required"


class PreconditionFailed(exceptions.APIException):
    """The edit was made on another version than the current one."""

    status_code = 412
    default_detail = gettext_lazy(
        "Someone saved this meanwhile. Read it again and repeat the edit."
    )
    default_code = "stale_edit"


def error_body(code: str, message: str, *, fields: Mapping[str, list[str]] | None = None) -> object:
    """The one shape. `code` is stable and never translated, `fields` names what is at fault."""
    shown = {
        _encodable(name): [_encodable(t) for t in texts] for name, texts in (fields or {}).items()
    }
    return {"error": {"code": code, "message": _encodable(message), "fields": shown}}


def handle_exception(exc: Exception, context: Mapping[str, Any]) -> Response:
    """The response to anything a view raised; what was not foreseen is logged and answered 500."""
    if isinstance(exc, DomainError):
        fields = {name: [str(text)] for name, text in exc.fields.items()}
        body = error_body(exc.code, str(exc.message), fields=fields)
        return Response(body, status=_status_of(exc))
    if isinstance(exc, exceptions.ValidationError):
        return Response(_invalid_body(exc), status=400)
    known = _as_api_exception(exc)
    if known is not None:
        code = _CODE_OF_STATUS.get(known.status_code, known.default_code)
        return Response(
            error_body(code, str(known.detail)),
            status=known.status_code,
            headers=_headers_of(known),
        )
    logger.error("api.failed", exc_info=exc)
    # Answering here keeps Django from seeing the fault; its listeners must hear of it all the same.
    got_request_exception.send(sender=None, request=context.get("request"))
    return Response(error_body("internal_error", _("Something went wrong here.")), status=500)


def not_found(request: HttpRequest) -> JsonResponse:
    """Answers addresses under the API that lead nowhere."""
    message = _("There is nothing at this address. Addresses end with a slash.")
    return JsonResponse(error_body("not_found", message), status=404)


def _encodable(text: object) -> str:
    # Messages quote input, and a lone surrogate there is legal JSON that no answer can carry.
    return str(text)[:_LONGEST_TEXT].encode("utf-8", "replace").decode()


def _status_of(error: DomainError) -> int:
    statuses = (code for kind, code in _STATUS_OF_DOMAIN_ERROR.items() if isinstance(error, kind))
    return next(statuses, 400)


def _as_api_exception(exc: Exception) -> exceptions.APIException | None:
    if isinstance(exc, exceptions.APIException):
        return exc
    if isinstance(exc, Http404):
        return exceptions.NotFound()
    if isinstance(exc, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(exc, RequestDataTooBig):
        return PayloadTooLarge()
    if isinstance(exc, SuspiciousOperation | UnreadablePostError):
        return exceptions.ParseError()
    return None


def _headers_of(exc: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return headers


def _invalid_body(exc: exceptions.ValidationError) -> object:
    fields: dict[str, list[str]] = {}
    for name, text in _flatten(exc.detail):
        fields.setdefault(name, []).append(text)
    return error_body("invalid_input", _("Some of the input is not right."), fields=fields)


def _flatten(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _flatten(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list):
        for position, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from _flatten(inner, f"{path}.{position}" if nested else path)
    else:
        yield path, str(detail)
