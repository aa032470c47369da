"""The comparison study: ways to choose side by side, and what each group of features, label setting and model is worth.

Each configuration is the workspace's own pipeline with a section changed, so what two of them share is computed once.
All are scored first, and only then is anything judged: every figure is held against every try, the last one included.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from gnomon.config.components import locate
from gnomon.config.models import FeaturesConfig, PipelineConfig, SelectionConfig
from gnomon.core.errors import ConfigError, DataError, unknown
from gnomon.core.files import write_atomic
from gnomon.core.hashing import hash_value
from gnomon.evaluation.plain import to_plain
from gnomon.features.sets import FeatureSet
from gnomon.labels.base import LABELERS
from gnomon.pipeline.compared import Scored, judge
from gnomon.pipeline.executor import PipelineExecutor, StageOutcome
from gnomon.pipeline.keys import FOLD, SOURCE
from gnomon.pipeline.plan import Plan
from gnomon.pipeline.searching import search_models, searchable, with_settings
from gnomon.pipeline.trial_record import market_of
from gnomon.pipeline.workspace import Workspace
from gnomon.reporting.comparison import Comparison, comparison_document
from gnomon.reporting.html import to_html
from gnomon.reporting.markdown import to_markdown
from gnomon.store.locks import lock
from gnomon.training.choice import SELECTION_RULES
from gnomon.training.search.base import SearchResult

Progress = Callable[[str, float], None]

APPROACHES: Mapping[str, str] = {
    "sharpe_only": "by the Sharpe ratio on validation rows and nothing else",
    "multi_metric": "by several scores over purged folds",
    "configured": "as the section selection says",
    "searched": "by several scores over purged folds, each model with the best settings of a search over such folds",
}
"""The ways to choose that are known, in words."""

BY_FOLDS = "multi_metric"
"""What everything but the approaches is chosen by: folds give the errors that a change has to be held against."""
BY_VALIDATION = "sharpe_only"
SEARCHED = "searched"
NAME = "model_comparison"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One configuration of the study: the workspace's with a section changed. `what` says it in words.

    `kind`: base, approach, horizon, theme or labels.
    """

    kind: str
    name: str
    what: str
    config: PipelineConfig


@dataclass(frozen=True, kw_only=True)
class WrittenComparison:
    """What a study found, and its files by name."""

    found: Comparison
    files: Mapping[str, Path]


class ModelComparison:
    """The study that a workspace's section `compare` describes.

    >>> ModelComparison(open_workspace(Path("lab"))).run()  # doctest: +SKIP
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    @cached_property
    def variants(self) -> tuple[Variant, ...]:
        """Every configuration that is fitted, the base first. ConfigError names what the section has wrong."""
        workspace = self.workspace
        # Plug-ins are known from here on: their features and labelers may be named.
        workspace.setup()
        try:
            return tuple(_variants(workspace.config))
        except ConfigError as error:
            if workspace.loaded is None:
                raise
            raise locate(error, workspace.loaded) from None

    @cached_property
    def plans(self) -> tuple[Plan, ...]:
        """The plan of each variant: all are checked before any work."""
        return tuple(replace(self.workspace, config=one.config).plan() for one in self.variants)

    @property
    def id(self) -> str:
        """The study's name: the same configuration, code and data, the same name."""
        return f"comparison-{hash_value([plan.digest for plan in self.plans])[:10]}"

    def run(
        self, folder: Path | None = None, *, progress: Progress = lambda _text, _fraction: None
    ) -> WrittenComparison:
        """Fits, chooses and judges, and writes model_comparison.md, .html and .json into `folder`.

        The default folder is `.gnomon/comparisons/<id>`. Raises LockedError, which names the owner, while a run is at
        work here, and DataError where an approach needs validation rows that the split does not make.
        """
        workspace, plans = self.workspace, self.plans
        with lock(workspace.made / "run.lock", f"gnomon compare {self.id}"):
            before = self._before(plans[0])
            scored: list[Scored] = []
            searches: dict[str, SearchResult] = {}
            for number, (variant, plan) in enumerate(zip(self.variants, plans, strict=True)):
                watch = _watcher(progress, f"{variant.kind} {variant.name}", number, len(plans) + 1)
                if variant.name == SEARCHED:
                    searches = search_models(
                        workspace, scored[0].executor, watch=_search_watcher(progress, number, len(plans) + 1)
                    )
                    best = {name: found.best_params for name, found in searches.items()}
                    plan = replace(workspace, config=with_settings(variant.config, best)).plan()
                executor = PipelineExecutor(plan, workspace.products, watch=watch)
                executor.run(until="select")
                executor.run(until="trials")
                scored.append(Scored(kind=variant.kind, name=variant.name, what=variant.what, executor=executor))
            progress("judging", len(plans) / (len(plans) + 1))
            found = judge(
                scored, workspace.config, dropped=dropped_models(workspace.config), before=before, searches=searches
            )
        folder = folder or workspace.made / "comparisons" / self.id
        return WrittenComparison(found=found, files=write_comparison(found, folder))

    def _before(self, plan: Plan) -> int:
        """How many tries the market has seen; what the data cannot give is told before anything is fitted."""
        executor = PipelineExecutor(plan, self.workspace.products)
        executor.run(until="split")
        names = [one.name for one in self.variants if one.kind == "approach"]
        if not len(executor.value(FOLD).valid) and BY_VALIDATION in names:
            raise DataError(
                f"the approach {BY_VALIDATION!r} chooses on validation rows, and the split makes none; set split.valid "
                f"above 0, or take {BY_VALIDATION!r} out of compare.approaches"
            )
        source = executor.value(SOURCE)
        return self.workspace.trials.count(market_of(source["symbols"], source["frequency"]))


