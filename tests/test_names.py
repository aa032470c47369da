"""The names that users bring stand where the design says, and the calls that they already write work.

Every name of the table is imported from exactly its package, every call is made with exactly its keywords, on a tiny
synthetic workspace.
"""

from __future__ import annotations

import importlib
import inspect
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import gnomon
from gnomon.config import ConfigManager, DataConfig, ModelConfig, TrainingConfig
from gnomon.core.errors import ConfigError
from gnomon.data import DataManager, Market, market_bars
from gnomon.evaluation import EvaluationEngine
from gnomon.models import ModelBase, ModelFactory, ModelRegistry
from gnomon.pipeline import ModelPipeline
from gnomon.store import ArtifactType, LocalArtifactStore
from gnomon.training import CallbackBase, EarlyStoppingCallback, LoggingCallback, TrainingEngine

TABLE = {
    "gnomon.config": (
        "ConfigManager ConfigLoader ConfigValidator PipelineConfig DataConfig ModelConfig TrainingConfig "
        "EvaluationConfig DeploymentConfig MonitoringConfig"
    ),
    "gnomon.pipeline": "ModelPipeline PipelineStage PipelineContext PipelineExecutor STAGES",
    "gnomon.data": (
        "DataManager DataSource DataSourceBase CsvDataSource ApiDataSource DataTransformer DataValidator read_bars"
    ),
    "gnomon.features": "FEATURES FeatureSpec FeatureSet",
    "gnomon.models": (
        "ModelFactory ModelRegistry ModelBase BaseModel ModelConfig PredictionOutput Forecast build_model"
    ),
    "gnomon.samples": "TimeSeriesDataset Samples Forecast",
    "gnomon.training": (
        "TrainingEngine Trainer ModelTrainer CallbackBase LoggingCallback ModelCheckpointCallback EarlyStoppingCallback"
    ),
    "gnomon.evaluation": "EvaluationEngine ModelEvaluator BenchmarkManager ModelSelectionTester MetricsCalculator",
    "gnomon.metrics": "MetricsCalculator",
    "gnomon.reporting": "PerformanceVisualizer ReportGenerator",
    "gnomon.simulation": "BacktestingWorkflow simulate backtest Simulation",
    "gnomon.execution": "ExecutionConfig GUARDRAILS SIZERS",
    "gnomon.execution.guardrails": "GUARDRAILS Guardrail MaxDrawdown MaxDailyLoss MaxPosition",
    "gnomon.store": "ArtifactStore ArtifactStoreBase LocalArtifactStore ArtifactType ExperimentTracker",
}
FACE = [
    "load_config",
    "run",
    "read_bars",
    "FeatureSet",
    "triple_barrier",
    "ModelRegistry",
    "simulate",
    "evaluate",
    "ExecutionConfig",
    "metrics",
]


@pytest.mark.parametrize(("package", "name"), [(p, name) for p, names in TABLE.items() for name in names.split()])
def test_a_name_stands_in_its_package(package, name):
    module = importlib.import_module(package)
    assert getattr(module, name) is not None
    listed = getattr(module, "__all__", None)
    assert listed is None or name in listed


def test_two_words_for_one_thing_are_one_thing():
    models, data, store, training = (
        importlib.import_module(f"gnomon.{room}") for room in ("models", "data", "store", "training")
    )
    assert models.BaseModel is models.ModelBase
    assert models.PredictionOutput is models.Forecast
    assert store.ArtifactStoreBase is store.ArtifactStore
    assert data.DataSourceBase is data.DataSource or issubclass(data.CsvDataSource, data.DataSourceBase)
    assert training.ModelTrainer is training.Trainer


def test_the_stages_of_the_design_are_registered():
    from gnomon.pipeline import STAGES, make_plan
    from gnomon.pipeline.base import Setup

    make_plan(Setup(config=gnomon.load_config(), workspace=Path()))
    assert {"ingest", "features", "train", "evaluate", "report"} <= set(STAGES.names())


@pytest.mark.parametrize("name", FACE)
def test_the_face_offers(name):
    assert getattr(gnomon, name) is not None
    assert name in gnomon.__all__
    assert name in dir(gnomon)


def test_importing_gnomon_imports_nothing_heavy():
    program = (
        "import sys, gnomon; heavy = [m for m in ('numpy', 'polars', 'numba', 'pydantic') if m in sys.modules];"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_name_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(AttributeError, match=r"it offers .*FeatureSet"):
        _ = gnomon.Featureset


SIGNATURES = {
    "sharpe_ratio": "(returns, *, risk_free=0.0, periods_per_year=None)",
    "max_drawdown": "(equity)",
    "sharpe_standard_error": "(sharpe, *, n, skew=0.0, kurtosis=3.0)",
    "probabilistic_sharpe_ratio": "(sharpe, *, n, benchmark=0.0, skew=0.0, kurtosis=3.0)",
    "expected_maximum_sharpe": "(*, trials, variance)",
    "deflated_sharpe_ratio": "(sharpe, *, n, trials, variance, skew=0.0, kurtosis=3.0)",
    "minimum_track_record_length": "(sharpe, *, benchmark=0.0, skew=0.0, kurtosis=3.0, level=0.95)",
    "minimum_backtest_length": "(*, trials, sharpe)",
    "probability_of_backtest_overfitting": "(returns, *, blocks=16)",
    "annualisation_factor": "(*, periods, autocorrelation)",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_statistic_has_its_signature(name):
    """Exactly as the design writes it; more may follow, by keyword and with a default, and changes no call."""
    function = getattr(gnomon.metrics, name)
    given = list(inspect.signature(function).parameters.values())
    listed = str(SIGNATURES[name]).count(",") + 1 - str(SIGNATURES[name]).count("*,")
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in given[:listed]]
    assert str(inspect.Signature(bare)) == SIGNATURES[name]
    more = given[listed:]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in more)


