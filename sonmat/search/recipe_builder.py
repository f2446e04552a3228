"""The builder of a study's members: a trial's settings laid over the recipe, and the network that this gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sonmat.models.compilation import spans
from sonmat.models.recipe import Recipe
from sonmat.search.settings import settings_recipe

if TYPE_CHECKING:
    import keras

_TRAINED = ("train.label_smoothing", "train.augment", "train.average", "train.epochs")
"""What the training is told and the network does not depend on."""


@dataclass(frozen=True)
class RecipeBuilder:
    """Builds the network of a trial, for `fit_many`.

    Attributes:
        recipe: What trials change.
        data: The training rows: shape and classes.
        models: What else trials may have as `model.name`.
    """

    recipe: Recipe
    data: Any = None
    models: tuple[str, ...] = ()
    left_to_training = frozenset({"learning_rate"})
    """Settings that the training is told, though any name could be the builder's."""

    def __call__(self, *, seed: int = 0, **settings: Any) -> keras.Model:
        """The compiled network of a trial with these dotted settings."""
        from dataclasses import replace

        from sonmat.models.catalog import build_recipe

        return build_recipe(replace(settings_recipe(self.recipe, settings), seed=seed), self.data)

    @property
    def reseed(self) -> Callable[[Any, int], None] | None:
        """Draws a built network's first weights again; None where only its builder can."""
        from sonmat.models.builders import is_file_builder

        return None if any(map(is_file_builder, (self.recipe.model.name, *self.models))) else self._reseed

    def member(self, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """A trial's settings as `fit_many` takes them.

        A plain learning rate is set in the optimizer, so that trials that differ in it alone are built and traced once.
        """
        recipe = settings_recipe(self.recipe, settings)
        train = recipe.train
        built = {name: value for name, value in settings.items() if not name.startswith(_TRAINED)}
        told: dict[str, Any] = {
            "seed": seed,
            "epochs": train.epochs,
            "batch_size": train.batch_size,
            "augment": train.augment,
            "label_smoothing": train.label_smoothing or 0.0,
            "average": train.average,
        }
        if not spans(train):  # a schedule that spans the training depends on the batch size
            built.pop("train.batch_size", None)
        rate = built.get("train.learning_rate")
        if isinstance(rate, (int, float)) and not isinstance(self.recipe.train.learning_rate, Mapping):
            del built["train.learning_rate"]
            told["learning_rate"] = float(rate)
        return built | told

    def _reseed(self, model: Any, seed: int) -> None:
        from sonmat.models.seeding import seed_weights
        from sonmat.models.whitening import whiten_first

        seed_weights(model, seed)
        whiten_first(model, self.data)
