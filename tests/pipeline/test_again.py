"""A finished run, looked at again."""

from __future__ import annotations

import pytest

from gnomon.core.errors import PlanError
from gnomon.pipeline.again import look_again, write_published
from gnomon.pipeline.keys import EVALUATION, FEATURES, SELECTION
from gnomon.pipeline.model_pipeline import ModelPipeline
from gnomon.pipeline.published import PUBLISHED
from gnomon.pipeline.workspace import open_workspace

pytestmark = pytest.mark.xdist_group("finished pipeline")


def test_only_what_the_key_needs_is_asked_for_and_nothing_is_computed_twice(finished):
    outcome, executor = look_again(open_workspace(finished).runs.get(), finished, key=FEATURES)
    assert outcome.computed == []
    assert {name for name, stage in outcome.stages.items() if stage.status == "reused"} == {
        *("ingest", "check", "features"),
    }
    assert executor.value(FEATURES).height > 0


def test_the_record_of_tries_is_asked_as_it_stands_now(copied):
    run = open_workspace(copied).runs.get()
    key = EVALUATION.of("logistic")
    before = look_again(run, copied, key=key)[1].value(key).doubt.trials
    other = open_workspace(copied, overrides=["execution.fee_bps=7.0"])
    ModelPipeline(workspace=other).run(until="trials")
    manifest = run.manifest()
    outcome, executor = look_again(run, copied, key=key)
    assert set(outcome.computed) == {"trials", "evaluate.logistic"}
    assert executor.value(key).doubt.trials == before + 1 == 2
    assert run.manifest() == manifest


def test_overrides_change_what_is_written_and_not_the_run(copied, tmp_path):
    run = open_workspace(copied).runs.get()
    outcome, executor = look_again(run, copied, key=PUBLISHED, overrides=["report.title=Another"])
    (path,) = write_published(outcome, executor, tmp_path, only="report.")
    assert path.read_text().startswith("# Another")
    run.verify()


def test_a_key_that_no_stage_makes_is_told(copied):
    quick = open_workspace(copied, overrides=["pipelines={quick: [ingest]}", "pipeline=quick"])
    run = ModelPipeline(workspace=quick).run().run
    with pytest.raises(PlanError, match=r"pipeline 'quick' of run quick-.* has no stage that makes 'selection'"):
        look_again(run, copied, key=SELECTION)
