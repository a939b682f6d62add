from __future__ import annotations

import pytest

from routing.errors import ProviderError
from routing.providers.brake import FAILURES, ProviderBrake, is_fault


def failing(*, seconds: float, failures: int = FAILURES) -> ProviderBrake:
    """A brake that has seen `failures` spread evenly over `seconds` from 0 on."""
    brake = ProviderBrake("openai")
    for number in range(failures):
        brake.failed(now=seconds * number / (failures - 1))
    return brake


def test_brake__provider_fails_for_long__calls_are_spared() -> None:
    brake = failing(seconds=3)

    with pytest.raises(ProviderError) as caught:
        brake.check(now=3.1)

    assert (caught.value.status, caught.value.code) == (503, "provider_unavailable")


def test_brake__many_failures_in_one_moment__calls_go_on() -> None:
    failing(seconds=0.5).check(now=0.6)


def test_brake__pause_over__one_call_tries() -> None:
    brake = failing(seconds=3)

    brake.check(now=4.5)

    with pytest.raises(ProviderError):
        brake.check(now=4.6)


def test_brake__trial_succeeded__all_go_again() -> None:
    brake = failing(seconds=3)
    brake.check(now=4.5)

    brake.succeeded()

    brake.check(now=4.6)
    brake.check(now=4.6)


def test_brake__trial_failed__longer_pause() -> None:
    brake = failing(seconds=3)
    brake.check(now=4.5)

    brake.failed(now=5.0)

    with pytest.raises(ProviderError):
        brake.check(now=6.5)


@pytest.mark.parametrize(
    ("status", "code", "fault"),
    [
        (500, "provider_500", True),
        (504, "provider_timeout", True),
        (429, "provider_429", False),
        (400, "provider_400", False),
        (502, "provider_credential_refused", False),
    ],
)
def test_is_fault__what_a_provider_says(status: int, code: str, *, fault: bool) -> None:
    assert is_fault(ProviderError("", status=status, code=code)) is fault
