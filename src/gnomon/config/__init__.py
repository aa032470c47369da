"""The configuration: layers, strict YAML, sections, secrets."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnomon.config.components import check_components, component_sections
    from gnomon.config.diff import Difference, difference
    from gnomon.config.loader import LoadedConfig, load, load_config
    from gnomon.config.manager import ConfigLoader, ConfigManager, ConfigValidator
    from gnomon.config.models import (
        DataConfig,
        DeploymentConfig,
        EvaluationConfig,
        ExecutorConfig,
        FeaturesConfig,
        LoggingConfig,
        ModelConfig,
        MonitoringConfig,
        PipelineConfig,
        ReportConfig,
        StoreConfig,
        TrackingConfig,
        TrainingConfig,
    )
    from gnomon.config.resolved import config_hash, masked, to_yaml
    from gnomon.config.schema import json_schema
    from gnomon.config.secrets import Secret, reveal

_PLACES = {
    "components": ("check_components", "component_sections"),
    "diff": ("Difference", "difference"),
    "loader": ("LoadedConfig", "load", "load_config"),
    "manager": ("ConfigLoader", "ConfigManager", "ConfigValidator"),
    "models": (
        "DataConfig",
        "DeploymentConfig",
        "EvaluationConfig",
        "ExecutorConfig",
        "FeaturesConfig",
        "LoggingConfig",
        "ModelConfig",
        "MonitoringConfig",
        "PipelineConfig",
        "ReportConfig",
        "StoreConfig",
        "TrackingConfig",
        "TrainingConfig",
    ),
    "resolved": ("config_hash", "masked", "to_yaml"),
    "schema": ("json_schema",),
    "secrets": ("Secret", "reveal"),
}
_HOME = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "ConfigLoader",
    "ConfigManager",
    "ConfigValidator",
    "DataConfig",
    "DeploymentConfig",
    "Difference",
    "EvaluationConfig",
    "ExecutorConfig",
    "FeaturesConfig",
    "LoadedConfig",
    "LoggingConfig",
    "ModelConfig",
    "MonitoringConfig",
    "PipelineConfig",
    "ReportConfig",
    "Secret",
    "StoreConfig",
    "TrackingConfig",
    "TrainingConfig",
    "check_components",
    "component_sections",
    "config_hash",
    "difference",
    "json_schema",
    "load",
    "load_config",
    "masked",
    "reveal",
    "to_yaml",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gnomon.config' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gnomon.config.{_HOME[name]}"), name)
