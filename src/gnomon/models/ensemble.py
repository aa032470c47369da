"""An ensemble: several trained models, whatever their families, and what is done with their forecasts.

It predicts, saves and loads like any other model; its folder holds each member whole:

    model.json         its config, features, horizon, and what is known of its members
    members/<name>/    a member, as `TrainedModel.save` writes it
    combiner/          what is done with what they say

How it is fitted stands in `gnomon.ensembles`, two floors up: importing that room makes `fit` work here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from gnomon.config.models import ModelConfig as ModelSection
from gnomon.config.models import TrainingConfig
from gnomon.core.errors import ConfigError, IntegrityError
from gnomon.core.files import write_atomic
from gnomon.core.hashing import canonical_json
from gnomon.core.registry import build
from gnomon.models.base import Callback, FitReport, ModelBase, ModelConfig, ModelRegistry, State
from gnomon.models.bundle import TrainedModel
from gnomon.models.combiners import Combiner, load_combiner
from gnomon.models.supervised import same_features
from gnomon.samples.base import Forecast, Samples

FACTS = "model.json"
ENSEMBLE = "ensemble"
Method = Literal["mean", "weighted", "rank", "stacking", "gating"]


class EnsembleConfig(ModelConfig):
    """Settings of `ensemble`."""

    members: tuple[str, ...] | dict[str, ModelSection] = ()
    """Other candidates by name, or models of its own: {name: {model_type, params}}. Two at least."""
    method: Method = "weighted"
    """What is done with their forecasts: mean; weighted (by loss); rank; stacking; gating (weights by a regime)."""
    meta: Literal["logistic_regression", "lightgbm"] = "logistic_regression"
    """The model that stacking learns with."""
    meta_params: dict[str, Any] = Field(default_factory=dict)
    """Its settings."""
    folds: int = Field(default=5, ge=2)
    """Purged folds over the training rows; each member's forecasts of a fold come from fits that never saw it."""
    embargo_bars: int = Field(default=0, ge=0)
    """Moments after a fold that no fit for it learns from."""
    fallback: Literal["fail", "drop"] = "fail"
    """A member that cannot be fitted fails the ensemble, or is left out and named; two must remain."""
    regime: str | None = None
    """The feature that gating goes by, such as a trailing volatility."""
    regimes: int = Field(default=3, ge=2, le=10)
    """Parts of equal size that its training values are cut into."""
    training: TrainingConfig = TrainingConfig()
    """How members are fitted; a pipeline gives its own."""

    @field_validator("members")
    @classmethod
    def _enough(cls, members: tuple[str, ...] | dict[str, ModelSection]) -> tuple[str, ...] | dict[str, ModelSection]:
        names = list(members)
        if len(names) == 1:
            raise ValueError("an ensemble needs two members at least; one alone is a model of its own")
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"{twice!r} stands there twice; a member counts once")
        if strange := next((name for name in names if not name or set(name) & set("/\\:") or name[0] == "."), None):
            raise ValueError(f"{strange!r} cannot name a folder; use letters, digits, - and _")
        if isinstance(members, dict):
            nested = next((name for name, one in members.items() if one.model_type == ENSEMBLE), None)
            if nested is not None:
                raise ValueError(f"{nested!r} is an ensemble itself; name its members instead")
            begun = next((name for name, one in members.items() if one.init_from is not None), None)
            if begun is not None:
                raise ValueError(f"{begun!r} has init_from: its first weights may know the rows that judge members")
        return members

    @model_validator(mode="after")
    def _has_a_regime(self) -> Self:
        if self.method == "gating" and self.regime is None:
            raise ValueError("gating needs `regime`: the name of a feature, such as a trailing volatility")
        return self

    def sections(self) -> dict[str, ModelSection]:
        """The members' own sections. ConfigError where they are only named, or there are none."""
        if not self.members:
            raise ConfigError("an ensemble needs `members`: names of other candidates, or {name: {model_type: ...}}")
        if not isinstance(self.members, dict):
            raise ConfigError(
                f"the members {list(self.members)} are names of a configuration's candidates, and here there is none; "
                "give each with its type: {name: {model_type: ...}}"
            )
        return self.members


Fitter = Callable[..., FitReport]


