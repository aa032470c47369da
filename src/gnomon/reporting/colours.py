"""The palette: a name for each part that a colour plays, told apart by people who do not see all colours.

After Okabe and Ito (2008), darkened so that lines keep a contrast of 3 to 1 with the page, in light and in dark.
"""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "chosen": "#0b5cad",
    "other1": "#b5520c",
    "other2": "#7b4fa3",
    "other3": "#8a6d00",
    "other4": "#a03468",
    "benchmark1": "#3f4a57",
    "benchmark2": "#7c8793",
    "benchmark3": "#5b8a86",
    "benchmark4": "#8d8296",
    "benchmark5": "#9a8c76",
    "gain": "#0f7f79",
    "loss": "#c0452a",
    "ink": "#1b2430",
    "faint": "#5a6675",
    "grid": "#e4e8ec",
    "paper": "#ffffff",
}
DARK: Mapping[str, str] = {
    "chosen": "#6cb2f5",
    "other1": "#f0a35e",
    "other2": "#c6a4e8",
    "other3": "#dcc15a",
    "other4": "#ee9abf",
    "benchmark1": "#c3ccd6",
    "benchmark2": "#8f9aa7",
    "benchmark3": "#86bdb8",
    "benchmark4": "#b5a9c2",
    "benchmark5": "#c2b396",
    "gain": "#4fc3ba",
    "loss": "#f08a70",
    "ink": "#e6eaef",
    "faint": "#a2adba",
    "grid": "#2c3540",
    "paper": "#161b22",
}


def css_variables(palette: Mapping[str, str]) -> str:
    """The palette as CSS custom properties: `--chosen: #0b5cad; ...`."""
    return " ".join(f"--{role}: {colour};" for role, colour in palette.items())
