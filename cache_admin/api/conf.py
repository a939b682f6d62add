"""Settings of the operators' API, taken over by the project's settings.

Plain data: importing this loads neither Django nor DRF.
"""

from __future__ import annotations

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    # The key comes first: its challenge is what makes an anonymous call a 401 and not a 403.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "cache_admin.api.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["cache_admin.api.access.ManagementAccess"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["cache_admin.api.parsers.BoundedJSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["cache_admin.api.access.PrincipalThrottle"],
    "DEFAULT_THROTTLE_RATES": {"principal": "600/min"},
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "cache_admin.api.errors.handle_exception",
    "NON_FIELD_ERRORS_KEY": "body",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Reprise management API",
    "DESCRIPTION": (
        "What operators own and see: tenants, policies, curated answers, documents, keys, "
        "revisions, runtimes and figures. Every write publishes a revision to the runtimes."
    ),
    "VERSION": "1",
    "LICENSE": {"name": "Apache-2.0"},
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["cache_admin.api.access.ManagementAccess"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SORT_OPERATIONS": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ContentClass": "cache_admin.models.ContentClassChoice",
        "Scope": "cache_admin.models.ScopeChoice",
        "Conversation": "cache_admin.models.ConversationChoice",
        "PersonalData": "cache_admin.models.PersonalDataChoice",
        "Volatile": "cache_admin.models.VolatileChoice",
        "InvalidationKind": "cache_admin.models.InvalidationKind",
        "InvalidationState": "cache_admin.models.InvalidationState",
        "Eviction": "cache_admin.models.EvictionChoice",
        "KeyScope": "cache_admin.models.KeyScope",
        "Layer": "cache_admin.api.serializers.overview.LAYERS",
        "Guard": "cache_admin.api.serializers.policies.GUARDS",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "cache_admin.api.openapi.add_error_responses",
        "cache_admin.api.openapi.add_tags",
    ],
}
