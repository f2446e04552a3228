"""Muon for convolution kernels too."""

from __future__ import annotations

import math
import re
from typing import Any

import keras
from keras import ops

_CONVOLUTIONS = (
    *(keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D),
    *(keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose),
    *(keras.layers.SeparableConv1D, keras.layers.SeparableConv2D),
)
_KERNELS = ("kernel", "pointwise_kernel")
_OTHERS = re.compile(r"depthwise|einsum|attention|lstm|gru|rnn|embedding", re.IGNORECASE)


@keras.saving.register_keras_serializable(package="sonmat")
class ConvMuon(keras.optimizers.Muon):
    """Keras's Muon, which orthogonalizes the updates of matrices, for the kernels of convolutions as well.

    A kernel (rows, columns, inputs, filters) is taken as the matrix (rows · columns · inputs, filters), as in Keller
    Jordan's airbench (github.com/KellerJordan/cifar10-airbench; "Muon", 2024). Biases, normalization, embeddings and the
    layers that `exclude_layers` names are left to AdamW, as Keras does, and so are kernels that are several matrices in
    one: of depthwise and grouped convolutions, `EinsumDense`, attention and recurrent layers. It is usual to name the
    output layer in `exclude_layers`. All arguments are Keras's.

    Which layer a kernel belongs to is known where `look_at` was called, as `sonmat.build` and `sonmat.fit` do. Otherwise the
    variables' paths must do, in which layers have the names that Keras or their maker gave them.
    """

    convolutions: frozenset[str] | None = None
    """The names of the layers whose kernels are one matrix; None where no model was looked at."""

    def look_at(self, model: keras.Model) -> None:
        """Learn which layers of a model convolve. Nothing changes once there is state for its variables."""
        if self.built:
            return
        names: dict[bool, set[str]] = {True: set(), False: set()}
        for layer in model._flatten_layers():
            names[_is_convolution(layer)].add(layer.name)
        self.convolutions = frozenset(names[True] - names[False])  # a name that both have tells nothing

    def _should_use_adamw(self, variable: Any) -> bool:
        shape = tuple(variable.shape)
        if len(shape) in (3, 4, 5) and shape[-1] > 1:
            return not self._convolves(variable.path) or any(
                re.search(keyword, variable.path) for keyword in self.exclude_layers
            )
        return bool(super()._should_use_adamw(variable))

    def _convolves(self, path: str) -> bool:
        layers, _, name = path.rpartition("/")
        if name not in _KERNELS:
            return False
        if self.convolutions is None:
            return not _OTHERS.search(layers)
        return layers.rpartition("/")[2] in self.convolutions

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        if len(variable.shape) == 2:
            super()._muon_update_step(gradient, variable, lr, m)
            return
        self.assign_add(m, ops.add(gradient, m * (self.momentum - 1)))
        update = ops.add(gradient, self.momentum * m) if self.nesterov else m
        matrix = (math.prod(variable.shape[:-1]), variable.shape[-1])
        update = self.zeropower_via_newtonschulz5(ops.reshape(update, matrix), self.ns_steps)
        self.assign_sub(variable, ops.reshape(self.lr_adjust(lr * update), variable.shape))


def look_at_layers(model: keras.Model) -> None:
    """Tell a model's optimizer, where it is this one, which of its layers convolve."""
    optimizer = getattr(model, "optimizer", None)
    if isinstance(optimizer, ConvMuon):
        optimizer.look_at(model)


def _is_convolution(layer: Any) -> bool:
    """Whether a layer's kernel is one matrix from all of a window to the filters."""
    return isinstance(layer, _CONVOLUTIONS) and getattr(layer, "groups", 1) == 1
