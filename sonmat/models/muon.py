"""Muon for convolution kernels too."""

from __future__ import annotations

import math
import re
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="sonmat")
class ConvMuon(keras.optimizers.Muon):
    """Keras's Muon, which orthogonalizes the updates of matrices, for the kernels of convolutions as well.

    A kernel (rows, columns, inputs, filters) is taken as the matrix (rows · columns · inputs, filters), as in Keller
    Jordan's airbench (github.com/KellerJordan/cifar10-airbench; "Muon", 2024). Biases, normalization, depthwise kernels,
    embeddings and the layers that `exclude_layers` names are left to AdamW, as Keras does. It is usual to name the output
    layer there. All arguments are Keras's.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        shape = tuple(variable.shape)
        if len(shape) in (3, 4, 5) and "kernel" in variable.path.rpartition("/")[2] and shape[-1] > 1:
            return any(re.search(keyword, variable.path) for keyword in self.exclude_layers)
        return bool(super()._should_use_adamw(variable))

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        if len(variable.shape) == 2:
            super()._muon_update_step(gradient, variable, lr, m)
            return
        self.assign_add(m, ops.add(gradient, m * (self.momentum - 1)))
        update = ops.add(gradient, self.momentum * m) if self.nesterov else m
        matrix = (math.prod(variable.shape[:-1]), variable.shape[-1])
        update = self.zeropower_via_newtonschulz5(ops.reshape(update, matrix), self.ns_steps)
        self.assign_sub(variable, ops.reshape(self.lr_adjust(lr * update), variable.shape))
