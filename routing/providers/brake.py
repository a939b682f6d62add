"""A circuit breaker for providers: one that fails every call is spared, and so are its callers.

Other than Redis, a provider is probed with an app's own call, since any call to it costs money:
while the brake is on, one call in a while goes through and tells whether the provider is back.
"""

from __future__ import annotations

import logging

from routing.errors import ProviderError

logger = logging.getLogger(__name__)

FAILURES = 10
LASTING_SECONDS = 2.0
"""Ten failures in a row over two seconds: neither one bad moment nor one bad prompt does that."""

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 10.0
_FAULTS_FROM_STATUS = 500


class ProviderBrake:
    """On after `FAILURES` failures in a row that span `LASTING_SECONDS`, until a call succeeds.

    All times are seconds of one monotonic clock, given by the caller.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._failures = 0
        self._failing_since = 0.0
        self._pause = 0.0
        self._closed_until = 0.0

    def check(self, *, now: float) -> None:
        """Raise ProviderError (503) unless a call may go out now."""
        if not self._pause:
            return
        if now < self._closed_until:
            raise ProviderError(
                "The provider has failed every call for a while; it is asked again in a moment.",
                status=503,
                code="provider_unavailable",
            )
        # This one goes through; the others wait for how it ends.
        self._closed_until = now + self._pause

    def succeeded(self) -> None:
        """Note that the provider answered, were it with a refusal of the call."""
        if self._pause:
            logger.warning("provider.back provider=%s", self._name)
        self._failures = 0
        self._pause = 0.0

    def failed(self, *, now: float) -> None:
        """Note that the provider did not answer, or with a fault of its own."""
        if not self._failures:
            self._failing_since = now
        self._failures += 1
        if self._failures < FAILURES or now - self._failing_since < LASTING_SECONDS:
            return
        if not self._pause:
            logger.warning("provider.spared provider=%s failures=%d", self._name, self._failures)
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
        self._closed_until = now + self._pause


def is_fault(error: ProviderError) -> bool:
    """Whether `error` tells of an ailing provider rather than of a wrong or unlucky call."""
    return error.status >= _FAULTS_FROM_STATUS and error.code != "provider_credential_refused"
