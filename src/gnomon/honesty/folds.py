"""Leaks between rows: folds that overlap, and fits that saw rows which they are judged by.

Folds go through the overlap audit, which knows intervals alone. Whatever was fitted keeps the hash of the rows that it
saw (`gnomon.samples.transforms.rows_hash`), and that must be the hash of the training rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from gnomon.core.seeds import generator
from gnomon.core.types import Array, Int64
from gnomon.samples.base import Samples
from gnomon.samples.projection import PrincipalComponents
from gnomon.samples.transforms import NoScaler, RobustScaler, StandardScaler, rows_hash
from gnomon.splits.audit import audit_fold, overlapping
from gnomon.splits.base import Fold
from gnomon.splits.holdout import Holdout

MOMENTS = 400
HORIZON = 20
"""Moments until the longest label is known; a third of them are known earlier."""
REACH = 15
"""Moments that a feature looks back."""


@cache
def labelled() -> Samples:
    """Rows of two symbols, sorted by symbol and moment, whose labels take up to twenty moments to be known."""
    chance = generator(5, "honesty", "folds")
    moment = np.tile(np.arange(MOMENTS, dtype=np.int64), 2)
    rows = moment.size
    life = np.where(chance.random(rows) < 0.3, chance.integers(1, HORIZON, rows), HORIZON)
    ones = np.ones((rows, 1))
    return Samples(
        x=chance.normal(size=(rows, 4)).astype(np.float32),
        known_at=moment,
        symbol=np.repeat(np.arange(2, dtype=np.int32), MOMENTS),
        segment=np.repeat(np.arange(2, dtype=np.int32), MOMENTS),
        prices=ones.copy(),
        y=chance.integers(-1, 2, (rows, 1)).astype(np.int8),
        label_end=(moment + life)[:, None],
        forward_return=chance.normal(size=(rows, 1)),
        weight=ones.astype(np.float32),
        symbols=("A", "B"),
        feature_names=("a", "b", "c", "d"),
        price_names=("close",),
        horizons=(HORIZON,),
    )


def fold(
    test: Array, *, train: Array | None = None, valid: Array | None = None, purge: bool = True, embargo: int = 0
) -> Fold:
    """A fold around a mask of test rows, purged by label end and embargoed by a rule of its own."""
    samples = labelled()
    known, end = samples.known_at, samples.last_label_end
    learn = ~test if train is None else train.copy()
    if purge:
        first, last = known[test].min(), end[test].max()
        learn &= (end < first) | (known > last + embargo)
    return Fold(
        train=np.flatnonzero(learn),
        test=np.flatnonzero(test),
        valid=np.empty(0, np.int64) if valid is None else np.flatnonzero(valid),
    )


def _between(low: float, high: float) -> Array:
    moment = labelled().known_at
    return np.asarray((moment >= low * MOMENTS) & (moment < high * MOMENTS))


def _random(share: float) -> Array:
    return np.asarray(generator(6, "honesty", "rows").random(len(labelled())) < share)


def _purged_by_count(count: int) -> Fold:
    test = _between(0.7, 1.0)
    return fold(test, train=labelled().known_at < 0.7 * MOMENTS - count, purge=False)


def _purged_by_position() -> Fold:
    """Rows of all symbols stacked and cut by row number: the second symbol's past is the test of the first's future."""
    rows = np.arange(len(labelled()))
    return fold(rows >= 600, train=rows < 580, purge=False)


def _validation_into_test() -> Fold:
    return fold(_between(0.7, 1.0), train=_between(0.0, 0.4), valid=_between(0.5, 0.7), purge=False)


def _early_stopping_on_test() -> Fold:
    test = _between(0.7, 1.0)
    return fold(test, train=_between(0.0, 0.6), valid=test, purge=False)


def _oversampled() -> Fold:
    """Rare rows copied before the split: the same rows on both sides."""
    made = fold(_between(0.7, 1.0))
    copies = generator(7, "honesty", "copies").permutation(made.test)[:30]
    return Fold(train=np.sort(np.concatenate([made.train, copies])), test=made.test)


OVERLAPS: Mapping[str, tuple[str, Callable[[], Fold]]] = {
    "shuffled_folds": ("shuffled folds", lambda: fold(_random(0.2), purge=False)),
    "no_purge": ("no purge", lambda: fold(_between(0.7, 1.0), train=_between(0.0, 0.7), purge=False)),
    "middle_fold_without_purge": ("no purge", lambda: fold(_between(0.4, 0.6), purge=False)),
    "purge_by_a_short_count": ("purge by a count", lambda: _purged_by_count(10)),
    "purge_one_bar_short": ("purge by a count", lambda: _purged_by_count(HORIZON - 1)),
    "cut_by_row_number": ("symbols stacked", _purged_by_position),
    "split_by_symbol": ("symbols stacked", lambda: fold(labelled().symbol == 1, purge=False)),
    "validation_into_test": ("no purge", _validation_into_test),
    "early_stopping_on_test": ("early stopping on test", _early_stopping_on_test),
    "oversampled_before_the_split": ("rows on both sides", _oversampled),
    "embargo_zero": ("embargo zero", lambda: fold(_between(0.4, 0.6), embargo=0)),
}

CLEAN_FOLDS: Mapping[str, Callable[[], Fold]] = {
    "holdout": lambda: next(Holdout().split(labelled().known_at, labelled().last_label_end)),
    "purged_holdout": lambda: fold(_between(0.7, 1.0), train=_between(0.0, 0.7)),
    "purged_and_embargoed_middle": lambda: fold(_between(0.4, 0.6), embargo=REACH),
    "purge_by_the_whole_horizon": lambda: _purged_by_count(HORIZON),
}


def audit(made: Fold) -> str:
    """What overlaps, in words; empty when nothing does.

    Training rows after the test are known to have read the bars before them: their interval begins with their
    features' first bar, which is what an embargo is for.
    """
    samples = labelled()
    found = [
        f"{rows.size} rows of {first} overlap {second}"
        for (first, second), rows in audit_fold(made, samples.known_at, samples.last_label_end).overlaps.items()
        if rows.size
    ]
    since: Int64[Array, " n"] = samples.known_at.copy()
    since[made.train] -= REACH
    reads = overlapping(made.train, made.test, since, samples.last_label_end)
    if reads.size and not found:
        found.append(f"features of {reads.size} rows of train read the labels' bars of test")
    return "; ".join(found)


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Something that was learned from rows, with their hash."""

    values: Array
    rows_hash: str


