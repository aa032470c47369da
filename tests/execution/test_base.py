"""Costs and limits that make no sense are refused when they are written down."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gnomon.core.errors import ConfigError
from gnomon.core.registry import build
from gnomon.execution import ExecutionConfig


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"fee_bps": -1}, "fee_bps must be 0 or more, was -1"),
        ({"slippage_bps": math.nan}, "slippage_bps must be 0 or more, was nan"),
        ({"min_fee": math.inf}, "min_fee must be finite"),
        ({"latency_bars": 0}, "before|next open"),
        ({"latency_bars": 1.5}, "whole bars, was 1.5"),
        ({"initial_cash": 0.0}, "initial_cash must be above 0"),
        ({"max_gross": 0.0}, "max_gross must be above 0"),
        ({"slippage_model": "volume"}, "constant or volume_share, was 'volume'"),
        ({"unfilled": "waits"}, "lapse or wait"),
    ],
)
def test_nonsense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExecutionConfig(**fields)


def test_what_may_be_negative_or_without_limit() -> None:
    config = ExecutionConfig(borrow_rate=-0.01, cash_rate=-0.005, max_gross=math.inf, max_volume_share=math.inf)
    assert config.cash_rate == -0.005


def test_from_config_names_the_key() -> None:
    with pytest.raises(ConfigError, match=r"execution\.fee_bp.*did you mean 'fee_bps'"):
        build(ExecutionConfig, {"fee_bp": 1.0}, where="execution")
