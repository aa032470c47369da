"""Where a fit stands, on disk: tensors as safetensors, the rest as JSON. A killed fit goes on from the last one.

    <folder>/step-00000500/tensors.safetensors, progress.json

A checkpoint is whole or absent; an older one goes when a newer one stands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gnomon.core.errors import IntegrityError
from gnomon.core.files import atomic_folder, remove, write_atomic
from gnomon.core.hashing import canonical_json, hash_bytes, hash_value
from gnomon.models.neural.data import Windows

TENSORS, PROGRESS = "tensors.safetensors", "progress.json"
FORMAT = 2


@dataclass
class Progress:
    """Where a fit stands. Sums are of the present epoch."""

    step: int = 0
    curves: dict[str, list[float]] = field(default_factory=dict)
    loss_sum: float = 0.0
    log_loss_sum: float = 0.0
    weight_sum: float = 0.0
    noise_steps: int = 0
    noise_squares: float = 0.0
    noise_products: float = 0.0
    noise_product_squares: float = 0.0
    best_loss: float = float("inf")
    best_epoch: int = -1
    skipped: int = 0
    """Steps in a row that mixed precision left out."""
    stopped: bool = False


def fingerprint(config: Mapping[str, Any], train: Windows, valid: Windows | None, origin: Mapping[str, Tensor]) -> str:
    """Hash of all that a fit depends on: its config, the data it sees, and the weights that it begins with."""
    parts: dict[str, Any] = {"format": FORMAT, "config": config, "origin": hash_bytes(save(dict(origin)))}
    for name, windows in (("train", train), ("valid", valid)):
        if windows is not None:
            arrays = {
                key: hash_bytes(np.ascontiguousarray(getattr(windows, key).numpy()).tobytes())
                for key in ("x", "ends", "y", "forward_return", "weight")
            }
            parts[name] = {**arrays, "shape": list(windows.x.shape)}
    return hash_value(parts)


def save_checkpoint(folder: Path, progress: Progress, tensors: Mapping[str, Tensor], identity: str) -> None:
    """Writes the checkpoint of a step, and removes those before it."""
    old = _steps(folder)
    place = folder / f"step-{progress.step:08d}"
    if place in old:
        return
    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    facts = _spelled({**asdict(progress), "identity": identity, "tensors": hash_bytes(data)})
    with atomic_folder(place) as temporary:
        write_atomic(temporary / TENSORS, data)
        write_atomic(temporary / PROGRESS, canonical_json(facts))
    for before in old:
        remove(before)


def load_checkpoint(folder: Path, identity: str) -> tuple[Progress, dict[str, Tensor]] | None:
    """The last checkpoint in the folder, or None. IntegrityError for one that is damaged, or of another fit."""
    steps = _steps(folder)
    if not steps:
        return None
    place = steps[-1]
    try:
        facts = _read(json.loads((place / PROGRESS).read_bytes()))
        data = (place / TENSORS).read_bytes()
        if hash_bytes(data) != facts.pop("tensors"):
            raise ValueError("its tensors are not those that were written")
        owner = facts.pop("identity")
        tensors = load(data)
        progress = replace(Progress(), **facts)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise IntegrityError(f"the checkpoint {place} is damaged: {error}; remove {folder} to begin again") from None
    if owner != identity:
        raise IntegrityError(
            f"{folder} holds a checkpoint of another fit (other samples, config, or first weights); remove it, or name "
            "another folder"
        )
    return progress, tensors


def clear_checkpoints(folder: Path) -> None:
    """Removes the checkpoints: the fit has ended."""
    for place in _steps(folder):
        remove(place)


def _steps(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"))


def _spelled(value: Any) -> Any:
    """JSON has no word for infinity or NaN: they are written as text."""
    if isinstance(value, dict):
        return {key: _spelled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_spelled(item) for item in value]
    return {"float": repr(value)} if isinstance(value, float) and not np.isfinite(value) else value


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"float"}:
            return float(value["float"])
        return {key: _read(item) for key, item in value.items()}
    return [_read(item) for item in value] if isinstance(value, list) else value
