"""Stages, plan, executor: a workspace's configuration to a judged run."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gnomon.pipeline.base import STAGES, Codec, Key, PipelineContext, PipelineStage, Setup

if TYPE_CHECKING:
    from gnomon.pipeline.executor import PipelineExecutor
    from gnomon.pipeline.model_pipeline import ModelPipeline, RunContext, run
    from gnomon.pipeline.plan import Plan, make_plan
    from gnomon.pipeline.workspace import Workspace, open_workspace, write_workspace

# The built-in stages bring every lower floor with them; a plug-in that registers a stage needs only the contract.
_HOMES = {
    "ModelPipeline": "model_pipeline",
    "PipelineExecutor": "executor",
    "Plan": "plan",
    "RunContext": "model_pipeline",
    "Workspace": "workspace",
    "make_plan": "plan",
    "open_workspace": "workspace",
    "run": "model_pipeline",
    "write_workspace": "workspace",
}

__all__ = [
    "STAGES",
    "Codec",
    "Key",
    "ModelPipeline",
    "PipelineContext",
    "PipelineExecutor",
    "PipelineStage",
    "Plan",
    "RunContext",
    "Setup",
    "Workspace",
    "make_plan",
    "open_workspace",
    "run",
    "write_workspace",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
