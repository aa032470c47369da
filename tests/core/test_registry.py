from __future__ import annotations

import dataclasses
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from gnomon.core import registry as module
from gnomon.core.errors import ConfigError
from gnomon.core.registry import Registry, field_names


@pytest.fixture
def shapes() -> Registry[object]:
    registry: Registry[object] = Registry("shape")

    @registry.register(name="circle", round=True)
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Circle:
        radius: float = 1.0
        fill: Literal["plain", "dotted"] = "plain"
        tags: tuple[str, ...] = ()

        def __post_init__(self) -> None:
            if self.radius <= 0:
                raise ValueError(f"radius must be above 0, was {self.radius}")

    @registry.register(name="square")
    class Square(BaseModel):
        model_config = ConfigDict(extra="forbid")
        side: int = Field(ge=1)

    return registry


def test_components_are_made_by_name(shapes: Registry[object]) -> None:
    circle = shapes.create("circle", radius=2)
    assert (circle.radius, circle.fill) == (2.0, "plain")
    assert shapes.create("square", side=3).side == 3
    assert shapes.get("circle") is type(circle)
    assert shapes.names() == ["circle", "square"]
    assert [entry.name for entry in shapes] == ["circle", "square"]
    assert shapes.entry("circle").facts == {"round": True}


def test_a_section_names_its_kind(shapes: Registry[object]) -> None:
    section = {"kind": "circle", "radius": 3.0, "tags": ["a", "b"]}
    assert shapes.from_config(section, where="shape").tags == ("a", "b")
    assert section["kind"] == "circle"
    with pytest.raises(ConfigError, match="shape needs a `kind`; known: circle, square"):
        shapes.from_config({"radius": 1.0}, where="shape")


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("cirlce", {}, "unknown shape 'cirlce' at here; did you mean 'circle'?"),
        ("circle", {"radios": 1.0}, "unknown key 'radios' at here.radios; did you mean 'radius'?"),
        ("circle", {"radius": "wide"}, "here.radius = 'wide': "),
        ("circle", {"radius": -1.0}, "radius must be above 0, was -1.0"),
        ("circle", {"fill": "striped"}, "here.fill = 'striped': input should be 'plain' or 'dotted'"),
        ("square", {}, "here.side is missing"),
        ("square", {"side": 0}, "here.side = 0: "),
        ("square", {"side": 1, "sied": 2}, "unknown key 'sied' at here.sied; did you mean 'side'?"),
        ("circle", {"radius": "2.0"}, "here.radius = '2.0': should be a number"),
        ("square", {"side": True}, "here.side = True: should be a number"),
    ],
)
def test_wrong_fields_are_refused_in_words(shapes: Registry[object], name, fields, message) -> None:
    with pytest.raises(ConfigError) as error:
        shapes.create(name, where="here", **fields)
    assert message in str(error.value)


def test_every_fault_is_named_at_once(shapes: Registry[object]) -> None:
    with pytest.raises(ConfigError) as error:
        shapes.create("circle", where="here", radius="wide", fill="striped")
    assert len(str(error.value).splitlines()) == 2


def test_a_name_belongs_to_one_class(shapes: Registry[object]) -> None:
    with pytest.raises(ConfigError, match="shape 'circle' is already registered by"):

        @shapes.register(name="circle")
        class Other:
            pass

    held = shapes.get("circle")
    # The same class once more, as after a reload of its module, is no clash.
    assert shapes.register(name="circle")(held) is held


def test_plugins_join_on_the_first_search_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    registry: Registry[object] = Registry("odd thing")
    loaded = []

    class Point:
        def load(self) -> None:
            loaded.append(1)

            @registry.register(name="plugged")
            @dataclasses.dataclass
            class Plugged:
                pass

    def entry_points(*, group: str) -> list[Point]:
        assert group == "gnomon.odd_thing"
        return [Point()]

    monkeypatch.setattr(module.importlib.metadata, "entry_points", entry_points)
    assert registry.get("plugged").__name__ == "Plugged"
    assert registry.names() == ["plugged"]
    assert loaded == [1]


def test_secrets_are_revealed_to_the_component_alone() -> None:
    registry: Registry[object] = Registry("door")

    @registry.register(name="plain")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Plain:
        key: str
        headers: dict[str, str] = dataclasses.field(default_factory=dict)

    @registry.register(name="careful")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Careful:
        key: SecretStr

    secret = SecretStr("hunter2-canary")
    assert registry.create("plain", key=secret, headers={"x": secret}).headers == {"x": "hunter2-canary"}
    assert "canary" not in repr(registry.create("careful", key=secret))


def test_field_names_of_both_kinds(shapes: Registry[object]) -> None:
    assert field_names(shapes.get("circle")) == ["radius", "fill", "tags"]
    assert field_names(shapes.get("square")) == ["side"]
    assert field_names(int) == []
