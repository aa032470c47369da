"""The whole pipeline on markets of known truth: claims on nulls, the share of a planted edge, and their time."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from gnomon.honesty.studies import HALVED, SHUFFLED, null_study, planted_study


def run() -> dict[str, dict[str, Any]]:
    """PROMISES S3 and S4."""
    # Imports and compiled kernels first.
    null_study(5)
    began = time.perf_counter()
    null = null_study(100)
    seconds = time.perf_counter() - began
    control = null_study(20, SHUFFLED)
    planted = planted_study(20)
    # The same promise in the harder reading: 8,000 bars in all, half of them to be judged on.
    halved = planted_study(20, learned=HALVED, gates=False, blind=False)
    return {
        "null study, 100 markets, seconds": {"value": seconds, "target": 120.0, "better": "lower"},
        "null study, claims of 100": {"value": null.claims, "target": 13, "better": "lower"},
        "null study, slowest market, seconds": {
            "value": max(outcome.seconds for outcome in null.outcomes),
            "target": 1.2,
            "better": "lower",
        },
        "null study, control, share of markets claimed": {
            "value": control.claims / len(control.outcomes),
            "target": 0.5,
            "better": "higher",
        },
        "planted study, mean share of the oracle": {
            "value": float(planted.shares.mean()),
            "target": 0.70,
            "better": "higher",
            "standard_error": planted.share_error,
        },
        "planted study, 10% quantile of the share": {
            "value": float(np.quantile(planted.shares, 0.1)),
            "target": 0.5,
            "better": "higher",
        },
        "planted study, 4,000 bars to learn from, mean share of the oracle": {
            "value": float(halved.shares.mean()),
            "target": 0.70,
            "better": "higher",
            "standard_error": halved.share_error,
        },
        "planted study, 4,000 bars to learn from, 10% quantile of the share": {
            "value": float(np.quantile(halved.shares, 0.1)),
            "target": 0.5,
            "better": "higher",
        },
        "planted study, edges that pass the gates, of 20": {
            "value": planted.gates_passed,
            "target": 16,
            "better": "higher",
        },
        "planted study, blind mean in standard errors": {
            "value": abs(planted.blind_score),
            "target": 3.0,
            "better": "lower",
        },
    }
