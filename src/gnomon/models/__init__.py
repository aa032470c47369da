"""Model families behind one contract. Importing this room registers the built-in models; their libraries wait."""

from gnomon.models.base import Callback, FitReport, ModelBase, ModelConfig, ModelRegistry
from gnomon.models.boosting.lightgbm import LightGBM
from gnomon.models.bundle import ModelMeta, TrainedModel
from gnomon.models.classical.logistic import LogisticRegression
from gnomon.models.factory import ModelFactory, build_model
from gnomon.models.supervised import SupervisedModel
from gnomon.samples.base import Forecast

BaseModel = ModelBase
PredictionOutput = Forecast

__all__ = [
    "BaseModel",
    "Callback",
    "FitReport",
    "Forecast",
    "LightGBM",
    "LogisticRegression",
    "ModelBase",
    "ModelConfig",
    "ModelFactory",
    "ModelMeta",
    "ModelRegistry",
    "PredictionOutput",
    "SupervisedModel",
    "TrainedModel",
    "build_model",
]
