"""What Keras 2 called its layers' arguments, in Keras 3's words."""

from __future__ import annotations

from typing import Any

from sonmat.runs.keras_names import words

# Arguments that no longer exist and change nothing about what a layer computes.
_GONE = words(
    "batch_input_shape batch_shape input_length fused time_major implementation renorm_momentum batch_size input_dtype "
    "experimental_autocast jit_compile rng_type force_generator"
)
# Arguments that no longer exist and change nothing where they have one of these values.
_GONE_IF = {
    "groups": (1,),
    "ragged": (None, False),
    "sparse": (None, False),
    "renorm": (None, False),
    "rms_scaling": (None, False),
    "renorm_clipping": (None,),
    "virtual_batch_size": (None,),
    "quantization_config": (None,),
    "lora_rank": (None,),
    "lora_alpha": (None,),
    "keepdims": (None, False),
    "noise_shape": (None,),
    "input_tensor": (None,),
    "weights": (None,),
    "vocabulary": (None,),
    "num_constants": (None, 0),
    "zero_output_for_mask": (None, False),
    "use_legacy_format": (None, False),
    "synchronized": (None, False),
}
# Keras 2's separable convolutions kept these from the class they came from, and used only their depthwise_ and
# pointwise_ ones.
_GONE_BY_LAYER = {
    name: frozenset({"kernel_initializer", "kernel_regularizer", "kernel_constraint"})
    for name in ("SeparableConv1D", "SeparableConv2D", "DepthwiseConv1D", "DepthwiseConv2D")
}
_RENAMED = {("LeakyReLU", "alpha"): "negative_slope", ("InputLayer", "batch_input_shape"): "batch_shape"}


def in_todays_words(name: str, config: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """A layer's arguments as Keras 3 takes them.

    Args:
        name: The layer's class.
        config: Its arguments as the file has them; any Keras's.
        known: What the class takes today.

    Returns:
        The arguments, without those that are gone and meant nothing. What is left and not
        known is the caller's to refuse.
    """
    kept: dict[str, Any] = {}
    for key, value in config.items():
        key = _RENAMED.get((name, key), key)
        if key in known or not _is_gone(name, key, value):
            kept[key] = value
    if name.endswith("BatchNormalization") or name == "LayerNormalization":
        kept |= _single_axis(kept)
    kept.pop("unroll", None)  # the same result; unrolled in Python, a number in a file would say for how long
    return kept


def _is_gone(name: str, key: str, value: Any) -> bool:
    if key in _GONE or key in _GONE_BY_LAYER.get(name, ()):
        return True
    return key in _GONE_IF and not isinstance(value, dict | list) and value in _GONE_IF[key]


def _single_axis(config: dict[str, Any]) -> dict[str, Any]:
    """Keras 2 wrote the one axis of a normalization as a list."""
    axis = config.get("axis")
    return {"axis": axis[0]} if isinstance(axis, list) and len(axis) == 1 else {}
