"""Settings of the control plane, read from the environment only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dj_database_url
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from cache_admin.api.conf import REST_FRAMEWORK as REST_FRAMEWORK
from cache_admin.api.conf import SPECTACULAR_SETTINGS as SPECTACULAR_SETTINGS
from controlplane.env import read_bool, read_int, read_list, read_secret, read_str
from routing.config import DEFAULT_EMBEDDING_MODEL

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(read_str(os.environ, "DATA_DIR", default=str(BASE_DIR / "var"))).absolute()

DEBUG = read_bool(os.environ, "DEBUG", default=False)
# Django itself refuses to work with an empty key; requiring it here would break tools such as mypy.
SECRET_KEY = read_secret(os.environ, "SECRET_KEY")
CREDENTIALS_KEY = read_secret(os.environ, "CREDENTIALS_KEY")
ALLOWED_HOSTS = list(
    read_list(os.environ, "ALLOWED_HOSTS", default=("localhost", "127.0.0.1", "[::1]"))
)
CSRF_TRUSTED_ORIGINS = list(read_list(os.environ, "CSRF_TRUSTED_ORIGINS"))
# The defaults lead to what `script/server` starts on this machine.
_REDIS_PORT = read_int(os.environ, "REDIS_PORT", default=6390, minimum=1)
_RUNTIME_PORT = read_int(os.environ, "RUNTIME_PORT", default=8080, minimum=1)
REDIS_URL = read_secret(os.environ, "REDIS_URL") or f"redis://127.0.0.1:{_REDIS_PORT}/0"
# What the runtimes embed with, unless a tenant names a model of its own.
EMBEDDING_MODEL = read_str(os.environ, "EMBEDDING_MODEL", default="") or DEFAULT_EMBEDDING_MODEL
GATEWAY_URL = read_str(os.environ, "GATEWAY_URL", default=f"http://127.0.0.1:{_RUNTIME_PORT}")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "cache_admin",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "controlplane.urls"
WSGI_APPLICATION = "controlplane.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(
        read_secret(os.environ, "DATABASE_URL") or f"sqlite:///{DATA_DIR / 'db.sqlite3'}",
        conn_max_age=60,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: a transaction that reads and then writes must not fail when another wrote between.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
CACHES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # Between the processes of the console; whoever uses it must do without it while Redis is away.
    "shared": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "reprise:console",
        "OPTIONS": {"socket_timeout": 2.0, "socket_connect_timeout": 0.5},
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = LOGIN_URL

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("es", _("Spanish"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "staticfiles"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "cache_admin.staticfiles.PlotlyFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # Plotly draws its own icons from data: URLs.
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
# Off only where the console is reached over plain HTTP, as on loopback.
COOKIE_SECURE = read_bool(os.environ, "COOKIE_SECURE", default=not DEBUG)
SESSION_COOKIE_SECURE = COOKIE_SECURE
CSRF_COOKIE_SECURE = COOKIE_SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = read_bool(os.environ, "SSL_REDIRECT", default=False)
SECURE_HSTS_SECONDS = read_int(os.environ, "HSTS_SECONDS", default=0)
if read_bool(os.environ, "TRUST_PROXY_SCHEME", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": "reprise:celery:"}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 60
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
# Each entry expires before the next is due, so that a stopped worker finds no backlog.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "push-pending": {
        "task": "cache_admin.push_pending",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "sync-runtimes": {
        "task": "cache_admin.sync_runtimes",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "resume-invalidations": {
        "task": "cache_admin.resume_invalidations",
        "schedule": 20.0,
        "options": {"expires": 20},
    },
    "resume-trainings": {
        "task": "cache_admin.resume_trainings",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "prune-revisions": {
        "task": "cache_admin.prune_revisions",
        "schedule": crontab(minute=20),
        "options": {"expires": 3600},
    },
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["console"],
        "level": read_str(os.environ, "LOG_LEVEL", default="INFO").upper(),
    },
    # Two lines a task, several tasks every few seconds, would bury everything else.
    "loggers": {
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
