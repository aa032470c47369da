"""Features of a symbol against published factor returns (market, size, value)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import feature
from gnomon.kernels.indicators.factors import factor_exposure as factor_kernel

Publications = Annotated[int, Field(ge=6, le=1_000_000)]
Bars = Annotated[int, Field(ge=0, le=1_000_000)]
FACTORS = ("market", "size", "value")


@feature(basic=True)
def factor_exposure(publications: Publications = 60, lag: Bars = 0) -> FeatureSpec:
    """Betas to market, size and value over the last publications, and the residual of the last return.

    `lag`: how many bars a publication comes after the close of the period that it is about.
    """
    return FeatureSpec(
        name="factor_exposure",
        inputs=("factors.known_at", "close", *(f"factors.{factor}" for factor in FACTORS)),
        outputs=(*(f"beta_{factor}_{publications}" for factor in FACTORS), f"factor_residual_{publications}"),
        params={"publications": publications, "lag": lag},
        kernel=factor_kernel,
        warmup=publications + lag,
        units="ratio, ratio, ratio, standard deviations",
        theme="factors",
        tables=("factors",),
        reference="Fama and French 1993; Blitz, Huij and Martens 2011",
    )
