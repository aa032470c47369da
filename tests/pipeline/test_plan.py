"""The plan is checked whole before any work starts."""

from __future__ import annotations

import pytest

from gnomon.config.models import PipelineConfig
from gnomon.core.errors import PlanError
from gnomon.pipeline.base import Setup
from gnomon.pipeline.code import code_hash, import_closure
from gnomon.pipeline.plan import PlannedStage, _ordered, make_plan


def ordered(*stages):
    return _ordered([PlannedStage(stage, stage.name, 0, "code") for stage in stages], "toy")


def test_stages_are_put_in_an_order_that_works(toy):
    late = toy("late", lambda a: a, reads=["a"], writes=["b"])
    early = toy("early", lambda: 1, writes=["a"])
    assert [p.name for p in ordered(late, early)] == ["early", "late"]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([("one", ["x"], ["a"])], "reads 'x', which no stage of pipeline 'toy' writes"),
        ([("one", [], ["a"]), ("two", [], ["a"])], "'one' and 'two' both write 'a'"),
        ([("one", [], ["a"]), ("one", [], ["b"])], "lists stage 'one' twice"),
        ([("one", ["b"], ["a"]), ("two", ["a"], ["b"])], "wait for each other"),
    ],
)
def test_a_plan_that_cannot_run_is_refused(toy, stages, message):
    with pytest.raises(PlanError, match=message):
        ordered(*(toy(name, lambda: 0, reads, writes) for name, reads, writes in stages))


def test_an_unknown_pipeline_and_an_unknown_stage_name_the_nearest(tmp_path):
    setup = Setup(config=PipelineConfig(pipelines={"default": ["ingst"]}), workspace=tmp_path)
    with pytest.raises(PlanError, match="did you mean 'default'"):
        make_plan(setup, pipeline="defalt")
    with pytest.raises(Exception, match=r"unknown stage 'ingst' at pipelines.default\[0\]; did you mean 'ingest'"):
        make_plan(setup)


def test_the_import_closure_follows_imports_inside_functions():
    closure = import_closure("gnomon.models.base")
    assert {"gnomon.core.registry", "gnomon.samples.base", "gnomon.core.types"} <= closure


def test_the_code_hash_changes_with_a_plugin(tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text("a = 1")
    before = code_hash(["gnomon.core.seeds"], [plugin])
    plugin.write_text("a = 2")
    assert code_hash(["gnomon.core.seeds"], [plugin]) != before
