from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from routing.telemetry.events import Event
from routing.telemetry.spool import Spool, decode_frames, encode_frame
from tests.routing.events import event


def opened(root: Path, *, max_bytes: int = 1_000_000) -> Spool:
    spool = Spool(root, max_bytes=max_bytes)
    spool.open()
    return spool


def taken(spool: Spool) -> list[Event]:
    events: list[Event] = []
    while (segment := spool.oldest()) is not None:
        events += decode_frames(segment.path.read_bytes())
        spool.shipped(segment)
        spool.forget(segment)
    return events


def appended(spool: Spool, item: Event) -> bool:
    try:
        return spool.append(encode_frame(item))
    except OSError:
        return False


def abandon(spool: Spool) -> None:
    # What the kernel does for a process that is killed.
    os.close(spool._lock)


def test_decode_frames__several__in_order() -> None:
    events = [event(user="u1"), event(user="u2"), event(user="u3")]

    assert decode_frames(b"".join(map(encode_frame, events))) == events


@pytest.mark.parametrize("torn", [1, 3, 4, 5, 40])
def test_decode_frames__last_one_torn__the_others(torn: int) -> None:
    whole = event()

    assert decode_frames(encode_frame(whole) + encode_frame(event())[:torn]) == [whole]


@pytest.mark.parametrize("garbage", [b"\0" * 64, b"\0\0\0\x03abc", b"\xff" * 64])
def test_decode_frames__damage__stops_there(garbage: bytes) -> None:
    whole = event()

    assert decode_frames(encode_frame(whole) + garbage + encode_frame(event())) == [whole]


def test_append__rotated__readable_in_order(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    events = [event(user="u1"), event(user="u2")]
    for item in events:
        spool.append(encode_frame(item))
        spool.rotate()

    assert taken(spool) == events
    assert spool.events == 0


def test_append__more_than_the_limit__refused(tmp_path: Path) -> None:
    frame = encode_frame(event())
    spool = opened(tmp_path, max_bytes=2 * len(frame))

    assert [spool.append(frame) for _ in range(3)] == [True, True, False]


def test_forget__after_the_limit__room_again(tmp_path: Path) -> None:
    frame = encode_frame(event())
    spool = opened(tmp_path, max_bytes=len(frame))
    spool.append(frame)
    spool.rotate()
    taken(spool)

    assert spool.append(frame)


def test_append__not_open__os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no spool directory"):
        Spool(tmp_path, max_bytes=1000).append(encode_frame(event()))


def test_append__disk_takes_half_a_frame__error_and_earlier_events_intact(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    events = [event() for _ in range(20)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        kept = [item for item in events if appended(spool, item)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    spool.rotate()
    assert 0 < len(kept) < 20
    assert taken(spool) == kept


def test_open__owner_dead__its_segments_adopted(tmp_path: Path) -> None:
    dead = opened(tmp_path)
    left = event()
    dead.append(encode_frame(left))
    abandon(dead)

    heir = opened(tmp_path)

    assert heir.events == 1
    assert taken(heir) == [left]


def test_open__owner_alive__left_alone(tmp_path: Path) -> None:
    owner = opened(tmp_path)
    owner.append(encode_frame(event()))

    other = opened(tmp_path)

    assert other.oldest() is None
    owner.rotate()
    assert len(taken(owner)) == 1


def test_open__last_frame_torn_by_the_crash__dropped(tmp_path: Path) -> None:
    dead = opened(tmp_path)
    left = event()
    dead.append(encode_frame(left))
    [path] = tmp_path.glob("*/*.seg")
    with path.open("ab") as file:
        file.write(encode_frame(event())[:20])
    abandon(dead)

    assert taken(opened(tmp_path)) == [left]


def test_open__one_segment_unreadable__kept_aside_and_the_others_adopted(tmp_path: Path) -> None:
    dead = opened(tmp_path)
    left = event()
    dead.append(encode_frame(left))
    [directory] = tmp_path.iterdir()
    (directory / "0.seg").mkdir()
    abandon(dead)

    heir = opened(tmp_path)

    assert taken(heir) == [left]
    assert (tmp_path / "0.bad").exists()


def test_set_aside__oldest_segment__room_again_and_file_kept(tmp_path: Path) -> None:
    frame = encode_frame(event())
    spool = opened(tmp_path, max_bytes=len(frame))
    spool.append(frame)
    spool.rotate()
    segment = spool.oldest()
    assert segment is not None

    spool.set_aside(segment)

    assert (spool.events, spool.oldest(), spool.append(frame)) == (0, None, True)
    assert len(list(tmp_path.glob("*.bad"))) == 1


def test_ship_again__shipped_segments__oldest_again(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for user in ("first", "second"):
        spool.append(encode_frame(event(user=user)))
        spool.rotate()
    first = spool.oldest()
    assert first is not None
    spool.shipped(first)

    spool.ship_again([first])

    assert [item.user for item in taken(spool)] == ["first", "second"]


def test_close__nothing_left__directory_removed(tmp_path: Path) -> None:
    opened(tmp_path).close()

    assert list(tmp_path.iterdir()) == []


def test_segment__written__only_its_owner_may_read_it(tmp_path: Path) -> None:
    opened(tmp_path).append(encode_frame(event()))

    [path] = tmp_path.glob("*/*.seg")
    assert path.stat().st_mode & 0o077 == 0
