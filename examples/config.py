"""Layers, overrides, and where each value came from."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gnomon.config import config_hash, difference, load, load_config, to_yaml
from gnomon.core.errors import ConfigError

with tempfile.TemporaryDirectory() as name:
    workspace = Path(name)
    (workspace / "gnomon.yaml").write_text(
        "project: example\nlabels: {kind: triple_barrier, horizons: [5, 10]}\nexecution: {fee_bps: 1.0}\n"
    )
    (workspace / "experiments").mkdir()
    (workspace / "experiments" / "cheap.yaml").write_text("execution: {fee_bps: 0.0}\n")

    base = load_config(workspace)
    loaded = load(workspace, experiment="cheap", overrides=["training.threads=2"])

    print(to_yaml(loaded.config.training), end="")
    for key in ("labels.horizons", "execution.fee_bps", "training.threads"):
        print(f"{key} comes from {loaded.provenance[key].layer}")
    for row in difference(base, loaded.config):
        print(f"{row.key}: {row.a} -> {row.b}")
    # The parts that did not change keep their hash, so what was computed from them is used again.
    assert config_hash(base, "labels") == config_hash(loaded.config, "labels")

    try:
        load_config(workspace, overrides=["trainig.threads=2"])
    except ConfigError as error:
        print(error)
