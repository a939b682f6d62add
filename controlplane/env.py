"""Typed readers of environment variables.

Every reader refuses bad input with ImproperlyConfigured naming the variable and the remedy, so that
a wrong setting stops the start instead of surfacing later. An empty value counts as not set.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

from routing import config
from routing.errors import ConfigError

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def read_str(environ: Mapping[str, str], name: str, *, default: str = "") -> str:
    """The text of `name`, without surrounding blanks."""
    return environ.get(name, "").strip() or default


def read_bool(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    """The truth value of `name`: 1/true/yes/on or 0/false/no/off."""
    text = read_str(environ, name).lower()
    if not text:
        return default
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={text!r} is neither true nor false; set it to 1 or 0")


def read_int(environ: Mapping[str, str], name: str, *, default: int, minimum: int = 0) -> int:
    """The whole number in `name`, at least `minimum`."""
    text = read_str(environ, name)
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={text!r} is not a whole number") from None
    if value < minimum:
        raise ImproperlyConfigured(f"{name}={value} must be at least {minimum}")
    return value


def read_list(
    environ: Mapping[str, str], name: str, *, default: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """The comma-separated items of `name`, empty ones left out."""
    items = tuple(item.strip() for item in read_str(environ, name).split(",") if item.strip())
    return items or default


def read_secret(environ: Mapping[str, str], name: str) -> str:
    """The secret in `name`, or in the file that `<name>_FILE` names; empty when neither is set.

    The value never appears in an error.
    """
    try:
        return config.read_secret(environ, name)
    except ConfigError as error:
        raise ImproperlyConfigured(str(error)) from error
