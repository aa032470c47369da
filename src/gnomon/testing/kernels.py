"""The law's battery: whether a kernel's result is the same, to the last bit, however its bars are cut.

For authors of kernels and features. In a test of your own:

    from gnomon.testing.kernels import check_kernel

    def test_my_kernel_keeps_the_law():
        check_kernel(my_kernel, params=(20.0,), inputs=("high", "low", "close"))

Each check can be called alone, and raises `LawError`, an AssertionError that says where the bits part. None of them
needs to know what the kernel computes; pair the battery with an answer worked by hand and a slow twin.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from gnomon.core.seeds import generator
from gnomon.core.types import Array, Float64, Int64
from gnomon.kernels.base import Call, Kernel, Program

OHLCV = ("open", "high", "low", "close", "volume")

GUARD = 64
"""Floats on either side of a state and rows beside `out` that a kernel must leave alone."""

POISONS = (np.nan, np.inf, -np.inf)

SPIKE = 1e9
"""A finite value this many times too large must be forgotten as well."""


class LawError(AssertionError):
    """A kernel whose result depends on how the bars were cut, or that touches what is not its own."""


def check_kernel(
    kernel: Kernel,
    *,
    params: Sequence[float] = (),
    inputs: Sequence[str] = ("close",),
    bars: int = 600,
    seed: int = 0,
    cuts: int = 12,
    recovery: int | None = None,
    forgets: bool = False,
    columns: Float64[Array, "inputs bars"] | None = None,
) -> None:
    """The whole battery on one kernel with given params.

    `inputs` name the columns that it reads, in order: prices and volume of a made-up market, anything else a random
    positive series; `columns` gives the data instead. `cuts` is the number of random ways to cut them. With `recovery`,
    bad input must have left the result that many bars after it stood in the data; `forgets` says that the kernel has a
    window, so that the result must then be what it would have been.
    """
    data = synthetic_columns(inputs, bars=bars, seed=seed) if columns is None else columns
    call = Call(kernel, tuple(range(len(data))), tuple(float(p) for p in params))
    check_repeats(call, data)
    check_bounds(call, data)
    check_columns(call, data, seed=seed)
    check_cuts(call, data, seed=seed, count=cuts)
    check_one_bar_at_a_time(call, data)
    check_restart(call, data, seed=seed)
    if recovery is not None:
        check_bad_input_stays_local(call, data, recovery=recovery, forgets=forgets)


def synthetic_columns(inputs: Sequence[str], *, bars: int, seed: int = 0) -> Float64[Array, "inputs bars"]:
    """A made-up market: a random walk with jumps, still stretches and bars without volume, as a real one has them."""
    chance = generator(seed, "testing.kernels", "market")
    moves = chance.standard_t(4, bars) * 0.01
    moves[chance.random(bars) < 0.05] = 0.0
    still = int(bars * 0.4)
    moves[still : still + bars // 12] = 0.0
    close = 100.0 * np.exp(np.cumsum(moves))
    open_ = np.concatenate([[100.0], close[:-1]]) * np.exp(chance.normal(0.0, 0.002, bars))
    high = np.maximum(open_, close) * np.exp(np.abs(chance.normal(0.0, 0.004, bars)))
    low = np.minimum(open_, close) * np.exp(-np.abs(chance.normal(0.0, 0.004, bars)))
    volume = chance.lognormal(10.0, 1.0, bars)
    volume[chance.random(bars) < 0.03] = 0.0
    for column in (open_, high, low):
        column[still : still + bars // 12] = close[still : still + bars // 12]
    market = dict(zip(OHLCV, (open_, high, low, close, volume), strict=True))
    market["timestamp"] = 1.5e15 + 6e7 * np.arange(1, bars + 1)
    # Each bar brings a publication of every side table.
    market |= {name: market["timestamp"] for name in inputs if name.endswith(".known_at")}
    others = {
        name: 50.0 * np.exp(np.cumsum(generator(seed, "testing.kernels", name).normal(0.0, 0.01, bars)))
        for name in inputs
        if name not in market
    }
    return np.stack([{**market, **others}[name] for name in inputs])


def random_cuts(bars: int, chance: np.random.Generator) -> list[int]:
    """Where chunks begin and end: from a single cut to many, chunks of no bars and of one among them."""
    count = int(chance.integers(1, max(2, bars // 3)))
    inner = np.sort(chance.integers(0, bars + 1, count))
    return [0, *inner.tolist(), bars]


def run_in_chunks(
    call: Call, data: Float64[Array, "inputs bars"], edges: Sequence[int]
) -> tuple[Float64[Array, "outputs bars"], Float64[Array, " size"]]:
    """The outputs and the last state over chunks that end at `edges`; every chunk is a fresh copy of its bars only."""
    program = Program([call])
    state = program.new_state()
    pieces = []
    for start, stop in itertools.pairwise(edges):
        out = np.full((program.outputs, stop - start), 12345.678)
        program(state, np.ascontiguousarray(data[:, start:stop]), out)
        pieces.append(out)
    return np.concatenate(pieces, axis=1), state


def check_repeats(call: Call, data: Float64[Array, "inputs bars"]) -> None:
    """Two runs give the same bits: no chance, no memory but the state, no cell of `out` left as it was found."""
    whole = [0, data.shape[1]]
    first = run_in_chunks(call, data, whole)
    _same(call, "a second run", first, run_in_chunks(call, data, whole))
    # Once more in the same program, whose params would still hold what the first run left there.
    program = Program([call])
    for _ in range(2):
        state, out = program.new_state(), np.full_like(first[0], -1.0)
        program(state, data.copy(), out)
        _same(call, "a second run in one program", first, (out, state))


def check_bounds(call: Call, data: Float64[Array, "inputs bars"]) -> None:
    """Nothing is written but the kernel's rows of `out` and its state; bars, columns and params stay as they were."""
    program = Program([call])
    bars = data.shape[1]
    mark = -7.25e77
    states = np.full(program.state_size + 2 * GUARD, mark)
    state = states[GUARD : GUARD + program.state_size]
    state[:] = 0.0
    outs = np.full((program.outputs + 2, bars), mark)
    x, params, columns = data.copy(), program.params.copy(), program.columns.copy()
    program(state, x, outs[1:-1])
    for what, changed in (
        ("the state of its neighbour", (states[:GUARD] != mark).any() or (states[GUARD + state.size :] != mark).any()),
        ("a row of `out` that is not its own", (outs[0] != mark).any() or (outs[-1] != mark).any()),
        ("the bars", not _equal(x, data)),
        ("its params", not _equal(params, program.params)),
        ("its columns", bool((columns != program.columns).any())),
    ):
        if changed:
            raise LawError(f"{_title(call)} writes to {what}")
    if (outs[1:-1] == mark).any():
        raise LawError(f"{_title(call)} leaves cells of its own rows of `out` unwritten")


