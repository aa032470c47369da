"""`gnomon`: finds the command, loads only its file, and turns failures into words and exit codes."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import typer
import typer.main
from typer.core import TyperGroup

from gnomon.core.errors import GnomonError, unknown

if TYPE_CHECKING:
    import polars as pl


class Place(NamedTuple):
    """Where a command lives, and its line in the help, so that help needs no import."""

    module: str
    help: str


COMMANDS: Mapping[str, Place] = {
    "demo": Place("demo", "Real market data in the box, to an honest report, in one go."),
    "init": Place("init", "Write a workspace to edit."),
    "doctor": Place("doctor", "What is installed, what is missing, what to do."),
    "run": Place("run", "Run the workspace's pipeline."),
    "config": Place("config", "Check, show and compare the configuration."),
    "data": Place("data", "Import, check, describe and synthesize market data."),
    "features": Place("features", "List, show, compute and probe features."),
    "labels": Place("labels", "Show labels, and look for better barriers in the training rows."),
    "models": Place("models", "List and show model families."),
    "train": Place("train", "Fit models, without trading or judging them."),
    "tune": Place("tune", "Search for a model's settings, where no test row can be seen."),
    "compare": Place("compare", "Selection approaches and parts of the configuration, side by side."),
    "ensemble": Place("ensemble", "Whom an ensemble listens to, and what each member adds."),
    "evaluate": Place("evaluate", "Judge a run again, with every trial counted."),
    "report": Place("report", "Write a run's report."),
    "backtest": Place("backtest", "Trade your own signals through the ledger."),
    "predict": Place("predict", "Forecast with a trained model."),
    "trials": Place("trials", "List and verify every configuration that was ever scored."),
    "runs": Place("runs", "List, show, compare and reproduce runs."),
    "store": Place("store", "Verify, measure and clean the artifact store."),
    "bench": Place("bench", "Compare models on data sets, into a catalogue."),
    "registry": Place("registry", "Registered model versions and their aliases."),
    "honesty": Place(
        "honesty", "Put the pipeline and its probes on trial: null markets, planted edges, planted leaks."
    ),
}

INTERRUPTED = 130
"""What a shell expects of a program that Ctrl-C has stopped."""

PANIC = "PanicException"
"""What polars raises for a fault of its own; it is no `Exception`, and a person shall not see its traceback either."""


class LazyGroup(TyperGroup):
    """A group whose commands are imported when they are called, not when they are listed."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Every command, in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """For help and completion: a name and one line of help, without importing the command."""
        place = COMMANDS.get(cmd_name)
        return None if place is None else TyperGroup(name=cmd_name, help=place.help, short_help=place.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command itself, imported now."""
        name = args[0]
        if name not in COMMANDS:
            if name.startswith("-"):
                return super().resolve_command(ctx, args)
            ctx.fail(unknown("command", name, COMMANDS) + "; gnomon --help lists them")
        module = importlib.import_module(f"gnomon.cli.{COMMANDS[name].module}")
        return name, typer.main.get_command(module.app), args[1:]


app = typer.Typer(
    cls=LazyGroup,
    name="gnomon",
    help="Raw market data to a monitored paper-trading deployment, with numbers that can be believed.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help: rich costs a tenth of a second to import, and --help must answer in two.
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    """Raw market data to a monitored paper-trading deployment, with numbers that can be believed."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"gnomon {installed('gnomon')}")
        raise typer.Exit


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line. Exit codes: 0 done, 1 failed, 2 wrong usage or config, 3 data refused, 4 gate not passed."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    code = _run(arguments)
    if argv is None:
        sys.exit(code)
    return code


def _run(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        result = app(arguments, standalone_mode=False, prog_name="gnomon")
    except GnomonError as error:
        message = "\n  ".join([str(error), *getattr(error, "__notes__", ())])
        return _fail(message, error.exit_code, as_json=as_json, rows=getattr(error, "rows", None))
    except typer.Abort:
        return _fail("stopped; what was done stays done", INTERRUPTED, as_json=as_json)
    except (BrokenPipeError, SystemExit):
        # The reader of our output went away (`gnomon ... | head`), and typer exits: nothing is wrong with the work.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # A full disk, a missing permission: the message names the file, a traceback would not help anyone.
        place = f": {error.filename}" if error.filename else ""
        return _fail(f"{error.strerror or error}{place}", 1, as_json=as_json)
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != PANIC:
            raise
        if not hasattr(error, "format_message"):
            if os.environ.get("GNOMON_DEBUG"):
                raise
            text = f"{type(error).__name__}: {error}"
            return _fail(f"this is a fault in Gnomon: {text}; GNOMON_DEBUG=1 shows where", 1, as_json=as_json)
        context = getattr(error, "ctx", None)
        if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
            typer.echo(context.get_help())
            return 2
        usage = f"; {context.command_path} --help tells more" if context is not None else ""
        return _fail(error.format_message().rstrip(".") + usage, 2, as_json=as_json)
    if result == INTERRUPTED:
        return _fail("stopped; what was done stays done", INTERRUPTED, as_json=as_json)
    return int(result) if isinstance(result, int) else 0


def _fail(message: str, code: int, *, as_json: bool, rows: pl.DataFrame | None = None) -> int:
    from gnomon.core.redaction import redact

    # A library's error may quote a URL or a header; what was registered as a secret is blotted out.
    message = redact(message)
    if as_json:
        shown = rows.head(20).to_dicts() if rows is not None else []
        sys.stdout.write(json.dumps({"error": message, "exit_code": code, "rows": shown}, default=str) + "\n")
        return code
    sys.stderr.write(f"gnomon: {message}\n")
    if rows is not None and len(rows):
        sys.stderr.write(_small_table(rows))
    return code


def _small_table(rows: pl.DataFrame, limit: int = 10) -> str:
    import polars as pl

    constant = [c for c in ("check", "severity") if c in rows.columns and rows[c].n_unique() == 1]
    rows = rows.drop(constant)
    with pl.Config(
        tbl_rows=limit,
        tbl_cols=-1,
        tbl_width_chars=-1,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_formatting="ASCII_HORIZONTAL_ONLY",
    ):
        more = f"... and {len(rows) - limit} more rows\n" if len(rows) > limit else ""
        return f"{rows.head(limit)}\n{more}"


if __name__ == "__main__":
    main()
