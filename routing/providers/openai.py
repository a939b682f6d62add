"""Calling OpenAI, and whatever speaks its API, through the official client.

Bodies go out and answers come back as bytes: parsing belongs to the gateway, which needs little of
it, and the client's own models would cost more than the rest of the call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from routing.errors import ProviderError
from routing.providers.targets import Target

if TYPE_CHECKING:
    import httpx2
    from openai import APIStatusError, AsyncOpenAI

logger = logging.getLogger(__name__)

MAX_RETRIES = 2
_CONNECT_SECONDS = 5.0
_PATH = "/chat/completions"
_DRAIN_SECONDS = 1.0
_UNAUTHORIZED = 401


class ProviderRefusal(ProviderError):
    """The provider answered with an error; `retry_after` is its header, to be passed on."""

    def __init__(self, *, status: int, code: str, body: bytes | None, retry_after: str) -> None:
        super().__init__(f"The provider answered {status}.", status=status, code=code, body=body)
        self.retry_after = retry_after


class OpenAIProvider:
    """A pool of clients, one per account, so that no two accounts share connections or cookies."""

    def __init__(self, *, timeout_seconds: float) -> None:
        """`timeout_seconds` bounds a whole answer, or a stream's beginning and its every pause."""
        self._timeout_seconds = timeout_seconds
        self._clients: dict[tuple[str, str], AsyncOpenAI] = {}
        self._opening = asyncio.Lock()

    async def start(self) -> None:
        """Load the client library now, off the event loop; it takes half a second."""
        await asyncio.to_thread(_load_library)

    async def close(self) -> None:
        """Close every connection."""
        clients = list(self._clients.values())
        self._clients.clear()
        for client in clients:
            await client.close()

    async def complete(self, body: bytes, *, target: Target) -> bytes:
        """The provider's answer to the JSON `body`, as it came.

        Retries what may be retried within the timeout. Raises ProviderError.
        """
        import httpx2
        from openai import OpenAIError

        client = await self._client(target)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                response = await client.post(_PATH, cast_to=httpx2.Response, content=body)
        except (OpenAIError, httpx2.HTTPError, TimeoutError) as error:
            raise _provider_error(error) from error
        return response.content

    @asynccontextmanager
    async def stream(self, body: bytes, *, target: Target) -> AsyncIterator[AsyncIterator[bytes]]:
        """The pieces of a streamed answer as the network delivers them.

        Raises ProviderError on entering, and from the iterator when the stream breaks. Leaving
        early closes the connection, which ends the call at the provider.
        """
        import httpx2
        from openai import AsyncStream, OpenAIError

        client = await self._client(target)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                response = await client.post(
                    _PATH,
                    cast_to=httpx2.Response,
                    content=body,
                    stream=True,
                    stream_cls=AsyncStream[Any],
                )
        except (OpenAIError, httpx2.HTTPError, TimeoutError) as error:
            raise _provider_error(error) from error
        # `cast_to` decides what comes back; the annotation of `post` only knows `stream_cls`.
        raw = cast("httpx2.Response", response)
        pieces = _pieces(raw)
        try:
            yield pieces
            await _drain(pieces)
        finally:
            try:
                await pieces.aclose()
            finally:
                await raw.aclose()

    async def _client(self, target: Target) -> AsyncOpenAI:
        key = (target.base_url, target.api_key)
        client = self._clients.get(key)
        if client is not None:
            return client
        async with self._opening:
            if key not in self._clients:
                # Opening loads the system's certificates, tens of milliseconds.
                self._clients[key] = await asyncio.to_thread(
                    _open_client, target, timeout_seconds=self._timeout_seconds
                )
            return self._clients[key]


def _load_library() -> None:
    import httpx2
    import openai

    logger.debug("provider.loaded openai=%s httpx2=%s", openai.__version__, httpx2.__version__)


def _open_client(target: Target, *, timeout_seconds: float) -> AsyncOpenAI:
    import httpx2
    from openai import AsyncOpenAI, DefaultAioHttpClient

    return AsyncOpenAI(
        api_key=target.api_key,
        base_url=target.base_url,
        max_retries=MAX_RETRIES,
        timeout=httpx2.Timeout(timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds)),
        http_client=DefaultAioHttpClient(),
    )


async def _pieces(response: httpx2.Response) -> AsyncGenerator[bytes]:
    import httpx2

    try:
        async for piece in response.aiter_bytes():
            yield piece
    except (httpx2.HTTPError, TimeoutError) as error:
        raise _provider_error(error) from error


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read to the end, so that the connection may serve the next call; usually nothing is left."""
    with suppress(ProviderError, TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in pieces:
                pass


def _provider_error(error: Exception) -> ProviderError:
    """What the app is told of `error`.

    The transport reports refused connections as timeouts, so the root of the chain decides.
    """
    from openai import APIStatusError

    if isinstance(error, APIStatusError):
        return _refusal(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError):
            return ProviderError(
                "The provider did not answer in time.", status=504, code="provider_timeout"
            )
        cause = cause.__cause__
    return ProviderError(
        "The provider could not be reached, or broke off.", status=502, code="provider_unreachable"
    )


def _refusal(error: APIStatusError) -> ProviderError:
    if error.status_code == _UNAUTHORIZED:
        # Forwarded as it is, it would send the app looking for a fault in its own key.
        return ProviderError(
            "The provider refused the key the gateway holds for it; renew the credential.",
            status=502,
            code="provider_credential_refused",
        )
    return ProviderRefusal(
        status=error.status_code,
        code=f"provider_{error.status_code}",
        body=error.response.content,
        retry_after=error.response.headers.get("retry-after", ""),
    )
