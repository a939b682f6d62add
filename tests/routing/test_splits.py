from __future__ import annotations

import time

from redis.asyncio import Redis

from routing import redis_names
from routing.splits import (
    FEWEST_CALLS,
    FORGOTTEN_SECONDS,
    WINDOW,
    SplitWatch,
    decode_report,
    difference,
)
from routing.telemetry.split_reporter import write_splits
from routing.types import Context

NOW = 2_000.0


def watched(*, calls: int, partitions: int, now: float = NOW) -> SplitWatch:
    """A watch that has seen `calls`, spread over `partitions` in turn."""
    watch = SplitWatch()
    for number in range(calls):
        prompt = f'[[0,{{"content":"It is 12:{number:02} o\'clock."}}]]'.encode()
        partition = f"p{number % partitions}"
        watch.note(
            "acme", "default", partition=partition, context=Context(system_prompt=prompt), now=now
        )
    return watch


def test_watch__every_call_in_its_own_partition__told_with_what_differs() -> None:
    (report,) = watched(calls=FEWEST_CALLS, partitions=FEWEST_CALLS).reports(now=NOW)

    assert (report.part, report.calls, report.partitions) == (
        "system_prompt",
        FEWEST_CALLS,
        FEWEST_CALLS,
    )
    assert report.before != report.after


def test_watch__more_policies_than_it_keeps__the_quiet_ones_are_forgotten() -> None:
    watch = watched(calls=FEWEST_CALLS, partitions=FEWEST_CALLS)
    for number in range(1_500):
        watch.note("globex", f"p{number}", partition="p", context=Context(), now=NOW)
        if number % 500 == 0:
            watch.note("acme", "default", partition="one", context=Context(), now=NOW)

    assert [report.tenant for report in watch.reports(now=NOW)] == ["acme"]


def test_watch__calls_share_partitions__silent() -> None:
    assert watched(calls=WINDOW, partitions=10).reports(now=NOW) == []


def test_watch__too_few_calls__silent() -> None:
    assert watched(calls=FEWEST_CALLS - 1, partitions=FEWEST_CALLS).reports(now=NOW) == []


def test_watch__no_calls_for_long__silent() -> None:
    watch = watched(calls=FEWEST_CALLS, partitions=FEWEST_CALLS)

    assert watch.reports(now=NOW + FORGOTTEN_SECONDS) == []


def test_watch__repaired__silent_once_the_window_has_passed() -> None:
    watch = watched(calls=WINDOW, partitions=WINDOW)

    for _ in range(WINDOW):
        watch.note("acme", "default", partition="p", context=Context(), now=NOW)

    assert watch.reports(now=NOW) == []


def test_difference__only_the_conversation__named_so() -> None:
    part, before, after = difference(Context(turns=(b"hello",)), Context(turns=(b"hallo",)))

    assert (part, before, after) == ("conversation", "", "")


def test_difference__what_users_attach__named_but_not_shown() -> None:
    one, other = Context(attachments=b"a scan"), Context(attachments=b"a photo")

    assert difference(one, other) == ("attachments", "", "")


def test_difference__equal_contexts__none() -> None:
    assert difference(Context(tools=b"[]"), Context(tools=b"[]")) == ("", "", "")


def test_difference__long_prompts__short_excerpts_of_the_place() -> None:
    same = b"You are a helpful assistant. " * 50
    _, before, after = difference(
        Context(system_prompt=same + b"request 17"), Context(system_prompt=same + b"request 18")
    )

    assert "17" in before
    assert len(after) <= 40


async def test_write_splits__policy_without_hits__report_where_the_console_reads_it(
    redis_url: str,
) -> None:
    async with Redis.from_url(redis_url) as connection:
        await write_splits(
            connection, watched(calls=FEWEST_CALLS, partitions=FEWEST_CALLS, now=time.time())
        )

        blob = await connection.get(redis_names.split("acme", "default"))
        assert isinstance(blob, bytes)
        assert decode_report(blob).part == "system_prompt"
        assert await connection.ttl(redis_names.split("acme", "default")) > 0
