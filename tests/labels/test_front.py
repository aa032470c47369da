"""The plot of a front: a page that stands alone, a picture, the same bytes twice."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from gnomon.core.errors import ConfigError
from gnomon.labels import TripleBarrier
from gnomon.labels.front import draw_front
from gnomon.labels.optimize import BarrierFront


@pytest.fixture
def found() -> BarrierFront:
    trials = pl.DataFrame(
        {
            "trial": [0, 1, 2],
            "upper": [0.5, 1.0, 2.0],
            "lower": [0.5, 1.0, 1.5],
            "volatility_span": [20, 50, 100],
            "balance": [0.9, 0.8, 0.7],
            "separability": [0.01, 0.02, 0.0],
            "payoff_bps": [30.0, 20.0, 10.0],
            "front": [True, True, False],
        }
    )
    return BarrierFront(trials=trials, chosen=1, labeler=TripleBarrier())


@pytest.mark.parametrize(("name", "begin"), [("front.png", b"\x89PNG"), ("front.html", b"<!doctype html>")])
def test_it_is_drawn_and_twice_the_same(found: BarrierFront, tmp_path: Path, name: str, begin: bytes) -> None:
    first, again = tmp_path / name, tmp_path / "again" / name
    again.parent.mkdir()
    draw_front(found, first)
    draw_front(found, again)
    assert first.read_bytes() == again.read_bytes()
    assert first.read_bytes().startswith(begin)


def test_the_page_shows_every_trial_and_needs_no_network(found: BarrierFront, tmp_path: Path) -> None:
    draw_front(found, tmp_path / "front.HTML")
    page = (tmp_path / "front.HTML").read_text()
    for number in range(3):
        assert f"trial {number}\\u003cbr\\u003eupper" in page
    assert "src=" not in page[page.rindex("</script>") :]
    assert "balance of the classes" in page


def test_another_form_is_refused(found: BarrierFront, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"should end in \.html or \.png"):
        draw_front(found, tmp_path / "front.pdf")
    assert list(tmp_path.iterdir()) == []
