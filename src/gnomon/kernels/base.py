"""The kernel contract: state in, chunk in, state out.

A kernel takes its state and the next chunk of bars, writes one row per bar, and leaves its state ready for the next
chunk. Its result never depends on how the bars were cut, to the last bit; `gnomon.testing.kernels` holds it to that.

    def kernel(state: f64[:], x: f64[columns, bars], columns: i64[:], out: f64[outputs, bars], params: f64[:]) -> None

A kernel allocates nothing, cannot raise, reads only `x[columns[i]]`, and treats a state of zeros as "nothing seen yet".
Windows and constants are numbers in `params`, so that one compiled kernel serves every parameter. `fastmath` is off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numba import cfunc, float64, int64, njit, void
from numba import types as numba_types
from numba.typed import List as TypedList

from gnomon.core.types import Array, Float64, Int64

SIGNATURE = void(float64[::1], float64[:, ::1], int64[::1], float64[:, ::1], float64[::1])

Body = Callable[..., None]
StateSize = Callable[[Sequence[float]], int]


@dataclass(frozen=True)
class Kernel:
    """A kernel's loop with what it declares: its outputs and the length of its state for given params."""

    body: Body
    outputs: int | Callable[[Sequence[float]], int]
    state_size: StateSize

    @property
    def name(self) -> str:
        """The name of the loop."""
        return self.body.__name__

    def output_count(self, params: Sequence[float]) -> int:
        """How many rows of `out` it writes."""
        return self.outputs(params) if callable(self.outputs) else self.outputs

    @cached_property
    def compiled(self) -> Any:
        """The machine code, compiled on first use and cached on disk."""
        return cfunc(SIGNATURE, cache=True, error_model="numpy")(self.body)


def kernel(*, outputs: int | Callable[[Sequence[float]], int] = 1, state_size: StateSize) -> Callable[[Body], Kernel]:
    """Decorator: declares a loop to be a kernel."""
    return lambda body: Kernel(body, outputs, state_size)


class Call(NamedTuple):
    """One kernel on given columns of the block, with its params."""

    kernel: Kernel
    columns: tuple[int, ...]
    params: tuple[float, ...]


@njit(cache=True, nogil=True)
def _run(kernels, state, s, x, columns, c, out, o, params, p):  # type: ignore[no-untyped-def]
    for k in range(len(kernels)):
        kernels[k](state[s[k] : s[k + 1]], x, columns[c[k] : c[k + 1]], out[o[k] : o[k + 1]], params[p[k] : p[k + 1]])


class Program:
    """Many kernels run as a list over one block of bars, without the GIL; `state` is one flat array."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = tuple(calls)
        self._kernels = TypedList.empty_list(numba_types.FunctionType(SIGNATURE))
        for call in calls:
            self._kernels.append(call.kernel.compiled)
        self._s = _offsets([call.kernel.state_size(call.params) for call in calls])
        self._o = _offsets([call.kernel.output_count(call.params) for call in calls])
        self._c = _offsets([len(call.columns) for call in calls])
        self._p = _offsets([len(call.params) for call in calls])
        self._columns = np.array([i for call in calls for i in call.columns], np.int64)
        self._params = np.array([v for call in calls for v in call.params], np.float64)

    @property
    def outputs(self) -> int:
        """Rows that a block's `out` must have."""
        return int(self._o[-1])

    def new_state(self) -> Float64[Array, " size"]:
        """The state before the first bar."""
        return np.zeros(int(self._s[-1]))

    def __call__(
        self,
        state: Float64[Array, " size"],
        x: Float64[Array, "columns bars"],
        out: Float64[Array, "outputs bars"],
    ) -> None:
        """Runs every kernel over the block; `state` is advanced and `out` written in place."""
        _run(self._kernels, state, self._s, x, self._columns, self._c, out, self._o, self._params, self._p)


def _offsets(sizes: Sequence[int]) -> Int64[Array, " n"]:
    return np.concatenate([[0], np.cumsum(np.array(sizes, np.int64))]).astype(np.int64)
