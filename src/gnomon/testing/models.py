"""The battery that every registered model meets: what `ModelBase` promises, as checks.

    @pytest.mark.parametrize("check", MODEL_CHECKS, ids=lambda check: check.__name__)
    def test_my_model(check, tmp_path):
        check(lambda: ModelRegistry.create("mine"), tmp_path)

A check makes its models by calling `make()` and works in an empty folder. It raises AssertionError that says what was
broken. The data are drawn: features that know the label to a known degree, or nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from gnomon.core.errors import DataError
from gnomon.core.hashing import hash_tree
from gnomon.core.seeds import generator
from gnomon.core.types import Array, Float64
from gnomon.models.base import FitReport, ModelBase
from gnomon.models.search_space import Choice
from gnomon.samples.base import UNKNOWN_END, Samples
from gnomon.samples.windows import with_context

Make = Callable[[], ModelBase]
Check = Callable[[Make, Path], None]

HORIZON = 5
DAY = 86_400_000_000


def planted_samples(
    rows: int = 1500, *, strength: float = 1.5, features: int = 6, seed: int = 11, symbols: int = 2, part: str = "train"
) -> Samples:
    """Samples whose label depends on the first two features; `strength` 0 makes them know nothing.

    The score strength x (first feature - half the second), with logistic noise, decides: above 1 long, below -1 short.
    `part` names an independent draw of the same market.
    """
    draw = generator(seed, "planted", part)
    x = draw.normal(size=(rows, features)).astype(np.float32)
    score = strength * (x[:, 0] - 0.5 * x[:, 1]) + draw.logistic(size=rows)
    y = np.where(score > 1, 1, np.where(score < -1, -1, 0)).astype(np.int8)
    each = rows // symbols
    symbol = np.minimum(np.arange(rows) // each, symbols - 1).astype(np.int32)
    known_at = (np.arange(rows) - symbol * each + 1) * DAY
    return Samples(
        x=x,
        known_at=known_at,
        symbol=symbol,
        segment=symbol,
        prices=np.full((rows, 1), 100.0),
        y=y[:, None],
        label_end=(known_at + HORIZON * DAY)[:, None],
        forward_return=(0.01 * score)[:, None],
        weight=np.ones((rows, 1), np.float32),
        symbols=tuple(f"S{i}" for i in range(symbols)),
        feature_names=tuple(f"feature_{i}" for i in range(features)),
        price_names=("close",),
        horizons=(HORIZON,),
    )


def mean_log_loss(probability: Float64[Array, "n 3"], samples: Samples) -> float:
    """Mean of -log of the probability of what happened, natural log."""
    given = probability[np.arange(len(samples)), samples.y[:, 0].astype(np.int64) + 1]
    return float(-np.log(np.maximum(given, 1e-15)).mean())


def prior_log_loss(train: Samples, samples: Samples) -> float:
    """The loss of one who forecasts the class frequencies of the training rows."""
    frequency = np.bincount(train.y[:, 0] + 1, minlength=3) / len(train)
    return mean_log_loss(np.tile(frequency, (len(samples), 1)), samples)


def gives_a_forecast(make: Make, folder: Path) -> None:  # noqa: ARG001
    """Probabilities of three classes, finite and adding up to 1, for every row and for none; rows keep their keys."""
    train, other = planted_samples(), planted_samples(200, part="other")
    model = make()
    model.fit(train)
    forecast = model.predict(other).checked()
    assert forecast.probability.shape == (200, 3), f"probability has the shape {forecast.probability.shape}"
    assert forecast.horizon == HORIZON, f"the forecast is for {forecast.horizon} bars, the labels for {HORIZON}"
    assert np.array_equal(forecast.known_at, other.known_at), "the forecast's moments are not those of the samples"
    assert np.array_equal(forecast.symbol, other.symbol), "the forecast's symbols are not those of the samples"
    assert len(model.predict(other.take(np.arange(0)))) == 0, "no samples must give an empty forecast"


def loads_what_it_saved(make: Make, folder: Path) -> None:
    """A loaded model forecasts the same bits, and saves the same bytes again."""
    train, other = planted_samples(), planted_samples(300, part="other")
    model = make()
    model.fit(train, planted_samples(part="valid"))
    (folder / "once").mkdir(parents=True)
    model.save(folder / "once")
    loaded = type(model).load(folder / "once")
    same = np.array_equal(model.predict(other).probability, loaded.predict(other).probability)
    assert same, "the loaded model forecasts other bits than the one that was saved"
    assert loaded.config == model.config, "the loaded model has another config"
    (folder / "twice").mkdir()
    loaded.save(folder / "twice")
    assert hash_tree(folder / "once") == hash_tree(folder / "twice"), "saving what was loaded writes other bytes"


def fits_the_same_bytes_twice(make: Make, folder: Path) -> None:
    """Two fits of equal samples save equal bytes."""
    for name in ("once", "twice"):
        model = make()
        model.fit(planted_samples(), planted_samples(part="valid"))
        (folder / name).mkdir(parents=True)
        model.save(folder / name)
    assert hash_tree(folder / "once") == hash_tree(folder / "twice"), "two fits of equal samples save other bytes"


def forecasts_each_row_by_itself(make: Make, folder: Path) -> None:  # noqa: ARG001
    """A row's forecast is the same bits alone, in any batch, at any place, missing features included.

    A model that reads the rows before a row (`context`) is given those too, and no more.
    """
    train, other = _with_holes(planted_samples()), _with_holes(planted_samples(257, part="other"))
    model = make()
    model.fit(train)
    together = model.predict(other).probability
    for rows in [np.array([i]) for i in range(0, 257, 16)] + [np.arange(k, 257) for k in (1, 3, 7, 100, 250)]:
        part, at = with_context(other, rows, model.context)
        alone = model.predict(part).probability[at]
        assert np.array_equal(alone, together[rows]), (
            f"rows {rows[0]} to {rows[-1]} alone get another forecast than in a batch of 257"
        )


def learns_what_is_there(make: Make, folder: Path) -> None:  # noqa: ARG001
    """On a planted signal its loss on fresh rows is well below that of the class frequencies; a baseline's not."""
    train, fresh = planted_samples(4000), planted_samples(4000, part="fresh")
    model = make()
    model.fit(train, planted_samples(2000, part="valid"))
    loss, prior = mean_log_loss(model.predict(fresh).probability, fresh), prior_log_loss(train, fresh)
    if model.baseline:
        assert loss < 1.02 * prior, f"the loss is {loss:.4f}, worse than guessing frequencies, which gives {prior:.4f}"
        return
    assert loss < 0.9 * prior, (
        f"the loss is {loss:.4f} and guessing frequencies gives {prior:.4f}: it learned too little"
    )


