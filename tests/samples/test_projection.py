"""Projections: against scikit-learn, on training rows only, a row by itself, and the same bits from disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

from gnomon.core.errors import ConfigError, DataError, GateError, IntegrityError
from gnomon.samples import PROJECTIONS, PrincipalComponents, ProjectionParams, RandomProjection, Samples
from gnomon.splits.audit import audit_fitted
from gnomon.splits.holdout import Holdout
from gnomon.testing.models import planted_samples

KINDS = [PrincipalComponents(columns="news_*", components=3), RandomProjection(columns="news_*", components=3)]


def vectors(rows: int = 300, part: str = "train") -> Samples:
    """Samples with two plain features and ten that are a vector, of which three directions hold most."""
    samples = planted_samples(rows, features=12, part=part)
    x = samples.x.copy()
    mix = np.random.default_rng(0).normal(size=(3, 10)).astype(np.float32)
    x[:, 2:] = 5.0 * x[:, 2:5] @ mix + 0.1 * x[:, 2:]
    return replace(samples, x=x, feature_names=("a", "b", *(f"news_{k}" for k in range(10))))


def test_two_columns_on_a_line_by_hand() -> None:
    samples = planted_samples(3, features=2, symbols=1)
    samples = replace(samples, x=np.array([[0, 0], [1, 1], [2, 2]], np.float32), feature_names=("v_0", "v_1"))
    params = PrincipalComponents(columns="v_*", components=1).fit(samples)
    assert params.outputs == ("v_pca_0",)
    assert params.explained == pytest.approx(1.0)
    np.testing.assert_allclose(np.abs(params.apply(samples).x[:, 0]), [2**0.5, 0.0, 2**0.5], atol=1e-6)


def test_it_is_that_of_scikit_learn() -> None:
    samples = vectors()
    params = KINDS[0].fit(samples)
    applied = params.apply(samples)
    assert applied.feature_names == ("a", "b", "news_pca_0", "news_pca_1", "news_pca_2")
    np.testing.assert_array_equal(applied.x[:, :2], samples.x[:, :2])
    expected = PCA(3, svd_solver="full").fit_transform(samples.x[:, 2:].astype(np.float64))
    np.testing.assert_allclose(np.abs(applied.x[:, 2:]), np.abs(expected), rtol=1e-4, atol=1e-4)
    assert params.explained is not None
    assert params.explained > 0.99


@pytest.mark.parametrize("projection", KINDS, ids=lambda kind: type(kind).__name__)
def test_a_row_is_projected_by_itself(projection) -> None:
    samples = vectors()
    params = projection.fit(samples)
    whole = params.apply(samples).x
    for rows in ([0], [7, 8], list(range(100, 177))):
        np.testing.assert_array_equal(params.apply(samples.take(np.array(rows))).x, whole[rows])


@pytest.mark.parametrize("projection", KINDS, ids=lambda kind: type(kind).__name__)
def test_only_the_rows_it_was_given_count(projection, tmp_path: Path) -> None:
    samples = vectors()
    [fold] = Holdout(train=0.6, valid=0.2, test=0.2).split(samples.known_at, samples.last_label_end)
    params = projection.fit(samples.take(fold.train))
    x = samples.x.copy()
    x[fold.test] *= -100.0
    wild = replace(samples, x=x)
    assert projection.fit(wild.take(fold.train)) == params
    params.save(tmp_path / "p.json")
    assert ProjectionParams.load(tmp_path / "p.json") == params
    audit_fitted({"projection": params, "none": None}, samples, fold)
    with pytest.raises(
        GateError, match=r"the projection leaks: it was fitted on 300 rows up to .* not the \d+ training"
    ):
        audit_fitted({"projection": projection.fit(samples)}, samples, fold)


def test_all_rows_would_have_given_other_directions() -> None:
    """Control: why the audit is there."""
    samples = vectors()
    x = samples.x.copy()
    x[200:, 5] *= 100.0
    wild = replace(samples, x=x)
    early = KINDS[0].fit(wild.take(np.arange(200)))
    assert not np.allclose(np.abs(early.matrix), np.abs(KINDS[0].fit(wild).matrix), atol=0.1)


def test_a_hole_is_a_hole() -> None:
    samples = vectors()
    x = samples.x.copy()
    x[::5, 4] = np.nan
    params = KINDS[0].fit(replace(samples, x=x))
    applied = params.apply(replace(samples, x=x)).x
    assert np.isnan(applied[::5, 2:]).all()
    assert np.isfinite(applied[1::5]).all()
    assert params == replace(KINDS[0].fit(replace(samples, x=x)), rows=300)


def test_random_directions_come_from_the_seed() -> None:
    samples = vectors()
    one, same, other = (RandomProjection(columns="news_*", components=3, seed=s).fit(samples) for s in (1, 1, 2))
    assert one == same
    assert one.matrix != other.matrix
    assert one.explained is None


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"kind": "pac", "columns": "news_*"}, "did you mean 'pca'"),
        ({"kind": "pca"}, "training.projection.columns is missing"),
        ({"kind": "pca", "columns": "news_*", "components": 0}, "components must be 1 or more, was 0"),
        ({"kind": "pca", "columns": []}, "columns must name a feature"),
        ({"kind": "pca", "columns": "news_*", "component": 3}, "did you mean 'components'"),
    ],
)
def test_wrong_sections_are_refused(section, says) -> None:
    with pytest.raises(ConfigError, match=says):
        PROJECTIONS.from_config(section, where="training.projection")


def test_what_cannot_be_projected_is_refused(tmp_path: Path) -> None:
    samples = vectors()
    with pytest.raises(ConfigError, match="no feature is called 'newz_0'; did you mean 'news_0'"):
        PrincipalComponents(columns="newz_0").fit(samples)
    with pytest.raises(ConfigError, match=r"components is 11, but \['news_\*'\] are only 10 features"):
        PrincipalComponents(columns="news_*", components=11).fit(samples)
    with pytest.raises(DataError, match="there are none"):
        KINDS[0].fit(samples.take(np.array([], np.int64)))
    with pytest.raises(DataError, match="3 components need more rows"):
        KINDS[0].fit(samples.take(np.arange(3)))
    bad = samples.x.copy()
    bad[0, 3] = np.inf
    with pytest.raises(DataError, match="infinite in 1 training rows"):
        KINDS[0].fit(replace(samples, x=bad))
    with pytest.raises(DataError, match="the samples carry"):
        KINDS[0].fit(samples).apply(planted_samples(10))
    taken = replace(samples, feature_names=("news_pca_0x", "a", *samples.feature_names[2:]))
    assert KINDS[0].fit(taken).outputs[0] == "news_pca_0"
    with pytest.raises(ConfigError, match="features are called so already"):
        PrincipalComponents(columns=("news_0", "news_1"), components=1).fit(
            replace(samples, feature_names=("news_0_pca_0", *samples.feature_names[1:]))
        )
    (tmp_path / "p.json").write_text("{}")
    with pytest.raises(IntegrityError, match="holds no projection"):
        ProjectionParams.load(tmp_path / "p.json")
