"""LightGBM's way to forecast one row in a few microseconds: its C function, without the library's Python around it."""

from __future__ import annotations

import ctypes
import weakref
from typing import Any

import numpy as np

from gnomon.core.types import Array, Float32, Float64

NORMAL = 0
"""C_API_PREDICT_NORMAL: probabilities for classes, the expectation for returns."""
FLOAT32 = 0
"""C_API_DTYPE_FLOAT32."""


class SingleRow:
    """Forecasts of one row by a booster, the same bits as in a batch; any number of threads may call it at once.

    What the C library prepares once (it locks it itself) is freed with this object; each call has its own output.
    """

    def __init__(self, booster: Any, features: int, outputs: int) -> None:
        from lightgbm import basic

        library: Any = basic
        self.booster = booster
        """Kept alive: the prepared settings point into it."""
        self.features, self.outputs = features, outputs
        self._prepared = ctypes.c_void_p()
        library._safe_call(
            library._LIB.LGBM_BoosterPredictForMatSingleRowFastInit(
                booster._handle,
                ctypes.c_int(NORMAL),
                ctypes.c_int(0),
                ctypes.c_int(-1),
                ctypes.c_int(FLOAT32),
                ctypes.c_int32(features),
                ctypes.c_char_p(b"num_threads=1"),
                ctypes.byref(self._prepared),
            )
        )
        self._call: Any = library._LIB.LGBM_BoosterPredictForMatSingleRowFast
        self._check: Any = library._safe_call
        weakref.finalize(self, library._LIB.LGBM_FastConfigFree, self._prepared)

    def __call__(self, x: Float32[Array, " f"]) -> Float64[Array, " k"]:
        """The outputs for one row. Raises ValueError for another number of features."""
        if x.shape != (self.features,):
            raise ValueError(f"a row must have the shape ({self.features},), was {x.shape}")
        x = np.ascontiguousarray(x, np.float32)
        out = np.empty(self.outputs)
        length = ctypes.c_int64()
        done = self._call(
            self._prepared,
            ctypes.c_void_p(x.__array_interface__["data"][0]),
            ctypes.byref(length),
            ctypes.c_void_p(out.__array_interface__["data"][0]),
        )
        if done != 0 or length.value != self.outputs:
            self._check(done)
            raise ValueError(f"LightGBM gave {length.value} outputs, not {self.outputs}")
        return out
