"""The errors a user can meet.

    SonmatError
    ├── BackendError      Keras was imported with another backend than JAX   (also ImportError)
    ├── DataError         inputs, labels or weights that cannot be trained on (also ValueError)
    │   └── SourceError   a data set that could not be fetched, read or verified
    ├── RecipeError       an unknown or impossible setting                    (also ValueError)
    ├── UnsupportedError  something Keras takes and sonmat does not           (also NotImplementedError)
    ├── TrainingError     a run that cannot go on                             (also RuntimeError)
    │   └── NonFiniteLossError
    ├── ModelFileError    a model file that is broken or not safe to read     (also ValueError)
    ├── RunError          a run folder that is missing, broken or another's   (also RuntimeError)
    ├── ServerError       an address that cannot be listened on               (also OSError)
    └── StorageError      a file that could not be written                    (also OSError)

Each says what was expected, what came, and what to do about it.
"""

from __future__ import annotations


class SonmatError(Exception):
    """Base of every error that sonmat raises on purpose.

    Args:
        problem: One or two sentences: what was expected and what came.
        fix: What to do about it, where possible as a command or code.
    """

    def __init__(self, problem: str, fix: str = "") -> None:
        super().__init__(problem, fix)
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.problem}\n  → {self.fix}" if self.fix else self.problem


class BackendError(SonmatError, ImportError):
    """Keras was imported with another backend than JAX."""


class DataError(SonmatError, ValueError):
    """Inputs, labels or weights that cannot be trained on."""


class SourceError(DataError):
    """A data set that could not be fetched, read or verified."""


class RecipeError(SonmatError, ValueError):
    """An unknown or impossible setting."""


class UnsupportedError(SonmatError, NotImplementedError):
    """Something that Keras takes and sonmat does not."""


class TrainingError(SonmatError, RuntimeError):
    """A run that cannot go on."""


class NonFiniteLossError(TrainingError):
    """The loss became infinite or not a number.

    Attributes:
        epoch: The epoch, counted from 0 as Keras does.
        step: The step within the epoch, counted from 0.
    """

    def __init__(self, problem: str, fix: str, *, epoch: int, step: int) -> None:
        super().__init__(problem, fix)
        self.epoch = epoch
        self.step = step


class ModelFileError(SonmatError, ValueError):
    """A model file that is broken or not safe to read."""


class RunError(SonmatError, RuntimeError):
    """A run folder that is missing, broken or in use."""


class ServerError(SonmatError, OSError):
    """An address that the server cannot listen on, or may not."""


class StorageError(SonmatError, OSError):
    """A file that could not be written."""