def finds_nothing_in_noise(make: Make, folder: Path) -> None:  # noqa: ARG001
    """Where features know nothing, its hits on fresh rows are those of chance, within four standard errors."""
    train, fresh = planted_samples(3000, strength=0.0), planted_samples(8000, strength=0.0, part="fresh")
    model = make()
    model.fit(train, planted_samples(1500, strength=0.0, part="valid"))
    edge = model.predict(fresh).edge()
    outcome = fresh.y[:, 0].astype(np.float64)
    spread = float(edge.std() * outcome.std())
    if spread > 0:
        correlation = float(((edge - edge.mean()) * (outcome - outcome.mean())).mean()) / spread
        error = 1 / np.sqrt(len(fresh))
        assert abs(correlation) < 4 * error, (
            f"its edge correlates {correlation:.4f} with noise, {error:.4f} is one error"
        )


def weighs_its_rows(make: Make, folder: Path) -> None:  # noqa: ARG001
    """Rows of weight 0 are as good as absent; heavy rows outvote light ones."""
    train, fresh = planted_samples(3000), planted_samples(500, part="fresh")
    against = np.arange(len(train)) % 2 == 0
    y = np.where(against[:, None], -train.y, train.y).astype(np.int8)
    turned = np.where(against[:, None], -train.forward_return, train.forward_return)
    edges = []
    for heavy in (against, ~against):
        weight = np.where(heavy, 1.0, 0.02).astype(np.float32)[:, None]
        model = make()
        model.fit(replace(train, y=y, forward_return=turned, weight=weight))
        edges.append(model.predict(fresh).edge())
    if not (make().baseline and edges[0].std() == edges[1].std() == 0):
        agreement = float(np.corrcoef(edges[0], edges[1])[0, 1])
        assert agreement < -0.5, (
            f"turning the weights round must turn the forecast round; they correlate {agreement:.2f}"
        )

    # The last rows of each symbol: nothing that a model reads before another row.
    late = np.flatnonzero(np.diff(train.symbol, append=-1))[train.symbol] - np.arange(len(train)) < len(train) // 4
    poisoned = train.label_end.copy()
    poisoned[late] = UNKNOWN_END
    undecided = replace(
        train,
        label_end=poisoned,
        y=np.where(late[:, None], 1, train.y).astype(np.int8),
        forward_return=np.where(late[:, None], np.nan, train.forward_return),
    )
    weightless = replace(undecided, label_end=train.label_end, weight=(~late).astype(np.float32)[:, None])
    kept = train.take(np.flatnonzero(~late))
    forecasts = []
    for samples in (kept, undecided, weightless):
        model = make()
        model.fit(samples)
        forecasts.append(model.predict(fresh).probability)
    assert np.array_equal(forecasts[0], forecasts[1]), "rows with undecided labels change what is learned"
    assert np.array_equal(forecasts[0], forecasts[2]), "rows of weight 0 change what is learned"


