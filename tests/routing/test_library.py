from __future__ import annotations

import subprocess
import sys

import pytest

import routing


@pytest.mark.parametrize("name", routing.__all__)
def test_library__public_name__can_be_imported(name: str) -> None:
    assert getattr(routing, name).__name__ == name


def test_library__unknown_name__attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = routing.nothing


def test_library__values_imported__engine_not_loaded() -> None:
    program = (
        "import sys, routing.snapshot; print('openvino' in sys.modules, 'redis' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout.split() == ["False", "False"]
