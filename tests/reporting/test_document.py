"""The document refuses to hold a Sharpe ratio without its doubt, whatever it is then written as."""

from __future__ import annotations

import pytest

from gnomon.reporting.base import ReportContent
from gnomon.reporting.document import Column, Fact, Mark, Panel, Table


def test_a_sharpe_ratio_is_shown_from_its_doubt_only(noise: ReportContent) -> None:
    columns = (Column(key="sharpe", title="Sharpe", form="sharpe"),)
    with pytest.raises(TypeError, match=r"t\.sharpe: a Sharpe ratio is shown from its SharpeDoubt only, was 1\.5"):
        Table(name="t", title="T", columns=columns, rows=({"sharpe": 1.5},))
    with pytest.raises(TypeError, match="from its SharpeDoubt only"):
        Fact(name="Sharpe", value=1.5, form="sharpe")
    assert Table(name="t", title="T", columns=columns, rows=({"sharpe": noise.main.doubt}, {})).rows


def test_a_doubt_cannot_pass_as_another_kind_of_number(noise: ReportContent) -> None:
    with pytest.raises(TypeError, match="shown by the form 'sharpe'"):
        Fact(name="figure", value=noise.main.doubt, form="ratio")


def test_drawn_sharpe_ratios_need_their_errors() -> None:
    mark = Mark(kind="points", name="a", x=[1, 2], y=[0.5, 0.6])
    with pytest.raises(ValueError, match="need their standard errors"):
        Panel(title="Sharpe ratio a year", marks=(mark,), form="sharpe")
    with_errors = Mark(kind="points", name="a", x=[1, 2], y=[0.5, 0.6], error=[0.1, None])
    assert Panel(title="Sharpe ratio a year", marks=(with_errors,), form="sharpe").marks


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="form 'percents' is not one of"):
        Column(key="a", title="A", form="percents")


def test_a_cell_takes_its_form_from_its_row_only_where_the_column_says_so() -> None:
    own, text = Column(key="value", title="", form="own"), Column(key="value", title="")
    table = Table(name="t", title="T", columns=(own,), rows=())
    assert table.form({"value": 1, "form": "percent"}, own) == "percent"
    assert table.form({"value": 1}, own) == "text"
    assert table.form({"value": 1, "form": "from the data"}, text) == "text"
