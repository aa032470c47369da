"""Model families behind one contract. Importing this room registers the built-in models; their libraries wait."""

from gnomon.models.base import Callback, FitReport, ModelBase, ModelConfig, ModelRegistry
from gnomon.models.boosting.catboost import CatBoost
from gnomon.models.boosting.lightgbm import LightGBM
from gnomon.models.boosting.xgboost import XGBoost
from gnomon.models.bundle import ModelMeta, TrainedModel
from gnomon.models.classical.forest import RandomForest
from gnomon.models.classical.logistic import LogisticRegression
from gnomon.models.classical.ridge import Ridge
from gnomon.models.classical.rules import Majority, MomentumRule, Persistence
from gnomon.models.classical.sklearn import Sklearn
from gnomon.models.classical.svm import SVM
from gnomon.models.ensemble import Ensemble
from gnomon.models.export import export_onnx
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
    "SVM",
    "BaseModel",
    "Callback",
    "CatBoost",
    "Ensemble",
    "FitReport",
    "Forecast",
    "LightGBM",
    "LogisticRegression",
    "Majority",
    "ModelBase",
    "ModelConfig",
    "ModelFactory",
    "ModelMeta",
    "ModelRegistry",
    "MomentumRule",
    "NetConfig",
    "NeuralModel",
    "Persistence",
    "PredictionOutput",
    "RandomForest",
    "Ridge",
    "Sklearn",
    "SupervisedModel",
    "TrainedModel",
    "XGBoost",
    "build_model",
    "export_onnx",
]
