"""JSON Schema of the configuration, for editors: completion, hover texts and red lines while a person types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gnomon.config.models import PipelineConfig

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(
    components: Mapping[str, Mapping[str, Schema]] | None = None, sections: Mapping[str, Schema] | None = None
) -> Schema:
    """The schema of gnomon.yaml.

    `components` completes the plug-ins: for each registry ("labeler"), the schema of each component by name; `sections`
    replaces raw sections of the top level ("execution") by the schema of their fields. Both come from higher floors.

    >>> sorted(json_schema()["properties"])[:3]
    ['compare', 'data', 'deployment']
    """
    schema = PipelineConfig.model_json_schema(mode="validation")
    for name, section in (sections or {}).items():
        described = {"description": schema["properties"][name].get("description", "")}
        schema["properties"][name] = {**described, **_lifted(section, schema, name)}
    completed = _complete(schema, schema, components or {})
    return {"$schema": DIALECT, "title": "Gnomon configuration", **{k: v for k, v in completed.items() if k != "title"}}


def _complete(node: Any, root: Schema, components: Mapping[str, Mapping[str, Schema]]) -> Any:
    """The node with every place of a component told what may stand there; any value may also be a `${VAR}`."""
    if isinstance(node, list):
        return [_complete(item, root, components) for item in node]
    if not isinstance(node, dict):
        return node
    done = {key: _complete(value, root, components) for key, value in node.items() if key != "$defs"}
    if "$defs" in node:
        # Completing may lift further definitions into the root while it runs.
        for name in list(node["$defs"]):
            node["$defs"][name] = _complete(node["$defs"][name], root, components)
        done["$defs"] = node["$defs"]
    done.pop("x-fields", None)
    registry = done.pop("x-registry", None)
    if registry is None:
        return done
    known = components.get(registry, {})
    if registry == "model":
        return {**done, "enum": sorted(known)} if known else done
    kind = {"type": "string", "description": f"The name of a registered {registry}."}
    choice = {
        **{key: value for key, value in done.items() if key not in {"type", "additionalProperties"}},
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {**kind, "enum": sorted(known)} if known else kind},
    }
    if known:
        choice["allOf"] = [
            {
                "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
                "then": _with_kind(_lifted(fields, root, f"{registry} {name}"), name),
            }
            for name, fields in sorted(known.items())
        ]
    return choice


def _with_kind(fields: Schema, name: str) -> Schema:
    properties = {"kind": {"const": name}, **fields.get("properties", {})}
    return {**fields, "properties": properties, "additionalProperties": False}


def _lifted(schema: Schema, root: Schema, prefix: str) -> Schema:
    """A schema whose own definitions are moved to the root's, under names of their own."""
    inner = dict(schema)
    definitions = inner.pop("$defs", {})
    slug = prefix.replace(" ", "_")

    def renamed(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: f"#/$defs/{slug}_{value.removeprefix('#/$defs/')}" if key == "$ref" else renamed(value)
                for key, value in node.items()
            }
        return [renamed(item) for item in node] if isinstance(node, list) else node

    for name, definition in definitions.items():
        root.setdefault("$defs", {})[f"{slug}_{name}"] = renamed(definition)
    lifted = renamed(inner)
    assert isinstance(lifted, dict)
    return lifted
