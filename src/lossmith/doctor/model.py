"""What a model's own description says: its last activation, dropout before the loss, how Keras compiled it.

Only attributes are read, and the model stays as it is, in its mode. A torch module is read where it is a chain
(``nn.Sequential``, also nested), for only then the order of layers is the order of calls. A subclassed Keras model is
asked with a tensor that has a shape and no numbers.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_TORCH = {
    "Softmax": "softmax",
    "Softmax2d": "softmax",
    "LogSoftmax": "log_softmax",
    "Sigmoid": "sigmoid",
    "LogSigmoid": "log_sigmoid",
    "Tanh": "tanh",
    "ReLU": "relu",
    "ReLU6": "relu6",
    "Softplus": "softplus",
    "Hardsigmoid": "hard_sigmoid",
    "Linear": "linear",
    "Bilinear": "linear",
    "Conv1d": "linear",
    "Conv2d": "linear",
    "Conv3d": "linear",
    "ConvTranspose1d": "linear",
    "ConvTranspose2d": "linear",
    "ConvTranspose3d": "linear",
    "LazyLinear": "linear",
}
# What PyTorch's graph calls the last operations, and those that only show the same numbers otherwise.
_RECORDED = {
    "SoftmaxBackward0": "softmax",
    "LogSoftmaxBackward0": "log_softmax",
    "SigmoidBackward0": "sigmoid",
    "LogSigmoidBackward0": "log_sigmoid",
    "TanhBackward0": "tanh",
    "ReluBackward0": "relu",
    "SoftplusBackward0": "softplus",
    "ExpBackward0": "exponential",
    "AbsBackward0": "abs",
}
VIEWS = ("View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "Transpose", "Permute", "T", "Clone", "ToCopy")
_SELECTING = ("Select", "Slice")
_KERAS_LAYERS = {  # of layers, and of operations of keras.ops, which have classes, too
    "Softmax": "softmax",
    "LogSoftmax": "log_softmax",
    "Sigmoid": "sigmoid",
    "LogSigmoid": "log_sigmoid",
    "HardSigmoid": "hard_sigmoid",
    "Tanh": "tanh",
    "ReLU": "relu",
    "Relu": "relu",
    "Relu6": "relu6",
    "Softplus": "softplus",
    "Exp": "exponential",
}
_KERAS_ACTIVE = ("Dense", "EinsumDense", "Activation", "Conv", "SeparableConv", "DepthwiseConv")
_SHAPING = ("Flatten", "Unflatten", "Identity", "Reshape", "Permute", "Squeeze", "ExpandDims", "GetItem", "Transpose")
_UNKNOWN = "…"  # stands for layers that are not known
_DROPOUT = ("Dropout", "SpatialDropout", "AlphaDropout", "GaussianDropout")
_POOLING = ("GlobalAveragePooling", "AveragePooling", "GlobalMaxPooling", "MaxPooling")
_POOLING += ("AdaptiveAvgPool", "AvgPool", "AdaptiveMaxPool", "MaxPool")
_NORMALISING = ("Normalization", "Rescaling", "BatchNorm", "LayerNorm", "InstanceNorm", "GroupNorm", "RMSNorm")
_SQUASHING = ("softmax", "log_softmax", "sigmoid", "log_sigmoid")
_KNOWN = frozenset((*_TORCH.values(), "exponential", "linear", "softmax", "sigmoid", "tanh", "relu"))


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelFacts:
    """What is known of a model.

    Attributes:
        framework: "torch", "keras" or "".
        activation: The last activation ("softmax", "linear", …), or None where it is not known.
        before: The activation in front of a last softmax or sigmoid that is a layer of its own, or None.
        layers: Class names of the layers in the order of calls; empty where that is not known.
        backend: Of Keras: "tensorflow", "torch", "jax", "numpy", or "".
        compiled: Of Keras: what ``compile`` was given.
        frozen: Whether some weight matrix is kept as it is, as in a linear probe or beside adapters.
    """

    framework: str = ""
    activation: str | None = None
    before: str | None = None
    layers: tuple[str, ...] = ()
    backend: str = ""
    compiled: Mapping[str, Any] = field(default_factory=dict)
    frozen: bool = False

    @property
    def normalises(self) -> bool:
        """Whether the first layer brings the inputs to one scale."""
        first = next((name for name in self.layers if name not in ("InputLayer", *_SHAPING)), "")
        return first.startswith(_NORMALISING)

    @property
    def squashes(self) -> bool:
        """Whether the inputs go into a linear layer with a tanh or sigmoid right behind it."""
        names = [name for name in self.layers if name not in ("InputLayer", *_SHAPING) and "Dropout" not in name]
        return len(names) > 2 and names[0] == "Linear" and names[1] in ("Tanh", "Sigmoid")

    @property
    def ends_in_dropout(self) -> bool:
        """Whether a dropout stands between the last layer with weights and the loss."""
        for name in reversed(self.layers):
            if "Dropout" in name:
                return True
            if name not in (*_SHAPING, "Softmax", "LogSoftmax", "Sigmoid", "Activation"):
                return False
        return False


def look_at(model: Any) -> ModelFacts:
    """Return what a model says of itself."""
    roots = {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
    if roots & {"keras", "tf_keras"} and hasattr(model, "layers"):
        return _keras(model)
    if "torch" in roots and hasattr(model, "named_children"):
        return _torch(model)
    return ModelFacts()


def recorded(prediction: Any) -> str | None:
    """Return the activation that PyTorch's graph shows as the last operation before the loss, whatever the model is."""
    return recorded_by(getattr(prediction, "grad_fn", None))


