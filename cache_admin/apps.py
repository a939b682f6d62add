from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class CacheAdminConfig(AppConfig):
    name = "cache_admin"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Reprise"

    def ready(self) -> None:
        """Register the system checks."""
        import_module("cache_admin.checks")
