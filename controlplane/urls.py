"""The URL map: health, the management API, and everything else is the console."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from controlplane.health import healthz

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("api/v1/", include("cache_admin.api.urls")),
    path("", include("cache_admin.console.urls")),
]
