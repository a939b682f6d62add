"""Events on disk until Redis has them.

``<root>/<owner>/<time-ordered>.seg``: each process writes into a directory of its own and holds the
lock file in it for as long as it lives; a directory whose lock can be taken belongs to a process
that is gone, and its segments are adopted. A segment is a run of frames, each a 4-byte big-endian
length and a msgpack `Event`. What was handed to the kernel survives the death of the process; a
frame torn by it is dropped. Nothing is fsynced: a power cut may cost the last seconds.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import uuid_utils

from routing.telemetry import metrics
from routing.telemetry.events import Event

logger = logging.getLogger(__name__)

_LENGTH_BYTES = 4
_LOCK = "lock"
_SUFFIX = ".seg"
_BAD_SUFFIX = ".bad"
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Event)


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed segment: `size` in bytes, `events` as counted when it was closed or adopted."""

    path: Path
    size: int
    events: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A directory that is ours as long as `lock` is open, and the segments that were adopted."""

    own: Path
    lock: int
    adopted: tuple[Segment, ...]


@dataclass(slots=True)
class _Writing:
    path: Path
    fd: int
    size: int = 0
    events: int = 0


def encode_frame(event: Event) -> bytes:
    """One event as it stands in a segment. Raises ValueError on text that is not Unicode."""
    body = _encoder.encode(event)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def decode_frames(blob: bytes) -> list[Event]:
    """The events in `blob`, up to the first frame that is torn or damaged."""
    events: list[Event] = []
    at = 0
    while at + _LENGTH_BYTES <= len(blob):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(blob[at:start], "big")
        if at > len(blob):
            break
        try:
            events.append(_decoder.decode(blob[start:at]))
        except msgspec.MsgspecError:
            break
    return events


class Spool:
    """The segments of one process. Synchronous, for one thread; only `claim` may run in another.

    `root` is shared with other processes, `max_bytes` bounds this one's share.
    """

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        self._root = root
        self._max_bytes = max_bytes
        self._own: Path | None = None
        self._lock = -1
        self._writing: _Writing | None = None
        self._waiting: deque[Segment] = deque()
        self._bytes = 0
        self.events = 0
        """Events on disk that nobody has shipped yet."""

    @property
    def is_open(self) -> bool:
        """Whether `append` has a directory to write to."""
        return self._own is not None

    @property
    def segment_events(self) -> int:
        """Events in the segment that is being written."""
        return self._writing.events if self._writing else 0

    def open(self) -> None:
        """Take a directory of our own and adopt what dead processes left. Raises OSError."""
        self.enter(self.claim())

    def claim(self) -> Claim:
        """The slow half of `open`, which reads all that is adopted. Raises OSError."""
        name = str(uuid_utils.uuid7())
        # Renamed into sight only once its lock is held, so that no other process takes a directory
        # that is just being made for one whose owner is dead.
        hidden = self._root / f".{name}"
        hidden.mkdir(parents=True, mode=0o700)
        lock = _take_lock(hidden / _LOCK, os.O_CREAT)
        own = hidden.rename(self._root / name)
        try:
            return Claim(own, lock, tuple(_adopt(self._root, own=own)))
        except OSError:
            os.close(lock)
            raise

    def enter(self, claim: Claim) -> None:
        """The quick half of `open`: from now on `append` has a place to write to."""
        self._lock, self._own = claim.lock, claim.own
        for segment in claim.adopted:
            self._waiting.append(segment)
            self._bytes += segment.size
            self.events += segment.events

    def append(self, frame: bytes) -> bool:
        """Write one frame; False when that would exceed `max_bytes`.

        Raises OSError when the disk refuses it; nothing of the frame counts then.
        """
        if self._bytes + len(frame) > self._max_bytes:
            return False
        writing = self._writing or self._begin()
        try:
            written = os.write(writing.fd, frame)
        except OSError:
            self.rotate()
            raise
        if written != len(frame):
            # The torn frame must stay the last of its segment: readers stop there.
            self.rotate()
            raise OSError(f"wrote {written} of {len(frame)} bytes to {writing.path}")
        writing.size += written
        writing.events += 1
        self._bytes += written
        self.events += 1
        return True

    def rotate(self) -> None:
        """Close the segment being written; the next event begins another."""
        if (writing := self._writing) is not None:
            self._writing = None
            os.close(writing.fd)
            self._waiting.append(Segment(writing.path, writing.size, writing.events))

    def oldest(self) -> Segment | None:
        """The closed segment that is next to be shipped."""
        return self._waiting[0] if self._waiting else None

    def shipped(self, segment: Segment) -> None:
        """`segment`, the oldest, is with Redis; its file stays until `forget`."""
        self._waiting.remove(segment)
        self.events -= segment.events

    def ship_again(self, segments: Sequence[Segment]) -> None:
        """Redis may have lost these; they are the oldest again."""
        self._waiting.extendleft(reversed(segments))
        self.events += sum(segment.events for segment in segments)

    def forget(self, segment: Segment) -> None:
        """Delete a segment that needs no shipping any more."""
        segment.path.unlink(missing_ok=True)
        self._bytes -= segment.size

    def set_aside(self, segment: Segment) -> None:
        """Take the oldest, which cannot be read, out of the way; its file is kept beside."""
        self.shipped(segment)
        self._bytes -= segment.size
        _set_aside(segment.path, root=self._root)

    def close(self) -> None:
        """Give up the directory; what is left in it is for the next process to adopt."""
        self.rotate()
        if self._own is not None:
            _remove_if_empty(self._own)
            os.close(self._lock)
            self._own = None

    def _begin(self) -> _Writing:
        if self._own is None:
            raise OSError(f"no spool directory in {self._root}")
        path = self._own / f"{uuid_utils.uuid7()}{_SUFFIX}"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._writing = writing = _Writing(path, fd)
        return writing


def _adopt(root: Path, *, own: Path) -> Iterator[Segment]:
    """Move the segments of dead processes into `own`. What cannot be read or moved stays behind."""
    for directory in sorted(root.iterdir()):
        if directory == own or directory.name.startswith(".") or not directory.is_dir():
            continue
        try:
            lock = _take_lock(directory / _LOCK)
        except OSError:
            continue
        try:
            for path in sorted(directory.glob(f"*{_SUFFIX}")):
                if (segment := _adopt_segment(path, root=root, own=own)) is not None:
                    yield segment
            _remove_if_empty(directory)
        finally:
            os.close(lock)


def _adopt_segment(path: Path, *, root: Path, own: Path) -> Segment | None:
    try:
        blob = path.read_bytes()
        return Segment(path.rename(own / path.name), len(blob), len(decode_frames(blob)))
    except OSError as error:
        logger.error("events.segment_unreadable path=%s reason=%s", path.name, error)
        _set_aside(path, root=root)
        return None


def _set_aside(path: Path, *, root: Path) -> None:
    metrics.cache_error("spool")
    try:
        path.rename(root / f"{path.stem}{_BAD_SUFFIX}")
    except OSError as error:
        logger.error("events.segment_left_behind path=%s reason=%s", path.name, error)


def _take_lock(path: Path, flags: int = 0) -> int:
    fd = os.open(path, os.O_RDWR | flags, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd


def _remove_if_empty(directory: Path) -> None:
    if not any(directory.glob(f"*{_SUFFIX}")):
        with suppress(OSError):
            (directory / _LOCK).unlink(missing_ok=True)
            directory.rmdir()
