"""Reading what the provider answered, whole or as a stream of server-sent events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from routing.cacheability import Said
from routing.errors import ProviderError
from routing.gateway.message import MessageBuilder, read_message
from routing.ledger import OpenAIUsage, usage_from_loose, usage_from_openai
from routing.prices import NO_TOKENS, Usage

MAX_EVENT_BYTES = 2**20
"""Of one event of a stream; what is longer is held back for nothing."""


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What the ledger and the store need of an answer."""

    said: Said
    model: str
    usage: Usage


class _Choice(Struct, frozen=True):
    message: msgspec.Raw = msgspec.Raw(b"{}")
    finish_reason: str | None = None


class _Completion(Struct, frozen=True):
    model: str = ""
    choices: list[_Choice] = []
    usage: OpenAIUsage | None = None


class _ChunkChoice(Struct, frozen=True):
    index: int = 0
    delta: dict[str, Any] | None = None
    finish_reason: str | None = None


class _Chunk(Struct, frozen=True):
    model: str = ""
    choices: list[_ChunkChoice] = []
    usage: OpenAIUsage | None = None
    error: msgspec.Raw | None = None


class _Bill(Struct, frozen=True):
    """What the ledger needs of an answer or chunk, whatever shape the rest of it has."""

    model: object = None
    usage: object = None
    error: object = None

    @property
    def model_name(self) -> str:
        return self.model if isinstance(self.model, str) else ""

    @property
    def tokens(self) -> Usage:
        return usage_from_loose(self.usage)


_END = b"[DONE]"
_LONGEST_BLANK = len(b"\r\n\r\n")
_NULL = b"null"
_COMPLETION = msgspec.json.Decoder(_Completion)
_CHUNK = msgspec.json.Decoder(_Chunk)
_BILL = msgspec.json.Decoder(_Bill)


def parse_completion(body: bytes) -> ProviderAnswer:
    """The answer in a provider's JSON.

    One of another shape than OpenAI's is never stored, but its usage counts if it can be found.
    """
    try:
        completion = _COMPLETION.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        bill = _read_bill(body)
        return ProviderAnswer(Said(fault="unknown_shape"), model=bill.model_name, usage=bill.tokens)
    if len(completion.choices) == 1:
        choice = completion.choices[0]
        said = read_message(bytes(choice.message), finish_reason=choice.finish_reason or "")
    else:
        said = Said(fault="several_choices" if completion.choices else "unknown_shape")
    usage = usage_from_openai(completion.usage) if completion.usage else NO_TOKENS
    return ProviderAnswer(said, model=completion.model, usage=usage)


class StreamReader:
    """Follows a stream of chunks while it is passed on, whatever pieces the network cuts it into.

    `feed` returns the bytes that the app is to see: everything, except the usage chunk when the app
    did not ask for it. Only whole events leave, so that an event can be left out. `done`: the
    stream's own end mark has come; `failed`: the provider reported an error inside the stream.
    """

    __slots__ = (
        "_fault", "_finish", "_keep_usage", "_message", "_model", "_pending", "_searched", "_usage",
        "done", "failed",
    )  # fmt: skip

    def __init__(self, *, keep_usage: bool) -> None:
        self._keep_usage = keep_usage
        self._pending = bytearray()
        self._message = MessageBuilder()
        self._finish = ""
        self._model = ""
        self._usage = NO_TOKENS
        self._fault = ""
        self._searched = 0
        self.done = False
        self.failed = False

    def feed(self, data: bytes) -> bytes:
        """Take the next piece of the stream; returns the whole events now ready for the app.

        Raises ProviderError when an event exceeds MAX_EVENT_BYTES.
        """
        pending = self._pending
        pending += data
        out = bytearray()
        start = 0
        # The blank line that ends an event may have begun in the piece before.
        search = max(self._searched - _LONGEST_BLANK + 1, 0)
        while (found := _event_end(pending, search)) is not None:
            event = bytes(pending[start:found])
            start = search = found
            if self._read(event):
                out += event
        del pending[:start]
        self._searched = len(pending)
        if len(pending) > MAX_EVENT_BYTES:
            raise ProviderError(
                "The provider's stream is not one of events.",
                status=502,
                code="provider_stream_malformed",
            )
        return bytes(out)

    def rest(self) -> bytes:
        """The last event, if only its blank line is missing; called once the provider has closed.

        Half an event is dropped: what is sent to the app after it would be read as its end.
        """
        event = bytes(self._pending).strip() + b"\n\n"
        data = _event_data(event)
        if data != _END and not _is_json(data):
            return b""
        return event if self._read(event) else b""

    @property
    def ended(self) -> bool:
        """Whether the provider said that the answer is whole."""
        return self.done or bool(self._finish)

    def answer(self) -> ProviderAnswer:
        """The answer read so far; without fault only after the stream's own end mark."""
        said = self._message.said(finish_reason=self._finish)
        fault = "provider_error" if self.failed else self._fault or said.fault
        if not fault and not self.done:
            fault = "cut_off"
        said = msgspec.structs.replace(said, fault=fault)
        return ProviderAnswer(said, model=self._model, usage=self._usage)

    def _read(self, event: bytes) -> bool:
        data = _event_data(event)
        if data == _END:
            self.done = True
            return True
        if not data:
            return True
        try:
            chunk = _CHUNK.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._read_loosely(data)
            return True
        if not _absent(chunk.error):
            self.failed = True
        self._model = chunk.model or self._model
        for choice in chunk.choices:
            self._take(choice)
        if chunk.usage is None:
            return True
        self._usage = usage_from_openai(chunk.usage)
        return self._keep_usage or bool(chunk.choices)

    def _read_loosely(self, data: bytes) -> None:
        bill = _read_bill(data)
        self._fault = "unknown_shape"
        self.failed = self.failed or bill.error is not None
        self._model = bill.model_name or self._model
        self._usage = self._usage if bill.tokens == NO_TOKENS else bill.tokens

    def _take(self, choice: _ChunkChoice) -> None:
        if choice.index != 0:
            self._fault = "several_choices"
        elif choice.delta:
            self._message.add(choice.delta)
        if choice.finish_reason:
            self._finish = choice.finish_reason


def _read_bill(data: bytes) -> _Bill:
    """The bill in `data`, which is not of OpenAI's shape; empty when it is not to be found."""
    try:
        return _BILL.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Bill()


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return True


def _absent(raw: msgspec.Raw | None) -> bool:
    return raw is None or bytes(raw) == _NULL


def _event_end(buffer: bytearray, start: int) -> int | None:
    """Index after the blank line that ends the event at `start`; None when it is not yet there."""
    unix = buffer.find(b"\n\n", start)
    windows = buffer.find(b"\r\n\r\n", start)
    if unix == -1 and windows == -1:
        return None
    if windows == -1 or -1 < unix < windows:
        return unix + 2
    return windows + 4


def _event_data(event: bytes) -> bytes:
    if event.startswith(b"data: ") and event.count(b"\n") == 2:
        return event[6:].strip()
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines)
