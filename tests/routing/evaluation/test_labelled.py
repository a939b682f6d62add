from __future__ import annotations

from pathlib import Path

import pytest

from routing.errors import LabelledDataError
from routing.evaluation.labelled import Pair, Question, read_curated, read_pairs, read_stream


def written(path: Path, *lines: str) -> Path:
    file = path / "rows.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_read_pairs__two_rows_and_other_fields__read(tmp_path: Path) -> None:
    file = written(
        tmp_path, '{"a":"x","b":"y","same":1,"lang":"en"}', "", '{"a":"x","b":"z","same":0}'
    )

    assert read_pairs(file) == (Pair("x", "y", 1), Pair("x", "z", 0))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "line 2: Input data was truncated"),
        ('{"a":"x","same":1}', "line 2: Object missing required field `b`"),
        ('{"a":"x","b":"y","same":2}', "line 2: Invalid enum value 2"),
        ('["x","y",1]', "line 2: Expected `object`"),
    ],
)
def test_read_pairs__bad_row__names_its_line(tmp_path: Path, line: str, complaint: str) -> None:
    file = written(tmp_path, '{"a":"x","b":"y","same":1}', line)

    with pytest.raises(LabelledDataError, match=complaint):
        read_pairs(file)


def test_read_pairs__not_utf8__names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b'{"a":"x","b":"\xff","same":1}\n')

    with pytest.raises(LabelledDataError, match="line 1"):
        read_pairs(file)


def test_read_pairs__no_such_file__says_so(tmp_path: Path) -> None:
    with pytest.raises(LabelledDataError, match="No such file"):
        read_pairs(tmp_path / "none.jsonl")


def test_read_pairs__empty_file__refused(tmp_path: Path) -> None:
    with pytest.raises(LabelledDataError, match="no rows"):
        read_pairs(written(tmp_path, ""))


def test_read_stream__limit__stops_before_what_follows(tmp_path: Path) -> None:
    file = written(tmp_path, '{"text":"x","answer_id":"1"}', "not read")

    assert read_stream(file, limit=1) == (Question("x", "1"),)


def test_read_stream__partition_by__taken_from_that_field(tmp_path: Path) -> None:
    file = written(tmp_path, '{"text":"x","answer_id":"1","source":"shop"}')

    assert read_stream(file, partition_by="source") == (Question("x", "1", "shop"),)


def test_read_stream__field_to_part_by_missing__names_the_line(tmp_path: Path) -> None:
    file = written(tmp_path, '{"text":"x","answer_id":"1"}')

    with pytest.raises(LabelledDataError, match="line 1: no field 'source'"):
        read_stream(file, partition_by="source")


def test_read_curated__no_aliases__none(tmp_path: Path) -> None:
    (item,) = read_curated(written(tmp_path, '{"question":"Where?","answer_id":"1"}'))

    assert (item.question, item.answer_id, item.aliases) == ("Where?", "1", ())
