"""A run as a plain Keras script, so that anyone can leave at any time and lose nothing."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path

import keras

from sonmat.errors import UnsupportedError
from sonmat.language import say
from sonmat.runs.script_expression import expression
from sonmat.runs.script_model import compile_code, model_code

_KERAS_DATASETS = {"mnist": "mnist", "fashion-mnist": "fashion_mnist", "fashion_mnist": "fashion_mnist"}

_TEMPLATE = '''\
"""Train a network with Keras alone.

    python SCRIPT.py [DATA.npz]

Needs keras and a backend for it (TensorFlow, JAX or PyTorch), and NumPy; with matplotlib it draws the curves too.
{where}
Each network starts from other weights, so accuracies differ a little from run to run, and from sonmat's.
"""

import sys

import keras
import numpy as np
from keras import layers

SEED = {seed}
keras.utils.set_random_seed(SEED)


def load():
    """((training images, labels), (test images, labels))"""
    if len(sys.argv) > 1:
        return load_npz(sys.argv[1])
    {load}


def load_npz(path):
    with np.load(path, allow_pickle=False) as data:
        return (data["x_train"], data["y_train"]), (data["x_test"], data["y_test"])


def split(labels, fraction):
    """Rows for training and for validation, no row in both; every class is divided in the same proportion."""
    rng = np.random.default_rng(SEED)
    classes = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    exact = np.array([len(rows) * fraction for rows in classes])
    counts = np.floor(exact + 1e-9).astype(int)
    missing = round(len(labels) * fraction) - counts.sum()
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    train = np.concatenate([rows[:count] for rows, count in zip(classes, counts)])
    validation = np.concatenate([rows[count:] for rows, count in zip(classes, counts)])
    return np.sort(train), np.sort(validation)


def prepare(inputs):
    """Inputs as the network takes them."""
    {prepare}


{model}
{compile}
model.summary()

(inputs, labels), (test_inputs, test_labels) = load()
train, validation = split(labels, {fraction})
print(f"{{len(train)}} training and {{len(validation)}} validation rows, {{len(test_labels)}} test rows")

history = model.fit(
    prepare(inputs[train]),
    labels[train],
    batch_size={batch_size},
    epochs={epochs},
    validation_data=(prepare(inputs[validation]), labels[validation]),
    verbose=2,
)

results = model.evaluate(prepare(test_inputs), test_labels, verbose=0, return_dict=True)
print("test:", ", ".join(f"{{name}} {{value:.4f}}" for name, value in results.items()))

model.save({saved})  # takes inputs that are prepared as above
print("saved", {saved})

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError:
    print("matplotlib is not installed, so no curves are drawn")
else:
    figure, left = plt.subplots()
    right = left.twinx()
    for name, values in history.history.items():
        axis, style = (left, "-") if "loss" in name else (right, "--")
        axis.plot(range(1, len(values) + 1), values, style, label=name, color=f"C{{len(left.lines) + len(right.lines)}}")
    left.set(xlabel="epoch", ylabel="loss")
    right.set_ylabel("metrics")
    figure.legend(loc="outside upper center" if figure.get_layout_engine() else "upper center", ncols=4)
    figure.savefig("curves.png")
    print("drawn curves.png")
'''


def keras_script(
    model: keras.Model,
    *,
    dataset: str,
    split: float,
    seed: int,
    epochs: int,
    batch_size: int,
    scale: float,
) -> str:
    """A run as a Python script that needs Keras and NumPy and nothing of sonmat.

    It loads the data, splits it (disjoint and stratified, though not into sonmat's very rows), builds and compiles the
    network, trains, evaluates, saves and plots. Given the path of an .npz (x_train, y_train, x_test, y_test) it takes
    its data from there.

    Args:
        model: The compiled model: Sequential or functional, one input, Keras's own layers.
        dataset: `"mnist"` or `"fashion-mnist"` (Keras fetches them), another name, or the path of an .npz.
        split: The part of the rows that is trained on, 0 to 1.
        seed: For the split, the weights and the order of the data.
        epochs: How often every row is seen.
        batch_size: Rows in a step.
        scale: What inputs are divided by.

    Returns:
        The script's text.

    Raises:
        UnsupportedError: The model is not compiled, has several inputs, or has parts that are not Keras's own.
    """
    if len(model.inputs) != 1:
        raise UnsupportedError(
            say("A script is written for models of one input.", "입력이 하나인 모델만 스크립트로 씁니다."),
            say(
                "Export the model itself: sonmat export RUN model.keras",
                "모델 자체를 내보내세요: sonmat export RUN model.keras",
            ),
        )
    load, where = _loading(dataset)
    stem = Path(dataset).stem if dataset.isascii() and "\n" not in dataset else "own"
    return _TEMPLATE.format(
        seed=int(seed),
        load=load,
        where=where,
        prepare=_preparing(model, scale),
        model=model_code(model),
        compile=compile_code(model),
        fraction=expression(float(split)),
        batch_size=int(batch_size),
        epochs=int(epochs),
        saved=expression(f"{stem.replace('-', '_')}_model.h5"),
    )


def _loading(dataset: str) -> tuple[str, str]:
    """The statement that loads the data, and what the script's head says about it."""
    if dataset in _KERAS_DATASETS:
        name = _KERAS_DATASETS[dataset]
        return (
            f"return keras.datasets.{name}.load_data()",
            f"Keras fetches {name} by itself; without a network, give the path of an .npz that holds it.",
        )
    if dataset.endswith(".npz"):
        return f"return load_npz({expression(dataset)})", "The data are read from the .npz that was trained on."
    stop = 'sys.exit("Give the data: python SCRIPT.py DATA.npz (x_train, y_train, x_test, y_test)")'
    return stop, "Keras has no such data set: give the path of an .npz with x_train, y_train, x_test, y_test."


def _preparing(model: keras.Model, scale: float) -> str:
    shape = tuple(model.inputs[0].shape[1:])
    code = 'inputs.astype("float32")' if scale == 1 else f'inputs.astype("float32") / {expression(float(scale))}'
    if None not in shape and math.prod(shape):
        code = f"({code}).reshape(-1, {', '.join(map(str, shape))})" if shape else code
    return textwrap.indent(f"return {code}", "    ").strip()
