"""`gnomon config`: check, show, compare, and the schema for editors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, table

if TYPE_CHECKING:
    from rich.console import Console

    from gnomon.config.loader import LoadedConfig
    from gnomon.core.registry import Registry

app = typer.Typer(
    help="Check, show and compare the configuration.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="Another file than gnomon.yaml.")]
EnvironmentOption = Annotated[str | None, typer.Option("--env", "-e", help="A layer from environments/.")]
ExperimentOption = Annotated[str | None, typer.Option("--experiment", "-x", help="A layer from experiments/.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", "-s", help="One value, a.b=c; may be repeated.")]


@command(app)
def check(
    session: Session,
    config: ConfigOption = None,
    env: EnvironmentOption = None,
    experiment: ExperimentOption = None,
    set_: SetOption = None,
) -> None:
    """Read every layer and check every key, those of the components too; nothing is run."""
    from gnomon.config.components import check_components, component_sections
    from gnomon.pipeline.workspace import Workspace

    loaded = _load(session, config, env, experiment, set_)
    workspace = Workspace(session.workspace.resolve(), loaded.config, loaded)
    workspace.setup()  # Loads the plug-ins, whose components may be named.
    check_components(loaded, component_builders())
    for name in dict.fromkeys((loaded.config.pipeline, *loaded.config.pipelines)):
        workspace.plan(name)
    components = [
        {"key": ".".join(map(str, section.path)), "registry": section.registry}
        for section in component_sections(loaded.config)
    ]
    files = list(dict.fromkeys(mark.file for mark in loaded.provenance.values()))
    session.emit(
        {"ok": True, "files": files, "components": components},
        lambda console: console.print(
            f"The configuration is right: {len(loaded.provenance)} values from {', '.join(files)}; "
            f"{len(components)} components checked.",
            markup=False,
        ),
    )


@command(app)
def show(
    session: Session,
    key: Annotated[str | None, typer.Argument(help="Only this section or value: data.source.")] = None,
    config: ConfigOption = None,
    env: EnvironmentOption = None,
    experiment: ExperimentOption = None,
    set_: SetOption = None,
    origin: Annotated[bool, typer.Option("--origin", help="With the file and line of every value.")] = False,
) -> None:
    """Show the resolved configuration, secrets masked."""
    from gnomon.config import yaml
    from gnomon.config.resolved import lookup, masked

    loaded = _load(session, config, env, experiment, set_)
    values = masked(loaded.config)
    shown = lookup(values, key) if key else values
    if origin:
        _show_origins(session, loaded, values, key)
        return

    def human(_console: Console) -> None:
        # Not through rich, which would fold lines: the text is meant to be copied into a file and read again.
        sys.stdout.write(yaml.dump(shown))

    session.emit({"config": shown}, human)


@command(app)
def schema(
    session: Session,
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.")] = None,
) -> None:
    """The JSON Schema of gnomon.yaml, components included, for completion in an editor."""
    import json

    from gnomon.config.schema import json_schema
    from gnomon.core.files import write_atomic

    text = json.dumps(json_schema(*component_schemas()), indent=2, ensure_ascii=False) + "\n"
    if out is not None:
        write_atomic(out, text.encode())
        session.emit(
            {"schema": str(out)},
            lambda console: console.print(
                f"Written to {out}. The first line of gnomon.yaml tells editors:\n"
                f"# yaml-language-server: $schema={out}",
                markup=False,
            ),
        )
    else:
        sys.stdout.write(text)


@command(app)
def diff(
    session: Session,
    a: Annotated[
        str, typer.Argument(help="A YAML file, a run's config.yaml, or an experiment's name; `.` is the base.")
    ],
    b: Annotated[str, typer.Argument(help="The other one.")] = ".",
) -> None:
    """The keys on which two resolved configurations differ."""
    from gnomon.config.diff import difference

    rows = difference(_side(session, a), _side(session, b))

    def human(console: Console) -> None:
        if rows:
            table(console, ("key", a, b), [(row.key, _cell(row.a), _cell(row.b)) for row in rows])
        else:
            console.print(f"{a} and {b} mean the same.", markup=False)

    session.emit({"same": not rows, "differences": [row._asdict() for row in rows]}, human)


def component_builders() -> dict[str, Callable[..., object]]:
    """For each registry, what builds a component from its section: the checks of every room, gathered here."""
    from gnomon.core.registry import build
    from gnomon.execution.base import ExecutionConfig
    from gnomon.models.base import ModelRegistry

    def execution(section: Mapping[str, Any], *, where: str) -> object:
        return build(ExecutionConfig, section, where=where)

    def model(section: Mapping[str, Any], *, where: str) -> object:
        chosen = ModelRegistry.models.get(section["model_type"], where=f"{where}.model_type")
        return build(chosen.Config, section["params"], where=f"{where}.params")

    builders: dict[str, Callable[..., object]] = {kind: found.from_config for kind, found in registries().items()}
    return {**builders, "model": model, "execution": execution}


def component_schemas() -> tuple[dict[str, dict[str, dict[str, Any]]], dict[str, dict[str, Any]]]:
    """The JSON Schemas of all components by registry and name, and of the raw sections by key."""
    from pydantic import TypeAdapter

    from gnomon.execution.base import ExecutionConfig
    from gnomon.models.base import ModelRegistry

    components = {
        kind: {entry.name: TypeAdapter(entry.component).json_schema() for entry in registry}
        for kind, registry in registries().items()
    }
    components["model"] = {
        name: ModelRegistry.models.get(name).Config.model_json_schema() for name in ModelRegistry.names()
    }
    return components, {"execution": TypeAdapter(ExecutionConfig).json_schema()}


def registries() -> dict[str, Registry[Any]]:
    """Every registry that a section's `kind` is looked up in, with the built-in components registered."""
    import gnomon.labels
    import gnomon.splits  # noqa: F401
    from gnomon.data.base import SOURCES, TABLES
    from gnomon.data.repair import REPAIRS
    from gnomon.execution.guardrails import GUARDRAILS
    from gnomon.execution.sizing import SIZERS
    from gnomon.labels.base import LABELERS
    from gnomon.samples.projection import PROJECTIONS
    from gnomon.splits.base import SPLITTERS
    from gnomon.training.choice import SELECTION_RULES

    known = (SOURCES, TABLES, REPAIRS, LABELERS, SPLITTERS, PROJECTIONS, SIZERS, GUARDRAILS, SELECTION_RULES)
    return {registry.kind: registry for registry in known}


