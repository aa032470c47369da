"""Side tables: macro figures, rates, funding; each row with the moment it was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import gnomon.data.sources  # noqa: F401  the kinds of table register themselves
from gnomon.data.base import TABLES
from gnomon.data.manager import side_tables_of
from gnomon.data.side_tables import parse_duration
from gnomon.pipeline.base import STAGES, Key, PipelineContext, Setup
from gnomon.pipeline.keys import SIDE_TABLES
from gnomon.pipeline.stages.base import BuiltinStage, module_of
from gnomon.pipeline.stages.ingest import table_files


@STAGES.register(name="side_tables")
class SideTableStage(BuiltinStage):
    """The configured tables, loaded and checked. Without any, the stage is not in the plan."""

    name = "side_tables"
    writes = (SIDE_TABLES,)

    @classmethod
    def plan(cls, setup: Setup) -> Sequence[Self]:
        """One stage where there are tables, none where there are not."""
        return super().plan(setup) if setup.config.data.side_tables else []

    @property
    def config(self) -> Mapping[str, Any]:
        """The tables' sections and the hashes of their files."""
        tables = self.part("data")["data"]["side_tables"]
        files = {
            name: table_files(table.source, self.setup.workspace, where=f"data.side_tables.{name}.source")
            for name, table in self.setup.config.data.side_tables.items()
        }
        return {"tables": tables, "files": files}

    @property
    def modules(self) -> tuple[str, ...]:
        """The sources'."""
        tables = self.setup.config.data.side_tables
        found = {module_of(TABLES, t.source, where=f"data.side_tables.{name}.source") for name, t in tables.items()}
        return tuple(sorted(found))

    def prepare(self) -> None:
        """Builds every source, and reads delays, tolerances and schedules."""
        for name, table in self.setup.config.data.side_tables.items():
            for key in ("delay", "tolerance", "schedule"):
                text = getattr(table, key)
                if text is not None:
                    parse_duration(text, where=f"data.side_tables.{name}.{key}")
            table_files(table.source, self.setup.workspace, where=f"data.side_tables.{name}.source")

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Loads the tables."""
        return {SIDE_TABLES: side_tables_of(context.config.data, root=context.setup.workspace)}
