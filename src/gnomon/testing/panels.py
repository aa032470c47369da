"""The battery for panel kernels: the law of every kernel, and what comes on top where all symbols are seen at once.

For authors of cross-sectional kernels. In a test of your own:

    from gnomon.testing.panels import check_panel_kernel

    def test_my_panel_kernel_keeps_the_law():
        check_panel_kernel(my_kernel, params=(5.0, 20.0), inputs=("close",))

Each check can be called alone, and raises `LawError`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from gnomon.core.seeds import generator
from gnomon.core.types import Array, Float64
from gnomon.kernels.base import Call
from gnomon.kernels.panel import PanelKernel, PanelProgram
from gnomon.testing.kernels import (
    LawError,
    check_bad_input_stays_local,
    check_bounds,
    check_columns,
    check_cuts,
    check_one_bar_at_a_time,
    check_repeats,
    check_restart,
    synthetic_columns,
)

SYMBOLS = 8
SECTORS = 2


def check_panel_kernel(
    kernel: PanelKernel,
    *,
    params: Sequence[float] = (),
    inputs: Sequence[str] = ("close",),
    symbols: int = SYMBOLS,
    bars: int = 240,
    seed: int = 0,
    cuts: int = 6,
    recovery: int | None = None,
    forgets: bool = False,
) -> None:
    """The whole battery on one panel kernel: random time cuts, restarts, holes, late symbols, permuted symbols.

    `inputs` name the columns that it reads (`sector` holds a number for each symbol); for `recovery` and `forgets` see
    `gnomon.testing.kernels.check_kernel`.
    """
    panel = synthetic_panel(inputs, symbols=symbols, bars=bars, seed=seed)
    whole = synthetic_panel(inputs, symbols=symbols, bars=bars, seed=seed, holes=False)
    flat = panel.reshape(-1, bars)
    numbers = tuple(float(p) for p in params)
    bound = Call(kernel.of(symbols), tuple(range(len(flat))), numbers)
    check_repeats(bound, flat)
    check_bounds(bound, flat)
    check_columns(bound, flat, seed=seed)
    check_cuts(bound, flat, seed=seed, count=cuts)
    check_one_bar_at_a_time(bound, flat)
    check_restart(bound, flat, seed=seed)
    call = Call(kernel, tuple(range(len(inputs))), numbers)
    check_permutation(call, panel, seed=seed)
    check_absent_symbols(call, panel)
    check_late_symbols(call, panel)
    check_scratch(call, panel)
    if recovery is not None:
        rows = [number * symbols + seed % symbols for number in range(len(inputs))]
        check_bad_input_stays_local(
            bound, whole.reshape(-1, bars), recovery=recovery, forgets=forgets, places=(1,), columns=rows
        )


def synthetic_panel(
    inputs: Sequence[str], *, symbols: int = SYMBOLS, bars: int = 240, seed: int = 0, holes: bool = True
) -> Float64[Array, "inputs symbols bars"]:
    """Made-up markets side by side; with `holes` bars are missing, one symbol comes late and one is delisted."""
    numbers = [name for name in inputs if name.rpartition(".")[2] != "sector"]
    panel = np.empty((len(inputs), symbols, bars))
    chance = generator(seed, "testing.panels", "holes")
    for symbol in range(symbols):
        columns = iter(synthetic_columns(numbers, bars=bars, seed=seed * symbols + symbol) if numbers else ())
        for row, name in enumerate(inputs):
            panel[row, symbol] = next(columns) if name in numbers else float(symbol % SECTORS)
        if holes:
            panel[:, symbol, chance.random(bars) < 0.05] = np.nan
    if holes:
        panel[:, 0, : bars // 3] = np.nan
        panel[:, 1, 2 * bars // 3 :] = np.nan
        panel[:, :, bars // 2] = np.nan
        panel[:, 3:, bars // 2 + 3] = np.nan
    return panel


def check_permutation(call: Call, panel: Float64[Array, "inputs symbols bars"], *, seed: int = 0) -> None:
    """Symbols in another order give the same bits in that order: outputs and parts of the state."""
    symbols = panel.shape[1]
    expected, state = run_panel(call, panel)
    program = PanelProgram([call], symbols=symbols)
    for number in range(3):
        order = generator(seed, "testing.panels", "order", str(number)).permutation(symbols)
        found, theirs = run_panel(call, np.ascontiguousarray(panel[:, order]))
        _same(call, "another order of the symbols", expected[:, order], found)
        moved = program.continued(state, order.tolist())
        _same(call, "another order of the symbols", moved, program.continued(theirs, range(symbols)), what="state")


def check_absent_symbols(call: Call, panel: Float64[Array, "inputs symbols bars"]) -> None:
    """Symbols that never have a bar change nothing, and their parts of the state stay zeros."""
    inputs, symbols, bars = panel.shape
    expected, state = run_panel(call, panel)
    wider = np.full((inputs, symbols + 3, bars), np.nan)
    places = [0, *range(2, symbols + 1)]
    wider[:, places] = panel
    found, theirs = run_panel(call, wider)
    _same(call, "three symbols that are never there", expected, found[:, places])
    narrow = PanelProgram([call], symbols=symbols)
    _same(
        call,
        "three symbols that are never there",
        narrow.continued(state, range(symbols)),
        narrow.continued(theirs, places),
        what="state",
    )
    alone = PanelProgram([call], symbols=3)
    part = alone.continued(theirs, [1, symbols + 1, symbols + 2])
    size = call.kernel.state_size(call.params)
    shared = part.size - 3 * (size + _scratch(call))
    if part[shared:].any():
        raise LawError(f"{call.kernel.name}{call.params} keeps something of a symbol that never had a bar")


def check_late_symbols(call: Call, panel: Float64[Array, "inputs symbols bars"]) -> None:
    """A symbol that joins with its first bar, the state continued, has the bits of one that was there as holes."""
    symbols, bars = panel.shape[1:]
    panel = panel.copy()
    late, cut = symbols // 2, bars // 4
    panel[:, late, :cut] = np.nan
    expected, whole = run_panel(call, panel)
    others = [symbol for symbol in range(symbols) if symbol != late]
    head, state = run_panel(call, np.ascontiguousarray(panel[:, others, :cut]))
    _same(call, "a symbol that joins later", expected[:, others, :cut], head)
    program = PanelProgram([call], symbols=symbols)
    state = program.continued(state, [others.index(symbol) if symbol != late else -1 for symbol in range(symbols)])
    tail = np.empty((program.outputs, symbols, bars - cut))
    program(state, np.ascontiguousarray(panel[:, :, cut:]), tail)
    _same(call, "a symbol that joins later", expected[:, :, cut:], tail)
    _same(
        call,
        "a symbol that joins later",
        program.continued(whole, range(symbols)),
        program.continued(state, range(symbols)),
        what="state",
    )


def check_scratch(call: Call, panel: Float64[Array, "inputs symbols bars"]) -> None:
    """What stands in the scratch between two chunks says nothing."""
    symbols, bars = panel.shape[1:]
    expected, _ = run_panel(call, panel)
    program = PanelProgram([call], symbols=symbols)
    for filler in (np.nan, 1e300):
        state, pieces = program.new_state(), []
        for start, stop in itertools.pairwise((0, bars // 3, bars // 3 + 1, bars)):
            state[state.size - symbols * _scratch(call) :] = filler
            out = np.empty((program.outputs, symbols, stop - start))
            program(state, np.ascontiguousarray(panel[:, :, start:stop]), out)
            pieces.append(out)
        _same(call, f"a scratch of {filler}", expected, np.concatenate(pieces, axis=2))


def run_panel(
    call: Call, panel: Float64[Array, "inputs symbols bars"]
) -> tuple[Float64[Array, "outputs symbols bars"], Float64[Array, " size"]]:
    """The outputs and the last state over the whole panel."""
    program = PanelProgram([call], symbols=panel.shape[1])
    state, out = program.new_state(), np.empty((program.outputs, *panel.shape[1:]))
    program(state, np.ascontiguousarray(panel), out)
    return out, state


def _scratch(call: Call) -> int:
    assert isinstance(call.kernel, PanelKernel)
    return call.kernel.scratch


def _same(
    call: Call, how: str, expected: Float64[Array, "*shape"], found: Float64[Array, "*shape"], *, what: str = "outputs"
) -> None:
    # All NaN alike; a zero and its negative are not.
    a, b = (np.where(np.isnan(values), np.nan, values).view(np.int64) for values in (expected, found))
    if (a != b).any():
        place = tuple(np.argwhere(a != b)[0].tolist())
        raise LawError(
            f"{call.kernel.name}{call.params}: {how} gives {float(found[place])!r} at {list(place)} of the {what}, "
            f"the whole gives {float(expected[place])!r}"
        )
