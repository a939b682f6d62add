from __future__ import annotations

import pytest

from routing.providers.retry import is_retryable, retry_delay


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_retry__provider_has_not_answered__may_be_asked_again(status: int) -> None:
    assert is_retryable(status, {})


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_retry__provider_refused_for_good__not_asked_again(status: int) -> None:
    assert not is_retryable(status, {"x-should-retry": "true"})


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 0.5), (2, 1.0), (9, 8.0)])
def test_delay__nothing_asked__doubles_up_to_a_bound(attempt: int, seconds: float) -> None:
    assert retry_delay({}, attempt=attempt, jitter=0.0) == seconds


def test_delay__jitter__a_quarter_less_at_most() -> None:
    assert retry_delay({}, attempt=1, jitter=1.0) == 0.375


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "20", "retry-after": "7"}, 0.02),
        ({"retry-after": "0"}, 0.5),
        ({"retry-after": "Mon, 02 Mar 2026 12:00:00 GMT"}, 0.5),
    ],
)
def test_delay__provider_asks__its_seconds(headers: dict[str, str], seconds: float) -> None:
    assert retry_delay(headers, attempt=1, jitter=0.0) == seconds