def recorded_by(node: Any) -> str | None:
    """Return the activation that a node of PyTorch's graph is, or the one above which it only changes the shape."""
    part = False
    while node is not None:
        name = type(node).__name__
        kind = name.rstrip("01234").removesuffix("Backward")
        if name in _RECORDED:
            # One column of a softmax is the probability of one class: a sigmoid, in its values.
            return "sigmoid" if part and _RECORDED[name] == "softmax" else _RECORDED[name]
        if kind not in (*VIEWS, *_SELECTING) or not node.next_functions:
            return None
        part = part or kind in _SELECTING
        node = node.next_functions[0][0]
    return None


def keras_backend() -> str:
    """Return the backend of the Keras that is imported, or an empty string where none is."""
    keras = sys.modules.get("keras")
    try:
        return str(keras.backend.backend()) if keras is not None else ""
    except AttributeError:  # still being imported
        return ""


def _torch(model: Any) -> ModelFacts:
    chain = _chain(model)
    names = tuple(type(layer).__name__ for layer in chain)
    effective = [name for name in names if name not in _SHAPING and "Dropout" not in name]
    last = effective[-1] if effective else ""
    alone = _TORCH.get(last) in _SQUASHING
    before = next((name for name in reversed(effective[:-1]) if not name.startswith(_POOLING)), "") if alone else ""
    return ModelFacts(
        framework="torch",
        activation=_TORCH.get(last),
        before=_TORCH.get(before),
        layers=names if len(names) > 1 else (),
        frozen=any(not p.requires_grad and p.ndim >= 2 for p in model.parameters()),
    )


def _chain(model: Any) -> list[Any]:
    sequential = next((k for k in type(model).__mro__ if k.__name__ == "Sequential"), None)
    if sequential is None or type(model).forward is not sequential.forward:
        return [model]
    return [leaf for _, child in model.named_children() for leaf in _chain(child)]


def _keras(model: Any) -> ModelFacts:
    layers = list(getattr(model, "layers", ()))
    sequential = any(kind.__name__ == "Sequential" for kind in type(model).__mro__)
    layers = layers if sequential else _chain_of_keras(model)
    last = _last_of(layers)
    return ModelFacts(
        framework="keras",
        activation=None if last is None else _keras_activation(last),
        before=_keras_before(layers),
        layers=tuple(_UNKNOWN if layer is None else type(layer).__name__ for layer in layers),
        backend=keras_backend(),
        compiled=_compiled(model),
        frozen=any(_is_matrix(v) for v in getattr(model, "non_trainable_variables", ())),
    )


def _is_matrix(variable: Any) -> bool:
    """Whether a variable of Keras is one of weights: statistics and states of random generators are vectors."""
    return len(variable.shape) >= 2 and min(variable.shape) > 1 and "float" in str(variable.dtype)


