"""`gnomon models`: the model families there are, and what each can be told."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, table

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="List and show model families.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


@command(app, "list")
def list_(session: Session) -> None:
    """Every registered model with its family."""
    from gnomon.models import ModelRegistry

    rows = [
        {"model": entry.name, "family": entry.facts["family"], "what": _first_line(entry.component)}
        for entry in ModelRegistry.models
    ]
    session.emit(
        {"models": rows},
        lambda console: table(console, ("model", "family", "what"), [list(row.values()) for row in rows]),
    )


@command(app)
def show(session: Session, name: Annotated[str, typer.Argument(help="A model's name.")]) -> None:
    """One model: its settings, their types, defaults, what a search on real data gave, and meaning."""
    from gnomon.models import ModelRegistry

    entry = ModelRegistry.models.entry(name)
    config = entry.component.Config  # type: ignore[attr-defined]
    schema = config.model_json_schema()
    settings = [
        {
            "setting": key,
            "type": _type_of(value),
            "default": value.get("default"),
            "tuned": config.tuned.get(key),
            "meaning": value.get("description", ""),
        }
        for key, value in schema["properties"].items()
    ]
    data = {
        "model": name,
        "family": entry.facts["family"],
        "what": inspect.getdoc(entry.component),
        "settings": settings,
    }

    def human(console: Console) -> None:
        console.print(f"{name} ({entry.facts['family']})\n\n{data['what']}\n", markup=False)
        columns = [c for c in ("setting", "type", "default", "tuned", "meaning") if c != "tuned" or config.tuned]
        table(console, columns, [[str(row[c]) if c == "default" else row[c] for c in columns] for row in settings])

    session.emit(data, human)


def _first_line(component: type) -> str:
    return (inspect.getdoc(component) or "").partition("\n")[0]


def _type_of(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type_of(option) for option in schema["anyOf"])
    return "none" if schema.get("type") == "null" else str(schema.get("type", "any"))
