"""Secrets as the control plane sends them: Fernet tokens, opened with CREDENTIALS_KEY."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from routing.errors import ConfigError


class SecretUnreadable(Exception):
    """The message says why a token cannot be opened, never what it holds."""


class SecretBox:
    """Opens tokens with `keys`, comma-separated, newest first; without any, it opens none."""

    def __init__(self, keys: str) -> None:
        """Raises ConfigError when a key is malformed."""
        parts = [part.strip() for part in keys.split(",") if part.strip()]
        try:
            self._fernet = MultiFernet([Fernet(part) for part in parts]) if parts else None
        except ValueError as error:
            raise ConfigError(
                "CREDENTIALS_KEY is not a Fernet key (32 bytes, url-safe base64); make one with "
                "cryptography.fernet.Fernet.generate_key()"
            ) from error

    def open(self, token: str) -> str:
        """The secret in `token`. Raises SecretUnreadable."""
        if self._fernet is None:
            raise SecretUnreadable("CREDENTIALS_KEY is not set for the runtime")
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except (InvalidToken, UnicodeError):
            why = "CREDENTIALS_KEY of the runtime is not the control plane's"
            raise SecretUnreadable(why) from None
