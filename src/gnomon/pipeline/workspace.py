"""A workspace on disk: its configuration, its plug-ins, and what was made in it (`.gnomon/`)."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path

from gnomon.config.components import locate
from gnomon.config.loader import LoadedConfig, load
from gnomon.config.models import PipelineConfig
from gnomon.core.errors import ConfigError
from gnomon.core.files import remove, write_atomic
from gnomon.core.hashing import hash_file
from gnomon.pipeline.base import Setup
from gnomon.pipeline.plan import Plan, make_plan
from gnomon.pipeline.products import ProductStore
from gnomon.pipeline.runs import RunFolders
from gnomon.pipeline.trial_record import trial_ledger
from gnomon.store.content import ContentStore
from gnomon.store.local import open_store
from gnomon.store.locks import lock
from gnomon.store.maintenance import Collected, sweep
from gnomon.store.trials import TrialLedger

CONFIG_FILE = "gnomon.yaml"
MADE = ".gnomon"
TEMPLATES = "templates"


@dataclass(frozen=True)
class Workspace:
    """A folder with `gnomon.yaml`, and everything made from it under `.gnomon/`."""

    folder: Path
    config: PipelineConfig
    loaded: LoadedConfig | None = field(default=None, repr=False, compare=False)
    """The configuration with the file and line of each value, where it was read from files."""

    @property
    def made(self) -> Path:
        """Where everything made is kept."""
        return self.folder / MADE

    @property
    def store(self) -> ContentStore:
        """The artifact store."""
        return open_store(self.config.store, self.folder)

    @property
    def products(self) -> ProductStore:
        """What stages made."""
        return ProductStore(self.store.objects, self.made / "stages", self.made / "tmp")

    @property
    def runs(self) -> RunFolders:
        """The runs' folders."""
        return RunFolders(self.made / "runs")

    @property
    def trials(self) -> TrialLedger:
        """Every configuration that was ever scored here."""
        return trial_ledger(self.folder)

    def collect(self, *, dry_run: bool = False) -> Collected:
        """Removes what killed processes left unfinished, and objects that no version and no stage record names.

        Fits that a killed run left midway begin anew afterwards.

        Raises LockedError, which names the owner, while a run is at work: its objects have no record yet.
        """
        with lock(self.made / "run.lock", "collect"):
            swept = sweep(self.made, dry_run=dry_run, beside=self.store.folder)
            collected = self.store.gc(keep=set(self.products.digests()), dry_run=dry_run)
            midway = self.products.unfinished()
            left = sum(file.stat().st_size for folder in midway for file in folder.rglob("*") if file.is_file())
            for folder in [] if dry_run else midway:
                remove(folder)
        return replace(
            collected,
            temporary=collected.temporary + swept.temporary + len(midway),
            size=collected.size + swept.size + left,
        )

    def setup(self) -> Setup:
        """What a plan is made from; loads the plug-ins."""
        return Setup(config=self.config, workspace=self.folder, plugins=load_plugins(self.folder, self.config.plugins))

    def plan(self, pipeline: str | None = None) -> Plan:
        """The plan of a pipeline (default: the configuration's). ConfigError names file and line of what is wrong."""
        try:
            return make_plan(self.setup(), pipeline=pipeline)
        except ConfigError as error:
            if self.loaded is None:
                raise
            raise locate(error, self.loaded) from None


def open_workspace(
    folder: Path,
    *,
    config_file: Path | None = None,
    environment: str | None = None,
    experiment: str | None = None,
    overrides: Sequence[str] = (),
) -> Workspace:
    """Reads a workspace's configuration. ConfigError tells what is wrong and where, or how to make a workspace."""
    if config_file is None and not (folder / CONFIG_FILE).is_file():
        where = "here" if folder == Path() else f"in {folder}"
        raise ConfigError(f"no {CONFIG_FILE} {where}; `gnomon init {folder}` writes a workspace")
    loaded = load(config_file or folder, environment=environment, experiment=experiment, overrides=overrides)
    return Workspace(folder.resolve(), loaded.config, loaded)


def write_workspace(folder: Path, *, project: str | None = None) -> list[Path]:
    """Writes a working workspace called `project` (default: the folder's name). ConfigError where one stands."""
    if (folder / CONFIG_FILE).exists():
        raise ConfigError(f"{folder / CONFIG_FILE} exists already; nothing was written")
    source = files("gnomon.pipeline") / TEMPLATES
    written = []
    for name in ("gnomon.yaml", "environments/research.yaml", "experiments/cheap_costs.yaml", "gitignore"):
        destination = folder / (".gitignore" if name == "gitignore" else name)
        if not destination.exists():
            text = (source / name).read_text(encoding="utf-8")
            write_atomic(destination, text.replace("my-project", project or folder.resolve().name).encode())
            written.append(destination)
    return written


def load_plugins(folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """Imports the workspace's own Python files, so that what they register is known.

    ConfigError names a file that is missing or fails to import, with the line that failed.
    """
    paths = []
    for number, name in enumerate(names):
        path = (folder / name).resolve()
        if not path.is_file() or path.suffix != ".py":
            raise ConfigError(f"plugins[{number}]: no Python file {path}")
        _import(path, where=f"plugins[{number}]")
        paths.append(path)
    return tuple(paths)


def _import(path: Path, *, where: str) -> None:
    """Imports a file under a name of its own; one that has changed since takes the place of what it was."""
    name, digest = f"gnomon_plugin_{path.stem}", hash_file(path)
    if getattr(sys.modules.get(name), "__gnomon_digest__", None) == digest:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise AssertionError
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        place = f"{path}:{lines[-1]}" if lines else str(path)
        raise ConfigError(f"{where}: {place}: {type(error).__name__}: {error}") from error
    module.__dict__["__gnomon_digest__"] = digest
