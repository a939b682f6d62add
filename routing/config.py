"""The runtime's settings, read once from the environment at start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from routing.errors import ConfigError

DEFAULT_EMBEDDING_MODEL = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class RuntimeConfig:
    """Everything the runtime needs to know before its first snapshot.

    `cache_budget_ms` bounds what Redis may add to one call. `ready_max_snapshot_age_seconds`: how
    long the runtime may go without hearing from Redis before /readyz says no. `spool_max_bytes`
    bounds the events kept on disk while Redis is away or its event stream is full, which it is at
    `event_stream_max_entries` entries of up to 200 events each. `max_body_bytes`, `max_json_depth`
    and `max_json_nodes` bound what an app may send, `max_calls` and `max_calls_per_tenant` how many
    of its calls may be under way at once. `single_flight_wait_seconds`: how long a call waits for
    another that asks the same before it asks the provider itself. `drain_seconds`: how long calls
    under way may go on once the runtime is told to stop. `embedding_max_models`: how many models
    may be loaded in this process, as tenants name them; `embedding_budget_ms` bounds what a call
    waits for one of them, `embedding_timeout_ms` for a model that is elsewhere.
    `reembed_per_second`: how many answers are put in their places in a second after a tenant's
    model has changed. `cache_max_entries` and `cache_max_bytes`: how much all tenants together may
    keep; 0 = no limit.
    """

    redis_url: str = field(repr=False)
    data_dir: Path
    embedding_model: str = DEFAULT_EMBEDDING_MODEL
    credentials_key: str = field(default="", repr=False)
    openai_api_key: str = field(default="", repr=False)
    openai_base_url: str = ""
    sandbox_url: str = ""
    metrics_token: str = field(default="", repr=False)
    cache_budget_ms: int = 30
    provider_timeout_seconds: float = 120.0
    snapshot_poll_ms: int = 100
    ready_max_snapshot_age_seconds: int = 3600
    spool_max_bytes: int = 256 * 1024 * 1024
    event_stream_max_entries: int = 20_000
    max_body_bytes: int = 4 * 1024 * 1024
    max_json_depth: int = 32
    max_json_nodes: int = 50_000
    max_calls: int = 2_000
    max_calls_per_tenant: int = 1_000
    single_flight_wait_seconds: float = 20.0
    drain_seconds: int = 30
    embedding_workers: int = 2
    embedding_max_models: int = 4
    embedding_budget_ms: int = 250
    embedding_timeout_ms: int = 1_000
    reembed_per_second: int = 50
    cache_max_entries: int = 0
    cache_max_bytes: int = 0


def load_config(environ: Mapping[str, str]) -> RuntimeConfig:
    """The settings in `environ`. Raises ConfigError naming the variable and the remedy."""
    return RuntimeConfig(
        redis_url=_required(environ, "REDIS_URL", "redis://127.0.0.1:6379/0"),
        data_dir=Path(environ.get("DATA_DIR", "var")),
        embedding_model=environ.get("EMBEDDING_MODEL") or DEFAULT_EMBEDDING_MODEL,
        credentials_key=read_secret(environ, "CREDENTIALS_KEY"),
        openai_api_key=read_secret(environ, "OPENAI_API_KEY"),
        openai_base_url=environ.get("OPENAI_BASE_URL", ""),
        sandbox_url=environ.get("SANDBOX_URL", ""),
        metrics_token=read_secret(environ, "METRICS_TOKEN"),
        cache_budget_ms=_positive(environ, "CACHE_BUDGET_MS", 30),
        provider_timeout_seconds=float(_positive(environ, "PROVIDER_TIMEOUT_SECONDS", 120)),
        snapshot_poll_ms=_positive(environ, "SNAPSHOT_POLL_MS", 100),
        ready_max_snapshot_age_seconds=_positive(environ, "READY_MAX_SNAPSHOT_AGE_SECONDS", 3600),
        spool_max_bytes=_positive(environ, "SPOOL_MAX_BYTES", 256 * 1024 * 1024),
        event_stream_max_entries=_positive(environ, "EVENT_STREAM_MAX_ENTRIES", 20_000),
        max_body_bytes=_positive(environ, "MAX_BODY_BYTES", 4 * 1024 * 1024),
        max_json_depth=_positive(environ, "MAX_JSON_DEPTH", 32),
        max_json_nodes=_positive(environ, "MAX_JSON_NODES", 50_000),
        max_calls=_positive(environ, "MAX_CALLS", 2_000),
        max_calls_per_tenant=_positive(environ, "MAX_CALLS_PER_TENANT", 1_000),
        single_flight_wait_seconds=float(_positive(environ, "SINGLE_FLIGHT_WAIT_SECONDS", 20)),
        drain_seconds=_positive(environ, "DRAIN_SECONDS", 30),
        embedding_workers=_positive(environ, "EMBEDDING_WORKERS", 2),
        embedding_max_models=_positive(environ, "EMBEDDING_MAX_MODELS", 4),
        embedding_budget_ms=_positive(environ, "EMBEDDING_BUDGET_MS", 250),
        embedding_timeout_ms=_positive(environ, "EMBEDDING_TIMEOUT_MS", 1_000),
        cache_max_entries=_positive(environ, "CACHE_MAX_ENTRIES", 0),
        cache_max_bytes=_positive(environ, "CACHE_MAX_BYTES", 0),
        reembed_per_second=_positive(environ, "REEMBED_PER_SECOND", 50),
    )


def read_secret(environ: Mapping[str, str], name: str) -> str:
    """The text of `name`, or of the file that `<name>_FILE` names; empty when neither is set.

    Raises ConfigError when both are, or when the file is unreadable or empty; it never shows the
    value.
    """
    direct, path = environ.get(name, "").strip(), environ.get(f"{name}_FILE", "").strip()
    if direct and path:
        raise ConfigError(f"{name} and {name}_FILE are both set; keep one of them")
    if not path:
        return direct
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{name}_FILE={path!r} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{name}_FILE={path!r} is not UTF-8 text") from None
    if not secret:
        raise ConfigError(f"{name}_FILE={path!r} is empty")
    return secret


def _required(environ: Mapping[str, str], name: str, example: str) -> str:
    value = read_secret(environ, name)
    if not value:
        raise ConfigError(f"{name} is not set; set it to something like {example}")
    return value


def _positive(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "")
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        raise ConfigError(f"{name}={text!r} is not a whole number") from None
    if value < 1:
        raise ConfigError(f"{name}={value} must be at least 1")
    return value
