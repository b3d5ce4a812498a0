"""What a loss is: one frozen record from which functions, objects, checks, tests, pages and plots are derived.

A definition states its formula once, in the operations of ``lossmith.arrays``. It never reduces, weights or masks:
``lossmith.core`` does that for all of them in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Literal

import numpy as np

from ..errors import InputError, UnknownNameError
from .domain import Domain

Layout = Literal["element", "row", "region", "batch", "sequence"]
Region = Literal["sample", "batch"]
Task = Literal[
    "regression",
    "binary",
    "multiclass",
    "distribution",
    "segmentation",
    "embedding",
    "ranking",
    "boxes",
    "preference",
    "sequence",
    "survival",
]
Constant = Callable[..., np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A number, switch or vector that shapes a loss.

    Attributes:
        name: Keyword of the function and attribute of the object.
        default: Value when not given.
        kind: "float", "int", "bool", "vector" for one number per class (C,), "factor" for a number or one per class, or
            "choice" for one of the words in ``choices``.
        low: Lower bound; ``low_included`` says whether it is itself valid. The same for ``high``.
        meaning: One sentence for documents.
        choices: The words that a "choice" may be.
    """

    name: str
    default: Any
    meaning: str
    kind: Literal["float", "int", "bool", "vector", "factor", "choice"] = "float"
    low: float = -np.inf
    high: float = np.inf
    low_included: bool = True
    high_included: bool = True
    choices: tuple[str, ...] = ()

    def check(self, value: Any) -> Any:
        """Return ``value`` if it is valid.

        Raises:
            InputError: The value is of the wrong type or out of bounds; the message says which are valid.
        """
        if value is None and self.default is None:
            return None
        if self.kind == "vector" or (self.kind == "factor" and hasattr(value, "__len__")):
            return value  # an array: checked against the prediction, which is not known here
        if self.kind == "bool":
            if not isinstance(value, bool | np.bool_):
                raise InputError(f"{self.name} is {value!r}; expected True or False")
            return bool(value)
        if self.kind == "choice":
            if value not in self.choices:
                raise InputError(f"{self.name} is {value!r}; expected one of {', '.join(map(repr, self.choices))}")
            return value
        if self.kind == "int" and (isinstance(value, bool) or not isinstance(value, Integral)):
            raise InputError(f"{self.name} is {value!r}; expected a whole number {self.bounds()}")
        number = int(value) if self.kind == "int" else _as_number(value)
        if number is None:
            if getattr(value, "shape", None) == () and not isinstance(value, np.generic):
                return value  # traced: a scalar whose value is not known yet
            raise InputError(f"{self.name} is {value!r} ({type(value).__name__}); expected a number {self.bounds()}")
        low_ok = number >= self.low if self.low_included else number > self.low
        high_ok = number <= self.high if self.high_included else number < self.high
        if not (low_ok and high_ok):  # NaN fails both
            raise InputError(f"{self.name} is {number!r}; expected a number {self.bounds()}")
        return value if hasattr(value, "dtype") and not isinstance(value, np.generic) else number

    def bounds(self) -> str:
        """Return the valid range in words."""
        left = f"{'[' if self.low_included else '('}{self.low:g}" if np.isfinite(self.low) else "(-∞"
        right = f"{self.high:g}{']' if self.high_included else ')'}" if np.isfinite(self.high) else "∞)"
        return f"in {left}, {right}"


