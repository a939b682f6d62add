"""The embedding model of a tenant: which, how large, where it is ready, and what is being moved."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass

import redis

from cache_admin.models import Tenant
from cache_admin.redis import redis_client
from cache_admin.selectors.heartbeats import decoded_heartbeats
from routing import redis_names
from routing.embedding_models import Reembedding, bytes_per_vector, decode_progress, known_model
from routing.snapshot import Heartbeat, LoadedModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RuntimeModel:
    """The tenant's model as one runtime has it; `loaded` is None while it has not heard of it."""

    instance: str
    loaded: LoadedModel | None


@dataclass(frozen=True, slots=True)
class EmbeddingState:
    """What is known of a tenant's model.

    `name` is empty when the tenant names none and no runtime has told its own. `kept_bytes` and
    `indexed_bytes` are what one vector takes in Redis, None while its length is not known.
    `english_only`: a model for English, and the tenant's language is another. `answers`: None while
    Redis does not answer, or no runtime has told anything yet.
    """

    name: str
    is_default: bool
    dimensions: int | None
    kept_bytes: int | None
    indexed_bytes: int | None
    english_only: bool
    runtimes: tuple[RuntimeModel, ...]
    answers: Reembedding | None
    redis_ok: bool

    @property
    def is_moving(self) -> bool:
        """Whether anything here is about to change by itself."""
        waiting = any(not (item.loaded and item.loaded.ready) for item in self.runtimes)
        copying = self.answers is not None and self.answers.state == "running"
        return waiting or copying or self._awaits_copying

    @property
    def seconds_left(self) -> int | None:
        """Of a copying under way, at the speed so far."""
        left = self.answers.seconds_left if self.answers else None
        return None if left is None else math.ceil(left)

    @property
    def _awaits_copying(self) -> bool:
        return self.answers is not None and bool(self.name) and self.answers.model != self.name


def embedding_of(tenant: Tenant) -> EmbeddingState:
    """The state of `tenant`'s model as the runtimes last told it."""
    beats: tuple[Heartbeat, ...] = ()
    answers: Reembedding | None = None
    redis_ok = True
    try:
        with redis_client().pipeline(transaction=False) as pipe:
            pipe.hgetall(redis_names.RUNTIMES)
            pipe.hget(redis_names.REEMBEDDING, tenant.uid)
            blobs, told = pipe.execute()
    except redis.RedisError as error:
        logger.warning("embedding.state_unknown reason=%s", error)
        redis_ok = False
    else:
        beats = decoded_heartbeats(blobs)
        answers = decode_progress(told) if told else None
    name = tenant.embedding_model or _default_name(beats)
    runtimes = tuple(
        RuntimeModel(beat.instance, _own(beat, name, tenant))
        for beat in sorted(beats, key=lambda beat: beat.instance)
    )
    dimensions = _dimensions(name, runtimes)
    kept, indexed = bytes_per_vector(dimensions) if dimensions else (None, None)
    known = known_model(name)
    return EmbeddingState(
        name=name,
        is_default=not tenant.embedding_model,
        dimensions=dimensions,
        kept_bytes=kept,
        indexed_bytes=indexed,
        english_only=bool(known and known.english_only and tenant.language != "en"),
        runtimes=runtimes,
        answers=answers,
        redis_ok=redis_ok,
    )


def _default_name(beats: Iterable[Heartbeat]) -> str:
    for beat in beats:
        for model in beat.embedding_models:
            if beat.embedding_model in (model.name, model.model_id):
                return model.name
    return ""


def _own(beat: Heartbeat, name: str, tenant: Tenant) -> LoadedModel | None:
    """The tenant's model in a runtime, not that of another account by the same name."""
    return next(
        (model for model in beat.embedding_models if model.name == name and _is_of(model, tenant)),
        None,
    )


def is_own_model(model: LoadedModel, tenant: Tenant) -> bool:
    """Whether `model` is the one that `tenant` names, and not another account's of that name."""
    return model.name == tenant.embedding_model and _is_of(model, tenant)


def _is_of(model: LoadedModel, tenant: Tenant) -> bool:
    return not model.tenant_uids or tenant.uid in model.tenant_uids


def _dimensions(name: str, runtimes: Iterable[RuntimeModel]) -> int | None:
    told = (item.loaded.dimensions for item in runtimes if item.loaded)
    known = known_model(name)
    return next((number for number in told if number), known.dimensions if known else None)
