"""Forecasts outside a pipeline: a trained model from the store, on bars from anywhere."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from gnomon.config.models import FeaturesConfig, PipelineConfig
from gnomon.core.errors import ConfigError, StoreError, unknown
from gnomon.core.files import atomic_path
from gnomon.features.sets import FeatureSet
from gnomon.models.bundle import TrainedModel
from gnomon.pipeline.inputs import load_inputs
from gnomon.pipeline.workspace import CONFIG_FILE, open_workspace
from gnomon.samples.assemble import build_samples


def find_model(workspace: Path, name: str) -> tuple[TrainedModel, str]:
    """A trained model by folder, by artifact (`name` or `name:version`) or by candidate, and what it is called.

    StoreError names the nearest one where there is none of that name.
    """
    folder = Path(name)
    if (folder / "meta.json").is_file():
        return TrainedModel.load(folder), str(folder)
    if not (workspace / CONFIG_FILE).is_file():
        raise StoreError(f"{name!r} is no folder with a trained model, and {workspace} is no workspace with a store")
    opened = open_workspace(workspace)
    store = opened.store
    wanted, _, version = name.partition(":")
    known = {artifact.name for artifact in store.list(kind="model")}
    own = f"{opened.config.project}.{wanted}"
    if wanted not in known and own in known:
        wanted = own
    if wanted not in known:
        if not known:
            raise StoreError("no model has been trained here; `gnomon run` trains and keeps them")
        raise StoreError(unknown("model", name, {*known, *(n.rpartition(".")[2] for n in known)}))
    found = store.find(wanted, version or "latest")
    return TrainedModel.load(store.get(found.name, found.version)), f"{found.name}:{found.version}"


def forecast_bars(
    trained: TrainedModel, workspace: Path, config: PipelineConfig, *, data: Path | None = None, stamp: str = "close"
) -> pl.DataFrame:
    """Forecasts of a model on `data` (or the workspace's bars): the features are those that it was trained on."""
    lineage = trained.meta.lineage.get("features")
    features = FeaturesConfig.model_validate(lineage) if lineage else config.features
    bars, tables = load_inputs(workspace, config, data=data, stamp=stamp)
    frame = FeatureSet.from_config(features, tables=tuple(tables)).compute(bars, tables)
    return trained.predict(build_samples(frame, None, bars)).to_frame()


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Writes a table as Parquet or CSV, by the ending; ConfigError for another one."""
    if path.suffix not in {".parquet", ".csv"}:
        raise ConfigError(f"cannot write {path}: the ending must be .parquet or .csv")
    with atomic_path(path) as temporary:
        frame.write_parquet(temporary) if path.suffix == ".parquet" else frame.write_csv(temporary)


def read_table(path: Path) -> pl.DataFrame:
    """A table of a person's from Parquet or CSV, with `timestamp` as a moment in UTC. ConfigError for others."""
    if not path.is_file():
        raise ConfigError(f"no file {path}")
    if path.suffix == ".parquet":
        return pl.read_parquet(path, glob=False)
    if path.suffix == ".csv":
        frame = pl.read_csv(path, try_parse_dates=False, infer_schema_length=10_000)
        if "timestamp" in frame.columns and frame["timestamp"].dtype == pl.String:
            try:
                stamps = frame["timestamp"].str.to_datetime(time_unit="us", time_zone="UTC")
            except pl.exceptions.PolarsError:
                first = frame["timestamp"][0]
                raise ConfigError(
                    f"{path}: the timestamps cannot be read, first {first!r}; write moments with a zone, such as "
                    "2024-01-02T21:00:00Z"
                ) from None
            frame = frame.with_columns(stamps)
        return frame
    raise ConfigError(f"cannot read {path}: the ending must be .parquet or .csv")
