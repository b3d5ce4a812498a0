"""Which loss is this, and what does it take? Any framework's loss, brought to a definition of ``lossmith.losses``.

Told apart by names and types alone: nothing is called, nothing imported. A loss that is not known (a function of your
own) has no definition; rules that need one then stay silent.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import InputError, UnknownNameError
from ..losses import Loss, find
from ..losses.definition import losses
from ..understanding.faces import names_in

_ROOTS = {"torch": "torch", "keras": "keras", "tf_keras": "keras", "tensorflow": "keras", "optax": "optax"}
_PREFIXES = {
    "torch": ("torch.nn.functional.", "torch.nn.", "nn.functional.", "nn.", "F.", "functional."),
    "keras": ("tf.keras.losses.", "keras.losses.", "tensorflow.keras.losses."),
    "optax": ("optax.losses.", "optax."),
    "lossmith": ("lossmith.", "lm."),
}
_SHOWN = {"torch": "nn.", "keras": "keras.losses.", "optax": "optax.", "lossmith": "lossmith."}
_KERAS_SHORT = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
    "logcosh": "log_cosh",
}
_INDICES = frozenset(
    (
        *("NLLLoss", "MultiMarginLoss", "functional.nll_loss", "functional.multi_margin_loss"),
        *("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy"),
        "softmax_cross_entropy_with_integer_labels",
    )
)
_ROWS = frozenset(
    (
        *("CategoricalCrossentropy", "categorical_crossentropy", "CategoricalHinge", "categorical_hinge"),
        *("CategoricalFocalCrossentropy", "categorical_focal_crossentropy"),
        *("CategoricalGeneralizedCrossEntropy", "categorical_generalized_cross_entropy"),
        *("safe_softmax_cross_entropy", "poly_loss_cross_entropy"),
    )
)
_SYMMETRIC = frozenset(
    (
        *("squared_error", "absolute_error", "huber", "log_cosh", "pseudo_huber", "charbonnier", "cauchy"),
        *("geman_mcclure", "welsch", "tukey_biweight", "general_robust", "root_mean_squared_error"),
        *("squared_logarithmic_error", "cosine_similarity", "jensen_shannon", "total_variation", "dice", "jaccard"),
    )
)
_SETTINGS = ("ignore_index", "ignore_class", "label_smoothing", "reduction", "axis", "log_target")
_WEIGHTS = ("weight", "class_weight", "pos_weight")
_NO_LABEL = -100  # what torch ignores by default


@dataclass(frozen=True, kw_only=True, eq=False)
class LossFacts:
    """What is known of a loss.

    Attributes:
        shown: How it is written ("nn.CrossEntropyLoss").
        framework: "torch", "keras", "optax", "lossmith", or "" where it could be any.
        definition: The same loss in lossmith, or None.
        is_class: Whether it is a class rather than an object or function.
        takes: For a categorical loss: "indices", "rows" (one-hot or soft), "indices or floating rows" or "either".
        settings: Those that matter: ``ignore_index``, ``label_smoothing``, ``reduction``, ``axis``, ``log_target``.
        weights: ``class_weight`` and ``pos_weight`` as given.
        part: Whether it is one of several terms of what is minimised.
        negated: Whether minus the loss is minimised.
        uneven: Whether elements count by factors that are not known.
        aligns: Whether a function of the user's own brings (N, 1) beside (N,) to one shape.
        told: Whether what it computes as prediction is made with the target's help, as where a margin is put on the
            right class: neither its size nor its probabilities say then what the model knows.
        backwards: What shows that a function of the user's own takes the prediction for the target, as a sentence.
    """

    shown: str
    framework: str
    definition: Loss | None
    is_class: bool = False
    takes: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Any] = field(default_factory=dict)
    part: bool = False
    negated: bool = False
    uneven: bool = False
    aligns: bool = False
    told: bool = False
    backwards: str = ""

    @property
    def form(self) -> str:
        """What the prediction must be: "logits", "probabilities", "log-probabilities", "values" or ""."""
        if self.definition is None:
            return ""
        if self.definition.name == "ctc" and self.framework == "torch":
            return "log-probabilities"
        forms = {"distribution": "probabilities", "log_probabilities": "log-probabilities"}
        role = self.definition.prediction.role
        return forms.get(role, role if role in ("logits", "probabilities", "values") else "")

    @property
    def categorical(self) -> bool:
        """Whether the loss is over exclusive classes: one axis of the prediction is theirs."""
        loss = self.definition
        if loss is None or loss.layout not in ("row", "region"):
            return False
        return loss.target.role in ("classes", "distribution") and loss.task not in ("survival", "embedding")

    @property
    def binary(self) -> bool:
        """Whether every element of the prediction is a yes or no of its own, scored by a probability or logit."""
        loss = self.definition
        return (
            loss is not None
            and loss.task in ("binary", "segmentation")
            and loss.target.role in ("probabilities", "flags")
            and self.form in ("logits", "probabilities")
        )

    @property
    def regression(self) -> bool:
        """Whether the loss compares numbers, element by element."""
        loss = self.definition
        return loss is not None and loss.task == "regression" and loss.layout == "element"

    @property
    def distance(self) -> bool:
        """Whether the loss is a distance between numbers, like the squared, absolute or Huber error."""
        return self.regression and self.definition is not None and self.definition.name in _SYMMETRIC

    @property
    def symmetric(self) -> bool:
        """Whether prediction and target could change places."""
        return self.definition is not None and self.definition.name in _SYMMETRIC

    @property
    def plain_mean(self) -> bool:
        """Whether the loss is the mean over all elements or rows that count, each alike."""
        loss, how = self.definition, self.settings.get("reduction", "mean")
        return (
            loss is not None
            and loss.layout in ("element", "row")
            and how == "mean"
            and not self.weights
            and not self.uneven
        )

    @property
    def ignored(self) -> int | None:
        """The label that is ignored, or None."""
        for name in ("ignore_index", "ignore_class"):
            if self.settings.get(name) is not None:
                return int(self.settings[name])
        torch_labels = self.framework == "torch" and self.takes in ("indices", "indices or floating rows")
        return _NO_LABEL if torch_labels else None

    def class_axis(self, ndim: int) -> int:
        """Return the axis of the classes, counted from the end."""
        axis = self.settings.get("axis")
        if isinstance(axis, int) and -ndim <= axis < ndim:
            return axis % ndim - ndim
        row_of_torch = self.framework == "torch" and ndim > 1 and self.definition is not None
        if row_of_torch and self.definition.name not in ("ctc", "kl_divergence_log_probabilities"):  # pyrefly: ignore
            return 1 - ndim
        return -1


def recognise(loss: Any, keras: bool = False) -> LossFacts | None:
    """Return what is known of ``loss``, or None for None.

    Args:
        loss: A loss of lossmith, torch, Keras or optax: object, class, function or name; or any other callable.
        keras: Whether a name that several frameworks share is meant as Keras's.

    Raises:
        UnknownNameError: A string that names no loss.
        InputError: Neither a name nor something to call.
    """
    if loss is None or isinstance(loss, LossFacts):
        return loss
    if isinstance(loss, str):
        return _by_name(loss, keras)
    if isinstance(loss, Loss):
        return _facts("lossmith", loss.name, loss, {})
    if isinstance(loss, functools.partial):
        return _of_partial(loss, keras)
    if not callable(loss):
        raise InputError(f"loss is {loss!r} ({type(loss).__name__}); expected a loss, its name, or None if unknown")
    return _of_object(loss)


def _by_name(text: str, keras: bool) -> LossFacts:
    for framework, prefixes in _PREFIXES.items():
        for prefix in prefixes:
            if text.startswith(prefix) and len(text) > len(prefix):
                return _named(framework, text.removeprefix(prefix).partition("(")[0], text)
    short = _KERAS_SHORT.get(text, text)
    exact = {name for loss in losses() for name in (loss.name, loss.object_name, *loss.aliases)}
    if _candidates("keras", short) and (keras or text not in exact):
        return _named("keras", short, text)
    if _candidates("torch", text):
        return _named("torch", text, text)
    return _facts("", text, find(text), {}, takes="either")


def _named(framework: str, name: str, text: str) -> LossFacts:
    if framework == "lossmith":
        return _facts("lossmith", find(name).name, find(name), {})
    name = name if _candidates(framework, name) else f"functional.{name}"
    found = _candidates(framework, name)
    if not found:
        name = name.removeprefix("functional.")
        known = (n for names in names_in("jax" if framework == "optax" else framework).values() for n in names)
        raise UnknownNameError(f"loss of {framework}", name, known)
    return _facts(framework, name, _chosen(found, {}), {}, shown=text)


def _of_partial(loss: functools.partial[Any], keras: bool) -> LossFacts | None:
    inner = recognise(loss.func, keras)
    if inner is None or inner.definition is None:
        return inner
    name = getattr(loss.func, "__name__", "")
    candidates = _candidates(inner.framework, name) or _candidates(inner.framework, f"functional.{name}")
    definition = _chosen(candidates, loss.keywords) if candidates else inner.definition
    return _facts(inner.framework, name, definition, loss.keywords, shown=inner.shown)


def _of_object(loss: Any) -> LossFacts:
    definition = getattr(loss, "definition", None)
    if isinstance(definition, Loss):
        parameters = getattr(loss, "parameters", {})
        given = parameters if isinstance(parameters, Mapping) else {}
        name = loss.__name__ if isinstance(loss, type) or hasattr(loss, "__name__") else type(loss).__name__
        return _facts("lossmith", name, definition, given, is_class=isinstance(loss, type))
    is_class = isinstance(loss, type)
    kinds = loss.__mro__ if is_class else (() if hasattr(loss, "__name__") else type(loss).__mro__)
    for kind in kinds:
        framework = _framework(kind.__module__)
        found = _candidates(framework, kind.__name__) if framework else ()
        if found:
            given = {} if is_class else _given(loss)
            return _facts(framework, kind.__name__, _chosen(found, given), given, is_class=is_class)
    name, framework = getattr(loss, "__name__", ""), _framework(getattr(loss, "__module__", "") or "")
    for title in (name, f"functional.{name}"):
        found = _candidates(framework, title) if framework else ()
        if found:
            return _facts(framework, title, _chosen(found, {}), {})
    shown = name or type(loss).__name__
    root = next((f for kind in kinds if (f := _framework(kind.__module__))), framework)
    return LossFacts(shown=shown, framework=root, definition=None, is_class=is_class and root in ("torch", "keras"))


def _framework(module: str) -> str:
    parts = module.split(".")
    if parts[0] == "lossmith" and len(parts) > 1:
        return {"torch": "torch", "keras": "keras", "jax": "optax"}.get(parts[1], "")
    return _ROOTS.get(parts[0], "")


@functools.cache
def _table(framework: str) -> dict[str, tuple[Loss, ...]]:
    found: dict[str, list[Loss]] = {}
    for loss, names in names_in("jax" if framework == "optax" else framework).items():
        for name in names:
            found.setdefault(name, []).append(find(loss))
    return {name: tuple(definitions) for name, definitions in found.items()}


def _candidates(framework: str, name: str) -> tuple[Loss, ...]:
    return _table(framework).get(name, ()) if framework in ("torch", "keras", "optax") else ()


def _chosen(found: Iterable[Loss], given: Mapping[str, Any]) -> Loss:
    """Return the one of several definitions that the settings tell: on logits or not, of a logarithm or not."""
    found = tuple(found)
    logits = bool(given.get("from_logits", False))
    if {"poisson", "poisson_log_rate"} <= {loss.name for loss in found}:
        return find("poisson_log_rate" if given.get("log_input", True) else "poisson")
    fitting = [loss for loss in found if (loss.prediction.role == "logits") == logits]
    return fitting[0] if len(found) > 1 and fitting else found[0]


def _given(loss: Any) -> dict[str, Any]:
    """Return the settings of an object: Keras's ``get_config``, or its attributes."""
    config = getattr(loss, "get_config", None)
    if callable(config):
        try:
            read = config()
            return dict(read) if isinstance(read, Mapping) else {}
        except Exception:  # a user's subclass may do anything here; its settings are then unknown
            return {}
    names = (*_SETTINGS, *_WEIGHTS, "from_logits", "log_input")
    return {name: getattr(loss, name) for name in names if getattr(loss, name, None) is not None}


