"""A run in a few plain values."""

from __future__ import annotations

import json

import pytest

from gnomon.pipeline import ModelPipeline, open_workspace
from gnomon.pipeline.summary import read_metrics, verdict_of

pytestmark = pytest.mark.xdist_group("finished pipeline")


def judged(total: float, *, final: float, costs: float = 0.0, error: float | None = 0.1) -> dict:
    figures = {
        "total_return": total,
        "annual_return": total,
        "max_drawdown": 0.1,
        "costs": costs,
        "final_equity": final,
    }
    return {
        "metrics": figures,
        "doubt": {"annual_sharpe": 1.0, "standard_error": error, "periods_per_year": 252.0},
        "start": "2020-01-01T00:00:00",
        "end": "2021-01-01T00:00:00",
        "thresholds": [{"passed": True}, {"passed": False}],
        "benchmarks": {},
    }


def test_rows_worked_by_hand():
    mine, other = judged(0.1, final=1100.0, costs=20.0), judged(0.3, final=1300.0, error=None)
    mine["benchmarks"] = {"zebra": judged(0.0, final=1.0), "cash": judged(0.0, final=1.0)}
    found = read_metrics(
        {
            "chosen": "z",
            "chosen_by": "validation",
            "verdict": {"edge": False, "text": "None.", "reasons": ["a"]},
            "trials": {"count": 5},
            "candidates": {"a": other, "z": mine},
        }
    )
    assert [row["name"] for row in found["candidates"]] == ["z (chosen)", "a", "cash", "zebra"]
    assert [row["kind"] for row in found["candidates"]] == ["strategy", "strategy", "benchmark", "benchmark"]
    first, second = found["candidates"][:2]
    assert first["costs"] == pytest.approx(0.02), "of the 1,000 that it began with"
    assert first["annual_standard_error"] == pytest.approx(0.1 * 252**0.5)
    assert second["annual_standard_error"] is None
    assert (found["period"], found["trials"], found["passed"]) == ("2020-01-01 to 2021-01-01", 5, False)


def test_one_candidate_alone_needs_no_mark_and_a_lost_account_no_division():
    found = read_metrics(
        {
            "chosen": "only",
            "chosen_by": "x",
            "verdict": {"edge": False, "text": "", "reasons": []},
            "trials": {"count": 1},
            "candidates": {"only": judged(-1.0, final=0.0, costs=5.0)},
        }
    )
    assert found["candidates"][0]["name"] == "only"
    assert found["candidates"][0]["costs"] is None


def test_a_summary_is_plain_and_says_what_metrics_json_says(finished):
    context = ModelPipeline(workspace=finished).run()
    summary = context.summary()
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    metrics = json.loads((context.run.folder / "metrics.json").read_bytes())
    assert summary["verdict"] == metrics["verdict"]["text"]
    assert summary["candidates"][0]["total_return"] == metrics["candidates"]["logistic"]["metrics"]["total_return"]
    assert verdict_of(open_workspace(finished).runs.get()).items() <= summary.items()


def test_a_run_that_was_stopped_early_claims_nothing(finished):
    summary = ModelPipeline(workspace=finished).run(until="labels").summary()
    assert summary["reports"] == {}
    assert "verdict" not in summary
