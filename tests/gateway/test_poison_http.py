"""What no app should send, over real sockets: it is refused in words, and harms nobody."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
import redis

from tests.gateway.conftest import GOOD
from tests.gateway.process import Process
from tests.gateway.serving import Gateway, Sandbox, data_dir_with_models, publish
from tests.gateway.values import configuration
from tests.redis_server import RedisServer
from tests.routing.builders import ACME_KEY

pytestmark = pytest.mark.model

CHAT, LOOKUP, STORE = "/v1/chat/completions", "/v1/cache/lookup", "/v1/cache/store"
MARK = "tell-tale-words"
MIB = 1024 * 1024
KEY = {"authorization": f"Bearer {ACME_KEY}"}


@pytest.fixture(scope="module")
def process(
    gateway_redis: RedisServer,
    sandbox_server: Sandbox,
    model_cache_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Process]:
    sandbox_server.control(**GOOD)
    with redis.Redis.from_url(gateway_redis.url) as client:
        publish(client, configuration())
    process = Process(
        data_dir=data_dir_with_models(tmp_path_factory.mktemp("poison"), model_cache_dir),
        redis_url=gateway_redis.url,
        sandbox_url=sandbox_server.url,
    )
    try:
        process.start()
        yield process
    finally:
        process.kill()


@pytest.fixture
def gateway(process: Process, gateway_redis: RedisServer) -> Iterator[Gateway]:
    with redis.Redis.from_url(gateway_redis.url) as client:
        yield Gateway(process.url, client)


def chat(content: str = '"Hello?"', *, more: str = "") -> bytes:
    """A request whose last message has the JSON `content`, with `more` JSON members."""
    messages = f'[{{"role":"user","content":{content}}}]'
    return f'{{"model":"gpt-5-mini","messages":{messages}{more}}}'.encode()


def many(count: int) -> bytes:
    message = f'{{"role":"user","content":"{MARK}"}}'
    return f'{{"model":"gpt-5-mini","messages":[{",".join([message] * count)}]}}'.encode()


DEEP = '{"a":' * 10_000 + "1" + "}" * 10_000
LEGAL = [
    pytest.param(chat(json.dumps(f"{MARK} " * 65_000)), id="a prompt of 1 MB"),
    pytest.param(many(10_000), id="10,000 messages"),
    pytest.param(chat('"\\ud83d\\ude00?"'), id="a pair of surrogates"),
    pytest.param(chat(more=',"user":"one","user":"two"'), id="a name twice"),
]
ILLEGAL = [
    pytest.param(chat('"\\ud800 alone"'), id="lone surrogate"),
    pytest.param(chat('"\\udfff\\ud800"'), id="surrogates the wrong way round"),
    pytest.param(chat('"@"').replace(b"@", b"\xed\xa0\x80"), id="surrogate in UTF-8"),
    pytest.param(chat('"a\\u0000b"'), id="escaped NUL"),
    pytest.param(chat('"a\x00b"'), id="raw NUL"),
    pytest.param(chat(more=f',"metadata":{DEEP}'), id="10,000 levels"),
    pytest.param(b"[" * 100_000, id="100,000 open brackets"),
    pytest.param(chat(more=f',"logit_bias":[{"0," * 60_000}0]'), id="60,000 values"),
    pytest.param(chat(more=',"temperature":NaN'), id="NaN"),
    pytest.param(chat(more=',"temperature":-Infinity'), id="Infinity"),
    pytest.param(chat(more=',"temperature":1e400'), id="1e400"),
    pytest.param(chat().decode().encode("utf-16"), id="UTF-16"),
    pytest.param(b"\xef\xbb\xbf" + chat(), id="byte order mark"),
    pytest.param(b"\x1f\x8b\x08\x00" + chat(), id="gzip"),
    pytest.param(b"", id="nothing"),
    pytest.param(b"null", id="null"),
    pytest.param(b'"text"', id="a string"),
    pytest.param(chat()[:-1], id="cut off"),
    pytest.param(chat() + b"{}", id="two objects"),
]
WRONG_TYPES: list[object] = [
    None,
    True,
    7,
    -1.5,
    "text",
    [],
    [[]],
    {},
    {"a": {"b": []}},
    ["\u0000"],
    10**30,
]
CONTROLS = (
    "policy", "bypass", "no_store", "ttl_seconds", "min_similarity", "user", "tags", "documents",
    "endpoint", "explain", "answer_id", "language",
)  # fmt: skip
CHAT_FIELDS = (
    "model", "messages", "stream", "stream_options", "cache", "user", "n", "tools", "tool_choice",
    "response_format", "temperature", "top_p", "stop", "logit_bias", "modalities", "audio",
    "metadata", "functions", "function_call", "seed", "max_tokens", "parallel_tool_calls",
)  # fmt: skip


def is_refusal(response: httpx2.Response) -> bool:
    """Whether the answer is a 4xx in OpenAI's shape."""
    error = response.json()["error"]
    return 400 <= response.status_code < 500 and set(error) >= {"message", "type", "param", "code"}


