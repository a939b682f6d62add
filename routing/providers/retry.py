"""When a call that a provider refused is made again, and how long to wait before.

Only what the provider said it has not answered is asked again. A call whose answer was lost on the
way may have been billed, and would be billed twice.
"""

from __future__ import annotations

from collections.abc import Mapping

MAX_ATTEMPTS = 3

_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 8.0
_JITTER = 0.25
_RETRIED = frozenset({408, 409, 429})


def is_retryable(status: int, headers: Mapping[str, str]) -> bool:
    """Whether a call answered with `status` may be made again."""
    if headers.get("x-should-retry") == "false":
        return False
    return status in _RETRIED or status >= 500


def retry_delay(headers: Mapping[str, str], *, attempt: int, jitter: float) -> float:
    """Seconds to wait after the failure of `attempt` (from 1): what the provider asks, or more each
    time. `jitter` from 0 to 1 keeps calls that failed together from coming back together.
    """
    if (asked := _retry_after(headers)) is not None:
        return asked
    delay = min(_FIRST_DELAY_SECONDS * 2.0 ** (attempt - 1), _LONGEST_DELAY_SECONDS)
    return delay * (1 - _JITTER * jitter)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """What the provider asks for, in seconds; a date counts as nothing asked."""
    for name, scale in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers.get(name, "")) / scale
        except ValueError:
            continue
        if seconds > 0:
            return seconds
    return None
