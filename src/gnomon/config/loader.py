"""The five layers, later wins: packaged defaults, gnomon.yaml, environments/<env>.yaml, experiments/<name>.yaml, --set.

Sections are merged key by key and lists are replaced. A component's section starts anew when its `kind` (or
`model_type`) changes. `${VAR}` and `${VAR:-default}` are filled in from the environment after the merge, so that what
is overridden need not be set; `$${` stands for the characters `${`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping as Variables
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path as File
from typing import Any

from gnomon.config import yaml
from gnomon.config.models import PipelineConfig
from gnomon.config.secrets import Secret, secret_in_url
from gnomon.config.validation import Path, dotted, validate
from gnomon.core.errors import ConfigError, unknown
from gnomon.core.redaction import looks_secret, register_secret

BASE = "gnomon.yaml"
SELECTORS = ("kind", "model_type")
"""Keys that choose what the other keys of their section mean."""

_VARIABLE = re.compile(r"\$(?:(\$)\{|\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\})?)")
_KEY = re.compile(r'"([^"]*)"|([^."=]+)')


@dataclass(frozen=True)
class LoadedConfig:
    """A configuration with where each of its values came from."""

    config: PipelineConfig
    tree: yaml.Mapping = field(repr=False)
    """The merged layers, as written."""
    provenance: Variables[str, yaml.Mark] = field(repr=False)
    """For each leaf that a layer gave, by dotted key: layer, file, line, column. A key that is not here has the
    schema's default."""


def load_config(
    workspace: File | str | None = None,
    *,
    environment: str | None = None,
    experiment: str | None = None,
    overrides: Sequence[str] = (),
    variables: Variables[str, str] | None = None,
) -> PipelineConfig:
    """The configuration of a workspace: a folder with gnomon.yaml, or a YAML file; None takes the defaults alone.

    `environment` and `experiment` name files in `environments/` and `experiments/` beside it, or give a path;
    `overrides` are `"a.b=value"` with the value as YAML; `variables` stand in for the process environment.

    Raises ConfigError that names file, line, key, value and the nearest right key.

    >>> load_config(overrides=["training.threads=2"]).training.threads
    2
    """
    return load(
        workspace, environment=environment, experiment=experiment, overrides=overrides, variables=variables
    ).config


def load(
    workspace: File | str | None = None,
    *,
    environment: str | None = None,
    experiment: str | None = None,
    overrides: Sequence[str] = (),
    variables: Variables[str, str] | None = None,
) -> LoadedConfig:
    """As `load_config`, with the origin of every value."""
    return resolve(layers(workspace, environment=environment, experiment=experiment, overrides=overrides), variables)


def layers(
    workspace: File | str | None = None,
    *,
    environment: str | None = None,
    experiment: str | None = None,
    overrides: Sequence[str] = (),
) -> list[yaml.Mapping]:
    """The layers as they stand, first to last, before they are merged."""
    found = [_section(defaults(), "defaults.yaml", "defaults")]
    folder = None
    if workspace is not None:
        base = File(workspace)
        # A folder that is not there is still a folder in the person's mind.
        if not base.is_file() and base.suffix not in {".yaml", ".yml"}:
            base = base / BASE
        if not base.is_file():
            raise ConfigError(f"there is no {base}; `gnomon init {base.parent}` writes one")
        folder = base.parent
        found.append(_layer(base, "base"))
    for layer, name in (("environment", environment), ("experiment", experiment)):
        if name is not None:
            found.append(_layer(_named(folder, layer, name), f"{layer} {File(name).stem}"))
    return [*found, *(override(text) for text in overrides)]


@cache
def defaults() -> yaml.Node | None:
    """The packaged layer."""
    text = resources.files("gnomon.config").joinpath("defaults.yaml").read_text(encoding="utf-8")
    return yaml.parse(text, file="defaults.yaml", layer="defaults")


def resolve(found: Sequence[yaml.Mapping], variables: Variables[str, str] | None = None) -> LoadedConfig:
    """Merges layers, fills in variables and checks the result."""
    merged: yaml.Mapping = found[0]
    for layer in found[1:]:
        merged = merge(merged, layer)
    filled = _Filled(os.environ if variables is None else variables)
    values = filled.fill(merged, ())
    config = validate(merged, values, shown=filled.references)
    return LoadedConfig(config, merged, dict(leaves(merged)))


def merge(under: yaml.Mapping, over: yaml.Mapping) -> yaml.Mapping:
    """Two layers as one: sections key by key, everything else replaced; a section whose `kind` changes starts anew."""
    entries, keys = dict(under.entries), dict(under.keys)
    for key, value in over.entries.items():
        held = entries.get(key)
        deep = isinstance(held, yaml.Mapping) and isinstance(value, yaml.Mapping) and not _starts_anew(held, value)
        entries[key] = merge(held, value) if deep else value  # type: ignore[arg-type]
        keys[key] = over.keys[key]
    return yaml.Mapping(entries, keys, over.mark)


def leaves(node: yaml.Node, path: Path = ()) -> list[tuple[str, yaml.Mark]]:
    """Every leaf by its dotted key, with its place; a list and an empty section are leaves."""
    if isinstance(node, yaml.Mapping) and node.entries:
        return [leaf for key, entry in node.entries.items() for leaf in leaves(entry, (*path, key))]
    return [(dotted(path), node.mark)] if path else []


