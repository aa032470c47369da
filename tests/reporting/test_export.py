"""Tables and figures as files of their own."""

from __future__ import annotations

import csv
import io
import math

from gnomon.evaluation.base import DOUBT_COLUMNS
from gnomon.reporting.base import ReportContent
from gnomon.reporting.contents import to_document
from gnomon.reporting.document import Column, Figure, Mark, Panel, Table
from gnomon.reporting.export import exported, figure_csv, table_csv


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_every_table_and_figure_gets_its_file(noise: ReportContent) -> None:
    document = to_document(noise)
    files = exported(document, ["csv"])
    assert set(files) == {f"tables/{name}.csv" for name in document.tables} | {
        f"tables/figure_{name}.csv" for name in document.figures
    }
    assert exported(document, []) == {}


def test_numbers_are_whole_and_a_sharpe_ratio_has_its_doubt_in_columns(noise: ReportContent) -> None:
    rows = read(table_csv(to_document(noise).tables["headline"]))
    assert float(rows[0]["total_return"]) == noise.main.metrics["total_return"]
    assert set(DOUBT_COLUMNS) <= set(rows[0])
    assert float(rows[0]["standard_error"]) == noise.main.doubt.standard_error
    assert int(rows[0]["trials"]) == 12


def test_every_file_with_a_sharpe_column_has_its_doubt(noise: ReportContent) -> None:
    document = to_document(noise)
    for name, data in exported(document, ["csv"]).items():
        heads = data.decode().splitlines()[0].split(",")
        if "annual_sharpe" in heads:
            assert set(DOUBT_COLUMNS) <= set(heads), name


def test_a_name_cannot_become_a_formula() -> None:
    table = Table(
        name="t",
        title="T",
        columns=(Column(key="a", title="A"), Column(key="b", title="B", form="number")),
        rows=({"a": "=1+1", "b": -1.5}, {"a": "@x", "b": math.nan}, {"a": "-cmd", "b": {"float": "inf"}}),
    )
    assert table_csv(table) == b"a,b\n'=1+1,-1.5\n'@x,\n'-cmd,inf\n"


def test_control_a_formula_would_be_one() -> None:
    written = io.StringIO()
    csv.writer(written).writerow(["=1+1"])
    assert written.getvalue().startswith("=")


def test_points_of_a_figure_with_their_errors() -> None:
    mark = Mark(kind="points", name="m", x=["a", "b"], y=[1.0, None], error=[0.5, None])
    figure = Figure(name="f", title="F", alt="a", panels=(Panel(title="p", marks=(mark,)),))
    assert figure_csv(figure) == b"panel,series,x,y,standard_error\np,m,a,1.0,0.5\np,m,b,,\n"


def test_an_empty_table_keeps_its_heads() -> None:
    table = Table(name="t", title="T", columns=(Column(key="a", title="A"),), rows=())
    assert table_csv(table) == b"a\n"