def check_columns(call: Call, data: Float64[Array, "inputs bars"], *, seed: int = 0) -> None:
    """It reads only the columns it was given, wherever they stand in the block."""
    chance = generator(seed, "testing.kernels", "columns")
    count, bars = data.shape
    block = np.ascontiguousarray(chance.normal(0.0, 1e3, (2 * count + 3, bars)))
    places = chance.permutation(2 * count + 3)[:count]
    block[places] = data
    moved = Call(call.kernel, tuple(int(place) for place in places), call.params)
    program = Program([moved])
    state, out = program.new_state(), np.empty((program.outputs, bars))
    program(state, block, out)
    _same(call, "columns elsewhere in a wider block", run_in_chunks(call, data, [0, bars]), (out, state))


def check_cuts(call: Call, data: Float64[Array, "inputs bars"], *, seed: int = 0, count: int = 12) -> None:
    """Outputs and last state are bit-equal however the bars are cut."""
    bars = data.shape[1]
    whole = run_in_chunks(call, data, [0, bars])
    for number in range(count):
        edges = random_cuts(bars, generator(seed, "testing.kernels", "cuts", str(number)))
        _same(call, f"chunks cut at {_shown(edges[1:-1])}", whole, run_in_chunks(call, data, edges))


def check_one_bar_at_a_time(call: Call, data: Float64[Array, "inputs bars"]) -> None:
    """Chunks of one bar give the same bits: nothing ahead was read within a chunk."""
    bars = data.shape[1]
    one = run_in_chunks(call, data, list(range(bars + 1)))
    _same(call, "one bar at a time", run_in_chunks(call, data, [0, bars]), one)


