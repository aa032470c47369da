"""The kernel contract: state in, chunk in, state out.

A kernel takes its state and the next chunk of bars, writes one row per bar, and leaves its state ready for the next
chunk. Its result never depends on how the bars were cut, to the last bit; `gnomon.testing.kernels` holds it to that.

    def kernel(state: f64[:], x: f64[columns, bars], columns: i64[:], out: f64[outputs, bars], params: f64[:]) -> None

A kernel allocates nothing, cannot raise, reads only `x[columns[i]]`, writes every cell of its rows of `out`, leaves
`x`, `columns` and `params` alone, and treats a state of zeros as "nothing seen yet". Windows and constants are numbers
in `params`, so that one compiled kernel serves every parameter. `fastmath` is off. A running sum is carried, never
recomputed at a chunk's edge, and summed anew by bar count. Bad input stays local: a windowed kernel yields NaN while
its window holds a value that is not finite, a recursive one yields NaN for that bar and keeps its state over it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numba import cfunc, float64, int64, njit, void
from numba import types as numba_types
from numba.typed import List as TypedList

from gnomon.core.hashing import hash_value
from gnomon.core.types import Array, Float32, Float64, Int64
from gnomon.kernels import cache
from gnomon.kernels.rounding import round_to_float32

SIGNATURE = void(float64[::1], float64[:, ::1], int64[::1], float64[:, ::1], float64[::1])

BLOCK_BARS = 1024
"""Bars a block that many kernels pass over while it stays in the processor's cache, outputs and all."""

STRIP_BARS = 32 * BLOCK_BARS
"""Bars that are handed to the machine code at once, which cuts them into blocks."""

Body = Callable[..., None]
StateSize = Callable[[Sequence[float]], int]


@dataclass(frozen=True)
class Kernel:
    """A kernel's loop with what it declares: its outputs and the length of its state for given params.

    `columns` and `params` name what it reads, in order; a program refuses a call with more or fewer, since machine code
    would read past the end. None leaves that to the kernel, whose number of them may vary.
    """

    panel: ClassVar[bool] = False
    """Whether it sees all symbols of a moment at once (`gnomon.kernels.panel`)."""
    interpreted: ClassVar[bool] = False
    """Whether it is run by Python and not compiled."""
    kind: str = field(default="compiled", kw_only=True)
    """How it runs: "compiled"; an interpreted one says what it is made of."""

    body: Body
    outputs: int | Callable[[Sequence[float]], int]
    state_size: StateSize
    columns: tuple[str, ...] | None = None
    params: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """The name of the loop."""
        return self.body.__name__

    @property
    def description(self) -> str:
        """The docstring of the loop."""
        return inspect.getdoc(self.body) or ""

    def output_count(self, params: Sequence[float]) -> int:
        """How many rows of `out` it writes."""
        return self.outputs(params) if callable(self.outputs) else self.outputs

    @cached_property
    def compiled(self) -> Any:
        """The machine code, compiled on first use and cached on disk."""
        if not cache.cacheable(self.body):
            return cfunc(SIGNATURE, error_model="numpy")(self.body)
        with cache.folder_for(self.body):
            return cfunc(SIGNATURE, cache=True, error_model="numpy")(self.body)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the loop's code with its helpers and constants: whose states it can continue."""
        return cache.fingerprint(self.body)

    def over(self, *columns: Float64[Array, " bars"], params: Sequence[float] = ()) -> Float64[Array, "outputs bars"]:
        """The outputs over whole columns of one symbol, from the first bar on.

        >>> from gnomon.kernels.indicators.trend import sma
        >>> sma.over(np.array([1.0, 2.0, 3.0, 4.0]), params=(2, 0))
        array([[nan, 1.5, 2.5, 3.5]])
        """
        x = np.ascontiguousarray(np.stack(columns), np.float64)
        program = Program([Call(self, tuple(range(len(columns))), tuple(float(p) for p in params))])
        out = np.empty((program.outputs, x.shape[1]))
        program(program.new_state(), x, out)
        return out

    def __reduce__(self) -> tuple[Callable[[str, str], Kernel], tuple[str, str]]:
        # The decorated name holds the Kernel, so its body cannot be found by name: travel as the name of the whole.
        return _named, (self.body.__module__, self.body.__qualname__)


