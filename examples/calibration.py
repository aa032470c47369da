"""Probabilities that keep their word, sets of classes, and a strategy that abstains where it does not know.

Run it: python examples/calibration.py
"""

from __future__ import annotations

from gnomon.config.models import ConformalConfig, FeaturesConfig, ModelConfig, TrainingConfig
from gnomon.data.synthetic import Market, market_bars
from gnomon.evaluation.forecasts import forecast_quality
from gnomon.execution.sizing import FixedSizer
from gnomon.simulation.workflow import backtest
from gnomon.training import fit_model
from gnomon.training.prepare import prepare


def main() -> None:
    """Trees that are too sure of themselves, on a market of four symbols."""
    bars = market_bars(Market(symbols=4, seed=3))
    data = prepare(
        bars,
        features=FeaturesConfig(),
        labels={"kind": "triple_barrier", "horizons": [10]},
        split={"kind": "holdout", "embargo_bars": 10},
    )
    settings = TrainingConfig(calibration="temperature", conformal=ConformalConfig(alpha=0.3))
    trees = ModelConfig(model_type="lightgbm", params={"rounds": 80, "early_stopping_rounds": None})
    trained, _ = fit_model(trees, data.train, data.valid, training=settings)

    forecast = trained.predict(data.test)
    scores = forecast_quality(forecast, data.test).scores
    for figure in ("log_loss", "calibration_error_debiased"):
        for row in scores.filter(scores["figure"] == figure).sort("stage", descending=True).to_dicts():
            print(f"{row['stage']:>12} {figure}: {row['value']:.4f} ± {row['error']:.4f}")
    held = scores.filter(scores["figure"] == "set_coverage").to_dicts()[0]
    print(f"sets made for 70% held what came in {held['value']:.1%} ± {held['error']:.1%}")

    for abstain in (False, True):
        account = backtest(forecast, bars, sizer=FixedSizer(abstain=abstain))
        turnover = account.equity["turnover"].sum() / account.execution.initial_cash
        print(f"abstain {abstain!s:5}: {account.fills.height} fills, the account turned over {turnover:.0f} times")


if __name__ == "__main__":
    main()