def survives_a_class_it_never_saw(make: Make, folder: Path) -> None:  # noqa: ARG001
    """Where training holds two classes, forecasts still have three columns and the missing one is unlikely."""
    train = planted_samples()
    train = train.take(np.flatnonzero(train.y[:, 0] != 0))
    model = make()
    model.fit(train)
    forecast = model.predict(planted_samples(300, part="other")).checked()
    assert forecast.probability[:, 1].max() < 0.05, "a class that training never saw is forecast with 5% and more"


def refuses_what_it_cannot_learn(make: Make, folder: Path) -> None:  # noqa: ARG001
    """Samples without labels, with one class, or infinite features raise DataError; so do other features later."""
    train = planted_samples()
    infinite = train.x.copy()
    infinite[3, 1] = np.inf
    bad = {
        "no rows": train.take(np.arange(0)),
        "no labels": replace(
            train,
            horizons=(),
            **{name: getattr(train, name)[:, :0] for name in ("y", "label_end", "forward_return", "weight")},
        ),
        "nothing decided": replace(train, label_end=np.full_like(train.label_end, UNKNOWN_END)),
        "one class": replace(train, y=np.ones_like(train.y)),
        "an infinite feature": replace(train, x=infinite),
        "a weight that is not a number": replace(train, weight=np.full_like(train.weight, np.nan)),
    }
    for what, samples in bad.items():
        assert _refused(lambda samples=samples: make().fit(samples)), f"fit accepts samples with {what}"  # type: ignore[misc]
    model = make()
    model.fit(train)
    names = train.feature_names
    others = {
        "a feature renamed": replace(train, feature_names=("renamed", *names[1:])),
        "features in another order": replace(train, feature_names=(names[1], names[0], *names[2:])),
        "a feature missing": replace(train, x=train.x[:, 1:], feature_names=names[1:]),
        "an infinite feature": replace(train, x=infinite),
    }
    for what, samples in others.items():
        assert _refused(lambda samples=samples: model.predict(samples)), f"predict accepts samples with {what}"  # type: ignore[misc]


def stays_calm_where_features_say_nothing(make: Make, folder: Path) -> None:  # noqa: ARG001
    """Features that never vary are refused, or give every row about the frequencies of the classes.

    One that varies is enough. Rows without any feature get a forecast. An empty validation fold is as good as none.
    """
    train, other = planted_samples(), planted_samples(100, part="other")
    frequency = np.bincount(train.y[:, 0] + 1, minlength=3) / len(train)
    for what, value in (("constant", 1.0), ("missing", np.nan)):
        model = make()
        silent = replace(train, x=np.full_like(train.x, value))
        if not _refused(lambda model=model, silent=silent: model.fit(silent)):  # type: ignore[misc]
            probability = model.predict(replace(other, x=np.full_like(other.x, value))).checked().probability
            far = float(np.abs(probability - frequency).max())
            assert far < 0.05, f"where every feature is {what} a probability is {far:.2f} off the class's frequency"
    x = train.x.copy()
    x[:, 3], x[:, 4] = 7.0, np.nan
    model = make()
    model.fit(replace(train, x=x))
    model.predict(replace(other, x=np.full_like(other.x, np.nan))).checked()
    forecasts = []
    for valid in (None, train.take(np.arange(0))):
        model = make()
        model.fit(train, valid)
        forecasts.append(model.predict(other).probability)
    assert np.array_equal(forecasts[0], forecasts[1]), "an empty validation fold changes what is learned"


