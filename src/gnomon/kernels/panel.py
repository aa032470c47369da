"""The panel contract: kernels that see all symbols of a moment at once.

A panel kernel has the signature and the law of every kernel (`gnomon.kernels.base`), and is cut in time over all its
symbols together: a chunk holds whole moments. The rows of its block are symbols:

    x    f64[inputs * symbols, bars]   input i of symbol s stands in row columns[i * symbols + s]
    out  f64[outputs * symbols, bars]  output o of symbol s stands in row o * symbols + s
    state                              what all share, then a part for each symbol, then scratch for each symbol

A NaN is a hole: the symbol has no bar at that moment (halted, not yet listed, delisted) or none that can be used, and
is left out of that moment's cross-section. Three rules come on top of the law, and `gnomon.testing.panels` holds
kernels to them. The order of the symbols says nothing: permuting them permutes rows and parts, to the last bit, so sums
over symbols are taken over sorted values. A symbol without a bar so far has a part of zeros, so one may join at any
time. And what stands in the scratch at the start of a chunk says nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numba import njit

from gnomon.core.types import Array, Float64, Int64
from gnomon.kernels.base import Body, Call, Kernel, Program, StateSize

BLOCK_CELLS = 1 << 20
"""Floats of a block of moments, inputs and outputs together: in smaller ones the runs of a row are too short."""


def _nothing(_: Sequence[float]) -> int:
    return 0


@dataclass(frozen=True)
class PanelKernel(Kernel):
    """A kernel over all symbols of a moment. `outputs` and `state_size` are those of one symbol.

    `columns` names its inputs, each a column of the bars. `shared` is the count of floats that it carries beside the
    parts of the symbols, `scratch` the count for each symbol that it needs within a moment.
    """

    panel: ClassVar[bool] = True
    shared: StateSize = _nothing
    scratch: int = 0

    def of(self, symbols: int) -> Kernel:
        """The same loop as a kernel over the rows of so many symbols."""
        return _bound(self, symbols)

    def over(self, *columns: Float64[Array, "*shape"], params: Sequence[float] = ()) -> Float64[Array, "*shape"]:
        """The outputs [outputs, symbols, bars] over whole columns [symbols, bars], from the first moment on.

        >>> from gnomon.kernels.cross_section.regimes import rising_share
        >>> closes = np.array([[1.0, 2.0, 3.0], [5.0, 4.0, 5.0], [9.0, np.nan, 7.0]])
        >>> rising_share.over(closes, params=(2,))[0]
        array([[       nan, 0.5       , 0.66666667],
               [       nan, 0.5       , 0.66666667],
               [       nan, 0.5       , 0.66666667]])
        """
        x = np.ascontiguousarray(np.stack(columns), np.float64)
        call = Call(self, tuple(range(len(columns))), tuple(float(p) for p in params))
        program = PanelProgram([call], symbols=x.shape[1])
        out = np.empty((program.outputs, *x.shape[1:]))
        program(program.new_state(), x, out)
        return out


@functools.cache
def _bound(kernel: PanelKernel, symbols: int) -> Kernel:
    bound = Kernel(
        kernel.body,
        outputs=lambda params: symbols * kernel.output_count(params),
        state_size=lambda params: kernel.shared(params) + symbols * (kernel.state_size(params) + kernel.scratch),
    )
    # One machine code serves any number of symbols.
    bound.__dict__["compiled"] = kernel.compiled
    return bound


def panel_kernel(
    *,
    columns: tuple[str, ...],
    outputs: int | Callable[[Sequence[float]], int] = 1,
    state_size: StateSize = _nothing,
    shared: StateSize = _nothing,
    scratch: int = 0,
    params: tuple[str, ...] | None = None,
) -> Callable[[Body], PanelKernel]:
    """Decorator: declares a loop to be a panel kernel. `state_size(params)` counts the floats it carries a symbol."""
    return lambda body: PanelKernel(body, outputs, state_size, columns, params, shared=shared, scratch=scratch)


class PanelProgram:
    """Panel kernels run as a list over blocks of whole moments; `state` is one flat array.

    Like a `Program` it holds no state of its own. `x` is [inputs, symbols, bars] and `out` [outputs, symbols, bars].
    """

    def __init__(self, calls: Sequence[Call], *, symbols: int) -> None:
        self.calls = tuple(calls)
        self.symbols = symbols
        self._program = Program([self._bound(call) for call in self.calls])
        self.inputs_needed = max((column for call in self.calls for column in call.columns), default=-1) + 1
        self.outputs = sum(call.kernel.output_count(call.params) for call in self.calls)
        self.state_size = self._program.state_size

    def _bound(self, call: Call) -> Call:
        kernel = call.kernel
        if not isinstance(kernel, PanelKernel):
            raise TypeError(f"{kernel.name} sees one symbol only; run it in a Program")
        if len(kernel.columns or ()) != len(call.columns):
            raise ValueError(f"{kernel.name} takes the columns {kernel.columns}, was given {call.columns}")
        if kernel.params is not None and len(kernel.params) != len(call.params):
            raise ValueError(f"{kernel.name} takes the params {kernel.params}, was given {call.params}")
        rows = tuple(column * self.symbols + symbol for column in call.columns for symbol in range(self.symbols))
        return Call(kernel.of(self.symbols), rows, call.params)

    def new_state(self) -> Float64[Array, " size"]:
        """The state before the first moment."""
        return self._program.new_state()

    def __call__(
        self,
        state: Float64[Array, " size"],
        x: Float64[Array, "inputs symbols bars"],
        out: Float64[Array, "outputs symbols bars"],
    ) -> None:
        """Runs every kernel over the block of whole moments; `state` is advanced and `out` written in place.

        Raises ValueError for arrays of another shape, type or memory order.
        """
        bars = x.shape[-1]
        if x.ndim != 3 or x.shape[0] < self.inputs_needed or x.shape[1] != self.symbols:
            raise ValueError(
                f"the block must be [{self.inputs_needed} or more inputs, {self.symbols} symbols, bars], "
                f"was {list(x.shape)}"
            )
        if out.shape != (self.outputs, self.symbols, bars):
            raise ValueError(f"out must be [{self.outputs}, {self.symbols}, {bars}], was {list(out.shape)}")
        for name, array in (("block", x), ("out", out)):
            if not array.flags.c_contiguous:
                raise ValueError(f"{name} must be in C order, has the strides {array.strides}")
        self._program(state, x.reshape(-1, bars), out.reshape(-1, bars))

    def block_bars(self, inputs: int) -> int:
        """How many moments a block should have to stay in the cache."""
        return max(1, BLOCK_CELLS // max(1, self.symbols * (inputs + self.outputs)))

    def continued(self, state: Float64[Array, " size"], places: Sequence[int]) -> Float64[Array, " size"]:
        """The state of this program, taken from that of the same kernels over other symbols.

        `places` tells of each symbol here where it stood there; -1: it has had no bar yet.
        """
        carried = self.new_state()
        before = (state.size - self._shared()) // self._each() if self._each() else 0
        source = target = 0
        chosen = np.asarray(places, np.int64)
        old = chosen >= 0
        for call in self.calls:
            kernel = call.kernel
            assert isinstance(kernel, PanelKernel)
            shared, size = kernel.shared(call.params), kernel.state_size(call.params)
            carried[target : target + shared] = state[source : source + shared]
            source, target = source + shared, target + shared
            theirs = state[source : source + before * size].reshape(before, size)
            mine = carried[target : target + self.symbols * size].reshape(self.symbols, size)
            if size:
                mine[old] = theirs[chosen[old]]
            source += before * (size + kernel.scratch)
            target += self.symbols * (size + kernel.scratch)
        return carried

    def _shared(self) -> int:
        return sum(call.kernel.shared(call.params) for call in self.calls if isinstance(call.kernel, PanelKernel))

    def _each(self) -> int:
        kernels = [(call.kernel, call.params) for call in self.calls]
        return sum(k.state_size(p) + k.scratch for k, p in kernels if isinstance(k, PanelKernel))


@njit(cache=True, nogil=True)
def lay_out(column, moments, places, first, x):  # type: ignore[no-untyped-def]
    """Writes rows of symbols into a block x[symbols, bars] of moments from `first` on; NaN where there is no row.

    `moments[k]` numbers the moment of row k; the rows of symbol s begin at `places[s]` and end before `places[s + n]`.
    """
    n, bars = x.shape
    for s in range(n):
        for t in range(bars):
            x[s, t] = np.nan
        k = places[s]
        while k < places[s + n] and moments[k] < first + bars:
            x[s, moments[k] - first] = column[k]
            k += 1


@njit(cache=True, nogil=True)
def take_up(y, moments, places, first, out):  # type: ignore[no-untyped-def]
    """The reverse for y[outputs, symbols, bars], rounded to out[outputs, rows]; moves `places` behind the block."""
    outputs, n, bars = y.shape
    for s in range(n):
        start = places[s]
        stop = start
        while stop < places[s + n] and moments[stop] < first + bars:
            stop += 1
        for o in range(outputs):
            for k in range(start, stop):
                value = np.float32(y[o, s, moments[k] - first])
                out[o, k] = value if np.isfinite(value) else np.float32(np.nan)
        places[s] = stop


def row_places(starts: Sequence[int], stops: Sequence[int]) -> Int64[Array, " places"]:
    """Where the rows of each symbol begin and end, as `lay_out` and `take_up` take them."""
    return np.array([*starts, *stops], np.int64)
