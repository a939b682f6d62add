"""The embedding models that tenants use: loaded when a snapshot names them, unloaded after."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from routing.active import ActiveConfig, ActiveTenant
from routing.connection import stop_tasks
from routing.embedding.session import Vector
from routing.embedding_models import parse_model_name
from routing.errors import CacheUnavailable, ConfigError, RepriseError
from routing.providers.targets import Target
from routing.snapshot import LoadedModel

logger = logging.getLogger(__name__)

_FIRST_RETRY_SECONDS = 5.0
_LONGEST_RETRY_SECONDS = 300.0
_MOST_TOLD = 200
_MOST_OWNERS_TOLD = 100
_LINGER_SECONDS = 5.0
"""Longer than a call under way still needs the model it began with."""


class PooledEmbedder(Protocol):
    """What the pool needs of a model, wherever it runs."""

    @property
    def ready(self) -> bool:
        """Whether texts can be embedded."""

    @property
    def model_id(self) -> str:
        """Part of every partition. Raises CacheUnavailable while it is not known."""

    @property
    def dimensions(self) -> int:
        """Length of the vectors. Raises CacheUnavailable while it is not known."""

    @property
    def weight_bytes(self) -> int:
        """What its weights take in this process."""

    async def start(self) -> None:
        """Make it ready. Raises RepriseError when it cannot be had."""

    async def close(self) -> None:
        """Let it go."""

    async def embed(self, text: str) -> Vector | None:
        """For a call: soon or not at all. Raises CacheUnavailable."""

    async def embed_many(self, texts: Sequence[str]) -> list[Vector | None]:
        """For work that no call waits for. Raises CacheUnavailable."""


@dataclass(frozen=True, slots=True)
class ModelKey:
    """One model as one account reaches it; `target` is None for models on this machine."""

    name: str
    target: Target | None = None


@dataclass(slots=True)
class _Slot:
    key: ModelKey
    embedder: PooledEmbedder
    error: str = ""
    loading: asyncio.Task[None] | None = field(default=None, repr=False)


class _Missing:
    """Stands for a model that cannot even be named: it has no id, so there is no partition."""

    ready = False
    weight_bytes = 0

    def __init__(self, reason: str) -> None:
        self.reason = reason

    @property
    def model_id(self) -> str:
        raise CacheUnavailable("embedding", self.reason)

    @property
    def dimensions(self) -> int:
        raise CacheUnavailable("embedding", self.reason)

    async def start(self) -> None:
        raise ConfigError(self.reason)

    async def close(self) -> None:
        """Nothing to let go."""

    async def embed(self, text: str) -> Vector | None:
        raise CacheUnavailable("embedding", self.reason)

    async def embed_many(self, texts: Sequence[str]) -> list[Vector | None]:
        raise CacheUnavailable("embedding", self.reason)


class EmbedderPool:
    """Gives each tenant the model that the snapshot names for it.

    A new model is loaded in the background; the tenant goes on with the former one until it is
    ready, and after a start without a cache that needs it. A model that cannot be had is tried
    again ever more seldom, and told by `models`. Nothing here raises into a call or an adoption.
    """

    def __init__(
        self,
        *,
        default: str,
        max_local: int,
        make: Callable[[ModelKey], PooledEmbedder],
        target: Callable[[ActiveConfig, ActiveTenant, str], Target],
        on_error: Callable[[str], None],
        kept_in: Path,
    ) -> None:
        """`default` names the model of tenants that name none. At most `max_local` models run in
        this process. `target` gives the account for a model of a provider. Prepared models lie in
        `kept_in`. Raises ConfigError when `default` is no name of a model."""
        parse_model_name(default)
        self.default = default
        self.changes = 0
        """Grows whenever a tenant may have another model than before."""
        self._max_local = max_local
        self._make = make
        self._target = target
        self._on_error = on_error
        self._kept_in = kept_in
        self._slots: dict[ModelKey, _Slot] = {}
        self._wanted: dict[str, _Slot] = {}
        self._current: dict[str, _Slot] = {}
        self._unknown: dict[str, tuple[str, str]] = {}
        self._active: ActiveConfig | None = None
        self._fallback: PooledEmbedder = _Missing("the tenant is not known yet")
        self._retiring: set[asyncio.Task[None]] = set()

    def of_tenant(self, uid: str) -> PooledEmbedder:
        """The model whose partitions the tenant's calls use now."""
        slot = self._current.get(uid)
        return slot.embedder if slot else self._fallback

    def settled(self, uid: str) -> PooledEmbedder | None:
        """The model that the tenant names, once it is ready and in use; None until then."""
        slot = self._current.get(uid)
        if slot is None or slot is not self._wanted.get(uid) or not slot.embedder.ready:
            return None
        return slot.embedder

    def name_of(self, uid: str) -> str:
        """What the tenant calls its model; empty for a tenant that is not known."""
        slot = self._wanted.get(uid)
        return slot.key.name if slot else ""

    def start(self) -> None:
        """Load the default model, so that it is there before the first tenant is."""
        key = self._default_key()
        if key is not None:
            self._fallback = self._slot(key).embedder

    def follow(self, active: ActiveConfig) -> None:
        """Load what `active` names and is not here, let go what it does not name. Returns at once,
        and never raises."""
        self._active = active
        self._unknown.clear()
        wanted: dict[str, _Slot] = {}
        current: dict[str, _Slot] = {}
        # Most tenants of many share a model, and the loop that answers calls does this.
        shared: dict[str, _Slot] = {}
        for uid, tenant in active.tenants.items():
            try:
                slot = shared.get(tenant.config.embedding_model) or self._slot(
                    self._key(active, tenant)
                )
            except RepriseError as error:
                self._unknown[uid] = (tenant.config.embedding_model or self.default, str(error))
                missing = _Slot(ModelKey(""), _Missing(str(error)), str(error))
                current[uid] = self._former(uid, missing)
                continue
            if slot.key.target is None:
                shared[tenant.config.embedding_model] = slot
            wanted[uid] = slot
            current[uid] = slot if slot.embedder.ready else self._former(uid, slot)
        self._wanted, self._current = wanted, current
        self.changes += 1
        self._let_go()

    def models(self) -> tuple[LoadedModel, ...]:
        """What this process has loaded, is loading or cannot have, by name; so many at most."""
        owners: dict[int, list[str]] = {}
        for uid, slot in self._wanted.items():
            owners.setdefault(id(slot), []).append(uid)
        told = [_told(slot, owners.get(id(slot), ())) for slot in self._slots.values()]
        told += [
            LoadedModel(name=name, error=error, tenants=1, tenant_uids=(uid,))
            for uid, (name, error) in self._unknown.items()
        ]
        return tuple(sorted(told, key=lambda model: model.name)[:_MOST_TOLD])

    def default_error(self) -> str | None:
        """Why the default model is not ready; empty while it is loading, None when it is ready.

        A default behind a provider's API is not waited for: it may be away for good.
        """
        key = self._default_key()
        slot = self._slots.get(key) if key else None
        if key is None or (slot is not None and slot.embedder.ready):
            return None
        return slot.error if slot else ""

    async def close(self) -> None:
        """Let every model go."""
        slots = list(self._slots.values())
        self._slots.clear()
        await stop_tasks([slot.loading for slot in slots if slot.loading])
        await stop_tasks(self._retiring)
        for slot in slots:
            await slot.embedder.close()

    def _default_key(self) -> ModelKey | None:
        name = parse_model_name(self.default)
        return ModelKey(self.default) if name.provider == "local" else None

    def _key(self, active: ActiveConfig, tenant: ActiveTenant) -> ModelKey:
        """Raises RepriseError when the name is none, or the tenant has no account for it."""
        text = tenant.config.embedding_model or self.default
        name = parse_model_name(text)
        if name.provider == "local":
            return ModelKey(text)
        return ModelKey(text, self._target(active, tenant, name.model))

    def _slot(self, key: ModelKey) -> _Slot:
        """The slot of `key`, made and set loading if there is none. Raises ConfigError when this
        process has as many models as it may have."""
        slot = self._slots.get(key)
        if slot is None:
            self._require_room(key)
            slot = self._slots[key] = _Slot(key, self._make(key))
            slot.loading = asyncio.get_running_loop().create_task(
                self._load(slot), name=f"embedding-{key.name}"
            )
        return slot

    def _require_room(self, key: ModelKey) -> None:
        local = sum(1 for other in self._slots if other.target is None)
        if key.target is None and local >= self._max_local:
            raise ConfigError(
                f"{key.name} is not loaded: this runtime has {local} models already; raise "
                "EMBEDDING_MAX_MODELS, or let tenants share a model"
            )

    def _former(self, uid: str, slot: _Slot) -> _Slot:
        """What a tenant uses until `slot` is ready: what it used before, unless that was another
        account's, which may have been withdrawn."""
        former = self._current.get(uid)
        if former is None or not former.embedder.ready:
            return slot
        keeps = former.key.target is None or (
            slot.key.target is not None
            and former.key.target.base_url == slot.key.target.base_url
            and former.key.target.api_key == slot.key.target.api_key
        )
        return former if keeps else slot

    async def _load(self, slot: _Slot) -> None:
        """Load a model, however often that takes: what is wrong may be put right."""
        pause = _FIRST_RETRY_SECONDS
        while True:
            try:
                await slot.embedder.start()
            except RepriseError as error:
                slot.error = str(error)
                logger.error("embedder.failed model=%s reason=%s", slot.key.name, error)
            except Exception as error:
                slot.error = (
                    f"the embedding model {slot.key.name} cannot be loaded "
                    f"({type(error).__name__}: {error}); remove it from {self._kept_in} to have it "
                    "prepared again"
                )
                logger.exception("embedder.failed_unexpectedly model=%s", slot.key.name)
            else:
                slot.error = ""
                self._switch_to(slot)
                return
            self._on_error("embedder")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_RETRY_SECONDS)

    def _switch_to(self, slot: _Slot) -> None:
        """Give a model that is ready now to those who waited for it."""
        for uid, wanted in self._wanted.items():
            if wanted is slot:
                self._current[uid] = slot
        self.changes += 1
        self._let_go()

    def _let_go(self) -> None:
        """Retire what nobody names or uses any more; the default stays for the next tenant."""
        used = {id(slot) for slot in (*self._wanted.values(), *self._current.values())}
        default = ModelKey(self.default)
        unused = [key for key, slot in self._slots.items() if id(slot) not in used]
        for key in unused:
            if key == default:
                continue
            task = asyncio.get_running_loop().create_task(self._retire(self._slots.pop(key)))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def _retire(self, slot: _Slot) -> None:
        try:
            if slot.loading is not None:
                await stop_tasks([slot.loading])
            await asyncio.sleep(_LINGER_SECONDS)
        finally:
            await slot.embedder.close()
        logger.info("embedder.unloaded model=%s", slot.key.name)
        if self._unknown and self._active is not None:
            # There may have been no room for them before.
            self.follow(self._active)


def _told(slot: _Slot, owners: Sequence[str]) -> LoadedModel:
    embedder = slot.embedder
    try:
        model_id, dimensions = embedder.model_id, embedder.dimensions
    except CacheUnavailable:
        model_id, dimensions = "", 0
    return LoadedModel(
        name=slot.key.name,
        model_id=model_id,
        dimensions=dimensions,
        weight_bytes=embedder.weight_bytes,
        ready=embedder.ready,
        tenants=len(owners),
        error=slot.error,
        tenant_uids=tuple(owners[:_MOST_OWNERS_TOLD]) if slot.key.target else (),
    )
