from __future__ import annotations

import pickle

import numpy as np
import pytest

from gnomon.kernels.base import Call, Program
from gnomon.kernels.cross_section.regimes import market_index, rising_share
from gnomon.kernels.cross_section.standing import liquidity_standing
from gnomon.kernels.indicators.trend import sma
from gnomon.kernels.panel import PanelProgram, lay_out, row_places, take_up

RISING = Call(rising_share, (0,), (2.0,))
INDEX = Call(market_index, (0,), (2.0, 3.0))


def test_a_program_runs_panel_kernels_side_by_side() -> None:
    closes = np.random.default_rng(1).uniform(1.0, 2.0, (1, 4, 20))
    program = PanelProgram([RISING, INDEX], symbols=4)
    state, out = program.new_state(), np.empty((3, 4, 20))
    program(state, closes, out)
    np.testing.assert_array_equal(out[:1], rising_share.over(closes[0], params=(2,)))
    np.testing.assert_array_equal(out[1:], market_index.over(closes[0], params=(2, 3)))
    assert program.block_bars(1) > 1


def test_a_state_goes_on_over_other_symbols() -> None:
    closes = np.random.default_rng(2).uniform(1.0, 2.0, (1, 3, 12))
    three, four = PanelProgram([RISING, INDEX], symbols=3), PanelProgram([RISING, INDEX], symbols=4)
    state = three.new_state()
    three(state, closes, np.empty((3, 3, 12)))
    wider = four.continued(state, [2, -1, 0, 1])
    back = three.continued(wider, [2, 3, 0])
    np.testing.assert_array_equal(three.continued(state, range(3)), back)
    assert wider[1] == 0.0, "the new symbol's last price"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PanelProgram([Call(sma, (0,), (2.0, 0.0))], symbols=3), "sma sees one symbol only"),
        (lambda: Program([RISING]), "rising_share sees all symbols of a moment; run it in a PanelProgram"),
        (lambda: PanelProgram([Call(liquidity_standing, (0,), (2.0, 0.0, 5.0))], symbols=3), "takes the columns"),
        (lambda: PanelProgram([Call(rising_share, (0,), (2.0, 3.0))], symbols=3), "takes the params"),
        (lambda: PanelProgram([RISING], symbols=3)(np.zeros(3), np.zeros((1, 2, 5)), np.zeros((1, 3, 5))), "3 symbols"),
        (lambda: PanelProgram([RISING], symbols=3)(np.zeros(3), np.zeros((1, 3, 5)), np.zeros((1, 3, 4))), "out must"),
        (lambda: PanelProgram([RISING], symbols=3)(np.zeros(2), np.zeros((1, 3, 5)), np.zeros((1, 3, 5))), "state"),
        (
            lambda: PanelProgram([RISING], symbols=3)(np.zeros(3), np.zeros((1, 5, 3)).swapaxes(1, 2), np.zeros(3)),
            "must be",
        ),
        (
            lambda: PanelProgram([RISING], symbols=3)(
                np.zeros(3), np.zeros((1, 5, 3)).swapaxes(1, 2), np.zeros((1, 3, 5))
            ),
            "C order",
        ),
    ],
)
def test_what_machine_code_cannot_check_is_refused(make, message) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_rows_are_laid_out_and_taken_up_again() -> None:
    moments = np.array([0, 1, 3, 1, 2], np.int64)
    column = np.array([1.0, 2.0, 3.0, 4.0, np.inf])
    places = row_places([0, 3, 0], [3, 5, 0])
    out = np.full((1, 5), 9.0, np.float32)
    for first, expected in ((0, [[1.0, 2.0], [np.nan, 4.0], [np.nan, np.nan]]), (2, [[np.nan, 3.0], [np.inf, np.nan]])):
        x = np.empty((3, 2))
        lay_out(column, moments, places, first, x)
        np.testing.assert_array_equal(x[: len(expected)], expected)
        take_up(x[None], moments, places, first, out)
    np.testing.assert_array_equal(out[0], np.array([1.0, 2.0, 3.0, 4.0, np.nan], np.float32))


def test_a_panel_kernel_travels_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(rising_share)) is rising_share
