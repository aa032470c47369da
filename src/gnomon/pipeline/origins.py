"""The trained nets that candidates begin with (`init_from`): found before any work, known by their content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnomon.config.models import ModelConfig
from gnomon.core.errors import ConfigError, StoreError, nearest
from gnomon.core.hashing import hash_tree
from gnomon.models.base import ModelRegistry
from gnomon.models.neural.base import NeuralModel
from gnomon.pipeline.base import Setup
from gnomon.store.local import open_store


@dataclass(frozen=True)
class Origin:
    """A trained model's folder, and the hash of all that is in it: its weights, scaler, features and config."""

    folder: Path
    digest: str


def origin_of(setup: Setup, section: ModelConfig, *, where: str) -> Origin | None:
    """The trained model that a candidate begins with, None where it names none.

    `init_from` is a folder with a trained model (relative to the workspace), or `name:version` of the store.
    ConfigError, which names the nearest one, for what is not there, for a name without a version (another one would
    come with every run), for a model that is no net, and for weights of another model type.
    """
    if section.init_from is None:
        return None
    where = f"{where}.init_from"
    kind = ModelRegistry.models.get(section.model_type, where=where)
    if not issubclass(kind, NeuralModel):
        raise ConfigError(f"{where}: only nets begin with the weights of another, and {section.model_type} is none")
    folder = setup.workspace / section.init_from
    if not (folder / "meta.json").is_file():
        folder = _stored(setup, section.init_from, where)
    try:
        held = str(json.loads((folder / "meta.json").read_bytes())["model_type"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{where} = {section.init_from!r} holds no trained model: {error}") from None
    if held != section.model_type:
        raise ConfigError(
            f"{where} = {section.init_from!r} is a {held}, the candidate a {section.model_type}: weights go from a net "
            "to one of its own type"
        )
    return Origin(folder, hash_tree(folder))


def section_facts(section: ModelConfig, origin: Origin | None) -> Mapping[str, Any]:
    """A candidate's section as plain values; the weights that it begins with count by their content, not their name."""
    values = section.model_dump(mode="json")
    return values if origin is None else {**values, "init_from": {"sha256": origin.digest}}


def _stored(setup: Setup, wanted: str, where: str) -> Path:
    store = open_store(setup.config.store, setup.workspace)
    name, _, version = wanted.rpartition(":")
    known = {f"{artifact.name}:{artifact.version}" for artifact in store.list(kind="model")}
    if not name:
        versions = sorted(one for one in known if one.rpartition(":")[0] == wanted)
        if versions:
            raise ConfigError(f"{where} = {wanted!r} names no version; say which, such as {versions[-1]!r}")
    elif wanted in known:
        try:
            return store.get(name, version)
        except StoreError as error:
            raise ConfigError(f"{where} = {wanted!r} cannot be read: {error}") from None
    close = nearest(wanted, sorted(known))
    there = ", ".join(sorted(known)[:5]) or "none yet"
    hint = f"did you mean {close!r}?" if close else f"there are {there}"
    raise ConfigError(
        f"{where} = {wanted!r} is neither a folder with a trained model in {setup.workspace} nor name:version of one "
        f"in the store; {hint}"
    )
