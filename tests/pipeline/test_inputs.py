"""Bars and side tables for a command: from a file, from the workspace, or refused."""

from __future__ import annotations

import polars as pl
import pytest

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.manager import side_tables_of
from gnomon.pipeline import open_workspace
from gnomon.pipeline.inputs import configured, load_inputs
from gnomon.pipeline.keys import BARS
from gnomon.pipeline.model_pipeline import ModelPipeline

pytestmark = pytest.mark.xdist_group("finished pipeline")


def test_the_workspaces_bars_are_those_that_its_pipeline_checks(finished):
    config = configured(finished)
    bars, tables = load_inputs(finished, config)
    assert bars.equals(ModelPipeline(workspace=finished).run(until="check").value(BARS))
    assert tables == {}


def test_a_file_is_read_by_its_own_stamp_and_repaired_as_the_workspace_says(finished, tmp_path):
    bars, _ = load_inputs(finished, configured(finished))
    spoiled = bars.with_columns(close=pl.when(pl.int_range(pl.len()) == 7).then(-1.0).otherwise("close"))
    spoiled.write_parquet(tmp_path / "bars.parquet")
    with pytest.raises(DataError, match="non_positive"):
        load_inputs(finished, configured(finished), data=tmp_path / "bars.parquet")
    repair = "data.repair=[{kind: drop_nonpositive}]"
    mended, _ = load_inputs(
        finished, open_workspace(finished, overrides=[repair]).config, data=tmp_path / "bars.parquet"
    )
    assert mended.height == bars.height - 1


def test_no_bars_are_taken_from_anywhere_unless_they_are_named(tmp_path):
    assert configured(tmp_path).project == "gnomon"
    with pytest.raises(ConfigError, match="no bars are named: give a file with --data, or a workspace"):
        load_inputs(tmp_path, configured(tmp_path))


def test_side_tables_start_at_the_workspace(tmp_path, monkeypatch):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "cpi.csv").write_text("known_at,cpi\n2020-01-15T13:30:00Z,1.5\n")
    (tmp_path / "w" / "gnomon.yaml").write_text(
        "project: mine\ndata: {side_tables: {cpi: {source: {kind: csv, path: cpi.csv}}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    tables = side_tables_of(configured(tmp_path / "w").data, root=tmp_path / "w")
    assert tables["cpi"]["cpi"].to_list() == [1.5]
