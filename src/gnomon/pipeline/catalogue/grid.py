"""What a sweep compares: registered models, small enough to be fitted in seconds, at several depths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gnomon.models  # noqa: F401  the built-in models register themselves
from gnomon.config.models import ModelConfig as ModelSection
from gnomon.config.models import TrainingConfig
from gnomon.core.errors import ConfigError, unknown
from gnomon.models.base import ModelRegistry
from gnomon.models.ensemble import ENSEMBLE
from gnomon.models.factory import build_model

DEPTHS = ("layers", "depth", "max_depth", "levels", "blocks", "stacks")
"""Fields of a model's config that say how deep it is; the first that it has."""
SMALL: Mapping[str, Any] = {"rounds": 100, "trees": 100, "epochs": 3, "window": 16}
"""What makes a model small, by field of its config."""
WEIGHTS: Mapping[str, str] = {"foundation": "weights"}
"""Models that are nothing without weights from elsewhere, and the field that names these."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A model to be scored. `depth`: None where it has no such setting, or no limit."""

    model: str
    params: Mapping[str, Any] = field(default_factory=dict)
    depth: int | None = None

    @property
    def family(self) -> str:
        """Of the model."""
        return str(ModelRegistry.models.entry(self.model).facts["family"])

    @property
    def baseline(self) -> bool:
        """Whether the model is a rule that others have to beat."""
        return bool(ModelRegistry.models.get(self.model).baseline)

    @property
    def section(self) -> ModelSection:
        """The configuration's section."""
        return ModelSection(model_type=self.model, params=dict(self.params))

    def resolved(self, training: TrainingConfig, seed: int) -> dict[str, Any]:
        """Its whole config, defaults filled in; only its params where it cannot be made here."""
        try:
            return build_model(self.section, training=training, seed=seed).config.model_dump(mode="json")
        except ConfigError:
            return {"params": dict(self.params), "seed": seed}


def depth_field(model: str) -> str | None:
    """The field of a model's config that says how deep it is.

    >>> depth_field("lstm"), depth_field("catboost"), depth_field("majority")
    ('layers', 'depth', None)
    """
    fields = ModelRegistry.models.get(model, where="models").Config.model_fields
    return next((name for name in DEPTHS if name in fields), None)


def candidates(
    *,
    families: Sequence[str] = (),
    models: Sequence[str] = (),
    depths: Sequence[int] = (),
    sizes: Mapping[str, Any] = SMALL,
) -> list[Candidate]:
    """Every registered model (of these families, or by these names) at every depth, or its own where it has none.

    What `left_out` names, only by name.

    `sizes` are set in each model that has the field. ConfigError names the nearest family or model.

    >>> [(one.model, one.depth) for one in candidates(models=["majority", "gru"], depths=[1, 2])]
    [('majority', None), ('gru', 1), ('gru', 2)]
    """
    known = {entry.name: str(entry.facts["family"]) for entry in ModelRegistry.models}
    for family in families:
        if family not in known.values():
            raise ConfigError(unknown("family of models", family, sorted(set(known.values()))))
    for model in models:
        if model not in known:
            raise ConfigError(unknown("model", model, known))
    if any(depth < 1 for depth in depths):
        raise ConfigError(f"depths are whole numbers of 1 and more, were {list(depths)}")
    chosen = list(dict.fromkeys(models)) or [name for name in known if name not in left_out(sizes)]
    chosen = [model for model in chosen if not families or known[model] in families]
    if not chosen:
        raise ConfigError(f"none of the models {', '.join(models)} is of the families {', '.join(families)}")
    return [one for model in chosen for one in _at_depths(model, depths, sizes)]


def left_out(sizes: Mapping[str, Any] = SMALL) -> dict[str, str]:
    """Models that are swept only where they are named, and why.

    >>> sorted(left_out())
    ['ensemble', 'foundation']
    """
    missing = {
        model: f"needs pretrained weights: --size {name}=FILE" for model, name in WEIGHTS.items() if name not in sizes
    }
    return {ENSEMBLE: "is made of others, which a workspace names", **missing}


def _at_depths(model: str, depths: Sequence[int], sizes: Mapping[str, Any]) -> list[Candidate]:
    fields = ModelRegistry.models.get(model).Config.model_fields
    own = {name: value for name, value in sizes.items() if name in fields}
    deep = depth_field(model)
    if deep is None or not depths:
        value = None if deep is None else own.get(deep, fields[deep].default)
        return [Candidate(model=model, params=own, depth=value if isinstance(value, int) and value > 0 else None)]
    made = []
    for depth in dict.fromkeys(depths):
        # A tree of so many levels has at most so many leaves; with fewer it could not become as deep.
        leaves = {"num_leaves": min(2**depth, 1024)} if "num_leaves" in fields else {}
        made.append(Candidate(model=model, params={**own, **leaves, deep: depth}, depth=depth))
    return made
