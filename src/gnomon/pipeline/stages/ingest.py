"""Data ingestion: the source's bars, narrowed to the query, with what they are written down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gnomon.data.sources  # noqa: F401  the kinds of source register themselves
from gnomon.core.hashing import hash_file
from gnomon.data.base import SOURCES, TABLES, DataSource
from gnomon.data.cache import DataCache
from gnomon.data.calendars import infer_frequency
from gnomon.data.digest import hash_bars
from gnomon.data.manager import make_source, query_of, rooted
from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import RAW_BARS, SOURCE
from gnomon.pipeline.stages.base import BuiltinStage, module_of


@STAGES.register(name="ingest")
class IngestStage(BuiltinStage):
    """A source and a query to bars. Files count by their content: a changed file is new data, a touched one is not."""

    name = "ingest"
    writes = (RAW_BARS, SOURCE)

    @property
    def config(self) -> Mapping[str, Any]:
        """The source, the query, and the hash of every file that the source reads."""
        data = self.part("data")["data"]
        chosen = {name: data[name] for name in ("source", "symbols", "start", "end", "frequency")}
        return {**chosen, "files": file_hashes(self.source())}

    @property
    def modules(self) -> tuple[str, ...]:
        """The source's."""
        return (module_of(SOURCES, self.setup.config.data.source, where="data.source"),)

    def source(self) -> DataSource:
        """The source, with paths taken from the workspace."""
        return make_source(self.setup.config.data.source, root=self.setup.workspace)

    def prepare(self) -> None:
        """Builds the source."""
        self.source()

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Fetches the bars."""
        data = context.config.data
        source, query = self.source(), query_of(data)
        if data.cache:
            # What came over the network once can be read again without it.
            cache = DataCache(context.setup.workspace / ".gnomon" / "cache" / "data", context.setup.clock)
            bars = cache.fetch(source, query).collect()
        else:
            bars = source.fetch(query).collect()
        facts = {
            "source": data.source["kind"],
            "version": hash_bars(bars),
            "rows": bars.height,
            "symbols": sorted(bars["symbol"].unique().to_list()),
            "start": bars["timestamp"].min().isoformat(),  # type: ignore[union-attr]
            "end": bars["timestamp"].max().isoformat(),  # type: ignore[union-attr]
            "frequency": data.frequency or infer_frequency(bars),
        }
        return {RAW_BARS: bars, SOURCE: facts}


def file_hashes(source: object) -> dict[str, str]:
    """The content of the files that a source reads, by name; empty for sources without files."""
    inputs = getattr(source, "inputs", None)
    return {str(path): hash_file(path) for path in inputs()} if callable(inputs) else {}


def table_files(section: Mapping[str, Any], workspace: Path, *, where: str) -> dict[str, str]:
    """The same for the source of a side table, of actions or of a universe."""
    return file_hashes(TABLES.from_config(rooted(section, workspace), where=where))
