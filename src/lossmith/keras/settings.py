"""From the arguments of Keras' losses to a definition with its parameters, checked as soon as an object is made.

One function per loss, by the name of Keras' function and with its arguments besides the data. A value that cannot be
used raises InputError here, in the constructor, and not in the first training step.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral
from typing import Any, NamedTuple

import keras

from ..errors import InputError
from ..losses import Loss, find


class Settings(NamedTuple):
    """A definition, its parameters, and what Keras adds to it.

    Attributes:
        loss: The definition.
        parameters: Its parameters, checked.
        axis: The axis over which values are averaged, or that holds the classes; of Dice and Tversky a tuple of those
            that make one region, or None for all.
        ignore_class: The class index that does not count.
        can_ignore: Whether the loss has an ``ignore_class`` at all.
        factor: What each value is multiplied with.
    """

    loss: Loss
    parameters: dict[str, Any]
    axis: Any = -1
    ignore_class: int | None = None
    can_ignore: bool = False
    factor: float = 1.0


def _plain(name: str, axis: Any = -1, **parameters: Any) -> Settings:
    loss = find(name)
    return Settings(loss, loss.resolve(parameters), _axis(axis))


def _axis(axis: Any) -> int:
    if isinstance(axis, bool) or not isinstance(axis, Integral):
        raise InputError(f"axis is {axis!r} ({type(axis).__name__}); expected one whole number, as in axis=-1")
    return int(axis)


def _switch(name: str, value: Any) -> bool:
    if value not in (False, True):
        raise InputError(f"{name} is {value!r}; expected True or False")
    return bool(value)


def mean_squared_error() -> Settings:
    """Squared error."""
    return _plain("squared_error")


def mean_absolute_error() -> Settings:
    """Absolute error."""
    return _plain("absolute_error")


def mean_absolute_percentage_error() -> Settings:
    """Absolute percentage error; a target below epsilon counts as epsilon."""
    return _plain("absolute_percentage_error", epsilon=keras.config.epsilon())


def mean_squared_logarithmic_error() -> Settings:
    """Squared error of log(1 + x)."""
    return _plain("squared_logarithmic_error")


def huber(delta: Any = 1.0) -> Settings:
    """Huber."""
    return _plain("huber", delta=delta)


def log_cosh() -> Settings:
    """Log-cosh."""
    return _plain("log_cosh")


def poisson() -> Settings:
    """Poisson on the rate, with epsilon inside of the logarithm."""
    return _plain("poisson", epsilon=keras.config.epsilon())


def hinge() -> Settings:
    """Hinge."""
    return _plain("hinge")


def squared_hinge() -> Settings:
    """Squared hinge."""
    return _plain("squared_hinge")


def categorical_hinge() -> Settings:
    """Categorical hinge, with Keras' rule that the best other score counts as at least 0."""
    return _plain("categorical_hinge", rivals_from_zero=True)


def kl_divergence() -> Settings:
    """Kullback-Leibler divergence of probabilities."""
    return _plain("kl_divergence")


def cosine_similarity(axis: Any = -1) -> Settings:
    """Minus the cosine."""
    return _plain("cosine_similarity", axis)


def binary_crossentropy(from_logits: Any = False, label_smoothing: Any = 0.0, axis: Any = -1) -> Settings:
    """Binary cross-entropy on logits, or on probabilities clipped at epsilon."""
    if _switch("from_logits", from_logits):
        return _plain("sigmoid_cross_entropy", axis, label_smoothing=label_smoothing)
    return _plain("binary_cross_entropy", axis, label_smoothing=label_smoothing, epsilon=keras.config.epsilon())


def binary_focal_crossentropy(
    apply_class_balancing: Any = False,
    alpha: Any = 0.25,
    gamma: Any = 2.0,
    from_logits: Any = False,
    label_smoothing: Any = 0.0,
    axis: Any = -1,
) -> Settings:
    """Binary focal loss; ``alpha`` is checked always and counts only with ``apply_class_balancing``."""
    options = {"gamma": gamma, "alpha": alpha, "label_smoothing": label_smoothing}
    if _switch("from_logits", from_logits):
        chosen = _plain("sigmoid_focal", axis, **options)
    else:
        chosen = _plain("binary_focal", axis, epsilon=keras.config.epsilon(), **options)
    if not _switch("apply_class_balancing", apply_class_balancing):
        chosen.parameters["alpha"] = None
    return chosen


