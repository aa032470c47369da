"""Ensembles: whom they listen to, what each member adds, and how members differ, on rows that no fit of them saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gnomon.reporting.base import ReportContent
from gnomon.reporting.document import Block, Column, Table
from gnomon.reporting.words import format_value


def ensemble_blocks(content: ReportContent) -> list[Block]:
    """Two tables an ensemble, and a third where weights depend on a regime."""
    blocks: list[Block] = []
    for name, about in content.ensembles.items():
        blocks.append(_members(name, about))
        if "regimes" in about:
            blocks.append(_regimes(name, about))
        blocks.append(_pairs(name, about))
    return blocks


def _members(name: str, about: Mapping[str, Any]) -> Table:
    out, losses = about["out_of_fold"], about["out_of_fold"]["log_loss"]
    rows = [
        {**row, "weight": about["weights"][row["member"]], "loss": losses[row["member"]]}
        for row in about["contributions"]
    ]
    rows.append({"member": f"{name} ({about['method']})", "loss": losses["ensemble"]})
    dropped = "".join(f" Left out: {member}, {why}." for member, why in about["dropped"].items())
    return Table(
        name=f"ensemble_{name}",
        title=f"The members of {name}",
        columns=(
            Column(key="member", title="Member"),
            Column(key="weight", title="Weight", form="percent"),
            Column(key="loss", title="Log loss", form="fine"),
            Column(key="alone", title="Skill alone", form="percent"),
            Column(key="without", title="Lost without it", form="percent"),
            Column(key="shapley", title="Shapley share", form="percent"),
        ),
        rows=tuple(rows),
        strong=frozenset({len(rows) - 1}),
        note=(
            f"On {format_value(out['rows'], 'integer')} training rows, each forecast by fits that never saw it "
            f"({out['folds']} purged folds; audited). Log loss of always saying how often each class came: "
            f"{format_value(losses['prior'], 'fine')}. Skill: the share of that which is taken away; the shares of the "
            f"members in the skill of their plain mean add up to it.{dropped}"
        ),
    )


def _regimes(name: str, about: Mapping[str, Any]) -> Table:
    rows = [{"regime": regime, **weights} for regime, weights in about["regimes"].items()]
    members = [row["member"] for row in about["contributions"]]
    return Table(
        name=f"ensemble_{name}_regimes",
        title=f"Whom {name} listens to in which regime",
        columns=(
            Column(key="regime", title="Regime"),
            *(Column(key=member, title=member, form="percent") for member in members),
        ),
        rows=tuple(rows),
    )


def _pairs(name: str, about: Mapping[str, Any]) -> Table:
    return Table(
        name=f"ensemble_{name}_diversity",
        title=f"How the members of {name} differ",
        columns=(
            Column(key="a", title="Member"),
            Column(key="b", title="and"),
            Column(key="correlation", title="Correlation of edges", form="rate"),
            Column(key="disagreement", title="One of two right", form="percent"),
            Column(key="double_fault", title="Both wrong", form="percent"),
            Column(key="q_statistic", title="Q", form="rate"),
        ),
        rows=tuple(dict(row) for row in about["diversity"]),
        note="Q: 1 where two are right on the same rows, 0 where it is chance, below 0 where they take turns.",
    )
