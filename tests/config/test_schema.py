"""The JSON Schema for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gnomon.config.loader import load_config
from gnomon.config.resolved import masked
from gnomon.config.schema import json_schema
from gnomon.config.validation import every_path

BARRIER = {
    "type": "object",
    "properties": {"width": {"$ref": "#/$defs/Width"}},
    "$defs": {"Width": {"type": "number", "minimum": 0}},
}
COMPONENTS = {
    "labeler": {"barrier": BARRIER, "horizon": {"type": "object", "properties": {"bars": {"type": "integer"}}}}
}


def validator(schema: dict[str, Any]) -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def at(schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The schema of a key, through references and alternatives."""
    node = schema
    for part in path:
        while "$ref" in node or "anyOf" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node["anyOf"][0]
        node = node["additionalProperties" if part == "*" else "properties"]
        if part != "*":
            node = node[part]
    return node


def test_every_key_of_the_models_is_in_the_schema() -> None:
    schema = json_schema()
    for path in every_path():
        assert at(schema, path) is not None
    assert at(schema, ("pipeline",))["description"] == "The pipeline that `gnomon run` runs."
    assert "x-registry" not in json.dumps(schema)
    assert "x-fields" not in json.dumps(schema)


def test_components_and_sections_complete_it() -> None:
    fees = {"type": "object", "properties": {"fee_bps": {"type": "number"}}, "additionalProperties": False}
    schema = json_schema({**COMPONENTS, "model": {"tree": {}}}, {"execution": fees})
    labels = at(schema, ("labels",))
    assert labels["properties"]["kind"]["enum"] == ["barrier", "horizon"]
    then = labels["allOf"][0]["then"]
    assert then["properties"]["width"] == {"$ref": "#/$defs/labeler_barrier_Width"}
    assert schema["$defs"]["labeler_barrier_Width"]["minimum"] == 0
    assert at(schema, ("execution",))["properties"]["fee_bps"] == {"type": "number"}
    assert at(schema, ("models", "*", "model_type"))["enum"] == ["tree"]


def test_an_outside_validator_agrees_with_the_loader(workspace: Path) -> None:
    schema = validator(json_schema(COMPONENTS))
    good = masked(load_config(workspace, overrides=["labels={kind: horizon}", "labels={kind: barrier, width: 2}"]))
    assert list(schema.iter_errors(good)) == []
    for wrong in (
        {"seed": "x"},
        {"sead": 1},
        {"labels": {"kind": "barier"}},
        {"labels": {"kind": "barrier", "widht": 1}},
        {"labels": {"kind": "barrier", "width": -1}},
        {"labels": {}},
        {"training": {"threads": 0}},
    ):
        assert list(schema.iter_errors(wrong)), wrong