class _Recorder:
    """A callback that writes down what it is told, and stops a fit after some iterations."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.calls: list[str] = []
        self.iterations: list[int] = []
        self.metrics: list[dict[str, float]] = []
        self.stop_after = stop_after

    def on_fit_start(self, model: ModelBase, train: Samples, valid: Samples | None) -> None:  # noqa: ARG002
        self.calls.append("start")

    def on_iteration_end(self, model: ModelBase, iteration: int, metrics: Mapping[str, float]) -> bool:  # noqa: ARG002
        self.calls.append("iteration")
        self.iterations.append(iteration)
        self.metrics.append(dict(metrics))
        return self.stop_after is not None and iteration + 1 >= self.stop_after

    def on_fit_end(self, model: ModelBase, report: FitReport) -> None:  # noqa: ARG002
        self.calls.append("end")


def tells_its_callbacks(make: Make, folder: Path) -> None:  # noqa: ARG001
    """Callbacks hear of the start, each iteration with its metrics, and the end; one that says stop is obeyed."""
    heard = _Recorder()
    report = make().fit(planted_samples(), planted_samples(part="valid"), callbacks=[heard])
    assert heard.calls[:1] == ["start"], f"callbacks first hear of {heard.calls[:1]}, not of the start"
    assert heard.calls[-1] == "end", f"callbacks last hear of {heard.calls[-1]!r}, not of the end"
    assert heard.iterations == list(range(len(heard.iterations))), "iterations are not counted from 0, one by one"
    assert heard.iterations, "no iteration was told"
    for name in (name for name in report.curves if name.startswith(("train_", "valid_"))):
        curve = report.curves[name]
        told = [metrics.get(name) for metrics in heard.metrics]
        assert list(curve) == told, f"the report's curve {name!r} is not what callbacks were told"
    total = sum(report.importance.values())
    assert not report.importance or abs(total - 1.0) < 1e-9, f"the importance of features adds up to {total}"
    if len(heard.iterations) > 2:
        stopped = _Recorder(stop_after=2)
        report = make().fit(planted_samples(), planted_samples(part="valid"), callbacks=[stopped])
        assert report.iterations == len(stopped.iterations) == 2, "a callback said stop and the fit went on"


def searches_its_own_fields(make: Make, folder: Path) -> None:  # noqa: ARG001
    """Its search space names fields of its config, every end of a range is allowed, and `tuned` lies within."""
    kind = type(make().config)
    for field, dimension in kind.search_space.items():
        assert field in kind.model_fields, f"the search space has a field {field!r} that the config does not have"
        for end in dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high):
            try:
                held = getattr(kind(**{field: end}), field)
            except ValueError as error:
                raise AssertionError(f"the search space offers {field} = {end!r}, which the config refuses") from error
            assert held == end, f"the config takes {field} = {end!r} as {held!r}"
    for field, value in kind.tuned.items():
        assert field in kind.model_fields, f"`tuned` has a field {field!r} that the config does not have"
        inside = field not in kind.search_space or kind.search_space[field].holds(value)
        assert inside, f"tuned {field} = {value!r} lies outside of its own search space"


MODEL_CHECKS: tuple[Check, ...] = (
    gives_a_forecast,
    loads_what_it_saved,
    fits_the_same_bytes_twice,
    forecasts_each_row_by_itself,
    learns_what_is_there,
    finds_nothing_in_noise,
    weighs_its_rows,
    survives_a_class_it_never_saw,
    refuses_what_it_cannot_learn,
    stays_calm_where_features_say_nothing,
    tells_its_callbacks,
    searches_its_own_fields,
)


def _with_holes(samples: Samples) -> Samples:
    x = samples.x.copy()
    x[::5, 2] = np.nan
    x[:, 3] = np.nan
    x[1::7, 0] = np.nan
    return replace(samples, x=x)


def _refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except DataError as error:
        return len(str(error)) > 20
    return False
