"""sonmat: hyperparameters measured instead of guessed.

    import sonmat as sm

    train, test = sm.load("mnist")
    train, val = train.split(0.7, seed=0)
    model = sm.build("notes-mlp")
    history = sm.fit(model, train, validation_data=val, epochs=10, batch_size=20, seed=0)
    sm.evaluate(model, test)

Every public name is listed below with the module that makes it, and is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from sonmat import backend as _backend

_backend.choose()

__version__ = "0.1.0"

_PUBLIC = {
    "BackendError": "sonmat.errors",
    "DataError": "sonmat.errors",
    "Dataset": "sonmat.data.dataset",
    "Evaluation": "sonmat.engine.evaluate",
    "Forecast": "sonmat.engine.forecast",
    "Listener": "sonmat.engine.listener",
    "Member": "sonmat.engine.population",
    "ModelFileError": "sonmat.errors",
    "NonFiniteLossError": "sonmat.errors",
    "Population": "sonmat.engine.population",
    "RateTest": "sonmat.engine.rate_test",
    "Recipe": "sonmat.models.recipe",
    "RecipeError": "sonmat.errors",
    "RunError": "sonmat.errors",
    "ServerError": "sonmat.errors",
    "SonmatError": "sonmat.errors",
    "SourceError": "sonmat.errors",
    "StorageError": "sonmat.errors",
    "TrainingError": "sonmat.errors",
    "Study": "sonmat.search.study",
    "Swept": "sonmat.jobs.sweep",
    "UnsupportedError": "sonmat.errors",
    "augmented": "sonmat.engine.augmented",
    "build": "sonmat.models.catalog",
    "diagnose": "sonmat.jobs.diagnose",
    "evaluate": "sonmat.engine.evaluate",
    "explain": "sonmat.jobs.explain",
    "find_learning_rate": "sonmat.engine.learning_rate",
    "fit": "sonmat.runs.fit",
    "fit_many": "sonmat.engine.fit_many",
    "forecast": "sonmat.engine.forecast",
    "load": "sonmat.data.sources",
    "load_model": "sonmat.runs.model_files",
    "load_run": "sonmat.runs.folder",
    "predict": "sonmat.engine.predict",
    "predict_classes": "sonmat.engine.predict",
    "resume_sweep": "sonmat.jobs.sweep",
    "save_model": "sonmat.runs.model_files",
    "sweep": "sonmat.jobs.sweep",
    "tokenize": "sonmat.data.cutting",
    "train": "sonmat.jobs.train",
}

if TYPE_CHECKING:
    from sonmat.data.cutting import tokenize as tokenize
    from sonmat.data.dataset import Dataset as Dataset
    from sonmat.data.sources import load as load
    from sonmat.engine.augmented import augmented as augmented
    from sonmat.engine.evaluate import Evaluation as Evaluation
    from sonmat.engine.evaluate import evaluate as evaluate
    from sonmat.engine.fit_many import fit_many as fit_many
    from sonmat.engine.forecast import Forecast as Forecast
    from sonmat.engine.forecast import forecast as forecast
    from sonmat.engine.learning_rate import find_learning_rate as find_learning_rate
    from sonmat.engine.listener import Listener as Listener
    from sonmat.engine.population import Member as Member
    from sonmat.engine.population import Population as Population
    from sonmat.engine.predict import predict as predict
    from sonmat.engine.predict import predict_classes as predict_classes
    from sonmat.engine.rate_test import RateTest as RateTest
    from sonmat.errors import BackendError as BackendError
    from sonmat.errors import DataError as DataError
    from sonmat.errors import ModelFileError as ModelFileError
    from sonmat.errors import NonFiniteLossError as NonFiniteLossError
    from sonmat.errors import RecipeError as RecipeError
    from sonmat.errors import RunError as RunError
    from sonmat.errors import ServerError as ServerError
    from sonmat.errors import SonmatError as SonmatError
    from sonmat.errors import SourceError as SourceError
    from sonmat.errors import StorageError as StorageError
    from sonmat.errors import TrainingError as TrainingError
    from sonmat.errors import UnsupportedError as UnsupportedError
    from sonmat.jobs.diagnose import diagnose as diagnose
    from sonmat.jobs.explain import explain as explain
    from sonmat.jobs.sweep import Swept as Swept
    from sonmat.jobs.sweep import resume_sweep as resume_sweep
    from sonmat.jobs.sweep import sweep as sweep
    from sonmat.jobs.train import train as train
    from sonmat.models.catalog import build as build
    from sonmat.models.recipe import Recipe as Recipe
    from sonmat.runs.fit import fit as fit
    from sonmat.runs.folder import load_run as load_run
    from sonmat.runs.model_files import load_model as load_model
    from sonmat.runs.model_files import save_model as save_model
    from sonmat.search.study import Study as Study

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'sonmat' has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
