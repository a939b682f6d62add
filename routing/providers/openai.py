"""Calling OpenAI, and whatever speaks its API, through the official client.

Bodies go out and answers come back as bytes: parsing belongs to the gateway, which needs little of
it, and the client's own models would cost more than the rest of the call.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from routing.errors import ProviderError
from routing.providers.brake import ProviderBrake, is_fault
from routing.providers.retry import MAX_ATTEMPTS, is_retryable, retry_delay
from routing.providers.targets import Target

if TYPE_CHECKING:
    import httpx2
    from openai import APIStatusError, AsyncOpenAI, OpenAIError

logger = logging.getLogger(__name__)

MAX_ACCOUNTS = 128
_CONNECT_SECONDS = 5.0
_CHAT = "/chat/completions"
_EMBEDDINGS = "/embeddings"
_DRAIN_SECONDS = 1.0
_UNAUTHORIZED = 401


class ProviderRefusal(ProviderError):
    """The provider answered with an error; `retry_after` is its header, to be passed on."""

    def __init__(self, *, status: int, code: str, body: bytes | None, retry_after: str) -> None:
        super().__init__(f"The provider answered {status}.", status=status, code=code, body=body)
        self.retry_after = retry_after


class AnswerLost(ProviderError):
    """The provider took the call but its answer did not come, or broke off: it may be billed."""


@dataclass(slots=True)
class _Account:
    """One account's connections, closed after the last call that uses them once dropped."""

    client: AsyncOpenAI
    brake: ProviderBrake
    calls: int = 0
    dropped: bool = False


def _always() -> bool:
    return True


