"""Labelled questions as they stand in files: one JSON object a line, UTF-8."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from routing.errors import LabelledDataError


class Pair(Struct, frozen=True):
    """Two questions; `same` is 1 when one answer serves both, 0 when it does not."""

    a: str
    b: str
    same: Literal[0, 1]


class Question(Struct, frozen=True):
    """One question of a stream. `answer_id` names the answer it needs: questions of one id may
    share an answer. `part`: questions of different parts never may."""

    text: str
    answer_id: str
    part: str = ""


class CuratedQuestion(Struct, frozen=True):
    """A curated question, its aliases, and the answer they get."""

    question: str
    answer_id: str
    aliases: tuple[str, ...] = ()


Row = TypeVar("Row", Pair, Question, CuratedQuestion)


def read_pairs(path: Path, *, limit: int | None = None) -> tuple[Pair, ...]:
    """The first `limit` pairs in `path`. Raises LabelledDataError naming the first bad line."""
    return tuple(row for _, row, _ in _rows(path, Pair, limit=limit))


def read_stream(
    path: Path, *, limit: int | None = None, partition_by: str = ""
) -> tuple[Question, ...]:
    """The first `limit` questions in `path`; `partition_by` names the field that parts them.

    Raises LabelledDataError naming the first bad line.
    """
    questions: list[Question] = []
    for number, row, line in _rows(path, Question, limit=limit):
        part = ""
        if partition_by:
            value = msgspec.json.decode(line, type=dict[str, Any]).get(partition_by)
            if value is None:
                raise LabelledDataError(f"{path}, line {number}: no field {partition_by!r}")
            part = str(value)
        questions.append(Question(row.text, row.answer_id, part))
    return tuple(questions)


def read_curated(path: Path) -> tuple[CuratedQuestion, ...]:
    """The curated questions in `path`. Raises LabelledDataError naming the first bad line."""
    return tuple(row for _, row, _ in _rows(path, CuratedQuestion, limit=None))


def _rows(path: Path, kind: type[Row], *, limit: int | None) -> Iterator[tuple[int, Row, bytes]]:
    decoder = msgspec.json.Decoder(kind)
    found = 0
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if found == limit:
                    return
                if not line.strip():
                    continue
                try:
                    row = decoder.decode(line)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    raise LabelledDataError(f"{path}, line {number}: {error}") from error
                found += 1
                yield number, row, line
    except OSError as error:
        raise LabelledDataError(f"{path} cannot be read: {error.strerror}") from error
    if not found:
        raise LabelledDataError(f"{path} holds no rows")
