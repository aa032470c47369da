from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest

from gnomon.kernels import base
from gnomon.kernels.base import BLOCK_BARS, Call, InterpretedKernel, Kernel, Program, kernel
from gnomon.kernels.indicators.oscillators import rsi
from gnomon.kernels.indicators.trend import macd, sma


@kernel(outputs=2, state_size=lambda p: int(p[0]))
def lagged(s, x, c, out, p):
    """The sum of two columns, and the same `params[0]` bars ago."""
    n = int(p[0])
    for t in range(x.shape[1]):
        now = x[c[0], t] + x[c[1], t]
        out[0, t] = now
        out[1, t] = s[0]
        for j in range(n - 1):
            s[j] = s[j + 1]
        s[n - 1] = now


def two_calls() -> Program:
    return Program([Call(lagged, (2, 0), (1.0,)), Call(lagged, (1, 1), (2.0,))])


def test_a_program_runs_each_kernel_on_its_columns_params_and_state() -> None:
    program = two_calls()
    x = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0], [100.0, 200.0, 300.0]])
    out = np.empty((4, 3))
    state = program.new_state()
    program(state, x, out)
    assert out.tolist() == [[101, 202, 303], [0, 101, 202], [20, 40, 60], [0, 0, 20]]
    assert state.tolist() == [303, 40, 60]
    assert (program.outputs, program.state_size, program.columns_needed) == (4, 3, 3)


def test_the_state_is_all_that_is_carried() -> None:
    program = two_calls()
    x = np.arange(30.0).reshape(3, 10)
    whole, state = np.empty((4, 10)), program.new_state()
    program(state, x, whole)
    again, other = np.empty((4, 10)), program.new_state()
    program(other, np.ascontiguousarray(x[:, :4]), first := np.empty((4, 4)))
    program(other, np.ascontiguousarray(x[:, 4:]), second := np.empty((4, 6)))
    again[:, :4], again[:, 4:] = first, second
    assert (again == whole).all()
    assert (other == state).all()


def test_no_bars_are_a_chunk_too() -> None:
    program = two_calls()
    state = program.new_state()
    program(state, np.empty((3, 0)), np.empty((4, 0)))
    assert not state.any()


def test_an_empty_program_does_nothing() -> None:
    program = Program([])
    program(program.new_state(), np.empty((0, 5)), np.empty((0, 5)))
    assert program.outputs == 0


@pytest.mark.parametrize(
    ("state", "x", "out", "message"),
    [
        (np.zeros(3), np.zeros((2, 5)), np.zeros((4, 5)), "block must be"),
        (np.zeros(3), np.zeros(5), np.zeros((4, 5)), "block must be"),
        (np.zeros(3), np.zeros((3, 5)), np.zeros((4, 4)), "out must be"),
        (np.zeros(3), np.zeros((3, 5)), np.zeros((3, 5)), "out must be"),
        (np.zeros(2), np.zeros((3, 5)), np.zeros((4, 5)), "state must be"),
        (np.zeros(3), np.zeros((3, 5), np.float32), np.zeros((4, 5)), "block must be float64"),
        (np.zeros(3), np.zeros((3, 10))[:, ::2], np.zeros((4, 5)), "block must be float64 in C order"),
        (np.zeros(3), np.zeros((3, 5)), np.asfortranarray(np.zeros((4, 5))), "out must be float64 in C order"),
        (np.zeros(6)[::2], np.zeros((3, 5)), np.zeros((4, 5)), "state must be float64"),
    ],
)
def test_machine_code_is_kept_from_what_it_would_read_past(state, x, out, message) -> None:
    with pytest.raises(ValueError, match=message):
        two_calls()(state, x, out)


