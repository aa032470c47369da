"""The configuration's shape: what every key means, its default, and what is refused.

Sections that name a plug-in (`kind`) stay raw here, because plug-ins live on higher floors; the pipeline's plan
validates them through their registry before any work starts.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from gnomon.config.ensembles import with_members
from gnomon.core.errors import unknown


def _has_kind(section: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(section.get("kind"), str):
        raise ValueError("needs a `kind`: the name of a registered component")
    return section


Component = Annotated[dict[str, Any], AfterValidator(_has_kind)]
"""A plug-in: `kind` names it, the other keys are its fields."""


def _registry(name: str) -> Any:
    """Notes, for the JSON Schema and the checks of higher floors, which registry a component's `kind` is from."""
    return Field(json_schema_extra={"x-registry": name})


Source = Annotated[Component, _registry("data source")]
SideTable = Annotated[Component, _registry("side table")]
Labels = Annotated[Component, _registry("labeler")]
Split = Annotated[Component, _registry("splitter")]
Projection = Annotated[Component, _registry("projection")]
Sizing = Annotated[Component, _registry("sizer")]
Guardrail = Annotated[Component, _registry("guardrail")]
Rule = Annotated[Component, _registry("selection rule")]
Repair = Annotated[Component, _registry("repair")]


def _moment(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("is not a moment; write 2020-01-31 or 2020-01-31T16:00:00+00:00") from None
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


Moment = Annotated[datetime, BeforeValidator(_moment, json_schema_input_type=str)]
"""A date or a time in ISO form; without a time zone it is UTC."""


Severity = Literal["error", "warning", "off"]


class Section(BaseModel):
    """The base of every section: unknown keys are refused, types are taken at their word, values are frozen."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    def __getitem__(self, key: str) -> Any:
        """`section["threads"]` is `section.threads`; KeyError for what is no key."""
        if key not in type(self).model_fields:
            raise KeyError(key)
        return getattr(self, key)


class ChecksConfig(Section):
    """What is checked in the bars, and how serious a finding is. An error stops the run (exit 3)."""

    duplicates: Severity = "error"
    """Several bars of a symbol at one moment."""
    order: Severity = "error"
    """A bar that stands after a later one of its symbol."""
    nulls: Severity = "error"
    """Prices or volumes that are missing in a bar."""
    non_finite: Severity = "error"
    """Prices or volumes that are NaN or infinite."""
    non_positive: Severity = "error"
    """Prices at or below zero."""
    negative_volume: Severity = "error"
    """Volumes below zero."""
    ohlc: Severity = "error"
    """Opens and closes outside of low and high."""
    units: Severity = "error"
    """Prices that leave by a power of ten and come back: another unit."""
    zero_volume: Severity = "warning"
    """Bars in which nothing traded."""
    gaps: Severity = "warning"
    """Bars missing by the calendar, or by the data's own rhythm where none is named."""
    stale: Severity = "warning"
    """Runs of bars that repeat each other."""
    stale_bars: int = Field(default=10, ge=2)
    """Bars in a row with the same open, high, low and close that count as stale."""
    splits: Severity = "warning"
    """Jumps by a usual split ratio that the volume does not contradict."""
    adjustment: Severity = "warning"
    """Dividends, splits and an adjusted close, where the source has them, that contradict each other."""
    jumps: Severity = "warning"
    """Moves far outside of what the symbol does."""
    jump_sigmas: float = Field(default=20.0, gt=0)
    """A move of this many robust standard deviations is looked at."""
    max_rows: int = Field(default=200, ge=1)
    """Offending rows kept for each finding."""


TableKind = Literal[
    "vix",
    "vix_3m",
    "wti",
    "cpi",
    "rates",
    "calendar",
    "releases",
    "funding",
    "open_interest",
    "on_chain",
    "sentiment",
    "news",
    "factors",
    "sectors",
]
"""The kinds of side table that features know."""


class SideTableConfig(Section):
    """A table joined as-of on its moment of publication."""

    source: SideTable
    """Where the table comes from."""
    delay: str | None = None
    """Publication delay added to the table's stamp ("1d", "8h", "0d"); required where the table has no `known_at`."""
    tolerance: str | None = None
    """Older values than this, by their publication, are not used ("30d")."""
    columns: list[str] | None = None
    """Which columns are joined; None takes every numeric one. A column of vectors becomes NAME_0, NAME_1, ..."""
    per_symbol: bool | None = None
    """Whether rows are of a symbol each; None says so by a column `symbol`, false takes that column off."""
    kind: TableKind | None = None
    """What the table is held to; None takes the table's name where it is a kind."""
    schedule: str | None = None
    """For dates that are announced ahead: how long before ("30d"). Adds the columns `released_at` and `next_at`."""
    where: dict[str, str | float | bool] = {}
    """Only rows with these values ({series: cpi}): for files that hold several series under each other."""


class DataConfig(Section):
    """Where bars come from and how they are checked, repaired and adjusted."""

    source: Source = {"kind": "embedded"}
    """Where the bars come from."""
    symbols: list[str] | None = Field(default=None, min_length=1)
    """Only these; None takes all that the source has."""
    start: Moment | None = None
    """First close that is used, included. A moment without a time zone is UTC."""
    end: Moment | None = None
    """Where the bars stop: this close is no longer used."""
    frequency: str | None = None
    """Time between bars ("1m", "1h", "1d"); None takes the most common step of the data."""
    calendar: str | None = None
    """An exchange calendar (XNYS, 24/7, ...) that gaps are checked against."""
    checks: ChecksConfig = ChecksConfig()
    """What is looked for in the bars, and how serious it is."""
    repair: list[Repair] = []
    """Repairs in order; nothing is repaired that is not named here."""
    actions: SideTable | None = None
    """A table of splits and dividends that prices are adjusted by."""
    adjust: Literal["backward", "forward"] = "backward"
    """Scale the prices before each action (levels look ahead, returns do not), or those after it (nothing does)."""
    universe: SideTable | None = None
    """A table of listing and delisting dates: the point-in-time universe."""
    unlisted: Literal["refuse", "drop", "keep"] = "refuse"
    """What happens to symbols that the universe does not have."""
    side_tables: dict[str, SideTableConfig] = {}
    """Tables joined as-of, by name; their columns are "NAME.column"."""
    cache: bool = True
    """Whether fetched data are kept and read again from `.gnomon/`."""

    @field_validator("end")
    @classmethod
    def _after_start(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        start = info.data.get("start")
        if start is not None and end is not None and start >= end:
            raise ValueError(f"must be later than data.start, {start.isoformat()}; no bar lies between them")
        return end


class FeaturesConfig(Section):
    """Which features are computed."""

    set: Literal["basic", "default", "all", "none"] = "default"
    """The features to begin with: a small set, all of this package, those and every plug-in's, or none."""
    cross_section: bool = False
    """Whether the cross-sectional features join: ranks, betas, breadth. For markets of many symbols, 5 and more."""
    include: list[str] = []
    """Features added to the set."""
    exclude: list[str] = []
    """Features taken out of the set."""
    params: dict[str, dict[str, Any]] = {}
    """Parameters by feature name, in place of its defaults."""


class SamplesConfig(Section):
    """What is kept of the samples beside what a run needs."""

    export_scaled: bool = False
    """Whether the run's folder gets `scaled/{train,val,test}_scaled.parquet`, by the scaler of the training rows."""


class ModelConfig(Section):
    """A model to train: `model_type` names it in the registry, `params` is its own config."""

    model_type: Annotated[str, _registry("model")]
    """A registered model: lightgbm, logistic_regression, ..."""
    name: str | None = None
    """What the model is called in reports; None takes its type."""
    params: dict[str, Any] = {}
    """The fields of the model's own config."""
    init_from: str | None = None
    """A trained net whose weights this one begins with: `name:version` of the store, or a folder of the workspace."""


class ConformalConfig(Section):
    """Sets of classes that cannot be ruled out, fitted on validation rows."""

    alpha: float = Field(default=0.1, gt=0, lt=1)
    """The share of rows whose set may miss the class that comes."""
    method: Literal["lac", "aps"] = "lac"
    """lac: the smallest sets on average; aps: sets that widen where the model is unsure."""
    by_class: bool = False
    """Whether each class has a threshold of its own, so that rare classes are covered too."""


class TrainingConfig(Section):
    """How models are fitted."""

    horizon: int | None = None
    """Bars ahead that models forecast; None takes the first of the labels."""
    projection: Projection | None = None
    """Vectors made of fewer columns by the training rows alone: {kind: pca, columns: "news_*", components: 8}."""
    scaler: Literal["standard", "robust", "none"] = "standard"
    """How features are scaled, by statistics of the training rows alone."""
    early_stopping_rounds: int | None = Field(default=50, ge=1)
    """Iterations without improvement on the validation rows after which a fit stops; None never stops early."""
    use_sample_weights: bool = True
    """Whether rows count by the uniqueness of their labels."""
    threads: int = Field(default=1, ge=1)
    """Threads of one fit. Some libraries give other bytes for another number."""
    calibration: Literal["none", "temperature", "isotonic", "dirichlet"] = "none"
    """How probabilities are mended, by the validation rows."""
    conformal: ConformalConfig | None = None
    """Sets of classes at a level, by the validation rows: {alpha: 0.1}; None (or none) makes no sets."""
    calibration_share: float = Field(default=0.0, ge=0, lt=1)
    """The last part of the validation rows that is kept from early stopping, for calibration and sets alone."""

    @field_validator("conformal", mode="before")
    @classmethod
    def _no_sets(cls, given: Any) -> Any:
        return None if given == "none" else given


class SelectionConfig(Section):
    """How one of several candidates is chosen; no test row takes part."""

    by: Literal["cross_validation", "validation"] = "cross_validation"
    """Which rows decide: folds over training and validation rows together, or the validation rows alone."""
    rule: Rule = {"kind": "one_metric", "metric": "ic"}
    """What decides: a selection rule."""
    splitter: Split | None = None
    """The folds of `by: cross_validation`; None takes five purged ones."""
    always: bool = False
    """Whether folds are fitted, for their scores, even where one candidate leaves nothing to choose."""
    ensembles: Literal["nested", "cross_fitted"] = "nested"
    """In folds, an ensemble is fitted with folds of its own inside each, or only its combiner on the other folds."""


class RangeConfig(Section):
    """What a search may give a setting: numbers from `low` to `high`, or one of `values`."""

    low: int | float | None = None
    """The smallest value."""
    high: int | float | None = None
    """The greatest value."""
    log: bool = False
    """Whether numbers are drawn by magnitude."""
    values: list[str | int | float | bool] | None = Field(default=None, min_length=2)
    """Values to choose from, in place of a range."""

    @model_validator(mode="after")
    def _one_of_both(self) -> RangeConfig:
        ends = (self.low is not None, self.high is not None)
        if all(ends) == (self.values is not None) or any(ends) != all(ends):
            raise ValueError("needs either low and high, or values")
        if self.values is not None and self.log:
            raise ValueError("log is for a range of low and high; values have no magnitude")
        return self


class SearchConfig(Section):
    """How settings of a model are searched for (`gnomon tune`); no test row takes part."""

    trials: int = Field(default=50, ge=1)
    """Configurations that are tried; the model's defaults, or what an earlier search found, are the first."""
    batch: int = Field(default=4, ge=1)
    """Configurations that are asked for together: as many can be tried at once, and none knows of the others."""
    sampler: Literal["tpe", "cmaes", "gp", "nsga2", "random"] = "tpe"
    """What proposes configurations. Several metrics take tpe, gp, nsga2 or random."""
    pruner: Literal["none", "median", "hyperband"] = "median"
    """What gives up a configuration after some of its folds; with several metrics there is none."""
    metrics: list[str] = Field(default=["log_loss"], min_length=1)
    """Scores to search by, means over the folds; of several, the first decides what is called best."""
    splitter: Split | None = None
    """The folds over training and validation rows; None takes five purged ones."""
    workers: int = Field(default=1, ge=1)
    """Configurations that are tried at the same time. Any number finds the same."""
    compute: Literal["threads", "processes", "ray"] = "threads"
    """Where they are tried: in this process, in several, or by Ray Tune on a cluster."""
    address: str | None = None
    """The Ray cluster, such as ray://head:10001 or auto; None starts one on this machine."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds after which no more configurations are asked for; None takes as long as it takes."""
    spaces: dict[str, dict[str, RangeConfig | None]] = {}
    """By model (its name or type) and setting: ranges in place of the model's own; null leaves a setting out."""


class CompareConfig(Section):
    """What `gnomon compare` puts side by side. Everything but `approaches` is left out or changed one at a time."""

    approaches: list[str] = ["sharpe_only", "multi_metric", "configured", "searched"]
    """Ways to choose among the models: sharpe_only, multi_metric, configured (as `selection` says), searched."""
    rule: Rule = {"kind": "weighted"}
    """What decides in `multi_metric` and in `searched`: a selection rule, over folds."""
    search_trials: int = Field(default=10, ge=1)
    """Settings that `searched` tries of each model; the rest of the search is as the section `search` says."""
    themes: list[str] | None = None
    """Groups of features, each left out in turn; None takes every group there is, [] none."""
    models: list[str] | None = None
    """Models, each left out in turn; None takes every one, [] none."""
    horizons: list[int] | None = None
    """Horizons, each forecast in turn; None takes every one of the labels, [] none."""
    labels: dict[str, Labels] = {}
    """Labelers by a name of yours, each in place of `labels` in turn; horizons that one leaves out are those there."""


class ThresholdsConfig(Section):
    """The pass/fail table of a report."""

    min_sharpe: float = 0.5
    """A year, after costs, on the test rows."""
    max_drawdown: float = Field(default=0.20, gt=0, le=1)
    """Deepest fall from a peak, as a fraction of the peak."""
    min_profit_factor: float = 1.3
    """Gains of winning trades over losses of losing ones."""


class GatesConfig(Section):
    """What a model has to show before it may be promoted. `null` or `false` switches a gate off; a report says so."""

    edge: float | None = Field(default=0.05, gt=0, lt=1)
    """The p-value of the test of the maximum over all tries must be below it, and the verdict an edge."""
    overfitting: float | None = Field(default=0.2, gt=0, le=1)
    """The probability of backtest overfitting (PBO) must be below it."""
    track_record: bool = True
    """The record must be at least the minimum track record."""
    benchmarks: bool = True
    """The Sharpe ratio after costs must be above that of every benchmark, and 95% of runs at random times be beaten."""
    cost_margin: float | None = Field(default=2.0, ge=1)
    """More than cash must still be earned when every configured cost is multiplied by this."""
    calibration_error: float | None = Field(default=0.05, gt=0, le=1)
    """The calibration error on the test rows may be at most this."""
    probes: bool = True
    """No probe for leaks may fail."""


class EvaluationConfig(Section):
    """How results are judged."""

    thresholds: ThresholdsConfig = ThresholdsConfig()
    """What a result has to reach to pass."""
    gates: GatesConfig = GatesConfig()
    """What a model has to show before it may be promoted."""
    benchmarks: list[str] = ["buy_and_hold", "equal_weight", "moving_average_cross", "random", "cash"]
    """What a strategy is held against; each pays the same costs."""
    periods_per_year: float | None = Field(default=None, gt=0)
    """Bars in a year; None counts them in the data."""
    risk_free: float | None = None
    """Annual, as a fraction; None takes what cash earns in the account (`execution.cash_rate`)."""
    significance: float = Field(default=0.05, gt=0, lt=1)
    """The p-value below which an edge is claimed."""
    cost_multiples: list[Annotated[float, Field(ge=0)]] = [0.0, 0.5, 1.0, 2.0, 3.0, 5.0]
    """Multiples of the configured costs at which the result is computed again."""


class ReportConfig(Section):
    """What a report holds and in which forms it is written."""

    title: str | None = None
    """Heading of the report; None takes the project and the run."""
    formats: list[Literal["html", "md", "pdf"]] = ["html", "md"]
    """Which reports are written."""
    export: list[Literal["png", "svg", "csv"]] = []
    """Forms in which figures and tables are written beside the report."""


class StoreConfig(Section):
    """Where artifacts are kept: a folder (relative to the workspace) or an fsspec URL."""

    url: str = ".gnomon/store"
    """A folder, relative to the workspace, or a URL such as s3://bucket/prefix."""
    options: dict[str, Any] = {}
    """Handed to the file system of the URL: `{key: ${KEY_ID}, secret: ${SECRET}}`."""


class TrackingConfig(Section):
    """The experiment tracker: an MLflow URI, by default SQLite in the workspace; `enabled: false` turns it off."""

    enabled: bool = True
    """Whether runs are tracked."""
    uri: str | None = None
    """An MLflow server or database; None takes SQLite in the workspace."""
    experiment: str | None = None
    """The experiment's name; None takes the project."""


class LoggingConfig(Section):
    """How Gnomon logs: to stderr, and to a rotated JSON file in the workspace."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least serious event that is logged."""
    terminal: Literal["debug", "info", "warning", "error"] = "warning"
    """The least serious event that also reaches stderr; what is done shows there as progress and a summary."""
    format: Literal["console", "json"] = "console"
    """How events look on stderr; the file is always JSON lines."""
    file: str | None = ".gnomon/logs/gnomon.jsonl"
    """Where events are kept, relative to the workspace; None keeps none."""
    max_bytes: int = Field(default=10_000_000, ge=1000)
    """Size at which the file is rotated."""
    backups: int = Field(default=5, ge=0)
    """Rotated files that are kept."""


class ExecutorConfig(Section):
    """How stages are run."""

    workers: int = Field(default=2, ge=1)
    """Stages that may run at the same time."""
    retries: int = Field(default=0, ge=0)
    """How often a failed stage is tried again."""
    retry_wait_seconds: float = Field(default=1.0, ge=0)
    """Wait before the first retry; it doubles with each."""


class StageConfig(Section):
    """A stage of a pipeline, with what differs from the executor's defaults."""

    stage: str
    """The name of a registered stage."""
    retries: int | None = Field(default=None, ge=0)
    """Retries of this stage; None takes the executor's."""


class DeploymentConfig(Section):
    """Where and how a model is deployed."""

    environment: str = "paper"
    """Where a model goes: paper, live."""
    strategy: str = "direct"
    """How it goes there."""


class MonitoringConfig(Section):
    """What is watched while a model runs."""

    enabled: bool = True
    """Whether anything is watched."""


class PipelineConfig(Section):
    """The whole configuration of a workspace."""

    project: str = "gnomon"
    """Name of the work; it heads reports and tracked runs."""
    seed: int = Field(default=7, ge=0)
    """All chance comes from it: the same seed, the same bytes."""
    pipeline: str = "default"
    """The pipeline that `gnomon run` runs."""
    pipelines: dict[str, list[str | StageConfig]] = {}
    """Named lists of stages, beside the built-in "default"."""
    plugins: list[str] = []
    """The workspace's own Python files (features, models, stages, sources), loaded before planning."""
    data: DataConfig = DataConfig()
    features: FeaturesConfig = FeaturesConfig()
    labels: Labels = {"kind": "triple_barrier"}
    """What a model should have known: a labeler."""
    split: Split = {"kind": "holdout"}
    """How rows are divided into training, validation and test: a splitter."""
    samples: SamplesConfig = SamplesConfig()
    model: ModelConfig | None = None
    """The only model, for a workspace with one; the same as a single entry in `models`."""
    models: dict[str, ModelConfig] = {}
    """Models to train, by the name they have in reports."""
    training: TrainingConfig = TrainingConfig()
    selection: SelectionConfig = SelectionConfig()
    search: SearchConfig = SearchConfig()
    compare: CompareConfig = CompareConfig()
    sizing: Sizing = {"kind": "fixed"}
    """How forecasts become targets: a sizer."""
    guardrails: list[Guardrail] = []
    """Limits that may replace targets, in order."""
    execution: dict[str, Any] = Field(default={}, json_schema_extra={"x-fields": "execution"})
    """Costs, latency and limits: the ledger's rules as numbers."""
    evaluation: EvaluationConfig = EvaluationConfig()
    report: ReportConfig = ReportConfig()
    store: StoreConfig = StoreConfig()
    tracking: TrackingConfig = TrackingConfig()
    logging: LoggingConfig = LoggingConfig()
    executor: ExecutorConfig = ExecutorConfig()
    deployment: DeploymentConfig = DeploymentConfig()
    monitoring: MonitoringConfig = MonitoringConfig()

    @model_validator(mode="after")
    def _known_pipeline(self) -> PipelineConfig:
        known = ["default", *self.pipelines]
        if self.pipeline not in known:
            raise PydanticCustomError(
                "unknown_pipeline", "{message}", {"message": unknown("pipeline", self.pipeline, known)}
            )
        return self

    def candidates(self) -> dict[str, ModelConfig]:
        """Every model to train, by name; an ensemble's section holds those of its members."""
        single = {self.model.name or self.model.model_type: self.model} if self.model else {}
        return with_members({**single, **self.models})
