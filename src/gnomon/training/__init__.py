"""Fitting: one model, a choice among several, and what watches a fit."""

from gnomon.training.callbacks import CallbackBase, EarlyStoppingCallback, LoggingCallback, ModelCheckpointCallback
from gnomon.training.fit import ModelTrainer, Trainer, fit_model
from gnomon.training.selection import ValidationScore, select_model, validation_scores

__all__ = [
    "CallbackBase",
    "EarlyStoppingCallback",
    "LoggingCallback",
    "ModelCheckpointCallback",
    "ModelTrainer",
    "Trainer",
    "ValidationScore",
    "fit_model",
    "select_model",
    "validation_scores",
]