def test_params_and_columns_are_checked_when_a_program_is_made() -> None:
    with pytest.raises(ValueError, match="must be finite"):
        Program([Call(sma, (0,), (float("nan"), 0.0))])
    with pytest.raises(ValueError, match="count from 0"):
        Program([Call(sma, (-1,), (5.0, 0.0))])
    with pytest.raises(ValueError, match=r"sma takes 2 params \(window, relative\), was given \(5\.0,\)"):
        Program([Call(sma, (0,), (5.0,))])
    with pytest.raises(ValueError, match=r"sma takes 1 columns \(value\), was given \(0, 1\)"):
        Program([Call(sma, (0, 1), (5.0, 0.0))])
    for window in (0.0, -3.0, 2.5):
        with pytest.raises(ValueError, match=f"whole number of 1 or more bars, was {window}"):
            Program([Call(sma, (0,), (window, 0.0))])
    broken = Kernel(sma.body, 1, lambda p: -1)
    with pytest.raises(ValueError, match="declares a state of -1"):
        Program([Call(broken, (0,), (5.0, 0.0))])


def test_over_runs_a_kernel_on_whole_columns() -> None:
    high, low = [1.0, 2.0], [3.0, 4.0]
    assert lagged.over(np.array(high), np.array(low), params=(1,)).tolist() == [[4, 6], [0, 4]]
    with pytest.raises(ValueError, match="same shape"):
        lagged.over(np.zeros(3), np.zeros(2), params=(1,))


def test_a_kernel_says_what_it_is() -> None:
    assert rsi.name == "rsi"
    assert rsi.description.startswith("Relative strength index")
    assert macd.output_count((12.0, 26.0, 9.0, 0.0)) == 2
    assert Kernel(lambda: None, 1, lambda p: 0).description == ""


def test_outputs_may_depend_on_params() -> None:
    @kernel(outputs=len, state_size=lambda p: 0)
    def powers(s, x, c, out, p):
        for t in range(x.shape[1]):
            for k in range(p.size):
                out[k, t] = x[c[0], t] ** p[k]

    assert powers.over(np.array([2.0]), params=(1, 2, 3)).tolist() == [[2], [4], [8]]


def test_a_kernel_travels_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(rsi)) is rsi
    assert copy.deepcopy(rsi) is rsi
    travelled = Kernel(np.linspace, 1, lambda p: 0)
    with pytest.raises(TypeError, match="is no kernel"):
        pickle.loads(pickle.dumps(travelled))


