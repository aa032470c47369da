"""`gnomon data`: import, check, describe and synthesize market data; list its versions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, table
from gnomon.core.clock import SystemClock
from gnomon.core.errors import ConfigError, DataError

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from gnomon.config.models import DataConfig
    from gnomon.data.base import DataSource
    from gnomon.data.versions import DataVersions

app = typer.Typer(
    no_args_is_help=True, help="Import, check, describe and synthesize market data.", rich_markup_mode=None
)

Source = Annotated[
    str | None,
    typer.Argument(
        help="A file, folder, glob or source name; without it the workspace's data.source.", show_default=False
    ),
]
Stamp = Annotated[str | None, typer.Option(help="What the time stamps are: open or close.", show_default=False)]
SessionClose = Annotated[
    str | None, typer.Option(help="For daily bars: the calendar whose close ends a session.", show_default=False)
]
Symbol = Annotated[str | None, typer.Option(help="The symbol of every row.", show_default=False)]
Zone = Annotated[str | None, typer.Option(help="The time zone of stamps without one.", show_default=False)]
Column = Annotated[list[str] | None, typer.Option(help="OURS=THEIRS, as often as needed.", show_default=False)]
Field = Annotated[
    list[str] | None,
    typer.Option("--field", help="Any other field of the source: NAME=VALUE (YAML).", show_default=False),
]


@command(app, "import")
def import_(
    session: Session,
    source: Source = None,
    stamp: Stamp = None,
    session_close: SessionClose = None,
    symbol: Symbol = None,
    zone: Zone = None,
    column: Column = None,
    field: Field = None,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Refuse bars that the checks refuse.")] = True,
) -> None:
    """Read bars, repair what the config names, check them, keep them as Parquet, and record their version."""
    from dataclasses import asdict

    from gnomon.data.describe import describe_source
    from gnomon.data.repair import repair_bars

    found, config = _source(session, source, stamp, session_close, symbol, zone, column, field)
    versions, origin = _versions(session), describe_source(found)
    with session.progress("reading") as update:
        bars = _bars(session, found, config, own=source is None)
        repaired, counts = repair_bars(bars, config.repair)
        if check:
            update("checking", 0.5)
            _report(repaired, config).raise_errors()
        update("writing", 0.8)
        version = versions.record(bars, source=origin)
        if config.repair:
            steps = [asdict(count) for count in counts]
            version = versions.record(repaired, source=origin, parent=version.digest, repairs=steps)
        folder = versions.keep(repaired)
    kept = folder.relative_to(session.workspace) if folder.is_relative_to(session.workspace) else folder
    session.emit(
        {
            "digest": version.digest,
            "parent": version.parent,
            "repairs": list(version.repairs),
            "path": str(kept),
            "rows": version.rows,
            "symbols": len(version.symbols),
            "frequency": version.frequency,
            "start": version.start,
            "end": version.end,
        },
        lambda console: console.print(
            f"{version.rows:,} bars of {len(version.symbols)} symbols, {version.start} to {version.end}, are version "
            f"{version.digest[:12]}\nuse them:  data: {{source: {{kind: parquet, path: {kept}}}}}",
            markup=False,
        ),
    )


@command(app)
def check(
    session: Session,
    source: Source = None,
    stamp: Stamp = None,
    session_close: SessionClose = None,
    symbol: Symbol = None,
    zone: Zone = None,
    column: Column = None,
    field: Field = None,
    rows: Annotated[
        Path | None, typer.Option(help="Write the offending rows to this Parquet file.", show_default=False)
    ] = None,
) -> None:
    """Check bars: what is wrong with them, how serious, where. Exit code 3 when there is an error."""
    import polars as pl

    from gnomon.core.files import atomic_path

    found, config = _source(session, source, stamp, session_close, symbol, zone, column, field)
    bars = _bars(session, found, config, own=source is None)
    report = _report(bars, config)
    if rows is not None and report.issues:
        with atomic_path(rows) as temporary:
            parts = [issue.rows.with_columns(check=pl.lit(issue.check)) for issue in report.issues]
            pl.concat(parts, how="diagonal_relaxed").write_parquet(temporary)
    issues = [
        {"check": issue.check, "severity": issue.severity, "count": issue.count, "message": issue.message}
        for issue in report.issues
    ]
    errors = [issue for issue in issues if issue["severity"] == "error"]

    def human(console: Console) -> None:
        console.print(f"{bars.height:,} bars of {bars['symbol'].n_unique()} symbols: ", end="", markup=False)
        console.print(f"{len(errors)} errors, {len(issues) - len(errors)} warnings" if issues else "nothing found")
        for issue in issues:
            console.print(
                f"{issue['severity']:>8}  {issue['check']} ({issue['count']:,}): {issue['message']}", markup=False
            )
        for error in report.errors:
            table(console, error.rows.columns, error.rows.head(5).rows(), title=f"first rows of {error.check}")

    session.emit({"rows": bars.height, "passed": not errors, "issues": issues}, human)
    if errors:
        raise typer.Exit(DataError.exit_code)


@command(app)
def describe(
    session: Session,
    source: Source = None,
    stamp: Stamp = None,
    session_close: SessionClose = None,
    symbol: Symbol = None,
    zone: Zone = None,
    column: Column = None,
    field: Field = None,
) -> None:
    """Describe bars: symbols, period, frequency, content hash."""
    import polars as pl

    from gnomon.data.calendars import periods_per_year
    from gnomon.data.describe import describe_source
    from gnomon.data.versions import describe_bars

    found, config = _source(session, source, stamp, session_close, symbol, zone, column, field)
    bars = _bars(session, found, config, own=source is None)
    version = describe_bars(bars, source=describe_source(found), recorded_at="")
    per_symbol = (
        bars.group_by("symbol", maintain_order=True)
        .agg(
            pl.len().alias("bars"),
            pl.col("timestamp").first().alias("first"),
            pl.col("timestamp").last().alias("last"),
            pl.col("close").first().alias("first close"),
            pl.col("close").last().alias("last close"),
            pl.col("volume").median().alias("median volume"),
        )
        .with_columns(pl.col("first", "last").dt.strftime("%Y-%m-%d %H:%M"))
    )
    facts: dict[str, Any] = {
        "digest": version.digest,
        "source": dict(version.source),
        "rows": version.rows,
        "start": version.start,
        "end": version.end,
        "frequency": version.frequency,
        "periods_per_year": periods_per_year(bars["timestamp"]) if bars["timestamp"].n_unique() > 1 else None,
        "columns": list(version.columns),
    }

    def human(console: Console) -> None:
        for key, value in facts.items():
            console.print(f"{key}: {', '.join(value) if isinstance(value, list) else value}", markup=False)
        table(console, per_symbol.columns, per_symbol.head(50).rows())
        if per_symbol.height > 50:
            console.print(f"... and {per_symbol.height - 50} more symbols")

    session.emit({**facts, "symbols": _finite(per_symbol)}, human)


@command(app)
def versions(session: Session) -> None:
    """List the data versions that were recorded in this workspace."""
    from dataclasses import asdict

    found = _versions(session).list()
    rows = [
        (
            v.digest[:12],
            v.source.get("kind"),
            v.rows,
            len(v.symbols),
            v.frequency,
            v.start[:16],
            v.end[:16],
            v.recorded_at,
        )
        for v in found
    ]
    columns = ("version", "source", "rows", "symbols", "every", "start", "end", "recorded")
    session.emit(
        {"versions": [asdict(version) for version in found]},
        lambda console: table(console, columns, rows) if rows else console.print("no versions yet: gnomon data import"),
    )


@command(app)
def synthesize(
    session: Session,
    out: Annotated[Path, typer.Argument(help="The file to write: .parquet, .csv, .db (a SQLite panel).")],
    symbols: Annotated[int, typer.Option(help="How many symbols.")] = 8,
    start: Annotated[str, typer.Option(help="First date.")] = "2010-01-01",
    end: Annotated[str, typer.Option(help="The date before which it ends.")] = "2020-01-01",
    frequency: Annotated[str, typer.Option(help="Time between bars: 1m, 1h, 1d.")] = "1d",
    calendar: Annotated[str, typer.Option(help="An exchange calendar, or 24/7.")] = "XNYS",
    seed: Annotated[int, typer.Option(help="The same seed gives the same bits.")] = 7,
    signal_ic: Annotated[
        float | None, typer.Option(help="Plant a signal of this correlation.", show_default=False)
    ] = None,
    field: Annotated[
        list[str] | None, typer.Option("--field", help="Any other field of the market: NAME=VALUE.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a synthetic market: bars as Parquet or CSV, or a SQLite panel with side tables."""
    from gnomon.core.registry import build
    from gnomon.data.panel import write_market
    from gnomon.data.synthetic import Market

    if out.exists() and not force:
        raise ConfigError(f"{out} is there already; choose another name, or --force to replace it")
    given = {
        "symbols": symbols,
        "start": start,
        "end": end,
        "frequency": frequency,
        "calendar": calendar,
        "seed": seed,
        "signal_ic": signal_ic,
    }
    market = build(Market, {**given, **_fields(field)}, where="market")
    with session.progress("making the market"):
        written = write_market(market, out)
    session.emit(
        {"path": str(written.path), "format": written.format, "digest": written.digest, "rows": written.rows},
        lambda console: console.print(
            f"{written.path}: " + ", ".join(f"{count:,} {name}" for name, count in written.rows.items()), markup=False
        ),
    )