@dataclass(frozen=True)
class InterpretedKernel(Kernel):
    """A kernel whose body is called by Python, once a block: for what machine code cannot say. It holds the same law.

    Its body may raise; the program then puts its state back. `source` is the function whose code decides what it does
    (with what that refers to), `made_of` whatever else does.
    """

    interpreted: ClassVar[bool] = True
    source: Callable[..., Any] = field(kw_only=True)
    made_of: tuple[object, ...] = field(default=(), kw_only=True)

    @cached_property
    def compiled(self) -> Any:
        """It has no machine code: TypeError."""
        raise TypeError(f"{self.name} is run by Python, it is not compiled")

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the source's code, its helpers and constants, and of what else it is made of."""
        return hash_value([cache.fingerprint(self.source), [str(part) for part in self.made_of]])

    def __reduce__(self) -> tuple[Callable[[str, str], Kernel], tuple[str, str]]:
        raise TypeError(f"{self.name} is run by Python and cannot be sent to another process; load its plug-in there")


def _named(module: str, name: str) -> Kernel:
    __import__(module)
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part)
    if not isinstance(found, Kernel):
        raise TypeError(f"{module}.{name} is no kernel but {type(found).__name__}")
    return found


def kernel(
    *,
    outputs: int | Callable[[Sequence[float]], int] = 1,
    state_size: StateSize,
    columns: tuple[str, ...] | None = None,
    params: tuple[str, ...] | None = None,
) -> Callable[[Body], Kernel]:
    """Decorator: declares a loop to be a kernel. `state_size(params)` is the count of floats that it carries."""
    return lambda body: Kernel(body, outputs, state_size, columns, params)


def bars(value: float, *, least: int = 1) -> int:
    """A param that sizes a ring, for use in `state_size`. Raises ValueError for what is no count of bars.

    >>> bars(20.0)
    20
    """
    if value != int(value) or value < least:
        raise ValueError(f"a window must be a whole number of {least} or more bars, was {value}")
    return int(value)


class Call(NamedTuple):
    """One kernel on given columns of the block, with its params."""

    kernel: Kernel
    columns: tuple[int, ...]
    params: tuple[float, ...]


@njit(cache=True, nogil=True)
def _run(kernels, state, s, x, columns, c, out, o, params, p):  # type: ignore[no-untyped-def]
    for k in range(len(kernels)):
        kernels[k](state[s[k] : s[k + 1]], x, columns[c[k] : c[k + 1]], out[o[k] : o[k + 1]], params[p[k] : p[k + 1]])


@njit(cache=True, nogil=True)
def _run_blocks(kernels, state, s, x, columns, c, out, o, params, p, size, start):  # type: ignore[no-untyped-def]
    """Block by block through a strip of bars, each rounded into `out` from `start` on before the next is begun."""
    inputs, outputs = x.shape[0], o[len(kernels)]
    block, result = np.empty(inputs * size), np.empty(outputs * size)
    for first in range(0, x.shape[1], size):
        bars = min(size, x.shape[1] - first)
        part, values = block[: inputs * bars].reshape(inputs, bars), result[: outputs * bars].reshape(outputs, bars)
        for row in range(inputs):
            part[row, :] = x[row, first : first + bars]
        _run(kernels, state, s, part, columns, c, values, o, params, p)
        round_to_float32(values, out[:, start + first : start + first + bars])