class OpenAIProvider:
    """A pool of clients, one per account, so that no two accounts share connections or cookies.

    Only calls that cannot have been billed are made again: refused with 408, 409, 429 or 5xx, or
    never sent. `may_retry` is asked before each further attempt; False ends the call with the
    failure it has.
    """

    def __init__(self, *, timeout_seconds: float, max_accounts: int = MAX_ACCOUNTS) -> None:
        """`timeout_seconds` bounds a whole answer, or a stream's beginning and its every pause.

        Of more than `max_accounts` accounts, as rotated credentials leave behind, those longest
        out of use are closed.
        """
        self._timeout_seconds = timeout_seconds
        self._max_accounts = max_accounts
        self._accounts: OrderedDict[tuple[str, str], _Account] = OrderedDict()
        self._opening = asyncio.Lock()

    async def start(self) -> None:
        """Load the client library now, off the event loop; it takes half a second."""
        await asyncio.to_thread(_load_library)

    async def close(self) -> None:
        """Close every connection."""
        accounts = list(self._accounts.values())
        self._accounts.clear()
        for account in accounts:
            await account.client.close()

    async def complete(
        self, body: bytes, *, target: Target, may_retry: Callable[[], bool] = _always
    ) -> bytes:
        """The provider's answer to the JSON `body`, as it came. Raises ProviderError."""
        async with self._account_of(target) as account:
            response = await self._chat(account, body, stream=False, may_retry=may_retry)
            return response.content

    async def embed(
        self, body: bytes, *, target: Target, may_retry: Callable[[], bool] = _always
    ) -> bytes:
        """The provider's answer to the JSON `body` of an embedding request, as it came.

        Its failures are the caller's to count: no call may be spared because the cache's own
        requests fail. Raises ProviderError.
        """
        async with self._account_of(target) as account:
            response = await self._ask(
                account.client, _EMBEDDINGS, body, stream=False, may_retry=may_retry
            )
            return response.content

    @asynccontextmanager
    async def stream(
        self, body: bytes, *, target: Target, may_retry: Callable[[], bool] = _always
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The pieces of a streamed answer as the network delivers them.

        Raises ProviderError on entering, and from the iterator when the stream breaks. Leaving
        early closes the connection, which ends the call at the provider.
        """
        async with self._account_of(target) as account:
            response = await self._chat(account, body, stream=True, may_retry=may_retry)
            pieces = _pieces(response)
            try:
                yield pieces
                await _drain(pieces)
            finally:
                try:
                    await pieces.aclose()
                finally:
                    await response.aclose()

    async def _chat(
        self,
        account: _Account,
        body: bytes,
        *,
        stream: bool,
        may_retry: Callable[[], bool],
    ) -> httpx2.Response:
        """Ask once, and again where that is safe, unless the account's brake is on."""
        clock = asyncio.get_running_loop().time
        account.brake.check(now=clock())
        try:
            response = await self._ask(
                account.client, _CHAT, body, stream=stream, may_retry=may_retry
            )
        except ProviderError as error:
            if is_fault(error):
                account.brake.failed(now=clock())
            else:
                account.brake.succeeded()
            raise
        account.brake.succeeded()
        return response

    async def _ask(
        self,
        client: AsyncOpenAI,
        path: str,
        body: bytes,
        *,
        stream: bool,
        may_retry: Callable[[], bool],
    ) -> httpx2.Response:
        import httpx2
        from openai import OpenAIError

        clock = asyncio.get_running_loop().time
        deadline = clock() + self._timeout_seconds
        attempt = 1
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    try:
                        return await _send(client, path, body, stream=stream)
                    except OpenAIError as error:
                        delay = _delay(error, attempt=attempt)
                        if delay is None or clock() + delay >= deadline or not may_retry():
                            raise
                    attempt += 1
                    await asyncio.sleep(delay)
        except (OpenAIError, httpx2.HTTPError, TimeoutError) as error:
            raise _provider_error(error) from error

    @asynccontextmanager
    async def _account_of(self, target: Target) -> AsyncIterator[_Account]:
        account = await self._account(target)
        account.calls += 1
        try:
            yield account
        finally:
            account.calls -= 1
            if account.dropped and not account.calls:
                await account.client.close()

    async def _account(self, target: Target) -> _Account:
        key = (target.base_url, target.api_key)
        account = self._accounts.get(key)
        if account is None:
            async with self._opening:
                account = self._accounts.get(key) or await self._open(key, target)
        self._accounts.move_to_end(key)
        return account

    async def _open(self, key: tuple[str, str], target: Target) -> _Account:
        # Opening loads the system's certificates, tens of milliseconds.
        client = await asyncio.to_thread(
            _open_client, target, timeout_seconds=self._timeout_seconds
        )
        while len(self._accounts) >= self._max_accounts:
            _, oldest = self._accounts.popitem(last=False)
            oldest.dropped = True
            if not oldest.calls:
                await oldest.client.close()
        account = self._accounts[key] = _Account(client, ProviderBrake(target.provider))
        return account


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
        # Its own retries repeat calls whose answer was lost, and tell nobody.
        max_retries=0,
        timeout=httpx2.Timeout(timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds)),
        http_client=DefaultAioHttpClient(),
    )


async def _send(client: AsyncOpenAI, path: str, body: bytes, *, stream: bool) -> httpx2.Response:
    import httpx2
    from openai import AsyncStream

    if not stream:
        return await client.post(path, cast_to=httpx2.Response, content=body)
    response = await client.post(
        path, cast_to=httpx2.Response, content=body, stream=True, stream_cls=AsyncStream[Any]
    )
    # `cast_to` decides what comes back; the annotation of `post` only knows `stream_cls`.
    return cast("httpx2.Response", response)


def _delay(error: OpenAIError, *, attempt: int) -> float | None:
    """Seconds until the call may be made again after `error`; None when it may not."""
    from openai import APIStatusError

    if attempt >= MAX_ATTEMPTS:
        return None
    jitter = random.random()  # noqa: S311 - spreads calls, guards nothing
    if isinstance(error, APIStatusError):
        headers = error.response.headers
        if not is_retryable(error.status_code, headers):
            return None
        return retry_delay(headers, attempt=attempt, jitter=jitter)
    if _was_sent(error):
        return None
    return retry_delay({}, attempt=attempt, jitter=jitter)


def _was_sent(error: Exception) -> bool:
    """Whether anything may have reached the provider: no connection was made otherwise."""
    import aiohttp

    unsent = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
    return not any(isinstance(cause, unsent) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


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
    kind = AnswerLost if _was_sent(error) else ProviderError
    if any(isinstance(cause, TimeoutError) for cause in _causes(error)):
        return kind("The provider did not answer in time.", status=504, code="provider_timeout")
    return kind(
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
