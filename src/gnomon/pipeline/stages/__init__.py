"""The built-in stages; importing this package registers them."""

from gnomon.pipeline.stages import (
    check,
    cross_validate,
    evaluate,
    features,
    forecast,
    ingest,
    labels,
    report,
    samples,
    scaled,
    select,
    side_tables,
    simulate,
    split,
    train,
    trials,
)

__all__ = [
    "check",
    "cross_validate",
    "evaluate",
    "features",
    "forecast",
    "ingest",
    "labels",
    "report",
    "samples",
    "scaled",
    "select",
    "side_tables",
    "simulate",
    "split",
    "train",
    "trials",
]
