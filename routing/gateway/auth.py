"""Who calls: an app key opens one tenant."""

from __future__ import annotations

import hashlib
from datetime import datetime

from routing.active import ActiveConfig, Grant
from routing.errors import CallError

CALL_SCOPE = "call"


def authorize(active: ActiveConfig | None, *, app_key: bytes, now: datetime) -> Grant:
    """What `app_key` opens.

    Raises CallError: 401 when it is missing, unknown, revoked or expired, 403 when its tenant is
    disabled or it may not make calls, 503 while the runtime has no configuration.
    """
    if active is None:
        raise CallError(
            "The gateway has not received its configuration yet; try again shortly.",
            status=503,
            code="no_configuration",
        )
    if not app_key:
        raise CallError(
            "No app key: send it as 'Authorization: Bearer <key>' or 'x-api-key'.",
            status=401,
            code="missing_api_key",
        )
    grant = active.grant(hashlib.sha256(app_key).hexdigest(), now=now)
    if grant is None:
        raise CallError(
            "The app key is unknown, revoked or expired.", status=401, code="invalid_api_key"
        )
    if not grant.tenant.config.enabled:
        raise CallError("The tenant is disabled.", status=403, code="tenant_disabled")
    if CALL_SCOPE not in grant.scopes:
        raise CallError(
            f"The app key lacks the scope {CALL_SCOPE!r}.", status=403, code="missing_scope"
        )
    return grant