@ModelRegistry.register(name=ENSEMBLE, family=ENSEMBLE)
class Ensemble(ModelBase):
    """Several models as one: a mean, convex weights, ranks, stacking or weights by regime, learned out of fold.

    A row from which a member abstains (a net without a full window) is abstained from.
    """

    Config = EnsembleConfig
    config: EnsembleConfig
    scaled = False
    raw = True
    saves_midway = False
    fitter: ClassVar[Fitter | None] = None
    """Fits it: `gnomon.ensembles.fit_ensemble`, which takes its place here when that room is imported."""

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.feature_names: tuple[str, ...] = ()
        self.horizon: int | None = None
        self.members: dict[str, TrainedModel] = {}
        self.combiner: Combiner | None = None
        self.about: dict[str, Any] = {}
        """Plain values for people: `weights`, `diversity`, `contributions`, `out_of_fold`, `dropped`."""

    @property
    def context(self) -> int:
        """The longest of its members'."""
        return max((member.model.context for member in self.members.values()), default=0)

    def hold(
        self,
        members: Mapping[str, TrainedModel],
        combiner: Combiner,
        *,
        feature_names: tuple[str, ...],
        horizon: int,
        about: Mapping[str, Any],
    ) -> None:
        """Takes what was fitted. Members keep their calibration, not their conformal sets: those are of one alone."""
        self.members = {name: replace(member, conformal=None) for name, member in members.items()}
        self.combiner, self.feature_names, self.horizon = combiner, feature_names, horizon
        self.about = json.loads(canonical_json(about))

    def fit(
        self, train: Samples, valid: Samples | None = None, *, callbacks: Sequence[Callback] = (), **known: Any
    ) -> FitReport:
        """Fits members and combiner; `known` are further arguments of `gnomon.ensembles.fit_ensemble`."""
        fitter = type(self).fitter
        if fitter is None:
            raise ConfigError("ensembles are fitted by the room `gnomon.ensembles`: import it first")
        return fitter(self, train, valid, callbacks=callbacks, **known)

    def predict(self, samples: Samples, *, state: State | None = None) -> Forecast:  # noqa: ARG002
        """A forecast, one row a sample; `state` is not used."""
        if self.combiner is None or self.horizon is None:
            raise ValueError("this Ensemble was not fitted yet; call fit, or load a saved one")
        same_features(samples, self.feature_names, "Ensemble")
        forecasts = [member.predict(samples) for member in self.members.values()]
        said = np.stack([forecast.probability for forecast in forecasts])
        sets = [forecast.allowed.any(axis=1) for forecast in forecasts if forecast.allowed is not None]
        spoken = np.logical_and.reduce(sets) if sets else None
        return Forecast(
            probability=self.combiner.combine(said, samples) if len(samples) else np.empty((0, 3)),
            known_at=samples.known_at,
            symbol=samples.symbol,
            symbols=samples.symbols,
            horizon=self.horizon,
            allowed=None if spoken is None else np.repeat(spoken[:, None], 3, axis=1),
        ).checked()

    def save(self, folder: Path) -> None:
        """Writes it and its members into an existing empty folder: the same ensemble, the same bytes."""
        if self.combiner is None:
            raise ValueError("this Ensemble was not fitted yet; there is nothing to save")
        facts = {
            "class": type(self).__name__,
            "config": self.config.model_dump(mode="json"),
            "features": list(self.feature_names),
            "horizon": self.horizon,
            "members": list(self.members),
            "about": self.about,
        }
        write_atomic(folder / FACTS, canonical_json(facts))
        (folder / "members").mkdir()
        for name, member in self.members.items():
            member.save(folder / "members" / name)
        (folder / "combiner").mkdir()
        self.combiner.save(folder / "combiner")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The ensemble that `save` wrote. Raises IntegrityError for a folder that holds none."""
        try:
            facts = json.loads((folder / FACTS).read_bytes())
            if facts["class"] != cls.__name__:
                raise IntegrityError(f"{folder} holds a {facts['class']}, not a {cls.__name__}")
            model = cls(build(cls.Config, facts["config"], where=str(folder / FACTS)))
            model.members = {name: TrainedModel.load(folder / "members" / name) for name in facts["members"]}
            model.feature_names = tuple(facts["features"])
            model.horizon, model.about = int(facts["horizon"]), facts["about"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(f"{folder} holds no {cls.__name__}: {error}") from error
        model.combiner = load_combiner(folder / "combiner")
        return model