def _as_number(value: Any) -> float | None:
    """Return a number or a scalar array as a float; None for anything else and for what is being traced."""
    if isinstance(value, bool | np.bool_) or not (isinstance(value, int | float) or getattr(value, "shape", 0) == ()):
        return None
    try:
        return float(value.detach() if hasattr(value, "detach") else value)  # torch warns of a learned one otherwise
    except (TypeError, ValueError, RuntimeError):
        return None


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Where a formula comes from.

    Attributes:
        text: Authors, year, title.
        link: DOI or address.
    """

    text: str
    link: str


@dataclass(frozen=True, kw_only=True)
class Extra:
    """An array besides prediction and target that a loss needs: a variance, a second vector, an event flag.

    Attributes:
        name: Keyword of the call.
        domain: Where its values may lie.
        meaning: One sentence for documents.
        shape: "values" goes along the leading axes of the values, as a weight does; "prediction" has the prediction's
            shape. Of a loss over regions "values" are its elements.
        required: Whether it must be given; otherwise the definition receives None, or what ``default`` says.
        default: ``default(xp, prediction, target)``: the array to use when none is given.
    """

    name: str
    domain: Domain
    meaning: str
    shape: Literal["values", "prediction"] = "values"
    required: bool = True
    default: Callable[..., Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to know before choosing the loss, in sentences of their own.

    Attributes:
        use: When it fits.
        avoid: When it does not.
        good_value: What a good value is, against what a constant prediction scores.
        pitfalls: How people get it wrong.
    """

    use: str
    avoid: str
    good_value: str
    pitfalls: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Loss:
    """The definition of one loss.

    Attributes:
        name: The name of the function, in the field's standard term, with the form of its input in it.
        object_name: The name of the class.
        title: As written in running text.
        summary: One sentence: what one value means.
        task: What kind of problem it is for.
        layout: "element" gives one value per element; "row" consumes the last (class or feature) axis; "sequence" the
            last two (steps, classes). "region" gives one value per region of elements, "batch" one per row that
            depends on all rows.
        value: ``value(xp, prediction, target, **parameters)``; element: the same shape; row: without the last axis.
            For targets of role "classes", ``target`` is integer labels (one axis less) or dense rows.
            A region's and a batch's value has a third array, ``inside``: how much an element (R, M) or row (N,) counts
            within, 0 where it is masked; None for 1 everywhere. Regions come as (R, M), with classes as (R, M, C), the
            target as dense rows too where labels were given.
        gradient: Closed form of d value / d prediction, of the prediction's shape. For regions and batches
            ``gradient(xp, prediction, target, inside, cotangent, **parameters)``: of the sum of the values times
            ``cotangent``, which has the values' shape.
        hessian: Closed form of the second derivative of an element loss, where it exists.
        row_weight: ``row_weight(xp, target, dtype, **parameters)``: what a row counts in the denominator of the mean,
            or None for 1. Class weights need it. Of regions and batches it gets ``inside`` as a third array instead
            of the dtype, and has the values' shape; what it counts as 0 has no value. It may be integers.
        examine: For a loss over regions or a batch: ``examine(target, inside, **parameters)``, in NumPy, returns what
            is wrong with targets that no domain excludes (an empty one), as the text of an error, or None.
        region: For a loss over regions, what a region is by default: each "sample" or the whole "batch".
        per_class: Whether a loss over regions of classes has one value for each class of a region.
        prediction: Domain of the prediction.
        target: Domain of the target.
        target_per_row: For a row loss whose target is one number per row rather than a row of the same length.
        extras: Arrays besides prediction and target, handed to ``value`` and ``gradient`` by name.
        parameters: What can be set.
        formula: LaTeX of the value.
        gradient_formula: LaTeX of the gradient.
        dropped: LaTeX of an additive constant that the usual definition drops, or an empty string.
        best_constant: ``best_constant(target, weight)``: the constant prediction that scores best, in NumPy.
        advice: When to use it, and what a good value is.
        references: Sources.
        aliases: Other names that ``lossmith.get`` accepts.
        example: Prediction, target and value (to six digits) for the docstring's example; a test holds them true.
        example_extras: The extras of the example.
    """

    name: str
    object_name: str
    title: str
    summary: str
    task: Task
    layout: Layout
    value: Callable[..., Any]
    gradient: Callable[..., Any]
    prediction: Domain
    target: Domain
    formula: str
    gradient_formula: str
    advice: Advice
    example: tuple[Any, Any, float]
    example_extras: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)
    references: tuple[Reference, ...]
    hessian: Callable[..., Any] | None = None
    row_weight: Callable[..., Any] | None = None
    target_per_row: bool = False
    examine: Callable[..., str | None] | None = None
    region: Region = "sample"
    per_class: bool = False
    extras: tuple[Extra, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    dropped: str = ""
    best_constant: Constant | None = None
    aliases: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "defaults", {p.name: p.default for p in self.parameters})

    def __reduce__(self) -> tuple[Any, ...]:
        return find, (self.name,)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<loss {self.name}: {self.summary}>"

    @property
    def coupled(self) -> bool:
        """Whether a value depends on more than one element or row."""
        return self.layout in ("region", "batch")

    @property
    def class_axis(self) -> bool:
        """Whether the last axis of the prediction is consumed whole, and ``axis=`` says where it is."""
        return self.layout == "row" or (self.layout == "region" and self.target.role == "classes")

    @property
    def options(self) -> tuple[str, ...]:
        """The arguments besides its own parameters that this loss takes."""
        skip = set() if self.class_axis else {"axis"}
        if self.layout != "region":
            skip.add("region")
        if self.task not in ("binary", "multiclass", "segmentation"):
            skip.add("ignore_index")
        return tuple(name for name in OPTIONS if name not in skip)

    def resolve(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters, checked, with defaults filled in.

        Raises:
            UnknownNameError: A parameter that this loss does not have.
            InputError: A value out of bounds, or an argument of the call among the settings of an object.
        """
        for key in given:
            if key in self.options:
                raise InputError(f"{key} goes into the call: {self.object_name}()(prediction, target, {key}=…)")
            if key not in self.defaults:
                raise UnknownNameError("parameter", key, [*self.defaults, *self.options], where=self.name)
        return {p.name: p.check(given[p.name]) if p.name in given else p.default for p in self.parameters}


OPTIONS = ("weight", "mask", "ignore_index", "axis", "region", "reduction", "normalizer", "empty")

_losses: dict[str, Loss] = {}
_names: dict[str, str] = {}


def register(loss: Loss) -> Loss:
    """Add a definition to the registry, under its name, its object's name and its aliases."""
    for key in (loss.name, loss.object_name, *loss.aliases):
        key = _key(key)
        if _names.get(key, loss.name) != loss.name:
            raise ValueError(f"{key!r} names {_names[key]} already")
        _names[key] = loss.name
    _losses[loss.name] = loss
    return loss


def find(name: str) -> Loss:
    """Return the definition with this name or alias; upper case, ``_``, ``-`` and spaces do not matter.

    Raises:
        UnknownNameError: No loss has it; the message offers the nearest names.
    """
    key = _key(name) if isinstance(name, str) else ""
    if key not in _names:
        raise UnknownNameError("loss", name, [*_losses, *(a for d in _losses.values() for a in d.aliases)])
    return _losses[_names[key]]


def losses() -> tuple[Loss, ...]:
    """Return all definitions, in the order of registration.

    >>> import lossmith as lm
    >>> [loss.name for loss in lm.losses() if loss.task == "binary"][:2]
    ['sigmoid_cross_entropy', 'binary_cross_entropy']
    """
    return tuple(_losses.values())


def _key(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")