def test_threads_share_a_program_but_not_a_state() -> None:
    program = Program([Call(sma, (0,), (20.0, 0.0)), Call(rsi, (0,), (14.0,))])
    x = np.random.default_rng(0).lognormal(0.0, 0.1, (8, 1, BLOCK_BARS))
    expected, found = np.empty((8, 2, BLOCK_BARS)), np.empty((8, 2, BLOCK_BARS))
    for i in range(8):
        program(program.new_state(), x[i], expected[i])
    threads = [threading.Thread(target=program, args=(program.new_state(), x[i], found[i])) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.array_equal(found, expected, equal_nan=True)


def test_what_is_typed_at_a_prompt_is_compiled_too() -> None:
    scope: dict[str, object] = {"kernel": kernel}
    exec(
        "@kernel(state_size=lambda p: 0)\ndef typed(s, x, c, out, p):\n"
        "    for t in range(x.shape[1]):\n        out[0, t] = 2.0 * x[c[0], t]\n",
        scope,
    )
    typed = scope["typed"]
    assert isinstance(typed, Kernel)
    assert typed.over(np.array([1.0, 2.0])).tolist() == [[2.0, 4.0]]
    assert len(typed.fingerprint) == 64


def test_a_kernel_that_python_runs_stands_behind_the_compiled_ones() -> None:
    def double(state, x, columns, out, params):
        out[0] = 2.0 * x[columns[0]]

    slow = InterpretedKernel(double, 1, lambda _: 0, kind="python", source=double)
    program = Program([Call(sma, (0,), (2.0, 0.0)), Call(slow, (0,), ())])
    out = np.empty((2, 2))
    program(program.new_state(), np.array([[1.0, 2.0]]), out)
    np.testing.assert_array_equal(out, [[np.nan, 1.5], [2.0, 4.0]])
    with pytest.raises(ValueError, match="stand behind the compiled ones"):
        Program([Call(slow, (0,), ()), Call(sma, (0,), (2.0, 0.0))])
    for use in (lambda: slow.compiled, lambda: pickle.dumps(slow)):
        with pytest.raises(TypeError, match="double is run by Python"):
            use()
    other = InterpretedKernel(double, 1, lambda _: 0, kind="python", source=double, made_of=(2,))
    assert slow.fingerprint != other.fingerprint


@pytest.mark.parametrize(("block", "strip"), [(1024, 32768), (7, 23), (1, 1)])
def test_filled_columns_are_the_rounded_whole(block: int, strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program([Call(sma, (1,), (5.0, 0.0)), Call(rsi, (0,), (14.0,))])
    x = np.random.default_rng(0).lognormal(0.0, 0.1, (2, 300))
    state, exact = program.new_state(), np.empty((2, 300))
    program(state, x, exact)
    monkeypatch.setattr(base, "BLOCK_BARS", block)
    monkeypatch.setattr(base, "STRIP_BARS", strip)
    out, carried = np.full((2, 310), 9.0, np.float32), program.new_state()
    program.fill(carried, list(x[:, :100]), out, 4)
    program.fill(carried, list(x[:, 100:]), out, 104)
    assert np.array_equal(out[:, 4:304], exact.astype(np.float32), equal_nan=True)
    assert (out[:, :4] == 9.0).all()
    assert (out[:, 304:] == 9.0).all()
    assert np.array_equal(carried, state)


def test_what_cannot_be_filled_is_refused() -> None:
    program = Program([Call(sma, (1,), (5.0, 0.0))])
    state, column, out = program.new_state(), np.ones(10), np.empty((1, 10), np.float32)
    for columns, target, start, message in (
        ([column], out, 0, "2 or more columns of equal length"),
        ([column, column[:5]], out, 0, "2 or more columns of equal length"),
        ([column, column], out, 1, r"out must be \[1, 11 or more\], was \[1, 10\]"),
        ([column, column], out, -1, "out must be"),
        ([column, column], out.astype(float), 0, "out must be float32"),
        ([column, column], np.empty((1, 20), np.float32)[:, ::2], 0, "out must be float32 in C order"),
    ):
        with pytest.raises(ValueError, match=message):
            program.fill(state, columns, target, start)
    with pytest.raises(ValueError, match="the state must be"):
        program.fill(state[1:], [column, column], out)


def test_what_python_runs_is_filled_too_and_undone_whole_when_it_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def running(state, x, columns, out, params):
        for t, value in enumerate(x[columns[0]]):
            if value < 0.0:
                raise ArithmeticError("negative")
            state[0] += value
            out[0, t], out[1, t] = state[0], 1e300

    slow = InterpretedKernel(running, 2, lambda _: 1, kind="python", source=running)
    monkeypatch.setattr(base, "BLOCK_BARS", 3)
    monkeypatch.setattr(base, "STRIP_BARS", 8)
    values = np.arange(1.0, 21.0)
    for calls in ([Call(sma, (0,), (2.0, 0.0)), Call(slow, (0,), ())], [Call(slow, (0,), ())]):
        program = Program(calls)
        state, whole, exact = program.new_state(), program.new_state(), np.empty((program.outputs, 20))
        program(whole, values[None], exact)
        out = np.empty((program.outputs, 20), np.float32)
        program.fill(state, [values], out)
        expected = np.where(np.abs(exact) < 1e38, exact, np.nan).astype(np.float32)
        assert np.array_equal(out, expected, equal_nan=True)
        assert np.array_equal(state, whole)
        with pytest.raises(ArithmeticError, match="negative"):
            program.fill(state, [np.append(values[:19], -1.0)], out)
        assert np.array_equal(state, whole)
