"""Nets: fit, forecast bar by bar, go on after a kill, begin with another market's weights.

Run it: python examples/nets.py        (needs pip install 'gnomon[nets]')
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from gnomon.config import ModelConfig
from gnomon.models import NeuralModel, build_model
from gnomon.models.neural.stability import loss_landscape
from gnomon.testing.models import mean_log_loss, planted_samples, prior_log_loss
from gnomon.training import fit_model


def gru(**params: object) -> NeuralModel:
    """A small one."""
    settings = {"window": 4, "hidden": 12, "epochs": 4, "learning_rate": 0.01, "batch_size": 128, **params}
    model = build_model(ModelConfig(model_type="gru", params=settings), seed=7)
    assert isinstance(model, NeuralModel)
    return model


def main() -> None:
    """Fits nets to a market whose answer is known."""
    train, valid, fresh = (planted_samples(2000, part=part) for part in ("train", "valid", "fresh"))
    net = gru()
    with tempfile.TemporaryDirectory() as folder:
        # With a folder for checkpoints a fit that was killed is called again and ends in the same bytes.
        report = net.fit(train, valid, checkpoint=Path(folder) / "checkpoints")
        print(f"{report.iterations} epochs, the best was number {report.best_iteration}")
        print(f"gradient norm at the end {report.curves['gradient_norm'][-1]:.3f}")

        (Path(folder) / "gru").mkdir()
        net.save(Path(folder) / "gru")
        again = type(net).load(Path(folder) / "gru")
    forecast = again.predict(fresh)
    print(f"loss {mean_log_loss(forecast.probability, fresh):.3f}, frequencies {prior_log_loss(train, fresh):.3f}")

    # The first rows of a symbol have no full window behind them: no class is allowed, and nothing is traded.
    assert forecast.allowed is not None
    print(f"{int((~forecast.allowed.any(axis=1)).sum())} rows abstain")

    # Live: one row at a time, the state carries the rows before. The same bits as all rows at once.
    state = net.initial_state()
    for row in range(20):
        now = net.predict(fresh.take(np.array([row])), state=state)
        assert np.array_equal(now.probability[0], forecast.probability[row])

    # Another market with little data: begin with these weights, and let the head alone learn for an epoch.
    few = planted_samples(200, seed=12)
    warm, cold = gru(freeze_epochs=1), gru()
    warm.fit(few, init_from=net)
    cold.fit(few)
    other = planted_samples(2000, seed=12, part="fresh")
    losses = [mean_log_loss(model.predict(other).probability, other) for model in (warm, cold)]
    print(f"200 rows of another market: loss {losses[0]:.3f} with the weights, {losses[1]:.3f} without")

    # The same from a configuration: the section names a trained model (in a workspace also as name:version).
    with tempfile.TemporaryDirectory() as folder:
        section = {"model_type": "gru", "params": {"window": 4, "hidden": 12, "epochs": 4, "learning_rate": 0.01}}
        fit_model(ModelConfig.model_validate(section), train)[0].save(Path(folder) / "base")
        warmer, _ = fit_model(ModelConfig.model_validate({**section, "init_from": str(Path(folder) / "base")}), few)
    print(f"and of a whole model: loss {mean_log_loss(warmer.predict(other).probability, other):.3f}")

    drawn = loss_landscape(net, valid, points=3)
    print(f"loss around the weights: {drawn.loss[1, 1]:.3f} in the middle, up to {drawn.loss.max():.3f}")


if __name__ == "__main__":
    main()