@pytest.mark.parametrize("body", LEGAL)
def test_poison__legal_but_unusual__answered(gateway: Gateway, body: bytes) -> None:
    response = gateway.post(CHAT, body)

    assert response.status_code == 200, response.text[:300]


@pytest.mark.parametrize("path", [CHAT, LOOKUP, STORE])
@pytest.mark.parametrize("body", ILLEGAL)
def test_poison__illegal_body__refused_in_words(gateway: Gateway, path: str, body: bytes) -> None:
    assert is_refusal(gateway.post(path, body))


@pytest.mark.parametrize("digits", [20, 400, 5_000, 50_000])
def test_poison__huge_integer__never_a_fault_of_ours(gateway: Gateway, digits: int) -> None:
    response = gateway.post(CHAT, chat(more=f',"seed":{"9" * digits}'))

    assert response.status_code == 200 or is_refusal(response)


@pytest.mark.parametrize("field", CHAT_FIELDS)
def test_poison__wrong_type_in_a_field__never_a_fault_of_ours(gateway: Gateway, field: str) -> None:
    base = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hello?"}]}
    for value in WRONG_TYPES:
        response = gateway.post(CHAT, {**base, field: value})
        assert response.status_code == 200 or is_refusal(response), (field, value)


@pytest.mark.parametrize("field", CONTROLS)
def test_poison__wrong_type_in_a_control__never_a_fault_of_ours(
    gateway: Gateway, field: str
) -> None:
    for value in WRONG_TYPES:
        response = gateway.post(LOOKUP, {"query": "Hello?", field: value})
        assert response.status_code == 200 or is_refusal(response), (field, value)


@pytest.mark.parametrize("name", ["role", "content", "name", "tool_calls", "tool_call_id"])
def test_poison__wrong_type_in_a_message__never_a_fault_of_ours(
    gateway: Gateway, name: str
) -> None:
    for value in WRONG_TYPES:
        message = {"role": "user", "content": "Hello?", name: value}
        response = gateway.post(CHAT, {"model": "gpt-5-mini", "messages": [message]})
        assert response.status_code == 200 or is_refusal(response), (name, value)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        pytest.param(b"NONSENSE\r\n\r\n", 400, id="no HTTP"),
        pytest.param(b"POST " + b"/" * 100_000, 431, id="a line that never ends"),
        pytest.param(b"POST / HTTP/1.1\r\nx: " + b"y" * 100_000, 431, id="a header without end"),
        pytest.param(b"POST / HTTP/1.1\r\n" + b"x: y\r\n" * 40_000, 431, id="headers without end"),
        pytest.param(
            b"POST / HTTP/1.1\r\n" + b"x: y\r\n" * 40_000 + b"\r\n", 431, id="40,000 headers"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\ncontent-length: " + b"9" * 40 + b"\r\n\r\n", 400,
            id="an absurd length",
        ),
        pytest.param(b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400, id="a negative length"),
        pytest.param(
            b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400,
            id="two lengths",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", None, id="no chunk"
        ),
    ],
)  # fmt: skip
def test_poison__no_http__refused_and_the_next_call_is_answered(
    gateway: Gateway, process: Process, raw: bytes, status: int | None
) -> None:
    answer = exchange(process.port, raw)

    if status is not None:
        assert f"HTTP/1.1 {status} ".encode() in answer
        assert b'"error":{"message"' in answer
    assert gateway.ask("when are you open").status_code == 200


def test_poison__length_beyond_the_limit__refused_before_a_byte_of_it_came(
    process: Process,
) -> None:
    head = head_of(CHAT, "content-length: 999999999999")

    assert b"HTTP/1.1 413 " in exchange(process.port, head)


def test_poison__chunks_without_end__refused_at_the_limit(process: Process) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"

    answer = exchange(process.port, head_of(CHAT, "transfer-encoding: chunked") + chunk * 80)

    assert b"HTTP/1.1 413 " in answer


def test_poison__all_of_it__left_neither_traces_in_the_log_nor_in_memory(
    gateway: Gateway, process: Process
) -> None:
    before = process.memory_bytes
    for _ in range(5):
        for parameter in (*LEGAL, *ILLEGAL):
            [body] = parameter.values
            assert isinstance(body, bytes)
            gateway.post(CHAT, body)

    log = process.log.read_text()
    assert MARK not in log
    assert "Traceback" not in log
    assert process.memory_bytes - before < 300 * MIB


def head_of(path: str, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: acme", f"authorization: {KEY['authorization']}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode()


def exchange(port: int, raw: bytes) -> bytes:
    """What comes back for `raw`, until the gateway closes or says no more for a second."""
    answer = b""
    deadline = time.monotonic() + 10
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        # Refused in the middle, what was answered can be read all the same.
        with suppress(OSError):
            connection.sendall(raw)
        while time.monotonic() < deadline and b"\r\n\r\n" not in answer:
            try:
                piece = connection.recv(65_536)
            except OSError:
                break
            if not piece:
                break
            answer += piece
    return answer