def _facts(
    framework: str,
    name: str,
    definition: Loss,
    given: Mapping[str, Any],
    *,
    is_class: bool = False,
    takes: str = "",
    shown: str = "",
) -> LossFacts:
    settings = {key: given[key] for key in _SETTINGS if given.get(key) is not None}
    weights = {("class_weight" if k == "weight" else k): given[k] for k in _WEIGHTS if given.get(k) is not None}
    if not takes and definition.target.role == "classes":
        takes = _takes(framework, name)
    return LossFacts(
        shown=shown or f"{_SHOWN.get(framework, '')}{name}".replace("nn.functional.", "F."),
        framework=framework,
        definition=definition,
        is_class=is_class,
        takes=takes,
        settings=settings,
        weights=weights,
    )


def named(framework: str, name: str, given: Mapping[str, Any]) -> LossFacts:
    """Return what is known of a loss of a framework by its name there and its settings."""
    return _facts(framework, name, _chosen(_candidates(framework, name), given), given)


def matched(framework: str, shown: str, definition: Loss, settings: Mapping[str, Any], *, negated: bool) -> LossFacts:
    """Return what is known of a function of the user's own that computes a definition of lossmith."""
    made = _facts(framework, shown, definition, settings, takes="either", shown=shown)
    return replace(made, negated=negated)


def _takes(framework: str, name: str) -> str:
    if name in _INDICES:
        return "indices"
    if name in _ROWS or (framework == "optax" and name == "softmax_cross_entropy"):
        return "rows"
    return "indices or floating rows" if framework == "torch" else "either"
