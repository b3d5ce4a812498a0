"""Which loss a name and its arguments make, and which of a call's arguments are prediction and target."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...errors import LossmithError
from ..loss import LossFacts, recognise
from .values import Const, Group, LossSpec

_KERAS_SHORT = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
    "logcosh": "log_cosh",
    "MSE": "mean_squared_error",
    "MAE": "mean_absolute_error",
    "crossentropy": "",
}
_TENSORFLOW = {
    "softmax_cross_entropy_with_logits": "optax.softmax_cross_entropy",
    "sparse_softmax_cross_entropy_with_logits": "optax.softmax_cross_entropy_with_integer_labels",
    "sigmoid_cross_entropy_with_logits": "optax.sigmoid_binary_cross_entropy",
}
_LOGITS_FIRST = ("BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy")
_SHOWN = (
    ("torch.nn.functional.", "F."),
    ("torch.nn.", "nn."),
    ("keras.losses.", "keras.losses."),
    ("tensorflow.nn.", "tf.nn."),
)
_PREDICTIONS = ("input", "y_pred", "prediction", "predictions", "logits", "log_predictions", "log_probs")
_TARGETS = ("target", "y_true", "targets", "labels", "label")


@functools.cache
def _facts(name: str) -> LossFacts | None:
    module, _, last = name.rpartition(".")
    if module == "keras.losses":
        name = f"keras.losses.{_KERAS_SHORT.get(last, last)}"
    elif module == "tensorflow.nn":
        name = _TENSORFLOW.get(last, "")
    elif module not in ("torch.nn", "torch.nn.functional", "optax", "optax.losses", "lossmith"):
        return None
    if not name or not name.rpartition(".")[2]:
        return None
    try:
        return recognise(name, keras=module == "keras.losses")
    except LossmithError:
        return None


def _shown(name: str) -> str:
    for prefix, short in _SHOWN:
        if name.startswith(prefix):
            return short + name[len(prefix) :]
    return name


def is_class(name: str) -> bool:
    """Whether the canonical name is a loss class rather than a function."""
    return name.rpartition(".")[2][:1].isupper()


def loss(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], line: int, unsure: bool) -> LossSpec | None:
    """Return the loss that a canonical name is with these settings, or None where it is none.

    Args:
        name: "torch.nn.CrossEntropyLoss", "keras.losses.mse", …
        args: Positional settings of the class; of a function none.
        kwargs: Its other settings.
        line: Where it stands.
        unsure: Whether settings may be hidden in ``*args`` or ``**kwargs``.
    """
    facts = _facts(name)
    if facts is None or facts.definition is None:
        return None
    framework = "tensorflow" if name.startswith("tensorflow.") else facts.framework
    form = _form(facts, name, args, kwargs, unsure) if framework == "keras" else facts.form
    return LossSpec(
        shown=_shown(name),
        framework=framework,
        name=facts.definition.name,
        form=form,
        kind=_kind(facts),
        takes=facts.takes if facts.takes in ("indices", "rows") else "",
        log_target=_log_target(kwargs, unsure),
        weights=_weights(args, kwargs) if name.endswith(("CrossEntropyLoss", "NLLLoss")) else None,
        line=line,
    )


def named(text: str, line: int) -> LossSpec | None:
    """Return the loss that Keras takes a string for: "mse", "categorical_crossentropy"."""
    made = loss(f"keras.losses.{text}", (), {}, line, False)
    return None if made is None else replace(made, shown=f'"{text}"')


def _kind(facts: LossFacts) -> str:
    if facts.definition is None:
        return ""
    if facts.categorical and facts.definition.task == "multiclass" and facts.definition.layout == "row":
        return "categorical"
    if facts.binary and facts.definition.layout == "element":
        return "binary"
    return "distance" if facts.distance else ""


def _form(facts: LossFacts, name: str, args: tuple, kwargs: Mapping, unsure: bool) -> str:
    if facts.form != "probabilities":
        return facts.form
    short = name.rpartition(".")[2]
    absent = "from_logits" not in kwargs and not (args and short in _LOGITS_FIRST)
    if absent:
        return "" if unsure else "probabilities"
    given = kwargs.get("from_logits", args[0] if args else None)
    if not isinstance(given, Const):
        return ""
    return "logits" if given.value else "probabilities"


def _log_target(kwargs: Mapping, unsure: bool) -> bool | None:
    given = kwargs.get("log_target", Const(False))
    return bool(given.value) if isinstance(given, Const) and not unsure else None


def _weights(args: tuple, kwargs: Mapping) -> int | None:
    given = kwargs.get("weight", args[0] if args else None)
    return len(given.items) if isinstance(given, Group) and given.whole else None


def sides(
    spec: LossSpec, args: tuple[Any, ...], kwargs: Mapping[str, Any], nodes: Mapping[Any, Any]
) -> tuple[Any, Any, Any, Any] | None:
    """Return (prediction, target, their nodes) of a call's arguments; None where they are not both there."""
    first, second = ("target", "prediction") if spec.framework == "keras" else ("prediction", "target")
    found: dict[str, tuple[Any, Any]] = {}
    for i, side in enumerate((first, second)):
        if i < len(args):
            found[side] = (args[i], nodes.get(i))
    for side, names in (("prediction", _PREDICTIONS), ("target", _TARGETS)):
        for name in names:
            if name in kwargs:
                found[side] = (kwargs[name], nodes.get(name))
    if len(found) < 2:
        return None
    (p, p_node), (t, t_node) = found["prediction"], found["target"]
    return p, t, p_node, t_node
