"""A simulation as a folder: tables as Parquet, its rules as JSON. The same simulation, the same bytes."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl

from gnomon.core.files import atomic_path, write_atomic
from gnomon.core.hashing import canonical_json
from gnomon.core.registry import build
from gnomon.execution.base import ExecutionConfig
from gnomon.simulation.base import Simulation

TABLES = ("equity", "fills", "positions", "targets")
UNLIMITED = "unlimited"
"""How an infinite limit is written: JSON has no infinity."""


def save_simulation(simulation: Simulation, folder: Path) -> None:
    """Writes equity, fills, positions and targets (Parquet), carry (npy) and the execution (JSON) into `folder`."""
    for name in TABLES:
        with atomic_path(folder / f"{name}.parquet") as temporary:
            getattr(simulation, name).rechunk().write_parquet(temporary)
    with atomic_path(folder / "carry.npy") as temporary, temporary.open("wb") as file:
        np.save(file, simulation.carry, allow_pickle=False)
    rules = {name: UNLIMITED if value == math.inf else value for name, value in asdict(simulation.execution).items()}
    write_atomic(folder / "execution.json", canonical_json(rules))


def load_simulation(folder: Path) -> Simulation:
    """What `save_simulation` wrote."""
    rules = json.loads((folder / "execution.json").read_bytes())
    limits = {name: math.inf if value == UNLIMITED else value for name, value in rules.items()}
    execution = build(ExecutionConfig, limits, where=str(folder / "execution.json"))
    tables = {name: pl.read_parquet(folder / f"{name}.parquet", glob=False) for name in TABLES}
    return Simulation(**tables, execution=execution, carry=np.load(folder / "carry.npy", allow_pickle=False))
