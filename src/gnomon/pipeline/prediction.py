"""Forecasts outside a pipeline: a trained model from the store, on bars from anywhere."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from gnomon.config.models import FeaturesConfig, PipelineConfig
from gnomon.core.errors import ConfigError, DataError, NotFoundError, nearest, unknown
from gnomon.core.files import atomic_path
from gnomon.data.base import TIMESTAMP
from gnomon.features.sets import FeatureSet
from gnomon.models.bundle import TrainedModel
from gnomon.pipeline.inputs import load_inputs
from gnomon.pipeline.workspace import CONFIG_FILE, open_workspace
from gnomon.samples.assemble import build_samples

ZONE = r"(Z|[+-]\d{2}:?\d{2})$"
"""How a written moment ends that says where it is."""


def find_model(workspace: Path, name: str) -> tuple[TrainedModel, str]:
    """A trained model by folder, by artifact (`name` or `name:version`) or by candidate, and what it is called.

    StoreError names the nearest one where there is none of that name, ConfigError where there is no workspace either.
    """
    folder = Path(name)
    if (folder / "meta.json").is_file():
        return TrainedModel.load(folder), str(folder)
    if not (workspace / CONFIG_FILE).is_file():
        raise ConfigError(
            f"{name!r} is no folder with a trained model, and no {CONFIG_FILE} stands in {workspace.absolute()}; "
            "name a workspace with --workspace"
        )
    opened = open_workspace(workspace)
    store = opened.store
    wanted, _, version = name.partition(":")
    known = {artifact.name for artifact in store.list(kind="model")}
    own = f"{opened.config.project}.{wanted}"
    if wanted not in known and own in known:
        wanted = own
    if wanted not in known:
        if not known:
            raise NotFoundError("no model has been trained here; `gnomon run` trains and keeps them")
        raise NotFoundError(unknown("model", name, {*known, *(n.rpartition(".")[2] for n in known)}))
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
    """A person's table from Parquet or CSV, with `timestamp`, where it has one, as moments in UTC.

    Raises ConfigError for a file that is not there or another ending, DataError for one that cannot be read, has no
    rows, or has times without a zone: an hour off is another bar, and nobody would see it.
    """
    if path.suffix not in READERS:
        raise ConfigError(f"cannot read {path}: the ending must be .parquet or .csv")
    if not path.is_file():
        close = nearest(path.name, [beside.name for beside in path.parent.glob(f"*{path.suffix}")])
        hint = f"; did you mean {path.parent / close}?" if close else "; check the path"
        raise ConfigError(f"there is no file {path}{hint}")
    form, reader = READERS[path.suffix]
    try:
        frame = reader(path)
    except (pl.exceptions.PolarsError, ValueError, OSError) as error:
        fault = str(error).partition("\n")[0]
        raise DataError(f"{path} cannot be read as {form}, it is damaged or another format: {fault}") from None
    if frame.is_empty():
        raise DataError(f"{path} has no rows")
    return frame.with_columns(_in_utc(frame["timestamp"], path)) if "timestamp" in frame.columns else frame


def _read_csv(path: Path) -> pl.DataFrame:
    # Types are told from every row: a column that is whole numbers for ten thousand rows may yet have a fraction.
    return pl.read_csv(path, try_parse_dates=False, infer_schema_length=None)


def _read_parquet(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path, glob=False)


READERS = {".parquet": ("Parquet", _read_parquet), ".csv": ("CSV", _read_csv)}
"""How each ending is called and read."""


def _in_utc(stamps: pl.Series, path: Path) -> pl.Series:
    if isinstance(stamps.dtype, pl.Datetime) and stamps.dtype.time_zone is not None:
        return stamps.dt.convert_time_zone("UTC").cast(TIMESTAMP)
    if stamps.dtype == pl.String and stamps.str.contains(ZONE).all():
        try:
            return stamps.str.to_datetime(time_unit="us", time_zone="UTC")
        except pl.exceptions.PolarsError:
            pass
    raise DataError(
        f"{path}: column 'timestamp' must hold moments with a zone, such as 2024-01-02T21:00:00Z; it is "
        f"{stamps.dtype}, first {stamps[0]!s}"
    )
