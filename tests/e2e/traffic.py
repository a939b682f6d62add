"""An app's traffic while something happens, and what the ledger says of it afterwards."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import openai

from tests.product import Product, wait_until

_THREADS = 8
_CALLS_A_SECOND = 50


class Traffic:
    """Calls at a steady rate over all of `questions`, again and again.

    `answered` are the ids of the responses that reached the app whole; `failed` counts the calls
    that did not.
    """

    def __init__(self, client: openai.OpenAI, questions: Sequence[str]) -> None:
        self.answered: set[UUID] = set()
        self.failed = 0
        self._client = client
        self._questions = itertools.cycle(questions)
        self._turn = threading.Lock()
        self._due = time.monotonic()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(_THREADS)]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the calls under way end, and ask no more."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait_for_answers(self, count: int, *, seconds: float) -> None:
        """Wait until so many more calls have been answered."""
        enough = len(self.answered) + count
        wait_until(lambda: len(self.answered) >= enough, seconds=seconds)

    def _ask(self) -> None:
        while not self._ended.wait(self._seconds_to_next()):
            with self._turn:
                question = next(self._questions)
            try:
                response_id = ask(self._client, question).headers["x-response-id"]
            except (openai.APIConnectionError, openai.APIStatusError):
                self.failed += 1
            else:
                self.answered.add(UUID(response_id))

    def _seconds_to_next(self) -> float:
        with self._turn:
            # After a standstill nothing is made up for.
            self._due = max(self._due + 1 / _CALLS_A_SECOND, time.monotonic() - 1)
            return max(0.0, self._due - time.monotonic())


@contextmanager
def traffic(client: openai.OpenAI, questions: Sequence[str]) -> Iterator[Traffic]:
    """Traffic that goes on until the block ends."""
    running = Traffic(client, questions)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def ask(client: openai.OpenAI, question: str) -> Any:
    """The whole raw response to `question`."""
    messages: Any = [{"role": "user", "content": question}]
    return client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=messages)


def uncounted(product: Product, answered: set[UUID]) -> set[UUID]:
    """Those of the answered calls whose event is not in the database."""
    kept = {UUID(text) for (text,) in product.rows("SELECT id FROM cache_admin_callevent")}
    return answered - kept


def miscounted(product: Product) -> list[tuple[Any, ...]]:
    """Calls, cost and tokens by layer where the rollups do not equal the events."""
    return product.rows(
        "SELECT layer, COUNT(*), SUM(cost_nanousd), SUM(input_tokens), SUM(output_tokens)"
        " FROM cache_admin_callevent GROUP BY layer"
        " EXCEPT"
        " SELECT layer, SUM(calls), SUM(cost_nanousd), SUM(input_tokens), SUM(output_tokens)"
        " FROM cache_admin_hourlyrollup GROUP BY layer"
    )