def _selection(rows: Int64[Array, " m"]) -> Fitted:
    part = labelled().take(rows)
    strength = [abs(np.corrcoef(part.x[:, f], part.forward_return[:, 0])[0, 1]) for f in range(part.x.shape[1])]
    return Fitted(values=np.argsort(strength), rows_hash=rows_hash(part))


def _components(rows: Int64[Array, " m"]) -> Fitted:
    params = PrincipalComponents(columns="*", components=4).fit(labelled().take(rows))
    return Fitted(values=np.array(params.matrix), rows_hash=params.rows_hash)


def _encoding(rows: Int64[Array, " m"]) -> Fitted:
    part = labelled().take(rows)
    means = [part.y[part.symbol == s].mean() for s in range(2)]
    return Fitted(values=np.array(means), rows_hash=rows_hash(part))


def _scaler(kind: StandardScaler | RobustScaler | NoScaler) -> Callable[[Int64[Array, " m"]], Fitted]:
    def fit(rows: Int64[Array, " m"]) -> Fitted:
        params = kind.fit(labelled().take(rows))
        return Fitted(values=np.array(params.center), rows_hash=params.rows_hash)

    return fit


def _parts() -> dict[str, Int64[Array, " m"]]:
    (made,) = Holdout().split(labelled().known_at, labelled().last_label_end)
    return {
        "train": made.train,
        "train and valid": np.sort(np.concatenate([made.train, made.valid])),
        "train and test": np.sort(np.concatenate([made.train, made.test])),
        "test": made.test,
        "all": np.arange(len(labelled())),
        "train unpurged": np.flatnonzero(labelled().known_at <= labelled().known_at[made.train].max() + HORIZON),
    }


FITS: Mapping[str, Callable[[Int64[Array, " m"]], Fitted]] = {
    "standard_scaler": _scaler(StandardScaler()),
    "robust_scaler": _scaler(RobustScaler()),
    "selection": _selection,
    "components": _components,
    "target_encoding": _encoding,
}

LEAKY_FITS: Mapping[str, tuple[str, str, str]] = {
    "scaler_fitted_on_all": ("global scaling", "standard_scaler", "all"),
    "scaler_fitted_on_validation_too": ("global scaling", "robust_scaler", "train and valid"),
    "scaler_fitted_on_test": ("global scaling", "standard_scaler", "test"),
    "scaler_fitted_before_the_purge": ("no purge", "robust_scaler", "train unpurged"),
    "selection_on_all": ("selection on test rows", "selection", "all"),
    "components_of_all": ("whole-sample PCA", "components", "all"),
    "encoding_with_test_targets": ("target encoding", "target_encoding", "train and test"),
}
"""Kind, what was fitted, on which rows."""


def saw_other_rows(fitted: Fitted) -> bool:
    """Whether a fit saw anything but the training rows, by the hash that it keeps."""
    return fitted.rows_hash != rows_hash(labelled().take(_parts()["train"]))


def fits() -> Iterator[tuple[str, str, bool, bool]]:
    """Name, kind, whether it leaks, whether the hash says so: every leaky fit, then each kind of fit done right."""
    parts = _parts()
    for name, (kind, what, rows) in LEAKY_FITS.items():
        yield name, kind, True, saw_other_rows(FITS[what](parts[rows]))
    for what, fit in FITS.items():
        yield f"{what}_fitted_on_train", "clean", False, saw_other_rows(fit(parts["train"]))
