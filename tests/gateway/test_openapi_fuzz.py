"""A running gateway under calls that schemathesis makes up from the published description."""

from __future__ import annotations

import hashlib
import hmac
import time
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from requests.auth import AuthBase
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.gateway.serving import Gateway
from tests.gateway.values import EVENT_SECRET
from tests.routing.builders import ACME_KEY

pytestmark = pytest.mark.model

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "gateway-openapi.yaml"
EXAMPLES = 30
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


def described() -> Any:
    """The description, with the models that the provider knows: it refuses all others."""
    document = yaml.safe_load(PUBLISHED.read_text())
    request = document["components"]["schemas"]["ChatRequest"]
    request["properties"]["model"] = {"enum": ["gpt-5-mini", "small"]}
    return schemathesis.openapi.from_dict(document)


schema = described()


class Signed(AuthBase):
    """An app's key, and its tenant's signature under the body."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else body
        at = int(time.time())
        mac = hmac.digest(EVENT_SECRET.encode(), b"%d.%s" % (at, content), hashlib.sha256).hex()
        request.headers["authorization"] = f"Bearer {ACME_KEY}"
        request.headers["x-reprise-tenant"] = "acme"
        request.headers["x-reprise-signature"] = f"t={at},v1={mac}"
        return request


@schema.parametrize()  # type: ignore[untyped-decorator]  # it has no types
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_openapi__any_call__answered_as_described(case: Any, gateway_server: Gateway) -> None:
    response = case.call(base_url=gateway_server.url, auth=Signed(), timeout=20)

    case.validate_response(response, checks=CHECKS)
