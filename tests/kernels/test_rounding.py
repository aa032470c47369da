from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gnomon.kernels.rounding import round_to_float32


def test_infinities_and_what_overflows_become_nan() -> None:
    values = np.array([[1.0, np.inf, -np.inf], [1e300, np.nan, -1e39]])
    for rounds in (round_to_float32, round_to_float32.py_func):
        target = np.zeros((2, 3), np.float32)
        with np.errstate(over="ignore"):
            rounds(values, target)
        assert target[0, 0] == 1.0
        assert np.isnan(target.ravel()[1:]).all()


def test_it_writes_into_a_part_of_a_frame() -> None:
    target = np.zeros((2, 6), np.float32)
    round_to_float32(np.ones((2, 3)), target[:, 2:5])
    assert target.tolist() == [[0, 0, 1, 1, 1, 0]] * 2


@given(st.lists(st.floats(-1e38, 1e38), min_size=1))
def test_it_rounds_as_numpy_does(values: list[float]) -> None:
    array = np.array([values])
    target = np.empty(array.shape, np.float32)
    round_to_float32(array, target)
    assert (target == array.astype(np.float32)).all()