def categorical_crossentropy(from_logits: Any = False, label_smoothing: Any = 0.0, axis: Any = -1) -> Settings:
    """Cross-entropy of rows over the classes."""
    return _cross_entropy(from_logits, axis, label_smoothing=label_smoothing)


def sparse_categorical_crossentropy(from_logits: Any = False, ignore_class: Any = None, axis: Any = -1) -> Settings:
    """Cross-entropy of class indices."""
    if ignore_class is not None and (isinstance(ignore_class, bool) or not isinstance(ignore_class, Integral)):
        raise InputError(f"ignore_class is {ignore_class!r}; expected one class index, or None")
    ignore_class = None if ignore_class is None else int(ignore_class)
    return _cross_entropy(from_logits, axis)._replace(ignore_class=ignore_class, can_ignore=True)


def _cross_entropy(from_logits: Any, axis: Any, **parameters: Any) -> Settings:
    if _switch("from_logits", from_logits):
        return _plain("softmax_cross_entropy", axis, **parameters)
    return _plain("categorical_cross_entropy", axis, epsilon=keras.config.epsilon(), **parameters)


def categorical_focal_crossentropy(
    alpha: Any = 0.25, gamma: Any = 2.0, from_logits: Any = False, label_smoothing: Any = 0.0, axis: Any = -1
) -> Settings:
    """Focal loss of rows over the classes, times ``alpha``: one factor for all classes, or one per class."""
    options = {"gamma": gamma, "label_smoothing": label_smoothing}
    alpha = _factors("alpha", alpha)
    if isinstance(alpha, list):
        options["class_weight"], alpha = alpha, 1.0
    if _switch("from_logits", from_logits):
        return _plain("softmax_focal", axis, **options)._replace(factor=alpha)
    return _plain("categorical_focal", axis, epsilon=keras.config.epsilon(), **options)._replace(factor=alpha)


def _factors(name: str, value: Any) -> float | list[float]:
    """Return one factor as a number, or several as a list; they are finite and not negative."""
    items = value.tolist() if hasattr(value, "tolist") else value
    items = list(items) if isinstance(items, Iterable) and not isinstance(items, str) else items
    for item in items if isinstance(items, list) else [items]:
        if isinstance(item, bool) or not isinstance(item, int | float) or not 0 <= item < math.inf:
            raise InputError(f"{name} is {value!r}; expected a factor in [0, ∞), or a list of one per class")
    return [float(item) for item in items] if isinstance(items, list) else float(items)


def categorical_generalized_cross_entropy(q: Any = 0.5) -> Settings:
    """Generalised cross-entropy of class indices."""
    return _plain("generalised_cross_entropy", q=q)


def dice(axis: Any = None) -> Settings:
    """Dice, with epsilon in the denominator."""
    return _overlap("dice", axis)


def tversky(alpha: Any = 0.5, beta: Any = 0.5, axis: Any = None) -> Settings:
    """Tversky, with epsilon in the denominator."""
    return _overlap("tversky", axis, alpha=alpha, beta=beta)


def _overlap(name: str, axis: Any, **parameters: Any) -> Settings:
    several = axis if isinstance(axis, list | tuple) else () if axis is None else (axis,)
    axes = tuple(_axis(i) for i in several)
    loss = find(name)
    return Settings(
        loss, loss.resolve({"smooth": keras.config.epsilon(), **parameters}), None if axis is None else axes
    )


def circle(gamma: Any = 80.0, margin: Any = 0.4, remove_diagonal: Any = True) -> Settings:
    """Circle of vectors that are taken for unit vectors."""
    return _plain("circle", gamma=gamma, margin=margin, remove_diagonal=remove_diagonal, normalise=False)


def ctc() -> Settings:
    """CTC; a target that needs more steps than there are costs infinity."""
    return _plain("ctc", infeasible="inf")
