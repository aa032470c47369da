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
from gnomon.models.forecasting.foundation import Foundation
from gnomon.models.forecasting.nhits import NHiTS
from gnomon.models.forecasting.patchtst import PatchTST
from gnomon.models.forecasting.tft import TFT
from gnomon.models.neural.base import NetConfig, NeuralModel
from gnomon.models.neural.gru import GRU
from gnomon.models.neural.lstm import LSTM
from gnomon.models.neural.mlp import MLP
from gnomon.models.neural.tcn import TCN
from gnomon.models.neural.transformer import Transformer
from gnomon.models.scale.mixture_of_experts import MixtureOfExperts
from gnomon.models.scale.omni_scale import OmniScale
from gnomon.models.scale.state_space import StateSpace
from gnomon.models.supervised import SupervisedModel
from gnomon.samples.base import Forecast

BaseModel = ModelBase
PredictionOutput = Forecast

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "SVM",
    "TCN",
    "TFT",
    "BaseModel",
    "Callback",
    "CatBoost",
    "Ensemble",
    "FitReport",
    "Forecast",
    "Foundation",
    "LightGBM",
    "LogisticRegression",
    "Majority",
    "MixtureOfExperts",
    "ModelBase",
    "ModelConfig",
    "ModelFactory",
    "ModelMeta",
    "ModelRegistry",
    "MomentumRule",
    "NHiTS",
    "NetConfig",
    "NeuralModel",
    "OmniScale",
    "PatchTST",
    "Persistence",
    "PredictionOutput",
    "RandomForest",
    "Ridge",
    "Sklearn",
    "StateSpace",
    "SupervisedModel",
    "TrainedModel",
    "Transformer",
    "XGBoost",
    "build_model",
    "export_onnx",
]