class Program:
    """Many kernels run as a list over one block of bars, without the GIL; `state` is one flat array.

    A program holds no state of its own: many threads may run it at once, each with a state of its own.

    >>> from gnomon.kernels.indicators.trend import ema
    >>> program = Program([Call(ema, columns=(0,), params=(3.0, 0.0))])
    >>> state, out = program.new_state(), np.empty((1, 2))
    >>> for block in (np.array([[1.0, 2.0]]), np.array([[6.0, 7.0]])):
    ...     program(state, block, out)
    >>> out
    array([[3., 5.]])
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = tuple(calls)
        for call in self.calls:
            _check(call)
        interpreted = [call.kernel.interpreted for call in self.calls]
        if interpreted != sorted(interpreted):
            raise ValueError("kernels that Python runs stand behind the compiled ones")
        self._kernels = TypedList.empty_list(numba_types.FunctionType(SIGNATURE))
        for call in self.calls[: interpreted.count(False)]:
            self._kernels.append(call.kernel.compiled)
        self._interpreted = range(len(self._kernels), len(self.calls))
        self._s = _offsets([_checked_state_size(call) for call in self.calls])
        self._o = _offsets([call.kernel.output_count(call.params) for call in self.calls])
        self._c = _offsets([len(call.columns) for call in self.calls])
        self._p = _offsets([len(call.params) for call in self.calls])
        self.columns = np.array([i for call in self.calls for i in call.columns], np.int64)
        self.params = np.array([v for call in self.calls for v in call.params], np.float64)
        if self.columns.size and self.columns.min() < 0:
            raise ValueError(f"columns of a block count from 0, was given {self.columns.min()}")
        self.columns_needed = int(self.columns.max()) + 1 if self.columns.size else 0

    @property
    def outputs(self) -> int:
        """Rows that a block's `out` must have."""
        return int(self._o[-1])

    @property
    def state_size(self) -> int:
        """Floats that the state of one symbol takes."""
        return int(self._s[-1])

    def new_state(self) -> Float64[Array, " size"]:
        """The state before the first bar."""
        return np.zeros(self.state_size)

    def __call__(
        self,
        state: Float64[Array, " size"],
        x: Float64[Array, "columns bars"],
        out: Float64[Array, "outputs bars"],
    ) -> None:
        """Runs every kernel over the block; `state` is advanced and `out` written in place.

        Raises ValueError for arrays of another shape, type or memory order: machine code would read past their ends.
        """
        if x.ndim != 2 or x.shape[0] < self.columns_needed:
            raise ValueError(f"the block must be [{self.columns_needed} or more columns, bars], was {list(x.shape)}")
        if out.shape != (self.outputs, x.shape[1]):
            raise ValueError(f"out must be [{self.outputs}, {x.shape[1]}], was {list(out.shape)}")
        self._check_state(state)
        for name, array in (("block", x), ("out", out)):
            if array.dtype != np.float64 or not array.flags.c_contiguous:
                raise ValueError(f"{name} must be float64 in C order, was {array.dtype} with strides {array.strides}")
        if self._interpreted:
            self._interpret(state, x, out)
        _run(self._kernels, state, self._s, x, self.columns, self._c, out, self._o, self.params, self._p)

    def fill(
        self,
        state: Float64[Array, " size"],
        columns: Sequence[Float64[Array, " bars"]],
        out: Float32[Array, "outputs rows"],
        start: int = 0,
    ) -> None:
        """Runs over whole columns and writes what frames store, from column `start` of `out` on.

        The values are those of a call on all bars, rounded to float32, with NaN for what is not finite; they are made
        block by block, so that what is worked on never leaves the processor's cache. Raises ValueError as a call does.
        """
        bars = columns[0].size if columns else 0
        if len(columns) < self.columns_needed or any(column.shape != (bars,) for column in columns):
            shapes = [list(column.shape) for column in columns]
            raise ValueError(f"it takes {self.columns_needed} or more columns of equal length, was given {shapes}")
        if out.ndim != 2 or out.shape[0] != self.outputs or not 0 <= start <= out.shape[1] - bars:
            raise ValueError(f"out must be [{self.outputs}, {start + bars} or more], was {list(out.shape)}")
        if out.dtype != np.float32 or not out.flags.c_contiguous:
            raise ValueError(f"out must be float32 in C order, was {out.dtype} with strides {out.strides}")
        self._check_state(state)
        if not self._interpreted:
            self._strips(state, columns, out, start)
            return
        before = state.copy()
        try:
            self._strips(state, columns, out, start)
        except BaseException:
            # A later strip raised: what the earlier ones did is undone too.
            state[:] = before
            raise

    def _strips(
        self,
        state: Float64[Array, " size"],
        columns: Sequence[Float64[Array, " bars"]],
        out: Float32[Array, "outputs rows"],
        start: int,
    ) -> None:
        bars = columns[0].size if columns else 0
        size = min(STRIP_BARS, bars)
        compiled = int(self._o[self._interpreted.start])
        spans = self.columns, self._c, out[:compiled], self._o, self.params, self._p
        strip = np.empty(len(columns) * size)
        for first in range(0, bars, max(size, 1)):
            count = min(size, bars - first)
            x = strip[: len(columns) * count].reshape(len(columns), count)
            for row, column in enumerate(columns):
                x[row] = column[first : first + count]
            if self._interpreted:
                values = np.empty((self.outputs - compiled, count))
                self._interpret(state, x, values, compiled)
                round_to_float32(values, out[compiled:, start + first : start + first + count])
            _run_blocks(self._kernels, state, self._s, x, *spans, BLOCK_BARS, start + first)

    def _check_state(self, state: Float64[Array, " size"]) -> None:
        if state.shape != (self.state_size,):
            raise ValueError(f"the state must be [{self.state_size}], was {list(state.shape)}")
        if state.dtype != np.float64 or not state.flags.c_contiguous:
            raise ValueError(f"the state must be float64 in C order, was {state.dtype} with strides {state.strides}")

    def _interpret(
        self,
        state: Float64[Array, " size"],
        x: Float64[Array, "columns bars"],
        out: Float64[Array, "outputs bars"],
        first: int = 0,
    ) -> None:
        """Runs the kernels that Python runs; when one raises, the state is as it was.

        Row 0 of `out` is the program's output number `first`.
        """
        before = state[self._s[self._interpreted.start] :].copy()
        s, c, o, p = self._s, self._c, self._o, self._p
        try:
            for k in self._interpreted:
                self.calls[k].kernel.body(
                    state[s[k] : s[k + 1]],
                    x,
                    self.columns[c[k] : c[k + 1]],
                    out[o[k] - first : o[k + 1] - first],
                    self.params[p[k] : p[k + 1]],
                )
        except BaseException:
            state[s[self._interpreted.start] :] = before
            raise


def _check(call: Call) -> None:
    """Machine code cannot check what it is given, so it is done here."""
    if call.kernel.panel:
        raise ValueError(f"{call.kernel.name} sees all symbols of a moment; run it in a PanelProgram")
    if not all(np.isfinite(call.params)):
        raise ValueError(f"the params of {call.kernel.name} must be finite, were {call.params}")
    for what, names, given in (
        ("columns", call.kernel.columns, call.columns),
        ("params", call.kernel.params, call.params),
    ):
        if names is not None and len(names) != len(given):
            raise ValueError(f"{call.kernel.name} takes {len(names)} {what} ({', '.join(names)}), was given {given}")


def _checked_state_size(call: Call) -> int:
    size = call.kernel.state_size(call.params)
    if size < 0:
        raise ValueError(f"{call.kernel.name} declares a state of {size} floats for params {call.params}")
    return int(size)


def _offsets(sizes: Sequence[int]) -> Int64[Array, " n"]:
    return np.concatenate([[0], np.cumsum(np.array(sizes, np.int64))]).astype(np.int64)