def write_comparison(found: Comparison, folder: Path) -> dict[str, Path]:
    """Writes the comparison as Markdown, HTML and JSON; the same comparison, the same bytes."""
    document = comparison_document(found)
    made = {
        f"{NAME}.md": to_markdown(document).encode(),
        f"{NAME}.html": to_html(document).encode(),
        f"{NAME}.json": json.dumps(to_plain(found), indent=1, sort_keys=True).encode(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        write_atomic(folder / name, content)
    return {name: folder / name for name in made}


def _variants(config: PipelineConfig) -> Iterator[Variant]:
    section, candidates = config.compare, config.candidates()
    if not candidates:
        raise ConfigError("there is no model to compare; add `models` to gnomon.yaml")
    if not section.approaches:
        raise ConfigError(f"compare.approaches is empty; name at least one of {', '.join(APPROACHES)}")
    SELECTION_RULES.from_config(section.rule, where="compare.rule")
    base = chosen_by(config, BY_FOLDS)
    rest = [*_horizons(base), *_themes(base), *_labels(base)]
    dropped_models(config)
    if len(candidates) == 1 and all(variant.config == base for variant in rest):
        raise ConfigError(
            f"there is nothing to compare: {next(iter(candidates))!r} is the only model, and compare names no theme, "
            "horizon or label setting to set beside it; add a model, or one of those"
        )
    yield Variant(kind="base", name=BY_FOLDS, what=APPROACHES[BY_FOLDS], config=base)
    for number, name in enumerate(dict.fromkeys(section.approaches)):
        if name not in APPROACHES:
            raise ConfigError(unknown("approach", name, APPROACHES, where=f"compare.approaches[{number}]"))
        yield Variant(kind="approach", name=name, what=in_words(config, name), config=chosen_by(config, name))
    yield from rest


def in_words(config: PipelineConfig, approach: str) -> str:
    """What the approach does, with what it costs."""
    if approach != SEARCHED:
        return APPROACHES[approach]
    names = searchable(config)
    tried = f"{config.compare.search_trials} settings of {', '.join(names)}" if names else "no model has any to search"
    return f"{APPROACHES[approach]} ({tried})"


def chosen_by(config: PipelineConfig, approach: str) -> PipelineConfig:
    """The configuration with the approach's selection."""
    several = config.selection.model_copy(
        update={"by": "cross_validation", "rule": config.compare.rule, "always": True}
    )
    selections = {
        "sharpe_only": SelectionConfig(by="validation", rule={"kind": "one_metric", "metric": "sharpe"}),
        "multi_metric": several,
        # Its models' settings are found when it is run.
        "searched": several,
        "configured": config.selection,
    }
    return config.model_copy(update={"selection": selections[approach]})


def dropped_models(config: PipelineConfig) -> list[str]:
    """The models that are left out in turn: nothing is fitted again for it, the others are there."""
    candidates, wanted = config.candidates(), config.compare.models
    for number, name in enumerate(wanted or ()):
        if name not in candidates:
            raise ConfigError(unknown("model", name, candidates, where=f"compare.models[{number}]"))
        if len(candidates) == 1:
            raise ConfigError(f"compare.models[{number}]: without {name!r} no model is left; add another to `models`")
    if len(candidates) == 1:
        return []
    return list(candidates if wanted is None else dict.fromkeys(wanted))


def _horizons(base: PipelineConfig) -> Iterator[Variant]:
    known: tuple[int, ...] = tuple(getattr(LABELERS.from_config(base.labels, where="labels"), "horizons", ()))
    wanted, own = base.compare.horizons, base.training.horizon or next(iter(known), None)
    for number, bars in enumerate(known if wanted is None else dict.fromkeys(wanted)):
        if bars not in known:
            raise ConfigError(
                f"compare.horizons[{number}] = {bars} is not one of labels.horizons: {list(known)}; add it there"
            )
        # The horizon that is configured is the base itself: spelt out, it would be fitted and counted once more.
        training = base.training if bars == own else base.training.model_copy(update={"horizon": bars})
        config = base.model_copy(update={"training": training})
        yield Variant(kind="horizon", name=str(bars), what=f"{bars} bars ahead", config=config)


def _themes(base: PipelineConfig) -> Iterator[Variant]:
    specs = FeatureSet.from_config(base.features, tables=tuple(base.data.side_tables)).specs
    known, wanted = sorted({spec.theme for spec in specs}), base.compare.themes
    for number, theme in enumerate(known if wanted is None else dict.fromkeys(wanted)):
        if theme not in known:
            raise ConfigError(unknown("theme", theme, known, where=f"compare.themes[{number}]"))
        if len(known) == 1:
            if wanted is None:
                return
            raise ConfigError(f"compare.themes[{number}]: without {theme!r} no feature is left; leave it out")
        names = [spec.name for spec in specs if spec.theme == theme]
        config = base.model_copy(update={"features": _without(base.features, names)})
        yield Variant(kind="theme", name=theme, what=f"without {theme} ({len(names)})", config=config)


def _without(features: FeaturesConfig, names: list[str]) -> FeaturesConfig:
    return features.model_copy(
        update={
            "exclude": sorted({*features.exclude, *names}),
            "include": [name for name in features.include if name not in names],
            "params": {name: params for name, params in features.params.items() if name not in names},
        }
    )


def _labels(base: PipelineConfig) -> Iterator[Variant]:
    for name, given in base.compare.labels.items():
        where = f"compare.labels.{name}"
        section: dict[str, Any] = dict(given)
        if "horizons" not in section and "horizons" in base.labels:
            section["horizons"] = base.labels["horizons"]
        labeler = LABELERS.from_config(section, where=where)
        horizons = getattr(labeler, "horizons", None)
        if base.training.horizon is not None and horizons is not None and base.training.horizon not in horizons:
            raise ConfigError(
                f"{where}.horizons = {list(horizons)} leaves out training.horizon = {base.training.horizon}, so models "
                "of the two could not be held together; add it"
            )
        yield Variant(kind="labels", name=name, what=name, config=base.model_copy(update={"labels": section}))


def _search_watcher(progress: Progress, done: int, of: int) -> Callable[[str, int, int], None]:
    return lambda model, trials, most: progress(f"searching {model}: {trials}/{most}", done / of)


def _watcher(progress: Progress, name: str, done: int, of: int) -> Callable[[Mapping[str, StageOutcome]], None]:
    def watch(stages: Mapping[str, StageOutcome]) -> None:
        running = [
            f"{stage} {outcome.text}".strip() for stage, outcome in stages.items() if outcome.status == "running"
        ]
        counted = [one for one in stages.values() if one.status != "left out"]
        part = sum(one.status in {"done", "reused"} for one in counted) / max(len(counted), 1)
        progress(f"{name}: {', '.join(running)}", (done + part) / of)

    return watch
