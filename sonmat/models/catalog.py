"""The catalog: networks that sonmat knows by name, each with its recipe and its claim; and building one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models import tuned
from sonmat.models.builders import Builder, is_file_builder, load_file_builder
from sonmat.models.cnn import notes_cnn
from sonmat.models.compilation import compile_model, optimizer_options
from sonmat.models.convnet import convnet
from sonmat.models.mlp import mlp, notes_mlp
from sonmat.models.recipe import ModelSettings, Recipe, TrainSettings, unknown
from sonmat.models.seeding import private_randomness, seed_weights
from sonmat.models.stack import stack
from sonmat.models.steps import total_steps
from sonmat.models.textcnn import check_reads, textcnn
from sonmat.models.whitening import has_rows, needs_rows, whiten_first

if TYPE_CHECKING:
    import keras

_MNIST_ROWS = 60_000
_COMPILED = ("optimizer", "learning_rate", "loss", "metrics")  # what `build` takes of a recipe's [train]


@dataclass(frozen=True)
class Entry:
    """One network of the catalog.

    Attributes:
        function: Its builder; see `Builder`.
        data: The data set of its recipe and claim.
        train: How its recipe trains it.
        claim: What the recipe reaches, measured, in English and Korean.
        model: Its builder's settings where they are not the builder's defaults.
        split, split_seed, tokens: As `Recipe` has them.
    """

    function: Callable[..., Any]
    data: str
    train: TrainSettings
    claim: tuple[str, str]
    model: Mapping[str, Any] = field(default_factory=dict)
    split: float = Recipe.split
    split_seed: int | None = None
    tokens: Mapping[str, Any] | None = None

    @classmethod
    def tuned(cls, name: str) -> Entry:
        """A recipe that was tuned, from its file."""
        recipe = tuned.tuned(name)
        return cls(
            function=BUILDERS[recipe.model.name],
            data=recipe.data,
            train=recipe.train,
            claim=tuned.claim(name),
            model=recipe.model.settings,
            split=recipe.split,
            split_seed=recipe.split_seed,
            tokens=recipe.tokens,
        )


BUILDERS: Mapping[str, Callable[..., Any]] = {"convnet": convnet, "textcnn": textcnn}
"""What the files of tuned recipes may be made of."""

_PLAIN: dict[str, Entry] = {
    "notes-mlp": Entry(
        function=notes_mlp,
        data="mnist",
        train=TrainSettings(
            epochs=10,
            batch_size=20,
            optimizer="sgd",
            learning_rate=0.01,
            loss="sparse_categorical_crossentropy",
            metrics=("accuracy",),
        ),
        claim=(
            "The notes' own network and settings: 784-20-20-10, SGD 0.01, batch 20, 10 epochs.",
            "노트의 신경망과 설정 그대로: 784-20-20-10, SGD 0.01, 배치 20, 10 에포크.",
        ),
    ),
    "mlp": Entry(
        function=mlp,
        data="mnist",
        train=TrainSettings(
            epochs=10,
            batch_size=128,
            optimizer="adam",
            learning_rate=0.001,
            loss="sparse_categorical_crossentropy",
            metrics=("accuracy",),
        ),
        claim=(
            "Fully connected layers of any width: 256-128 with dropout 0.2, Adam 0.001, batch 128, 10 epochs.",
            "폭을 마음대로 정하는 완전 연결 신경망: 256-128, 드롭아웃 0.2, Adam 0.001, 배치 128, 10 에포크.",
        ),
    ),
    "notes-cnn": Entry(
        function=notes_cnn,
        data="mnist",
        train=TrainSettings(
            epochs=4,
            batch_size=128,
            optimizer="adam",
            learning_rate=0.001,
            loss="sparse_categorical_crossentropy",
            metrics=("accuracy",),
        ),
        claim=(
            "The notes' convolutions and pooling: 16 and 32 filters of 3×3, max-pooling 2×2, Adam 0.001, batch 128, 4 epochs.",
            "노트의 합성곱과 풀링: 3×3 필터 16개와 32개, 2×2 최대 풀링, Adam 0.001, 배치 128, 4 에포크.",
        ),
    ),
    "convnet": Entry(
        function=convnet,
        data="mnist",
        train=TrainSettings(
            epochs=5,
            batch_size=128,
            optimizer="adam",
            learning_rate=0.003,
            loss="sparse_categorical_crossentropy",
            metrics=("accuracy",),
        ),
        claim=(
            "Stages of convolutions with batch normalization: 32 and 64 filters, Adam 0.003, batch 128, 5 epochs.",
            "배치 정규화가 있는 합성곱 단계: 필터 32개와 64개, Adam 0.003, 배치 128, 5 에포크.",
        ),
    ),
    "layers": Entry(
        function=stack,
        data="mnist",
        train=TrainSettings(
            epochs=5,
            batch_size=64,
            optimizer="adam",
            learning_rate=0.001,
            loss="sparse_categorical_crossentropy",
            metrics=("accuracy",),
        ),
        claim=(
            "Any layers, written down one by one: two dense layers of 20, Adam 0.001, batch 64, 5 epochs.",
            "층을 하나씩 적어 만드는 신경망: 완전 연결 층 20-20, Adam 0.001, 배치 64, 5 에포크.",
        ),
    ),
}
CATALOG: Mapping[str, Entry] = {**_PLAIN, **{name: Entry.tuned(name) for name in tuned.NAMES}}


def find_builder(name: str) -> Builder:
    """The builder that a recipe's `model.name` means.

    A name such as `FILE.py:function` runs that file, the user's own, on purpose; see `load_file_builder`.

    Raises:
        RecipeError: Neither in the catalog nor a function in a file.
    """
    if is_file_builder(name):
        return load_file_builder(name)
    if name in CATALOG:
        return Builder.of(name, CATALOG[name].function)
    raise RecipeError(
        say(f"There is no model called {name!r}.", f"{name!r}(이)라는 모델은 없습니다."),
        unknown(name, CATALOG).fix
        + say(" Or FILE.py:FUNCTION, a builder of your own.", " 또는 직접 만든 빌더 파일.py:함수이름."),
    )


def base_recipe(name: str = "notes-mlp") -> Recipe:
    """The recipe of a catalog name with every setting written down, or a plain one for `FILE.py:function`.

    The plain one leaves optimizer, loss and metrics to the builder's own `compile`. No file is opened.

    Raises:
        RecipeError: Not in the catalog.
    """
    if is_file_builder(name):
        return Recipe(model=ModelSettings(name))
    builder = find_builder(name)
    entry = CATALOG[name]
    return Recipe(
        data=entry.data,
        split=entry.split,
        split_seed=entry.split_seed,
        tokens=entry.tokens,
        model=ModelSettings(name, {**builder.defaults, **entry.model}),
        train=entry.train,
    )


def build(name: str = "notes-mlp", data: Any = None, *, seed: int = 0, **settings: Any) -> keras.Model:
    """A compiled Keras model from the catalog, or by a builder of the user's own.

    Args:
        name: A name in the catalog, or `FILE.py:function` (which runs that file).
        data: Gives the shape of an input and the classes: a `Dataset`, or anything with `inputs` (n, …) and `classes`.
            None is MNIST's. Give it the training rows only.
        seed: Alone decides the initial weights, to the bit, in any process. 0 to 2³²−1. Python's, NumPy's and Keras's
            own random state is left as it was.
        settings: The builder's settings (`hidden=[64]`), and `optimizer`, `learning_rate`, `loss`, `metrics` and the
            optimizer's own arguments (`momentum=0.9`).

    Returns:
        An ordinary compiled `keras.Model`.

    Raises:
        RecipeError: An unknown name or setting, a value that it cannot have, or a whitened first layer without the rows that
            its filters are worked out from.
    """
    recipe, builder = base_recipe(name), find_builder(name)
    train = {key: value for key, value in settings.items() if key in _COMPILED and key not in builder.settings}
    values = switch_optimizer(recipe.train, train.get("optimizer"))
    options = optimizer_options(values.optimizer)
    model: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, value in settings.items():
        if key in builder.settings or (builder.open and key not in (*train, *options)):
            model[key] = value
        elif key in options:
            extra[key] = value
        elif key not in train:
            raise unknown(key, [*builder.settings, *_COMPILED, *options], of=name)
    built = build_recipe(
        replace(
            recipe,
            seed=seed,
            model=ModelSettings(name, {**recipe.model.settings, **model}),
            train=replace(values, **train, options={**values.options, **extra}),
        ),
        data,
    )
    if name in CATALOG and needs_rows(built) and not has_rows(data):
        raise RecipeError(
            say(
                "model.whiten freezes filters that are worked out from training rows, and none were given.",
                "model.whiten은 학습 행에서 구한 필터를 고정하는데, 학습 행이 없습니다.",
            ),
            say(
                f'Give them: sonmat.build("{name}", train, …), or leave whiten out.',
                f'학습 행을 주세요: sonmat.build("{name}", train, …). 아니면 whiten을 빼세요.',
            ),
        )
    return built


def build_recipe(recipe: Recipe, data: Any = None) -> keras.Model:
    """The compiled Keras model of a recipe; see `build`.

    A builder of the user's own draws its initial weights from randomness that the recipe's seed sets; weights that it
    loads are kept.
    """
    builder = find_builder(recipe.model.name)
    with private_randomness(recipe.seed):
        model = builder.build(recipe.model.settings, data=data, seed=recipe.seed)
        check_reads(recipe.model.name, model, data)
        compile_model(model, recipe.train, _steps(recipe, data))
    if recipe.model.name in CATALOG:
        seed_weights(model, recipe.seed)
        whiten_first(model, data)
    return model


def _steps(recipe: Recipe, data: Any) -> int:
    train, rows = recipe.train, len(data.inputs) if data is not None else round(_MNIST_ROWS * recipe.split)
    rows += round((train.outliers or 0) * rows) + round((train.habits or 0) * rows)
    return total_steps(rows, max(1, recipe.train.epochs), recipe.train.batch_size)


def switch_optimizer(train: TrainSettings, optimizer: object) -> TrainSettings:
    """`train` with another optimizer; a learning rate and options that were the old one's go with it.

    So `optimizer=adam` alone is Adam at Adam's own rate, not at the rate that SGD had. None, or the same optimizer,
    changes nothing.
    """
    if optimizer is None or (train.optimizer and str(optimizer).lower() == train.optimizer.lower()):
        return train
    return replace(train, optimizer=optimizer, learning_rate=None, options={})  # type: ignore[arg-type]  # checked there
