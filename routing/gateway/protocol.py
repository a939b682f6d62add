"""The server's side of a connection, with the bounds that uvicorn leaves out.

Without them a request head may grow for ever and need never end, and what is no HTTP is answered in
plain text.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from routing.gateway.http import error_body

MAX_HEAD_BYTES = 64 * 1024
"""Of the request line and all headers."""

HEAD_SECONDS = 10.0
"""How long a head may take to come, and a new connection may say nothing."""

_BETWEEN_NAME_AND_VALUE = len(b": \r\n")


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 by httptools; refuses heads that are too long or too slow, in OpenAI's shape."""

    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading_head = True
        self._head_begun = False
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has come; a head that is not complete by then counts what it holds."""
        if self._reading_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._reading_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse_long_head()

    def on_message_begin(self) -> None:
        """A further request on this connection, or the first."""
        super().on_message_begin()
        self._expect_head()
        self._head_begun = True

    def on_headers_complete(self) -> None:
        """Hand the request over, unless its head is too long."""
        self._stop_timer()
        self._reading_head = self._head_begun = False
        long = self._head_bytes > MAX_HEAD_BYTES
        self._head_bytes = 0
        if long and self._head_length() > MAX_HEAD_BYTES:
            self._refuse_long_head()
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on; there is nobody to pass it to after a refusal."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of the body."""
        if not self.transport.is_closing():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP. What has been refused already stays so."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg, code="invalid_http")

    def _head_length(self) -> int:
        fields = sum(
            len(name) + len(value) + _BETWEEN_NAME_AND_VALUE for name, value in self.headers
        )
        return len(self.url) + fields

    def _expect_head(self) -> None:
        self._reading_head = True
        self._stop_timer()
        self._head_timer = self.loop.call_later(self.head_seconds, self._refuse_slow_head)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse_long_head(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"The request line and headers are longer than {MAX_HEAD_BYTES} bytes; send less.",
            code="headers_too_large",
        )

    def _refuse_slow_head(self) -> None:
        if self._head_begun:
            self._refuse(
                HTTPStatus.REQUEST_TIMEOUT,
                f"The headers did not come within {self.head_seconds:g} s.",
                code="request_timeout",
            )
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus, message: str, *, code: str) -> None:
        self._stop_timer()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            body = error_body(message, status=status, code=code)
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode("ascii") + body)
        # In the middle of an answer to an earlier request there is no place for another one.
        self.transport.close()
