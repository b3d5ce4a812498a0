"""What layers and functions of the frameworks do to the answer of a model: its last activation and number of units.

Tables by canonical name. What is in no table makes the answer "not known", and the rules silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .values import Const, Layer, LossObject, Ref, Tensor

BOUNDED = frozenset({"softmax", "sigmoid", "hard_sigmoid"})
UNBOUNDED = frozenset(
    {"linear", "relu", "relu6", "tanh", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "softsign"}
)
RECTIFIED = frozenset({"relu", "relu6", "softplus", "exponential"})

_ACTIVATIONS = {
    **{name: name for name in ("softmax", "sigmoid", "hard_sigmoid", "log_softmax", "relu", "relu6", "tanh", "linear")},
    **{name: name for name in ("elu", "selu", "gelu", "silu", "softplus", "softsign", "leaky_relu", "exponential")},
    "swish": "silu",
    "logsigmoid": "log_sigmoid",
    "log_sigmoid": "log_sigmoid",
}
_TORCH_LAYERS = {
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
    "Sigmoid": "sigmoid",
    "LogSigmoid": "log_sigmoid",
    "Tanh": "tanh",
    "ReLU": "relu",
    "ReLU6": "relu6",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "SELU": "selu",
    "GELU": "gelu",
    "SiLU": "silu",
    "Softplus": "softplus",
    "Hardsigmoid": "hard_sigmoid",
}
_TORCH_WEIGHTS = {"Linear": 1, "Bilinear": 2, "LazyLinear": 0} | {
    f"{lazy}Conv{kind}{d}d": 0 if lazy else 1 for lazy in ("", "Lazy") for kind in ("", "Transpose") for d in (1, 2, 3)
}
_TORCH_DROPOUT = frozenset({"Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"})
_TORCH_RESHAPE = frozenset({"Flatten", "Unflatten"})
_KERAS_WEIGHTS = frozenset(
    {"Dense"} | {f"{kind}{d}D" for kind in ("Conv", "Convolution", "SeparableConv") for d in (1, 2, 3)}
)
_KERAS_ALONE = {"Softmax": "softmax", "ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu"}
_KERAS_DROPOUT = frozenset({"Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout", "AlphaDropout"})
_KERAS_RESHAPE = frozenset({"Flatten", "Reshape", "Permute", "RepeatVector"})
_KERAS_INPUT = frozenset({"InputLayer", "Input", "Masking"})

_FUNCTION_MODULES = (
    "torch",
    "torch.special",
    "torch.nn.functional",
    "keras.activations",
    "keras.ops",
    "keras.utils",
    "tensorflow",
    "tensorflow.nn",
    "tensorflow.math",
    "jax.nn",
    "keras.backend",
    "flax.linen",
)
_RESHAPING = frozenset(
    {"view", "reshape", "squeeze", "unsqueeze", "flatten", "transpose", "permute", "view_as", "reshape_as", "swapaxes"}
    | {"expand_dims", "ravel", "moveaxis", "movedim"}
)
_KEEPING = frozenset(
    {"float", "double", "half", "bfloat16", "to", "cuda", "cpu", "contiguous", "clone", "detach", "type", "type_as"}
    | {"requires_grad_", "cast", "identity", "convert_to_tensor", "numpy", "data"}
)
_WHOLE = frozenset({"long", "int"})
_CLAMPING = frozenset({"clamp", "clamp_min", "clip", "clip_by_value", "maximum", "clamp_"})
WRAPPERS = frozenset(
    {"torch.compile", "torch.jit.script", "torch.nn.DataParallel", "torch.nn.parallel.DataParallel"}
    | {"torch.nn.parallel.DistributedDataParallel"}
)


def function_name(name: str) -> str:
    """Return "softmax" for ``torch.softmax``, ``jax.nn.softmax``, …; "" for what is no such function."""
    module, _, last = name.rpartition(".")
    if module == "jax.numpy":
        return last
    return last if module in _FUNCTION_MODULES else ""


def activation_of(value: Any) -> str | None:
    """Return the activation that a value names ("relu", ``tf.nn.softmax``, None for "linear")."""
    if isinstance(value, Const):
        return "linear" if value.value is None else _ACTIVATIONS.get(str(value.value))
    if isinstance(value, Ref):
        return _ACTIVATIONS.get(function_name(value.name))
    if isinstance(value, Layer) and value.effect == "activation":
        return value.activation
    return None


def _whole(value: Any) -> int | None:
    return value.value if isinstance(value, Const) and type(value.value) is int else None


def _argument(args: tuple[Any, ...], kwargs: Mapping[str, Any], index: int, *names: str) -> Any:
    for name in names:
        if name in kwargs:
            return kwargs[name]
    return args[index] if index < len(args) else None


def layer(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], line: int, starred: bool) -> Layer | None:
    """Return the layer that ``name(*args, **kwargs)`` makes, or None where ``name`` is no layer."""
    if name.startswith("torch.nn.") and name.count(".") == 2:
        return _torch_layer(name.rpartition(".")[2], args, kwargs, line, starred)
    if name.startswith("keras.layers."):
        return _keras_layer(name.rpartition(".")[2], args, kwargs, line, starred)
    return None


def _torch_layer(name: str, args: tuple, kwargs: Mapping, line: int, starred: bool) -> Layer | None:
    shown = f"nn.{name} (line {line})"
    if name in _TORCH_LAYERS:
        axis = _whole(_argument(args, kwargs, 0, "dim"))
        return Layer(framework="torch", effect="activation", activation=_TORCH_LAYERS[name], axis=axis, shown=shown)
    if name in _TORCH_WEIGHTS:
        units = None if starred else _whole(_argument(args, kwargs, _TORCH_WEIGHTS[name], "out_features"))
        if units is None and "out_channels" in kwargs:
            units = _whole(kwargs["out_channels"])
        return Layer(framework="torch", effect="weights", activation="linear", units=units, shown=shown)
    if name in _TORCH_DROPOUT:
        return Layer(framework="torch", effect="dropout", shown=shown)
    if name in _TORCH_RESHAPE:
        return Layer(framework="torch", effect="reshape")
    if name == "Identity":
        return Layer(framework="torch", effect="keep")
    return Layer(framework="torch", effect="unknown") if name[:1].isupper() and not name.endswith("Loss") else None


def _keras_layer(name: str, args: tuple, kwargs: Mapping, line: int, starred: bool) -> Layer | None:
    shown = f"{name} (line {line})"
    if name in _KERAS_WEIGHTS:
        index = 1 if name == "Dense" else 99
        given = _argument(args, kwargs, index, "activation")
        absent = "activation" not in kwargs and len(args) <= (1 if name == "Dense" else 4) and not starred
        activation = "linear" if absent else activation_of(given)
        units = _whole(_argument(args, kwargs, 0, "units", "filters"))
        text = f'{name}({units if units is not None else "…"}, activation="{activation}") (line {line})'
        shown = shown if activation in (None, "linear") else text
        return Layer(framework="keras", effect="weights", activation=activation, units=units, shown=shown)
    if name == "Activation":
        activation = activation_of(_argument(args, kwargs, 0, "activation"))
        effect = "unknown" if activation is None else "activation"
        shown = f'Activation("{activation}") (line {line})'
        return Layer(framework="keras", effect=effect, activation=activation, axis=-1, shown=shown)
    if name in _KERAS_ALONE:
        axis = _argument(args, kwargs, 0, "axis") if name == "Softmax" else None
        axis = -1 if axis is None and "axis" not in kwargs and not args else _whole(axis)
        return Layer(framework="keras", effect="activation", activation=_KERAS_ALONE[name], axis=axis, shown=shown)
    if name == "TimeDistributed" and args and isinstance(args[0], Layer):
        return args[0]
    if name in _KERAS_DROPOUT:
        return Layer(framework="keras", effect="dropout", shown=shown)
    if name in _KERAS_RESHAPE:
        return Layer(framework="keras", effect="reshape")
    if name in _KERAS_INPUT:
        return Layer(framework="keras", effect="keep")
    return Layer(framework="keras", effect="unknown") if name[:1].isupper() else None


def apply(made: Layer, x: Any) -> Tensor:
    """Return what a layer makes of ``x``."""
    before = x if isinstance(x, Tensor) else Tensor()
    if made.effect == "weights":
        return Tensor(activation=made.activation, units=made.units, shown=made.shown, axis=-1, predicted=True)
    if made.effect == "activation":
        return _activated(before, made.activation, made.axis, made.shown)
    if made.effect == "dropout":
        return replace(before, dropout=True) if before.activation else before
    if made.effect == "keep":
        return before
    if made.effect == "reshape":
        return replace(before, units=None)
    return Tensor(predicted=True)


def _activated(before: Tensor, activation: str | None, axis: int | None, shown: str) -> Tensor:
    return Tensor(
        activation=activation, units=before.units, axis=axis, shown=shown, dropout=before.dropout, predicted=True
    )


def apply_function(name: str, x: Any, axis: Any, line: int, written: str) -> Tensor | None:
    """Return what the function ``name`` ("softmax", "reshape", "argmax", …) makes of ``x``, or None if not known."""
    before = x if isinstance(x, Tensor) else None
    if name in _ACTIVATIONS and name != "linear":
        return _activated(before or Tensor(), _ACTIVATIONS[name], _whole(axis), f"{written} (line {line})")
    if name in ("argmax", "argmin"):
        return Tensor(hard="argmax")
    if name in ("one_hot", "to_categorical"):
        return Tensor(one_hot=True)
    if before is None:
        return None
    if name == "dropout":
        return replace(before, dropout=True) if before.activation else before
    if name in _KEEPING:
        return before
    if name in _RESHAPING:
        return replace(before, units=None)
    if name in _WHOLE:
        return before if before.hard or before.one_hot else None
    if name in _CLAMPING:
        return replace(before, guarded=True) if before.activation in BOUNDED else None
    if name in ("round", "round_", "sign"):
        return Tensor(hard="rounding")
    return None


def is_known(name: str) -> bool:
    """Whether a star import of a framework's module surely brings this name."""
    module, _, last = name.rpartition(".")
    if module == "keras.layers":
        known = (_KERAS_WEIGHTS, _KERAS_ALONE, _KERAS_DROPOUT, _KERAS_RESHAPE, _KERAS_INPUT, ("Activation",))
        return any(last in names for names in known)
    if module == "torch.nn":
        return (
            last in _TORCH_LAYERS or last in _TORCH_WEIGHTS or last.endswith("Loss") or last in ("Module", "Sequential")
        )
    if module in ("torch.nn.functional", "keras.activations"):
        return last in _ACTIVATIONS or last in ("cross_entropy", "nll_loss", "mse_loss", "binary_cross_entropy")
    return last[:1].isupper() and (module in ("keras.losses", "keras.metrics", "torch.optim") or module == "keras")


def is_loss(value: Any) -> bool:
    """Whether a value is a loss that can be called."""
    return isinstance(value, LossObject)
