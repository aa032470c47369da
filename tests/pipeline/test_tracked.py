"""What a run leaves in the artifact store and the tracker: versions by content, figures, and no harm when it fails."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from gnomon.pipeline.model_pipeline import ModelPipeline
from gnomon.pipeline.workspace import open_workspace
from gnomon.store.registry import ModelVersions
from gnomon.store.tracking import ExperimentTracker

pytestmark = pytest.mark.xdist_group("finished pipeline")
TRACKED = ("tracking.enabled=true",)


def test_the_same_model_keeps_its_version_and_another_gets_the_next(copied):
    store = open_workspace(copied).store
    assert [v.version for v in store.list(name="tiny.logistic")] == ["1"]
    (kept,) = store.list(name="tiny.logistic")
    assert kept.tags["run"] == open_workspace(copied).runs.get().id
    # Other costs, the same model: nothing new is kept.
    ModelPipeline(workspace=open_workspace(copied, overrides=["execution.fee_bps=3.0"])).run()
    assert len(store.list(name="tiny.logistic")) == 1
    other = open_workspace(copied, overrides=["models.logistic.params={c: 0.01}"])
    facts = ModelPipeline(workspace=other).run().run.state()["facts"]
    assert facts["models"] == {"logistic": "tiny.logistic:2"}


def test_a_tracked_run_holds_figures_settings_and_its_model(copied):
    context = ModelPipeline(workspace=open_workspace(copied, overrides=TRACKED)).run()
    facts = context.run.state()["facts"]
    assert facts["tracking_problems"] == []
    assert facts["trial_head"]["count"] == 1
    (version,) = ModelVersions(workspace=copied).list()
    assert (version.name, version.artifact_version) == ("tiny.logistic", "1")
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{copied / '.gnomon' / 'mlflow.db'}")
    run = client.get_run(version.run_id)
    assert run.data.tags["gnomon.run"] == context.run.id
    assert run.data.tags["gnomon.chosen"] == "logistic"
    shown = context.summary()["candidates"][0]
    assert run.data.metrics["logistic.total_return"] == shown["total_return"]
    assert any(key.startswith("execution") for key in run.data.params)


class Nothing:
    """What is handed out when the tracker cannot be reached: it takes everything and keeps nothing."""

    id = None

    def __getattr__(self, name):
        return lambda *_args, **_kwargs: None


def test_a_tracker_that_fails_costs_a_word_and_never_the_run(copied, monkeypatch):
    @contextmanager
    def down(self, *_args, **_kwargs):
        self.problems.append("the tracking server does not answer")
        yield Nothing()

    monkeypatch.setattr(ExperimentTracker, "run", down)
    context = ModelPipeline(workspace=open_workspace(copied, overrides=TRACKED)).run()
    assert context.get_metadata("pipeline_status") == "completed"
    assert context.run.state()["facts"]["tracking_problems"] == ["the tracking server does not answer"]
    context.run.verify()
    assert not (copied / ".gnomon" / "mlflow.db").exists(), "nothing is registered that was not tracked"