def check_restart(call: Call, data: Float64[Array, "inputs bars"], *, seed: int = 0) -> None:
    """A state that was written to bytes half way and read by a fresh program goes on with the same bits."""
    bars = data.shape[1]
    whole = run_in_chunks(call, data, [0, bars])
    for cut in generator(seed, "testing.kernels", "restart").integers(1, bars, 4).tolist():
        head, state = run_in_chunks(call, data, [0, cut])
        saved = state.tobytes()
        # The program in between would be met by anything that the kernel keeps outside of its state.
        run_in_chunks(call, data[:, ::-1], [0, bars])
        program = Program([call])
        state = np.frombuffer(saved).copy()
        tail = np.empty((program.outputs, bars - cut))
        program(state, np.ascontiguousarray(data[:, cut:]), tail)
        _same(call, f"a restart after bar {cut}", whole, (np.concatenate([head, tail], axis=1), state))


def check_bad_input_stays_local(
    call: Call,
    data: Float64[Array, "inputs bars"],
    *,
    recovery: int,
    forgets: bool = False,
    places: Iterable[int] = (0, 1),
    columns: Iterable[int] | None = None,
) -> None:
    """NaN, infinities and wild values change nothing before them, and the result is well again `recovery` bars later.

    Well means finite wherever it is finite on clean data; with `forgets` also equal to it, to 1e-9 relative. Tried in
    each column (or those of `columns`), in the middle and at `places`.
    """
    bars = data.shape[1]
    clean, _ = run_in_chunks(call, data, [0, bars])
    scale = np.nanmax(np.abs(clean), axis=1, initial=0.0)[:, None]
    for column in range(len(data)) if columns is None else columns:
        for place in (*places, bars // 2, bars // 2 + 7):
            for poison in (*POISONS, SPIKE * np.abs(data[column]).max(), 1e200, -1e200):
                bad = data.copy()
                bad[column, place] = poison
                result, _ = run_in_chunks(call, bad, [0, bars])
                told = f"{_title(call)} with {poison:.3g} in column {column} at bar {place}"
                if not _equal(result[:, :place], clean[:, :place]):
                    raise LawError(f"{told} gives other values before that bar")
                after, expected = result[:, place + recovery + 1 :], clean[:, place + recovery + 1 :]
                sick = np.isfinite(expected) & ~np.isfinite(after)
                if sick.any():
                    late = int(np.argwhere(sick.any(axis=0))[-1, 0]) + place + recovery + 1
                    raise LawError(f"{told} is still not finite at bar {late}, {late - place} bars later")
                if forgets and (np.abs(after - expected) > 1e-9 * np.maximum(np.abs(expected), 1e-3 * scale)).any():
                    off = float(np.nanmax(np.abs(after - expected)))
                    raise LawError(f"{told} is off by {off:.3g} after {recovery} bars, when it should have forgotten")


def _same(
    call: Call,
    how: str,
    expected: tuple[Float64[Array, "outputs bars"], Float64[Array, " size"]],
    found: tuple[Float64[Array, "outputs bars"], Float64[Array, " size"]],
) -> None:
    if not _equal(expected[0], found[0]):
        row, bar = np.argwhere(_bits(expected[0]) != _bits(found[0]))[0].tolist()
        raise LawError(
            f"{_title(call)}: {how} gives {float(found[0][row, bar])!r} in output {row} at bar {bar}, "
            f"the whole gives {float(expected[0][row, bar])!r}"
        )
    if not _equal(expected[1], found[1]):
        slot = int(np.flatnonzero(_bits(expected[1]) != _bits(found[1]))[0])
        raise LawError(
            f"{_title(call)}: {how} ends with {float(found[1][slot])!r} in slot {slot} of the state, "
            f"the whole with {float(expected[1][slot])!r}"
        )


def _equal(a: Float64[Array, "*shape"], b: Float64[Array, "*shape"]) -> bool:
    return a.shape == b.shape and bool((_bits(a) == _bits(b)).all())


def _bits(values: Float64[Array, "*shape"]) -> Int64[Array, "*shape"]:
    """The bits as integers, all NaN alike: which of its many spellings a NaN has is the processor's choice."""
    return np.where(np.isnan(values), np.nan, values).view(np.int64)


def _title(call: Call) -> str:
    return f"{call.kernel.name}{call.params}"


def _shown(edges: Sequence[int]) -> str:
    shown = ", ".join(str(edge) for edge in edges[:6])
    return f"{shown}, ... ({len(edges)} cuts)" if len(edges) > 6 else shown
