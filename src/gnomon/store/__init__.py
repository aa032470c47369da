"""Artifacts by content, tracking and the model registry, the trial ledger, locks."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnomon.store.base import ArtifactStore, ArtifactStoreBase, ArtifactType, ArtifactVersion
    from gnomon.store.local import LocalArtifactStore, open_store
    from gnomon.store.registry import ModelVersions
    from gnomon.store.tracking import ExperimentTracker
    from gnomon.store.trials import TrialLedger

_HOMES = {
    "ArtifactStore": "base",
    "ArtifactStoreBase": "base",
    "ArtifactType": "base",
    "ArtifactVersion": "base",
    "ExperimentTracker": "tracking",
    "LocalArtifactStore": "local",
    "ModelVersions": "registry",
    "TrialLedger": "trials",
    "open_store": "local",
}

__all__ = [
    "ArtifactStore",
    "ArtifactStoreBase",
    "ArtifactType",
    "ArtifactVersion",
    "ExperimentTracker",
    "LocalArtifactStore",
    "ModelVersions",
    "TrialLedger",
    "open_store",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"gnomon.store.{_HOMES[name]}"), name)
