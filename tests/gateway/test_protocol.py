from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from routing.errors import CallError
from routing.gateway.http import read_body
from routing.gateway.protocol import BoundedProtocol
from tests.gateway.serving import serve


class Hasty(BoundedProtocol):
    """Has no patience."""

    head_seconds = 0.2


async def say_hello(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    """One connection to a server without patience."""
    with serve(say_hello, http=Hasty) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            yield connection


def everything(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_protocol__head_never_ends__408(connection: socket.socket) -> None:
    connection.sendall(b"GET / HTTP/1.1\r\nhost: ac")

    assert everything(connection).startswith(b"HTTP/1.1 408 ")


def test_protocol__nothing_said__closed_without_a_word(connection: socket.socket) -> None:
    assert everything(connection) == b""


def test_protocol__second_head_on_a_connection_never_ends__408(connection: socket.socket) -> None:
    connection.sendall(b"GET / HTTP/1.1\r\nhost: acme\r\n\r\nGET / HT")

    answers = everything(connection)

    assert answers.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answers


def test_protocol__long_body_after_a_short_head__taken(connection: socket.socket) -> None:
    connection.sendall(b"POST / HTTP/1.1\r\ncontent-length: 200000\r\n\r\n" + b"x" * 200_000)

    assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


async def test_read_body__never_ends__408() -> None:
    async def receive() -> Any:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"a", "more_body": True}

    with pytest.raises(CallError) as caught:
        await read_body(receive, content_length=0, limit=1000, seconds=0.1)

    assert (caught.value.status, caught.value.code) == (408, "request_timeout")
