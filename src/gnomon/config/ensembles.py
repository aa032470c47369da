"""Ensembles name other candidates; here the names become the candidates' own sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gnomon.core.errors import ConfigError, unknown

if TYPE_CHECKING:
    from gnomon.config.models import ModelConfig

ENSEMBLE = "ensemble"
"""The model type whose `params.members` may be names of other candidates."""


def member_names(section: ModelConfig) -> list[str]:
    """The candidates that an ensemble names; none for another model, or an ensemble with models of its own."""
    members = section.params.get("members")
    return list(members) if section.model_type == ENSEMBLE and isinstance(members, list | tuple) else []


def with_members(candidates: Mapping[str, ModelConfig]) -> dict[str, ModelConfig]:
    """The candidates, with each ensemble's names replaced by what they name, so that a section says all of a model.

    Raises ConfigError for a name that is no candidate, for an ensemble of itself or of another ensemble, and for one
    of fewer than two members.
    """
    return {
        name: _resolved(name, section, candidates) if section.model_type == ENSEMBLE else section
        for name, section in candidates.items()
    }


def _resolved(name: str, section: ModelConfig, candidates: Mapping[str, ModelConfig]) -> ModelConfig:
    where = f"models.{name}.params.members" if name else "params.members"
    named = member_names(section)
    if len(section.params.get("members") or ()) < 2:
        raise ConfigError(
            f"{where} = {section.params.get('members')!r}: an ensemble needs two members at least, other candidates by "
            "name or {name: {model_type: ...}}"
        )
    if not named:
        return section
    others = {other: one for other, one in candidates.items() if one.model_type != ENSEMBLE}
    for member in named:
        if member == name:
            raise ConfigError(f"{where} names {name!r} itself; an ensemble is made of other candidates")
        if member in candidates and member not in others:
            raise ConfigError(f"{where} names {member!r}, which is an ensemble too; name its members instead")
        if member not in others:
            raise ConfigError(unknown("member", str(member), others, where=where))
    for member in named:
        if others[member].init_from is not None:
            raise ConfigError(
                f"{where} names {member!r}, which begins with the weights of another model (init_from): these may know "
                "the rows that its members are judged by; leave it out of the ensemble, or name its model type anew"
            )
    if twice := next((member for member in named if named.count(member) > 1), None):
        raise ConfigError(f"{where} names {twice!r} twice; a member counts once")
    members = {
        member: {"model_type": others[member].model_type, "params": dict(others[member].params)} for member in named
    }
    return section.model_copy(update={"params": {**section.params, "members": members}})
