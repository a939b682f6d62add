"""GET /healthz, /readyz and /metrics."""

from __future__ import annotations

import hmac

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from routing.gateway.http import error_body
from routing.gateway.runtime import Runtime
from routing.telemetry import metrics

_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_JSON = "application/json"


class Health:
    """What operators and orchestrators ask of one runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def healthz(self, _request: Request) -> Response:
        """200 while the process lives."""
        return Response(b'{"status":"ok"}', media_type=_JSON)

    async def readyz(self, _request: Request) -> Response:
        """200 when calls can be answered as configured, else 503 with the reasons."""
        reasons = self.reasons()
        body = {
            "status": "not ready" if reasons else "ready",
            "reasons": reasons,
            "revision": self._runtime.source.active.revision if self._runtime.source.active else 0,
            "notes": self.notes(),
        }
        return Response(
            msgspec.json.encode(body), status_code=503 if reasons else 200, media_type=_JSON
        )

    async def metrics(self, request: Request) -> Response:
        """The Prometheus text, for holders of METRICS_TOKEN, or for this machine without one."""
        token = self._runtime.config.metrics_token
        if token:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, b"Bearer " + token.encode()):
                return _forbidden("send 'Authorization: Bearer <METRICS_TOKEN>'")
        elif not _from_this_machine(request):
            return _forbidden("set METRICS_TOKEN to read metrics from another machine")
        return Response(metrics.render(), headers={"content-type": metrics.CONTENT_TYPE})

    def reasons(self) -> list[str]:
        """Why this runtime is not ready; empty when it is."""
        runtime, reasons = self._runtime, []
        if (error := runtime.embedders.default_error()) is not None:
            reasons.append(error or "the embedding model is still loading")
        if runtime.source.active is None:
            reasons.append("no configuration has been received yet")
        limit = runtime.config.ready_max_snapshot_age_seconds
        if runtime.source.seconds_since_contact > limit:
            reasons.append(f"Redis has not been heard from for more than {limit} s")
        return reasons

    def notes(self) -> list[str]:
        """What is wrong for single tenants, which is no reason to take calls from the others."""
        notes = (
            f"embedding model {model.name}: {model.error}"
            for model in self._runtime.embedders.models()
            if model.error and model.error != self._runtime.embedders.default_error()
        )
        return list(dict.fromkeys(notes))


def _from_this_machine(request: Request) -> bool:
    forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    return request.client is not None and request.client.host in _LOOPBACK and not forwarded


def _forbidden(remedy: str) -> Response:
    body = error_body(f"Metrics are not public: {remedy}.", status=403, code="metrics_forbidden")
    return Response(body, status_code=403, media_type=_JSON)
