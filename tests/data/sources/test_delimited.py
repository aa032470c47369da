"""Text files: layouts that are read, damage that is refused with its line."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.sources.delimited import Delimited, read_delimited

TEXT = "a,b,c\n1,2,3\n4,5,6\n"


def rows(folder: Path, data: bytes | str, name: str = "x.csv", **layout: Any) -> list[tuple[Any, ...]]:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    frame, _ = read_delimited(path, Delimited(**layout))
    return frame.rows()


EXPECTED = [("1", "2", "3"), ("4", "5", "6")]


@pytest.mark.parametrize(
    ("data", "layout"),
    [
        (TEXT, {}),
        (TEXT.replace(",", ";"), {"delimiter": ";"}),
        (TEXT.replace(",", "\t"), {"delimiter": "\t"}),
        (TEXT.replace("\n", "\r\n"), {}),
        (TEXT.replace("\n", "\r"), {}),
        ("a,b,c\r\n1,2,3\n4,5,6\r\n", {}),
        (b"\xef\xbb\xbf" + TEXT.encode(), {}),
        (TEXT.encode("utf-16"), {"encoding": "utf-16"}),
        (TEXT.rstrip("\n"), {}),
        (TEXT + "\n\n", {}),
        ("a,b,c\n1,2,3\n\n4,5,6\n", {}),
        ('a,"b",c\n1,"2",3\n"4",5,6\n', {}),
        ("# banner\n# more\n" + TEXT, {"skip_rows": 2}),
        ("1,2,3\n4,5,6\n", {"header": False, "names": ("a", "b", "c")}),
    ],
)
def test_layouts_are_read(tmp_path: Path, data: bytes | str, layout: dict[str, Any]) -> None:
    assert rows(tmp_path, data, **layout) == EXPECTED


def test_archives_are_read(tmp_path: Path) -> None:
    assert rows(tmp_path, gzip.compress(TEXT.encode()), "x.csv.gz") == EXPECTED
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("one.csv", TEXT)
    assert read_delimited(tmp_path / "x.zip", Delimited())[0].rows() == EXPECTED
    with zipfile.ZipFile(tmp_path / "x.zip", "a") as archive:
        archive.writestr("two.csv", TEXT)
    assert read_delimited(tmp_path / "x.zip", Delimited(member="two.csv"))[0].rows() == EXPECTED
    with pytest.raises(DataError, match="holds 2 files"):
        read_delimited(tmp_path / "x.zip", Delimited())
    with pytest.raises(DataError, match="did you mean 'two"):
        read_delimited(tmp_path / "x.zip", Delimited(member="tow.csv"))


@pytest.mark.parametrize(
    ("data", "layout", "fault"),
    [
        ("a,b,c\n1,2,3\n4,5\n", {}, "line 3 has 2 fields for 3 columns.*cut short"),
        ("a,b,c\n1,2\n4,5,6\n", {}, "line 2 has 2 fields"),
        ("a,b,c\n1,2,3,4\n4,5,6\n", {}, "line 2 has 4 fields"),
        ("a,b\n1,2,3\n4,5,6\n", {}, "skip a wrong header"),
        ('a,b,c\n1,"2,3\n4,5,6\n', {}, "line 2 has 2 fields"),
        ("a,b,a\n1,2,3\n", {}, "names 'a' more than once"),
        (TEXT, {"delimiter": ";"}, "is `delimiter: ';'` right"),
        ("\n" + TEXT, {}, "line 1 is blank where the header"),
        ("a,b,c\n", {}, "holds no rows"),
        ("", {"skip_rows": 3}, "has 1 lines"),
        (b"a,b,c\n1,\x00,3\n", {}, "line 2: a NUL byte"),
        (b"a,b,c\n1,2,3\n1,\xff,3\n", {}, "line 3: byte 0xff is not UTF-8"),
        (TEXT.encode("utf-16"), {}, "declare `encoding: utf-16`"),
        (b"a,b,c\n1,\xc3\xa9,3", {"encoding": "ascii"}, "is not ascii"),
    ],
)
def test_damage_is_refused_with_its_line(tmp_path: Path, data: bytes | str, layout: dict[str, Any], fault: str) -> None:
    with pytest.raises(DataError, match=fault) as refused:
        rows(tmp_path, data, **layout)
    assert "x.csv" in str(refused.value)


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    whole = gzip.compress(TEXT.encode())
    for data, name in ((whole[:-9], "x.csv.gz"), (b"plain", "x.csv.gz"), (b"plain", "x.zip")):
        with pytest.raises(DataError, match="damaged or cut short"):
            rows(tmp_path, data, name)


def test_a_row_s_line_counts_blank_lines_and_quoted_breaks(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('banner\na,b\n1,2\n\n"3\n3",4\n5,6\n')
    frame, line = read_delimited(path, Delimited(skip_rows=1))
    assert frame.rows() == [("1", "2"), ("3\n3", "4"), ("5", "6")]
    assert [line(row) for row in range(3)] == [3, 5, 7]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_blank_lines_below_the_header_are_passed_over_like_others(tmp_path: Path, end: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(end.join(["a,b", "", "", "1,2", "", "3,4", ""]).encode())
    frame, line = read_delimited(path, Delimited())
    assert frame.rows() == [("1", "2"), ("3", "4")]
    assert [line(row) for row in range(2)] == [4, 6]


@pytest.mark.parametrize(
    ("layout", "fault"),
    [
        ({"delimiter": ";;"}, "one character"),
        ({"delimiter": '"'}, "both"),
        ({"skip_rows": -1}, "0 or more"),
        ({"header": False}, "needs `names"),
        ({"names": ("a",)}, "say `header: false`"),
        ({"encoding": "utf-9"}, "unknown"),
    ],
)
def test_layouts_that_make_no_sense_are_refused(layout: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        Delimited(**layout)