def override(text: str) -> yaml.Mapping:
    """The layer of one `a.b=value`: the value is YAML, a key with a dot in it is quoted (`a."b.c"=1`)."""
    name, equals, value = text.partition("=")
    # The value may be a secret: the place of an override is its key alone.
    mark = yaml.Mark("--set", f"--set {name}")
    parts = [quoted or bare for quoted, bare in _KEY.findall(name)]
    rebuilt = re.sub(_KEY, "k", name)
    if not equals or not parts or rebuilt != ".".join("k" * len(parts)):
        raise ConfigError(f"--set {name if equals else ascii(name)} is not of the form a.b=value")
    for part in parts:
        if fault := yaml.key_fault(part):
            raise ConfigError(f"{mark}: the key {part!a} {fault}")
    node = yaml.parse(value, file=mark.file, layer=mark.layer) or yaml.Scalar(None, "", plain=True, mark=mark)
    for part in reversed(parts):
        node = yaml.Mapping({part: node}, {part: mark}, mark)
    assert isinstance(node, yaml.Mapping)
    return node


def _shown(node: yaml.Scalar) -> str:
    """The text as written, without what stands behind `:-`."""
    return re.sub(r"(\$\{[A-Za-z0-9_]+):-[^{}]*\}", r"\1}", node.text)


def _reference(node: yaml.Scalar) -> str | None:
    """What may be shown of a secret with variables in it; None where a part of it is written out in the file."""
    shown = _shown(node)
    return shown if re.fullmatch(r"((Bearer|Basic|Token) )?(\$\{\w+\})+", shown) else None


def _is_secret(path: Path) -> bool:
    words = [part for part in path if isinstance(part, str)]
    return looks_secret(words[-1]) or not {"secrets", "credentials"}.isdisjoint(words)


def _starts_anew(under: yaml.Mapping, over: yaml.Mapping) -> bool:
    return any(
        name in under.entries
        and name in over.entries
        and yaml.plain(under.entries[name]) != yaml.plain(over.entries[name])
        for name in SELECTORS
    )


def _layer(path: File, layer: str) -> yaml.Mapping:
    return _section(yaml.read(path, layer=layer), str(path), layer)


def _section(node: yaml.Node | None, file: str, layer: str) -> yaml.Mapping:
    if node is None:
        return yaml.Mapping({}, {}, yaml.Mark(layer, file))
    if not isinstance(node, yaml.Mapping):
        raise ConfigError(f"{node.mark}: a configuration is a section of keys, this is not")
    return node


def _named(folder: File | None, layer: str, name: str) -> File:
    """The file of an environment or experiment: a path as given, a name in its folder."""
    if name.endswith((".yaml", ".yml")):
        path = File(name)
        for candidate in (path, *([folder / path] if folder is not None else [])):
            if candidate.is_file():
                return candidate
        raise ConfigError(f"there is no {layer} file {name}")
    if folder is None:
        raise ConfigError(f"the {layer} {name!r} needs a workspace; it is a file in its folder {layer}s/")
    shelf = folder / f"{layer}s"
    known = [entry.stem for entry in sorted(shelf.glob("*.yaml"))]
    if name not in known:
        raise ConfigError(unknown(layer, name, known, where=str(shelf)))
    return shelf / f"{name}.yaml"


@dataclass
class _Filled:
    """Turns the merged tree into values: variables filled in, secrets wrapped, and what may be shown of each."""

    variables: Variables[str, str]
    references: dict[Path, str] = field(default_factory=dict)

    def fill(self, node: yaml.Node, path: Path) -> Any:
        match node:
            case yaml.Mapping():
                return {key: self.fill(entry, (*path, key)) for key, entry in node.entries.items()}
            case yaml.Sequence():
                return [self.fill(item, (*path, index)) for index, item in enumerate(node.items)]
        value, names = (node.value, []) if not isinstance(node.value, str) else self._expand(node, path)
        if names:
            self.references[path] = _shown(node)
        if value is not None and (_is_secret(path) or any(looks_secret(name) for name in names)):
            text = value if isinstance(value, str) else node.text
            register_secret(text)
            return Secret(text, reference=_reference(node) if names else None)
        if isinstance(value, str):
            if carried := secret_in_url(value):
                raise ConfigError(
                    f"{node.mark}: the URL of {dotted(path)} carries {carried}; "
                    "give it in a key of its own, as ${VARIABLE}"
                )
            if names and node.plain:
                return self._meaning(value, node, path)
        return value

    def _expand(self, node: yaml.Scalar, path: Path) -> tuple[str, list[str]]:
        names: list[str] = []

        def value(match: re.Match[str]) -> str:
            escaped, name, fallback = match.groups()
            if escaped:
                return "${"
            if name is None:
                raise ConfigError(
                    f"{node.mark}: {dotted(path)} holds a '${{' that names no variable; write ${{NAME}}, "
                    "${NAME:-default}, or $${ for the characters themselves"
                )
            names.append(name)
            found = self.variables.get(name, "")
            if fallback is not None:
                return found or fallback
            if name not in self.variables:
                raise ConfigError(
                    f"{node.mark}: {dotted(path)} needs the environment variable {name}, which is not set; "
                    f"set it, or write ${{{name}:-default}}"
                )
            return found

        return _VARIABLE.sub(value, node.text if node.plain else str(node.value)), names

    def _meaning(self, text: str, node: yaml.Scalar, path: Path) -> Any:
        """What text from outside means where it stands without quotes: `${THREADS}` may be a number."""
        try:
            return yaml.resolve(text, node.mark)
        except ConfigError:
            raise ConfigError(f"{node.mark}: {dotted(path)}: {node.text} holds a number with two meanings") from None