def _source(
    session: Session,
    source: str | None,
    stamp: str | None,
    session_close: str | None,
    symbol: str | None,
    zone: str | None,
    column: list[str] | None,
    field: list[str] | None,
) -> tuple[DataSource, DataConfig]:
    """The source that the command line names, or the workspace's, and the section `data` that goes with it."""
    from gnomon.config.manager import ConfigManager
    from gnomon.config.models import DataConfig
    from gnomon.data.manager import make_source
    from gnomon.data.read import as_source

    given = {"stamp": stamp, "session_close": session_close, "symbol": symbol, "zone": zone}
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if column:
        fields["columns"] = dict(_pair(text, "--column") for text in column)
    fields |= _fields(field)
    has_config = (session.workspace / "gnomon.yaml").is_file()
    config: DataConfig = ConfigManager(session.workspace).get_config("data") if has_config else DataConfig()
    if source is not None:
        return as_source(source, **fields), DataConfig(checks=config.checks, calendar=session_close)
    if not has_config:
        raise ConfigError(f"no source: name a file, or a workspace with gnomon.yaml ({session.workspace} has none)")
    return make_source({**config.source, **fields}, root=session.workspace), config


def _bars(session: Session, source: DataSource, config: DataConfig, *, own: bool) -> pl.DataFrame:
    from gnomon.data.base import Query
    from gnomon.data.cache import DataCache
    from gnomon.data.manager import query_of

    if not own:
        return source.fetch(Query()).collect()
    if not config.cache:
        return source.fetch(query_of(config)).collect()
    folder = session.workspace / ".gnomon" / "cache" / "data"
    return DataCache(folder, SystemClock()).fetch(source, query_of(config)).collect()


def _report(bars: pl.DataFrame, config: DataConfig) -> Any:
    from gnomon.data.checks import check_bars

    return check_bars(bars, config.checks, frequency=config.frequency, calendar=config.calendar)


def _versions(session: Session) -> DataVersions:
    from gnomon.data.versions import DataVersions

    return DataVersions(session.workspace / ".gnomon" / "data", SystemClock())


def _fields(texts: list[str] | None) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    fields = {}
    for text in texts or []:
        name, value = _pair(text, "--field")
        try:
            fields[name] = YAML(typ="safe", pure=True).load(value)
        except YAMLError as error:
            raise ConfigError(f"--field {text}: the value is no YAML: {str(error).splitlines()[0]}") from None
    return fields


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ConfigError(f"{option} {text!r} is not NAME=VALUE")
    return name, value


def _finite(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON, which has no NaN."""
    import polars.selectors as cs

    return frame.with_columns(cs.float().fill_nan(None)).to_dicts()