def test_statistics_are_per_bar_and_kurtosis_is_raw():
    """Worked by hand: a Sharpe ratio of 0.1 a bar over 100 bars of a normal has a standard error of sqrt(1.005/99)."""
    returns = np.array([0.01, -0.01, 0.02, 0.0])
    assert gnomon.metrics.sharpe_ratio(returns) == pytest.approx(0.005 / returns.std(ddof=1))
    error = gnomon.metrics.sharpe_standard_error(0.1, n=100)
    assert error == pytest.approx(math.sqrt(1.005 / 99), rel=0.01)
    assert gnomon.metrics.max_drawdown(np.array([100.0, 120.0, 90.0])) == 0.25


TINY = """\
project: tiny
data:
  source: {kind: parquet, path: bars.parquet, stamp: close}
  frequency: 1d
  calendar: XNYS
features: {set: basic}
labels: {kind: triple_barrier, horizons: [5]}
split: {kind: holdout, train: 0.6, valid: 0.2, test: 0.2}
model: {model_type: lightgbm, name: trees, params: {rounds: 4}}
execution: {fee_bps: 1.0}
report: {formats: [md]}
evaluation: {benchmarks: [buy_and_hold, cash]}
tracking: {enabled: false}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import datetime as dt

    folder = tmp_path_factory.mktemp("names")
    market_bars(Market(symbols=1, start=dt.date(2015, 1, 1), end=dt.date(2017, 6, 1), seed=5)).write_parquet(
        folder / "bars.parquet"
    )
    (folder / "gnomon.yaml").write_text(TINY)
    for layer, text in (
        ("environments/paper.yaml", "seed: 11\n"),
        ("experiments/short.yaml", "training: {horizon: 5}\n"),
    ):
        (folder / layer).parent.mkdir()
        (folder / layer).write_text(text)
    return folder


@pytest.fixture(scope="module")
def manager(workspace: Path) -> ConfigManager:
    return ConfigManager(workspace)


def test_config_manager(workspace):
    manager = ConfigManager(
        workspace, environment="paper", experiment_config_path=workspace / "experiments" / "short.yaml"
    )
    training = manager.get_config("training")
    assert isinstance(training, TrainingConfig)
    assert training.horizon == 5
    assert manager.get_config("seed") == 11
    assert manager.get_config("model.model_type", default="none") == "lightgbm"
    assert manager.get_config("model.name.nothing", default="none") == "none"
    with pytest.raises(ConfigError, match="did you mean 'training'"):
        manager.get_config("trainin")
    assert ConfigManager(workspace).get_config("seed") == 7


def test_model_pipeline(manager):
    context = ModelPipeline(pipeline_name="default", config_manager=manager).run()
    assert context.get_metadata("pipeline_status") == "completed"
    assert context.get_metadata("pipeline_name") == "default"
    assert context.get_metadata("nothing", default=3) == 3
    assert (context.run.folder / "metrics.json").is_file()


def test_local_artifact_store(tmp_path):
    store = LocalArtifactStore(storage_root=tmp_path / "store")
    (tmp_path / "model.txt").write_text("weights")
    saved = store.save_artifact(
        artifact_id="mine",
        artifact_path=tmp_path / "model.txt",
        artifact_type=ArtifactType.MODEL,
        metadata={"auc": 0.5},
        tags=["first"],
        version="1.1.0",
    )
    assert (saved.name, saved.version, saved.kind) == ("mine", "1.1.0", "model")
    loaded = store.load_artifact(artifact_id="mine", version="1.1.0", destination_path=tmp_path / "copy.txt")
    assert Path(loaded).read_text() == "weights"
    assert store.find("mine").metadata == {"auc": 0.5}


def test_data_manager(manager, workspace, tmp_path, monkeypatch):
    """Wherever the process stands: relative paths start at the workspace."""
    monkeypatch.chdir(tmp_path)
    data = DataManager(config_manager=manager, artifact_store=LocalArtifactStore(storage_root=tmp_path / "store"))
    bars = data.load()
    assert bars.equals(pl.read_parquet(workspace / "bars.parquet").select(bars.columns))
    assert data.check(bars).errors == ()
    assert data.side_tables() == {}


def test_model_factory(manager):
    factory = ModelFactory(config_manager=manager, model_registry=ModelRegistry)
    made = factory.create_model(model_type="lightgbm", model_name="trees", learning_rate=0.2)
    assert isinstance(made, ModelBase)
    assert (made.config.rounds, made.config.learning_rate) == (4, 0.2)
    assert factory.create_model(model_type="logistic_regression", model_name="other").config.c == 0.1
    with pytest.raises(ConfigError, match="did you mean 'lightgbm'"):
        factory.create_model(model_type="lightgb", model_name="x")


class Counting(CallbackBase):
    """Counts iterations."""

    def __init__(self) -> None:
        self.iterations = 0

    def on_iteration_end(self, model, iteration, metrics) -> bool:
        self.iterations += 1
        return False


def test_training_and_evaluation_engines(manager, workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = LocalArtifactStore(storage_root=tmp_path / "store")
    data = DataManager(config_manager=manager, artifact_store=store)
    counting = Counting()
    engine = TrainingEngine(
        model_registry=ModelRegistry,
        artifact_store=store,
        data_manager=data,
        config_manager=manager,
        checkpoint_dir=tmp_path / "checkpoints",
    )
    result = engine.train(
        model_config=ModelConfig(model_type="lightgbm", name="trees", params={"rounds": 3}),
        data_config=manager.get_config("data"),
        training_config=TrainingConfig(horizon=5),
        callbacks=[counting, LoggingCallback(), EarlyStoppingCallback(monitor="valid_log_loss", patience=50)],
    )
    assert counting.iterations == 3
    assert (result.model_id, result.model_version) == ("trees", "1")
    assert result.trained.meta.horizon == 5
    assert any((tmp_path / "checkpoints").rglob("*"))

    judge = EvaluationEngine(
        config_manager=manager, model_registry=ModelRegistry, data_manager=data, artifact_store=store
    )
    found = judge.evaluate_model(
        model_id="trees",
        model_version="1",
        evaluation_data_config=DataConfig(**manager.get_config("data").model_dump()),
        metrics_to_calculate=["total_return", "sharpe_ratio"],
        benchmarks_to_compare=["cash"],
    )
    assert set(found.metrics) == {"total_return", "sharpe_ratio"}
    assert list(found.evaluation.benchmarks) == ["cash"]
    assert found.evaluation.metrics["total_return"] == found.metrics["total_return"]
    with pytest.raises(ConfigError, match="did you mean 'sharpe_ratio'"):
        judge.evaluate_model(model_id="trees", model_version="1", metrics_to_calculate=["sharp_ratio"])


CALLS = {
    ConfigManager: ("config_dir", "environment", "experiment_config_path"),
    ModelPipeline: ("pipeline_name", "config_manager"),
    LocalArtifactStore: ("storage_root",),
    LocalArtifactStore.save_artifact: (
        *("artifact_id", "artifact_path", "artifact_type", "metadata", "tags", "version"),
    ),
    LocalArtifactStore.load_artifact: ("artifact_id", "version", "destination_path"),
    DataManager: ("config_manager", "artifact_store"),
    ModelFactory: ("config_manager", "model_registry"),
    ModelFactory.create_model: ("model_type", "model_name"),
    TrainingEngine: ("model_registry", "artifact_store", "data_manager", "config_manager", "checkpoint_dir"),
    TrainingEngine.train: ("model_config", "data_config", "training_config", "callbacks"),
    EvaluationEngine: ("config_manager", "model_registry", "data_manager", "artifact_store"),
    EvaluationEngine.evaluate_model: (
        *("model_id", "model_version", "evaluation_data_config", "metrics_to_calculate", "benchmarks_to_compare"),
    ),
}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__qualname__)
def test_a_call_takes_the_keywords_that_users_write(call):
    assert set(CALLS[call]) <= set(inspect.signature(call).parameters)


def test_each_part_of_the_face_works_alone_on_a_users_frame(workspace):
    """Polars or pandas, in a notebook: no workspace, no configuration."""
    own = pl.read_parquet(workspace / "bars.parquet").to_pandas()
    bars = gnomon.read_bars(own, stamp="close", frequency="1d")
    features = gnomon.FeatureSet.default().compute(bars)
    assert features.height == bars.height
    assert "rsi_14" in features.columns
    labels = gnomon.triple_barrier(bars, horizons=(5, 10))
    assert set(labels["label"].drop_nulls().unique()) <= {-1, 0, 1}
    targets = bars.select("timestamp", "symbol", target=pl.lit(1.0))
    simulation = gnomon.simulate(bars, targets, gnomon.ExecutionConfig(fee_bps=1.0, half_spread_bps=1.0))
    evaluation = gnomon.evaluate(simulation, bars=bars, name="always long")
    assert not evaluation.verdict.edge
    growth = float(simulation.equity["equity"][-1]) / simulation.execution.initial_cash - 1.0
    assert evaluation.metrics["total_return"] == pytest.approx(growth, abs=1e-12)
    assert math.isfinite(gnomon.metrics.sharpe_ratio(simulation.returns, periods_per_year=252))


def test_run_is_the_command_in_python(workspace):
    context = gnomon.run(workspace, overrides=["execution.fee_bps=2.0"])
    assert context.get_metadata("pipeline_status") == "completed"
    assert gnomon.load_config(workspace).project == "tiny"
