"""Lines to paste, by framework: the last layer and the loss.

``hidden`` (N, width) is what the last layer gets, ``y`` the target as the suggestion wants it; Keras' lines end a
Sequential ``model``. A template calls the loss as each face does; what a face lacks is called on ``lossmith`` itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LEGEND = (
    "In these lines hidden, (N, width), is what the last layer gets, and y the target as its line makes it; those of "
    "Keras end a Sequential model."
)
_ACTIVATIONS = {  # PyTorch, JAX
    "": ("{}", "{}"),
    "sigmoid": ("torch.sigmoid({})", "jax.nn.sigmoid({})"),
    "softmax": ("torch.softmax({}, dim=-1)", "jax.nn.softmax({})"),
    "softplus": ("torch.nn.functional.softplus({})", "jax.nn.softplus({})"),
    "exponential": ("torch.exp({})", "jnp.exp({})"),
}
_IMPORTS = (
    (r"\bkeras\.(layers|ops)\.", "keras"),
    (r"\btorch\.", "torch"),
    (r"\bjax\.nn\.", "jax"),
    (r"\bjnp\.", "jax.numpy as jnp"),
    (r"\blossmith\.", "lossmith"),
    (r"\blk\.", "lossmith.keras as lk"),
    (r"\blt\.", "lossmith.torch as lt"),
    (r"\blj\.", "lossmith.jax as lj"),
)


@dataclass(frozen=True)
class Template:
    """How a loss is called.

    Attributes:
        keras: The loss of ``compile``; the others are the whole call. OUT and Y stand for output and target, ALONE for
            an argument in brackets of its own, EXTRA for one more after the others.
        torch: The call on tensors.
        jax: The call on arrays.
        activation: What makes the output valid, as Keras calls it.
        keras_activation: The same where Keras' loss wants another output than the others.
    """

    keras: str
    torch: str
    jax: str
    activation: str = ""
    keras_activation: str | None = None


def _own(name: str, activation: str = "", integers: bool = False) -> Template:
    """Return the template of a loss that no face has."""
    target = 'keras.ops.cast(y_true, "int32")' if integers else "y_true"
    keras = f'lambda y_true, y_pred: lossmith.{name}(y_pred, {target}EXTRA, reduction="none")'
    return Template(keras, f"lossmith.{name}(OUT, YEXTRA)", f"lossmith.{name}(OUT, YEXTRA)", activation)


def _jax(name: str) -> str:
    return f'lj.{name}(OUT, YEXTRA, reduction="mean")'


TEMPLATES = {
    "sigmoid_cross_entropy": Template(
        keras="lk.BinaryCrossentropy(from_logits=True)",
        torch="lt.BCEWithLogitsLoss(ALONE)(OUT, Y)",
        jax=_jax("sigmoid_binary_cross_entropy"),
    ),
    "binary_cross_entropy": Template(
        keras="lk.BinaryCrossentropy()",
        torch="lt.BCELoss()(OUT, Y)",
        jax=_jax("binary_cross_entropy"),
        activation="sigmoid",
    ),
    "sigmoid_focal": Template(
        keras="lk.BinaryFocalCrossentropy(from_logits=True)",
        torch="lossmith.sigmoid_focal(OUT, Y)",
        jax=_jax("sigmoid_focal_loss"),
    ),
    "hinge": Template(keras="lk.Hinge()", torch="lossmith.hinge(OUT, Y)", jax=_jax("hinge_loss")),
    "softmax_cross_entropy": Template(
        keras="lk.SparseCategoricalCrossentropy(from_logits=True)",
        torch="lt.CrossEntropyLoss(ALONE)(OUT, Y)",
        jax=_jax("softmax_cross_entropy_with_integer_labels"),
    ),
    "softmax_cross_entropy rows": Template(
        keras="lk.CategoricalCrossentropy(from_logits=True)",
        torch="lt.CrossEntropyLoss()(OUT, Y)",
        jax=_jax("softmax_cross_entropy"),
    ),
    "categorical_cross_entropy": Template(
        keras="lk.SparseCategoricalCrossentropy()",
        torch="lossmith.categorical_cross_entropy(OUT, Y)",
        jax=_jax("categorical_cross_entropy"),
        activation="softmax",
    ),
    "kl_divergence": Template(
        keras="lk.KLDivergence()",
        torch="lossmith.kl_divergence(OUT, Y)",
        jax="lossmith.kl_divergence(OUT, Y)",
        activation="softmax",
    ),
    "balanced_softmax": _own("balanced_softmax", integers=True),
    "asymmetric": _own("asymmetric"),
    "corn": _own("corn"),
    "squared_error": Template("lk.MeanSquaredError()", "lt.MSELoss()(OUT, Y)", _jax("squared_error")),
    "squared_error of probabilities": Template(
        "lk.MeanSquaredError()", "lt.MSELoss()(OUT, Y)", _jax("squared_error"), activation="sigmoid"
    ),
    "absolute_error": Template("lk.MeanAbsoluteError()", "lt.L1Loss()(OUT, Y)", _jax("absolute_error")),
    "huber": Template("lk.Huber(ALONE)", "lt.HuberLoss(ALONE)(OUT, Y)", _jax("huber_loss")),
    "poisson_log_rate": Template(
        "lk.Poisson()", "lt.PoissonNLLLoss()(OUT, Y)", _jax("poisson_log_rate"), keras_activation="exponential"
    ),
    "negative_binomial_nll": _own("negative_binomial_nll", "exponential"),
    "gamma_log_mean": _own("gamma_log_mean"),
    "tweedie_log_mean": _own("tweedie_log_mean"),
    "squared_logarithmic_error": Template(
        keras="lk.MeanSquaredLogarithmicError()",
        torch="lossmith.squared_logarithmic_error(OUT, Y)",
        jax=_jax("squared_logarithmic_error"),
        activation="softplus",
    ),
}


def lines(key: str, units: int, extra: str = "", columns: bool = False) -> dict[str, tuple[str, ...]]:
    """Return the lines of a template.

    Args:
        key: In :data:`TEMPLATES`.
        units: Of the last layer.
        extra: An argument of the loss, as ``delta=1.345``, or an empty string.
        columns: Whether an output of one unit keeps its axis, as it does where the target has columns.
    """
    template = TEMPLATES[key]
    torch, jax = _ACTIVATIONS[template.activation]
    keras = template.activation if template.keras_activation is None else template.keras_activation
    activation = f', activation="{keras}"' if keras else ""
    output, squeezed = "hidden @ w + b", "last(hidden)"
    if units == 1 and not columns:
        output, squeezed = "(hidden @ w + b)[:, 0]", "last(hidden).squeeze(-1)"
    return {
        "keras": _with_imports(
            f"model.add(keras.layers.Dense({units}{activation}))",
            f'model.compile(optimizer="adam", loss={_filled(template.keras, "y_pred", "y_true", extra)})',
        ),
        "torch": _with_imports(
            f"last = torch.nn.Linear(width, {units})",
            f"out = {torch.format(squeezed)}",
            loss_line(key, extra, "torch"),
        ),
        "jax": _with_imports(
            f"out = {jax.format(output)}  # w: (width, {units}), b: ({units},)",
            loss_line(key, extra, "jax"),
        ),
    }


def loss_line(key: str, extra: str, framework: str) -> str:
    """Return the line of PyTorch or JAX that calls the loss with one more argument."""
    y = "torch.as_tensor(y)" if framework == "torch" else "y"
    return f"loss = {_filled(getattr(TEMPLATES[key], framework), 'out', y, extra)}"


def _filled(call: str, out: str, y: str, extra: str) -> str:
    filled = call.replace("EXTRA", f", {extra}" if extra else "").replace("ALONE", extra)
    return re.sub(r"\bOUT\b", out, re.sub(r"\bY(?=[,)])", y, filled))


def _with_imports(*code: str) -> tuple[str, ...]:
    text = "\n".join(code)
    return (f"import {', '.join(name for pattern, name in _IMPORTS if re.search(pattern, text))}", *code)
