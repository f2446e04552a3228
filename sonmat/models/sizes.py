"""The sizes of a network, layer by layer: outputs, parameters, work, and how much of the input an output sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from sonmat.models import formulas
from sonmat.models.formulas import Shape

# fmt: off
_EVERYTHING = (
    "LSTM", "GRU", "SimpleRNN", "Bidirectional", "RNN", "MultiHeadAttention", "Attention",
)
# fmt: on
_ARITHMETIC = ("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum", "Relu", "Sigmoid", "Tanh")
# fmt: off
_UNCHANGED = (
    "Flatten", "InputLayer", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "Activation", "ReLU", "LeakyReLU",
    "PReLU", "ELU", "Softmax", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization",
    "Masking", "Rescaling", "Normalization", "BatchNormalization", "Dense", "Embedding", "ZeroPadding1D",
    "ZeroPadding2D", "Cropping1D", "Cropping2D", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum",
    "Concatenate",
)
# fmt: on


@dataclass(frozen=True)
class Field:
    """What one value of an output sees of the input.

    Attributes:
        sides: Length along each spatial dimension; empty for a single position.
        steps: How far apart, in the input, neighbouring values look.
        whole: Whether it sees all of the input.
        known: Whether it is known at all.
    """

    sides: tuple[int, ...] = ()
    steps: tuple[float, ...] = ()
    whole: bool = False
    known: bool = True

    def __str__(self) -> str:
        return "×".join(map(str, self.sides)) or "1"


@dataclass(frozen=True)
class LayerSizes:
    """One layer of a network.

    Attributes:
        name, kind: The layer's name and class.
        frozen: Whether its weights do not learn.
        window: Size, stride and padding of its window, in words; empty where it has none.
        outputs: The shapes it gives, the batch left out; None for a length that is not known, empty before it is built.
        formula: How the output's size follows from the input's.
        parameters: How many it has; None before it is built.
        parameter_formula: How that number comes about.
        multiply_adds: Products of a weight and an input for one example; None where it is not known.
        sees: Lengths of the part of the input that one output value depends on; "all", or None where it is not known.
    """

    name: str
    kind: str
    frozen: bool
    window: str
    outputs: tuple[Shape, ...]
    formula: str
    parameters: int | None
    parameter_formula: str
    multiply_adds: int | None
    sees: tuple[int, ...] | str | None

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def sizes(model: Any) -> list[LayerSizes]:
    """The sizes of every layer of a Keras model, in the model's order; a model within it is one layer.

    Args:
        model: A `keras.Model`; what is not built yet has no sizes.
    """
    fields, nodes = _fields(model), list(_in_order(getattr(model, "_functional", None) or model))
    return [_layer(one, fields, [node for node in nodes if node.operation is one]) for one in model.layers]


def _layer(layer: Any, fields: dict[int, Field], nodes: list[Any]) -> LayerSizes:
    nodes = (
        nodes or _nodes(layer)[-1:]
    )  # a layer remembers other models too: each that a Sequential was, as it was loaded
    outputs = tuple(dict.fromkeys(tuple(one.shape[1:]) for node in nodes for one in node.outputs))
    formula, work, sees = "", None, None
    if nodes:
        inputs = [tuple(one.shape) for one in nodes[0].input_tensors]
        output = tuple(nodes[0].outputs[0].shape)
        if inputs:
            formula = formulas.output_formula(layer, inputs, output)
        counts = [
            _work(layer, tuple(node.input_tensors[0].shape), tuple(node.outputs[0].shape)) for node in nodes if inputs
        ]
        work = None if None in counts else sum(count or 0 for count in counts)
        sees = _told(fields.get(id(nodes[0].outputs[0]), Field(known=False)))
    return LayerSizes(
        name=str(layer.name),
        kind=formulas.kind(layer),
        frozen=bool(layer.weights) and not layer.trainable,
        window=formulas.window(layer),
        outputs=outputs,
        formula=formula,
        parameters=layer.count_params() if layer.built else None,
        parameter_formula=formulas.parameter_formula(layer),
        multiply_adds=work,
        sees=sees,
    )


def _work(layer: Any, shape: Shape, output: Shape) -> int | None:
    if _is_model(layer):
        counts = [one.multiply_adds for one in sizes(layer)]
        return None if None in counts else sum(count or 0 for count in counts)
    return formulas.multiply_adds(layer, shape, output)


def _told(field: Field) -> tuple[int, ...] | str | None:
    if not field.known:
        return None
    return "all" if field.whole else field.sides or (1,)


def _nodes(layer: Any) -> list[Any]:
    return [node for node in getattr(layer, "_inbound_nodes", []) if hasattr(node, "outputs")]


def _fields(model: Any, starts: list[Field] | None = None) -> dict[int, Field]:
    """The field of every symbolic tensor of a model, by its id.

    Args:
        starts: What the model's inputs see of something before it; by default one position of themselves.
    """
    functional = getattr(model, "_functional", None) or model
    inputs = getattr(functional, "_inputs", None) or []
    known: dict[int, Field] = {}
    for number, tensor in enumerate(inputs):
        known[id(tensor)] = starts[number] if starts and number < len(starts) else Field()
    for node in _in_order(functional):
        seen = [known.get(id(one), Field(known=False)) for one in node.input_tensors]
        if seen:
            after = _after(node.operation, seen, [tuple(one.shape) for one in node.input_tensors])
            known.update((id(one), after) for one in node.outputs if id(one) not in known)
    return known


def _in_order(functional: Any) -> Iterator[Any]:
    by_depth = getattr(functional, "_nodes_by_depth", {})
    for depth in sorted(by_depth, reverse=True):
        yield from by_depth[depth]


def _after(layer: Any, seen: list[Field], shapes: list[Shape]) -> Field:
    """What a layer's output sees, from what its inputs see."""
    before, name = _largest(seen), formulas.own(layer)
    if not before.known or before.whole:
        return before
    if _is_model(layer):
        within = _fields(layer, seen)
        functional = getattr(layer, "_functional", None) or layer
        outputs = [within.get(id(one), Field(known=False)) for one in getattr(functional, "_outputs", [])]
        return _largest(outputs) if outputs else Field(known=False)
    if _is_arithmetic(layer):
        return before
    slides = formulas.slides(layer, tuple(n or 1 for n in shapes[0]))  # a field depends on no length
    if slides:
        sides = before.sides or (1,) * len(slides)
        steps = before.steps or (1.0,) * len(slides)
        if len(sides) != len(slides):
            return Field(known=False)
        return Field(
            tuple(int(side + (one.reach - 1) * step) for side, step, one in zip(sides, steps, slides, strict=True)),
            tuple(step * one.stride for step, one in zip(steps, slides, strict=True)),
        )
    if name == "Reshape" and _adds_a_channel(layer, shapes[0]):
        return before
    if name.startswith("Global") or name in _EVERYTHING:
        return Field(whole=True)
    if name == "Dense" and len(shapes[0]) == 2:
        return Field(whole=True)
    return before if name in _UNCHANGED else Field(known=False)


def _is_model(layer: Any) -> bool:
    import keras

    return isinstance(layer, keras.Model)


def _is_arithmetic(layer: Any) -> bool:
    """Whether it is `x + y` or the like, which Keras keeps as an operation of the same name as its layer."""
    return type(layer).__module__.startswith("keras.src.ops.") and formulas.kind(layer) in _ARITHMETIC


def _adds_a_channel(layer: Any, shape: Shape) -> bool:
    return tuple(layer.target_shape) in ((*shape[1:], 1), shape[1:])


def _largest(seen: list[Field]) -> Field:
    if not all(one.known for one in seen):
        return Field(known=False)
    if any(one.whole for one in seen):
        return Field(whole=True)
    widest = max(seen, key=lambda one: one.sides)
    ranks = {len(one.sides) for one in seen if one.sides}
    if len(ranks) > 1:
        return Field(known=False)
    sides = tuple(max(column) for column in zip(*(one.sides for one in seen if one.sides), strict=True))
    return replace(widest, sides=sides)
