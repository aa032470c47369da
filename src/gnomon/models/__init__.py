"""Model families behind one contract. Importing this room registers the built-in models; their libraries wait."""

from gnomon.models.base import Callback, FitReport, ModelBase, ModelConfig, ModelRegistry
from gnomon.models.boosting.lightgbm import LightGBM
from gnomon.models.bundle import ModelMeta, TrainedModel
from gnomon.models.classical.logistic import LogisticRegression
from gnomon.models.factory import ModelFactory, build_model
from gnomon.models.neural.base import NetConfig, NeuralModel
from gnomon.models.neural.gru import GRU
from gnomon.models.neural.lstm import LSTM
from gnomon.models.neural.mlp import MLP
from gnomon.models.supervised import SupervisedModel
from gnomon.samples.base import Forecast

BaseModel = ModelBase
PredictionOutput = Forecast

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
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
    "NetConfig",
    "NeuralModel",
    "PredictionOutput",
    "SupervisedModel",
    "TrainedModel",
    "build_model",
]