def _load(
    session: Session, config: Path | None, env: str | None, experiment: str | None, set_: list[str] | None
) -> LoadedConfig:
    from gnomon.config.loader import load

    return load(config or session.workspace, environment=env, experiment=experiment, overrides=set_ or ())


def _side(session: Session, name: str) -> dict[str, Any]:
    """One side of a comparison, masked."""
    from gnomon.config.loader import load
    from gnomon.config.resolved import masked

    if name == ".":
        return masked(load(session.workspace).config)
    path = Path(name)
    if path.suffix in {".yaml", ".yml"} or path.is_dir():
        return masked(load(path).config)
    return masked(load(session.workspace, experiment=name).config)


def _show_origins(session: Session, loaded: LoadedConfig, values: Mapping[str, Any], key: str | None) -> None:
    from gnomon.config.diff import flat

    rows = []
    for name, value in flat(values):
        if key is None or name == key or name.startswith(f"{key}."):
            mark = loaded.provenance.get(name)
            rows.append((name, _cell(value), mark.layer if mark else "schema", str(mark) if mark else ""))
    data = [dict(zip(("key", "value", "layer", "place"), row, strict=True)) for row in rows]
    session.emit({"origins": data}, lambda console: table(console, ("key", "value", "layer", "place"), rows))


def _cell(value: Any) -> str:
    from gnomon.config import yaml

    return yaml.dump(value).rstrip("\n") if value is not None else "null"
