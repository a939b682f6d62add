"""GET /v1/models: what the tenant may ask for."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from routing.active import ActiveConfig, ActiveTenant
from routing.errors import CallError
from routing.gateway.auth import authorize
from routing.gateway.endpoint import ActiveSource
from routing.gateway.http import error_body, read_head


class Model(Struct, frozen=True):
    """A model in OpenAI's shape."""

    id: str
    created: int
    owned_by: str
    object: str = "model"


class ModelList(Struct, frozen=True):
    """A list of models in OpenAI's shape."""

    data: list[Model]
    object: str = "list"


class Models:
    """Lists the tenant's routed models and the priced ones."""

    def __init__(self, active: ActiveSource) -> None:
        self._active = active

    async def show(self, request: Request) -> Response:
        """GET /v1/models."""
        now = datetime.now(UTC)
        active = self._active()
        try:
            key = read_head(request.headers.raw).app_key
            grant = authorize(active, app_key=key, now=now)
        except CallError as error:
            body = error_body(error.message, status=error.status, code=error.code)
            return Response(body, status_code=error.status, media_type="application/json")
        assert active is not None  # authorize refuses otherwise
        models = list_models(active, grant.tenant, now=now)
        return Response(msgspec.json.encode(models), media_type="application/json")


def list_models(active: ActiveConfig, tenant: ActiveTenant, *, now: datetime) -> ModelList:
    """Models with a route of their own, then those with a price in force at `now`, by name."""
    created = int(active.snapshot.created_at.timestamp())
    owners = {
        name: route.provider for name, route in tenant.routes.items() if not name.endswith("*")
    }
    for name in active.prices:
        if active.price(name, at=now) is not None:
            route = tenant.route(name)
            owners.setdefault(name, route.provider if route else "openai")
    return ModelList(
        data=[
            Model(id=name, created=created, owned_by=owner)
            for name, owner in sorted(owners.items())
        ]
    )
