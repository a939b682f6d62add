from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from controlplane.env import read_bool, read_int, read_list, read_secret, read_str


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("no", False)]
)
def test_read_bool__known_word__its_value(text: str, value: bool) -> None:  # noqa: FBT001
    assert read_bool({"DEBUG": text}, "DEBUG", default=not value) is value


def test_read_bool__empty__default() -> None:
    assert read_bool({"DEBUG": ""}, "DEBUG", default=True) is True


def test_read_bool__other_word__refused_by_name() -> None:
    with pytest.raises(ImproperlyConfigured, match="DEBUG='maybe'"):
        read_bool({"DEBUG": "maybe"}, "DEBUG", default=False)


@pytest.mark.parametrize("text", ["many", "1.5", "-1"])
def test_read_int__not_a_fitting_number__refused_by_name(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="HSTS_SECONDS"):
        read_int({"HSTS_SECONDS": text}, "HSTS_SECONDS", default=0)


def test_read_int__number__itself() -> None:
    assert read_int({"HSTS_SECONDS": " 60 "}, "HSTS_SECONDS", default=0) == 60


def test_read_list__commas__items_without_blanks() -> None:
    assert read_list({"HOSTS": " a, ,b,"}, "HOSTS") == ("a", "b")


def test_read_str__blank__default() -> None:
    assert read_str({"LOG_LEVEL": "  "}, "LOG_LEVEL", default="INFO") == "INFO"


def test_read_secret__file__its_content(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("s3cret\n")

    assert read_secret({"SECRET_KEY_FILE": str(path)}, "SECRET_KEY") == "s3cret"


def test_read_secret__file_missing__refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY_FILE"):
        read_secret({"SECRET_KEY_FILE": str(tmp_path / "none")}, "SECRET_KEY")


def test_read_secret__file_empty__refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch()

    with pytest.raises(ImproperlyConfigured, match="is empty"):
        read_secret({"SECRET_KEY_FILE": str(path)}, "SECRET_KEY")


def test_read_secret__file_not_text__refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY_FILE"):
        read_secret({"SECRET_KEY_FILE": str(path)}, "SECRET_KEY")


def test_read_secret__both_given__refused_without_showing_it() -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        read_secret({"SECRET_KEY": "s3cret", "SECRET_KEY_FILE": "/f"}, "SECRET_KEY")

    assert "s3cret" not in str(caught.value)