def _compiled(model: Any) -> Mapping[str, Any]:
    config = getattr(model, "get_compile_config", None)
    if not callable(config) or not getattr(model, "compiled", False):
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras warns with PyTorch below it
            read = config()
    except Exception:  # what the user compiled with need not be serialisable
        return {}
    return read if isinstance(read, Mapping) else {}


def _last_of(layers: list[Any]) -> Any:
    return next((x for x in reversed(layers) if not type(x).__name__.startswith((*_SHAPING, *_DROPOUT))), None)


def _keras_before(layers: list[Any]) -> str | None:
    """Return the activation in front of a last softmax or sigmoid that is a layer of its own."""
    last = _last_of(layers)
    if last is None or not (type(last).__name__ in _KERAS_LAYERS or type(last).__name__ == "Activation"):
        return None
    inner = _last_of([x for x in layers[: layers.index(last)] if not type(x).__name__.startswith(_POOLING)])
    return _keras_activation(inner) if inner is not None and _keras_activation(last) in _SQUASHING else None


def _chain_of_keras(model: Any) -> list[Any]:
    """Return the operations that lead to the only output, from the input; None stands for what is not known.

    Where several tensors meet, what is before is not known. A subclassed model is asked with a tensor that has a shape
    and no numbers: what its layers note of that is taken back, and what its variables are assigned is not kept.
    """
    outputs = getattr(model, "outputs", None)
    if outputs:
        return _chain_to(outputs[0]) if len(outputs) == 1 else []
    shapes = getattr(model, "_build_shapes_dict", None) or {}
    shape = next(iter(shapes.values())) if len(shapes) == 1 else None
    if not getattr(model, "built", False) or not isinstance(shape, tuple | list):
        return []
    keras: Any = sys.modules["keras"]
    notes = [nodes for part in model._flatten_layers() for nodes in (part._inbound_nodes, part._outbound_nodes)]
    before = [len(nodes) for nodes in notes]
    try:
        given = keras.KerasTensor(tuple(shape), dtype=model.compute_dtype)
        mode = {"training": False} if takes_mode(model) else {}
        with keras.StatelessScope():
            return _chain_to(model.call(given, **mode))
    except Exception:  # a call of the user's own may ask for numbers
        return []
    finally:
        for nodes, count in zip(notes, before, strict=True):
            del nodes[count:]


def takes_mode(model: Any) -> bool:
    """Whether the call of a Keras model takes ``training``, which a subclass may leave out."""
    parameters = inspect.signature(model.call).parameters.values()
    return any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in parameters)


def activation_of_output(model: Any, place: int) -> str | None:
    """Return the last activation of one of several outputs of a functional Keras model, or None if it is not known."""
    outputs = getattr(model, "outputs", None) or ()
    last = _last_of(_chain_to(outputs[place])) if place < len(outputs) else None
    return None if last is None else _keras_activation(last)


def _chain_to(tensor: Any) -> list[Any]:
    """Return the operations that lead to a symbolic tensor of Keras."""
    chain: list[Any] = []
    while True:
        made = getattr(tensor, "_keras_history", None)
        if made is None or made.operation is None:
            return chain[::-1]
        chain.append(made.operation)
        inputs = made.operation._inbound_nodes[made.node_index].input_tensors
        if len(inputs) != 1:
            return [None, *chain[::-1]] if inputs else chain[::-1]
        tensor = inputs[0]


def _keras_activation(layer: Any) -> str | None:
    inner = getattr(layer, "layer", None)
    if type(layer).__name__ == "TimeDistributed" and inner is not None:
        return _keras_activation(inner)
    name = type(layer).__name__
    if name == "Functional":
        last = _last_of(_chain_of_keras(layer))
        return None if last is None else _keras_activation(last)
    if name in _KERAS_LAYERS:
        leaks = bool(getattr(layer, "negative_slope", 0))
        return None if leaks else _KERAS_LAYERS[name]
    if name == "Sequential":
        last = _last_of(list(layer.layers))
        return None if last is None else _keras_activation(last)
    if not name.startswith(_KERAS_ACTIVE):
        return None
    activation = getattr(getattr(layer, "activation", None), "__name__", "")
    return activation if activation in _KNOWN else None
