"""Features of a declared look-back that need no kernel: a polars expression, or a function in Python.

Both see a window of the last `lookback` bars and nothing else, in research as live: each row has a window of its own,
so that what an expression does with its input (shift it forward, rank it, fill it backward) can only reach bars that
were known. A row with fewer bars behind it has no value. Between chunks the last `lookback` - 1 bars are kept.

An expression is evaluated over many windows at once, some microseconds each; a function is called for each window,
which is slow. A kernel (`gnomon.kernels.base`) takes nanoseconds.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view

from gnomon.core.errors import GnomonError
from gnomon.core.types import Array, Float64, Int64
from gnomon.features.base import FeatureSpec
from gnomon.features.registry import FEATURES
from gnomon.kernels.base import InterpretedKernel, Kernel

WINDOW = "gnomon.window"
"""The column that numbers the windows of a frame."""
VALUES = 2_000_000
"""Rows of windows laid side by side at once."""

F = TypeVar("F", bound=Callable[..., Any])
Evaluate = Callable[[Float64[Array, "inputs windows lookback"]], Float64[Array, "outputs windows"]]


def feature_expression(
    name: str | None = None,
    *,
    lookback: int | str,
    inputs: Sequence[str] | None = None,
    units: str = "as its author says",
    theme: str = "own",
    reference: str = "",
) -> Callable[[F], F]:
    """Decorator: a function that returns a polars expression, or several by the names of their outputs, is a feature.

    An expression is evaluated over a window of `lookback` bars, and its value in the last of them is the feature's.
    `lookback` is a number, or the name of the parameter that holds it: the function's arguments are the parameters that
    a config may set. `inputs` are the columns that it reads; None takes those that the expressions name.

        @feature_expression(lookback="window")
        def range_position(window: int = 20) -> pl.Expr:
            close = pl.col("close")
            return (close - close.min()) / (close.max() - close.min())

    is the feature `range_position` with the output `range_position_20`.
    """

    def add(function: F) -> F:
        called = name or function.__name__

        def spec(**params: Any) -> FeatureSpec:
            made = function(**params)
            outputs = made if isinstance(made, Mapping) else {"_".join(map(str, (called, *params.values()))): made}
            for output, expression in outputs.items():
                if not isinstance(expression, pl.Expr):
                    raise ValueError(f"output {output!r} must be a polars expression, was {type(expression).__name__}")
            roots = dict.fromkeys(root for expression in outputs.values() for root in expression.meta.root_names())
            columns = tuple(inputs) if inputs is not None else tuple(roots)
            if strange := [root for root in roots if root not in columns]:
                raise ValueError(f"it reads the column {strange[0]!r}, which is not among its inputs {list(columns)}")
            length = _length(lookback, params)
            return FeatureSpec(
                name=called,
                inputs=columns,
                outputs=tuple(outputs),
                kernel=_kernel(
                    function,
                    _expressions(dict(outputs), columns),
                    outputs=len(outputs),
                    inputs=columns,
                    lookback=length,
                    kind="expression",
                    made_of=(pl.__version__, *params.items(), *map(str, outputs.values())),
                ),
                warmup=length - 1,
                reference=reference,
                units=units,
                theme=theme,
                tables=tuple(dict.fromkeys(column.split(".", 1)[0] for column in columns if "." in column)),
            )

        _register(called, function, spec)
        return function

    return add


def feature_function(
    name: str | None = None,
    *,
    lookback: int,
    inputs: Sequence[str],
    outputs: Sequence[str] | None = None,
    units: str = "as its author says",
    theme: str = "own",
    reference: str = "",
) -> Callable[[F], F]:
    """Decorator: a function of arrays is a feature. It is called once a bar, in Python: slow.

    It is handed an array of `lookback` values, the last bar at the end, for each of `inputs`, and returns a number, or
    as many as there are `outputs` (one with the feature's name when None). The arrays cannot be written to.

        @feature_function(lookback=3, inputs=("open", "close"))
        def median_gap(open, close):
            return np.median(open[1:] / close[:-1]) - 1.0
    """

    def add(function: F) -> F:
        called = name or function.__name__
        columns, named = tuple(inputs), tuple(outputs) if outputs is not None else (called,)

        def spec() -> FeatureSpec:
            length = _length(lookback, {})
            return FeatureSpec(
                name=called,
                inputs=columns,
                outputs=named,
                kernel=_kernel(
                    function,
                    _calls(function, called, len(named)),
                    outputs=len(named),
                    inputs=columns,
                    lookback=length,
                    kind="python",
                    made_of=(np.__version__,),
                ),
                warmup=length - 1,
                reference=reference,
                units=units,
                theme=theme,
                tables=tuple(dict.fromkeys(column.split(".", 1)[0] for column in columns if "." in column)),
            )

        _register(called, function, spec, takes_params=False)
        return function

    return add


def outside_frames(kernel: Kernel) -> tuple[str, ...]:
    """Frames (polars, pandas) that the function of a Python-run kernel, or one that it calls, finds outside its window.

    No probe can take their rows away, so nothing can be said about what they know.
    """
    return tuple(sorted(set(_frames(kernel.source, set())))) if isinstance(kernel, InterpretedKernel) else ()


def _frames(function: Callable[..., Any], seen: set[int]) -> Iterator[str]:
    function = inspect.unwrap(function)
    if id(function) in seen or not inspect.isfunction(function):
        return
    seen.add(id(function))
    bound = inspect.getclosurevars(function)
    for name, value in {**bound.globals, **bound.nonlocals}.items():
        # Told without importing pandas.
        from_pandas = type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "iloc")
        if from_pandas or isinstance(value, pl.DataFrame | pl.LazyFrame | pl.Series):
            yield name
        else:
            yield from _frames(value, seen)


def _register(
    called: str, function: Callable[..., Any], spec: Callable[..., FeatureSpec], *, takes_params: bool = True
) -> None:
    """Puts the factory into the registry, with the module, the docstring and the parameters of `function`."""
    signature = inspect.signature(function) if takes_params else inspect.Signature()

    def factory(*args: Any, **kwargs: Any) -> FeatureSpec:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return spec(**bound.arguments)

    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(factory, attribute, getattr(function, attribute))
    # Types are looked up where the function was written.
    factory.__annotations__ = typing.get_type_hints(function, include_extras=True) if takes_params else {}
    factory.__signature__ = signature  # type: ignore[attr-defined]
    FEATURES.feature(called)(factory)


def _length(lookback: int | str, params: Mapping[str, Any]) -> int:
    if isinstance(lookback, str) and lookback not in params:
        raise ValueError(f"lookback={lookback!r} names no parameter; there are {', '.join(params) or 'none'}")
    length = params[lookback] if isinstance(lookback, str) else lookback
    if isinstance(length, bool) or not isinstance(length, int) or length < 1:
        raise ValueError(f"lookback must be a whole number of 1 or more bars, was {length!r}")
    return length


def _kernel(
    function: Callable[..., Any],
    evaluate: Evaluate,
    *,
    outputs: int,
    inputs: tuple[str, ...],
    lookback: int,
    kind: str,
    made_of: tuple[object, ...],
) -> InterpretedKernel:
    """A kernel that keeps the last bars and has every full window evaluated. State: bars seen, then the bars."""
    kept = lookback - 1

    def body(
        state: Float64[Array, " size"],
        x: Float64[Array, "columns bars"],
        columns: Int64[Array, " inputs"],
        out: Float64[Array, "outputs bars"],
        params: Float64[Array, " params"],  # noqa: ARG001 - of a kernel's signature
    ) -> None:
        past = state[1:].reshape(len(inputs), kept)
        block = np.concatenate([past, x[columns]], axis=1)
        block.flags.writeable = False
        bars = x.shape[1]
        out[:] = np.nan
        first = min(max(kept - int(state[0]), 0), bars)
        step = max(VALUES // lookback, 1)
        for start in range(first, bars, step):
            stop = min(start + step, bars)
            windows = sliding_window_view(block[:, start : stop + kept], lookback, axis=1)
            out[:, start:stop] = evaluate(windows)
        state[0] = min(state[0] + bars, float(lookback))
        past[:] = block[:, bars:]

    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(body, attribute, getattr(function, attribute))
    return InterpretedKernel(
        body, outputs, lambda _: 1 + kept * len(inputs), inputs, (), kind=kind, source=function, made_of=made_of
    )


def _expressions(outputs: Mapping[str, pl.Expr], inputs: tuple[str, ...]) -> Evaluate:
    # Of the group that a window is, the value in its last bar; groups do not touch, so nothing is carried over.
    last = [expression.last().cast(pl.Float64).alias(f"{i}") for i, expression in enumerate(outputs.values())]

    def evaluate(windows: Float64[Array, "inputs windows lookback"]) -> Float64[Array, "outputs windows"]:
        count, length = windows.shape[1:]
        columns = [pl.Series(WINDOW, np.repeat(np.arange(count), length))]
        columns += [pl.Series(name, values.reshape(-1)) for name, values in zip(inputs, windows, strict=True)]
        try:
            found = pl.DataFrame(columns).group_by(WINDOW, maintain_order=True).agg(last)
        except pl.exceptions.PolarsError as error:
            told = ", ".join(outputs)
            raise GnomonError(f"the expression of {told} cannot be evaluated: {str(error).splitlines()[0]}") from error
        return found.drop(WINDOW).fill_null(float("nan")).to_numpy().T

    return evaluate


def _calls(function: Callable[..., Any], called: str, outputs: int) -> Evaluate:
    def evaluate(windows: Float64[Array, "inputs windows lookback"]) -> Float64[Array, "outputs windows"]:
        found = np.empty((outputs, windows.shape[1]))
        for row in range(windows.shape[1]):
            try:
                values = np.asarray(function(*windows[:, row]), np.float64)
            except Exception as error:
                raise GnomonError(f"feature {called!r} failed: {type(error).__name__}: {error}") from error
            if values.size != outputs:
                raise GnomonError(f"feature {called!r} must return {outputs} numbers a window, returned {values.size}")
            found[:, row] = values.reshape(-1)
        return found

    return evaluate
