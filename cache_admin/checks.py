"""System checks, by stable id.

reprise.E001  CREDENTIALS_KEY is missing or malformed
reprise.W001  Redis does not answer            (only with ``check --deploy``)
reprise.W002  Redis has no vector sets         (only with ``check --deploy``)
"""

from __future__ import annotations

from typing import Any

import redis
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from cache_admin.redis import redis_client
from cache_admin.services.credentials import CredentialsKeyError, credentials_cipher


@register(Tags.security)
def check_credentials_key(**_kwargs: Any) -> list[CheckMessage]:
    """Provider keys are stored encrypted, so there must be a key to do it with."""
    try:
        credentials_cipher(settings.CREDENTIALS_KEY)
    except CredentialsKeyError as error:
        return [
            Error(
                str(error),
                hint=(
                    "Set CREDENTIALS_KEY (or CREDENTIALS_KEY_FILE) to a Fernet key: 32 random "
                    "bytes in URL-safe base64. Several, separated by commas, rotate: the first "
                    "encrypts, all decrypt."
                ),
                id="reprise.E001",
            )
        ]
    return []


@register(Tags.caches, deploy=True)
def check_redis(**_kwargs: Any) -> list[CheckMessage]:
    """The runtimes read their configuration and keep their entries in Redis 8."""
    try:
        redis_client().vset().vcard("reprise:check")
    except redis.ResponseError:
        return [
            Warning(
                "Redis has no vector sets.",
                hint="Reprise needs Redis 8.0 or later with the vector set module.",
                id="reprise.W002",
            )
        ]
    except redis.RedisError as error:
        return [
            Warning(
                f"Redis does not answer: {error}",
                hint="Set REDIS_URL to a Redis 8 that this machine can reach.",
                id="reprise.W001",
            )
        ]
    return []
