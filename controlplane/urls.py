"""The URL map: health, the management API, and everything else is the console."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path

from cache_admin.api.errors import not_found
from controlplane.health import healthz

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("api/v1/", include("cache_admin.api.urls")),
    re_path("^api/", not_found),
    path("", include("cache_admin.console.urls")),
]
