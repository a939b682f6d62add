"""What drf-spectacular cannot see by itself."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag that the object was read with. Absent: 428. Another version: 412.",
)
ETAG = OpenApiParameter(
    "ETag",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    response=[200, 201],
    description="The object's version, for If-Match.",
)
REVISION = OpenApiParameter(
    "X-Revision",
    OpenApiTypes.INT,
    OpenApiParameter.HEADER,
    response=[200, 201, 204],
    description="The newest revision, which holds this write.",
)
CREATE = [ETAG, REVISION]
EDIT = [IF_MATCH, ETAG, REVISION]
PAGING = [
    OpenApiParameter("cursor", OpenApiTypes.STR, description="From the address in `next`."),
    OpenApiParameter("page_size", OpenApiTypes.INT, description="1 to 200; 50 unless given."),
]

_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "fields"],
            "properties": {
                "code": {"type": "string", "description": "Stable, never translated."},
                "message": {"type": "string", "description": "For people, in their language."},
                "fields": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    },
}
_OF_A_TENANT = "/api/v1/tenants/{slug}/"
_METHODS = ("get", "post", "put", "patch", "delete")


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its hook
    """Names the key scheme; without it the schema would know sessions only."""

    target_class = "cache_admin.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of one tenant with scope `read` or `write`.",
        }


def page_schema(serializer: type[serializers.BaseSerializer[Any]]) -> Any:
    """The schema of a page of what `serializer` shows."""
    name = serializer.__name__.removesuffix("Serializer") + "Page"
    fields = {
        "results": serializer(many=True),
        "next": serializers.URLField(allow_null=True),
    }
    return inline_serializer(name, fields)


def add_error_responses(result: dict[str, Any], **_context: Any) -> dict[str, Any]:
    """Give every operation the one error shape as its default response."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Error"] = _ERROR_SCHEMA
    components["responses"] = {
        "Error": {
            "description": "Refused or failed",
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Error"}},
            },
        }
    }
    for path in result["paths"].values():
        for method in _METHODS:
            if method in path:
                path[method]["responses"]["default"] = {"$ref": "#/components/responses/Error"}
    return result


def add_tags(result: dict[str, Any], **_context: Any) -> dict[str, Any]:
    """Group the operations by the kind of object they are about."""
    for address, path in result["paths"].items():
        parts = address.removeprefix(_OF_A_TENANT).strip("/").split("/")
        tag = parts[0] if address.startswith(_OF_A_TENANT) and parts[0] else "tenants"
        for method in _METHODS:
            if method in path:
                path[method]["tags"] = [tag]
    return result
