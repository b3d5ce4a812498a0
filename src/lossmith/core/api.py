"""Public functions and classes, made from the definitions: one signature, one docstring, one behaviour for all."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .. import formula
from ..errors import InputError, UnknownNameError
from ..losses import Loss
from . import quick, reduce
from .autograph import unconverted
from .compute import call, value_and_gradient

_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_DATA = ("prediction", "target")
_PER_CALL = ("weight", "mask", "normalizer")
_SETTINGS = {"ignore_index": None, "axis": -1, "region": "sample", "reduction": "mean", "empty": "zero"}
_EXTRA_SHAPE = {"values": "one per value, or per leading axes of them", "prediction": "the prediction's shape"}
_OPTION_TEXT = {
    "weight": "Factors, not negative, along the leading axes of the values: (N,) for (N,) or (N, F).",
    "mask": "Booleans along the same axes; False leaves the value out of sum, count and gradient, NaN included.",
    "ignore_index": "Target value (class) that is left out likewise.",
    "axis": "The axis that the loss consumes: the classes or features.",
    "region": 'What is scored as one: each "sample" of the first axis, or the whole "batch".',
    "reduction": '"mean" is Σ w·l / Σ w; "sum"; "none" for one value each; "total" for the pair (Σ w·l, Σ w).',
    "normalizer": "Number to divide the sum by in place of Σ w: the global count, when this is part of a batch.",
    "empty": 'What the mean is when nothing counts: "zero", "nan" or "error".',
}


def settings_of(loss: Loss) -> dict[str, Any]:
    """Return the options besides the loss's own parameters that apply to it, with their defaults."""
    settings = {name: default for name, default in _SETTINGS.items() if name in loss.options}
    return settings | {"region": loss.region} if "region" in settings else settings


def extras_of(loss: Loss, arrays: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    """Return the extra arrays of a call by name, whether they came in order or by name.

    Raises:
        InputError: More arrays than the loss takes, or one given twice.
        UnknownNameError: A name that the loss does not take.
    """
    names = [extra.name for extra in loss.extras]
    if len(arrays) > len(names):
        takes = ", ".join((*_DATA, *names))
        raise InputError(
            f"{loss.name} was given {len(arrays) + 2} arguments; it takes {takes}, and settings by name"
            f"{_by_name(loss, arrays[len(names) :])}"
        )
    given = dict(zip(names, arrays, strict=False))
    for name, x in named.items():
        if name not in names:
            raise UnknownNameError("argument", name, [*_DATA, *names, *_PER_CALL], where=loss.name)
        if name in given:
            raise InputError(f"{name} was given twice, in order and by name; drop one of the two")
        given[name] = x
    return given


def _by_name(loss: Loss, values: tuple[Any, ...]) -> str:
    """Return how settings that came without a name are written."""
    named = zip([*loss.defaults, *settings_of(loss)], values, strict=False)
    shown = [f"{name}={value!r}" for name, value in named if isinstance(value, bool | int | float | str)]
    return f": {', '.join(shown)}" if shown else ""


class LossFunction:
    """A loss with its parameters set; subclasses are made from the definitions.

    Objects of the same class and settings are equal, can be pickled, and print as the call that makes them.
    """

    definition: ClassVar[Loss]
    autograph_info__: ClassVar[dict[str, Any]] = {}  # see ``autograph``: for calling an object

    def __init__(self, **settings: Any) -> None:
        loss, known = self.definition, settings_of(self.definition)
        chosen = {name: settings.pop(name, default) for name, default in known.items()}
        self._parameters = loss.resolve(settings)
        reduce.check_options(chosen["reduction"], None, chosen["empty"])
        self._settings = chosen
        self._quick = quick.find(loss, self._parameters, chosen)

    def __call__(
        self,
        prediction: Any,
        target: Any,
        *arrays: Any,
        weight: Any = None,
        mask: Any = None,
        normalizer: Any = None,
        **extras: Any,
    ) -> Any:
        """Return the loss, reduced as the object says.

        Args:
            prediction: As the class's docstring says; a list, or an array of NumPy, PyTorch, JAX or TensorFlow.
            target: The same.
            arrays: The loss's further arrays, in order or by name.
            weight: Factors, not negative, along the leading axes of the values.
            mask: Booleans along the same axes; False leaves the value out.
            normalizer: Number to divide the sum by in place of Σ w.
            extras: The further arrays by name.

        Raises:
            InputError: An argument does not fit; its subclass (ShapeError, DomainError, LabelError) and text say how.
        """
        short = self._quick
        if short is not None and weight is None and mask is None and normalizer is None and not (arrays or extras):
            result = short(prediction, target, False)
            if result is not None:
                return result[0]
        return call(
            self.definition,
            prediction,
            target,
            parameters=self._parameters,
            extras=extras_of(self.definition, arrays, extras),
            weight=weight,
            mask=mask,
            normalizer=normalizer,
            **self._settings,
        )

    @unconverted
    def value_and_gradient(
        self,
        prediction: Any,
        target: Any,
        *arrays: Any,
        weight: Any = None,
        mask: Any = None,
        normalizer: Any = None,
        inplace: bool = False,
        **extras: Any,
    ) -> tuple[Any, Any]:
        """Return the loss and its gradient with respect to the prediction, in the prediction's shape and dtype.

        The gradient comes from the closed form, not from autograd: it works on NumPy and records nothing elsewhere.
        With ``reduction="none"`` or ``"total"`` it is the gradient of the sum.

        With ``inplace=True`` the gradient is written over the prediction, which is lost, and no memory of its size is
        needed: for softmax cross-entropy with class indices, on contiguous NumPy arrays and CPU tensors of float32 or
        float64. What cannot be overwritten raises InputError and stays as it was.

        >>> import lossmith as lm
        >>> lm.SquaredError().value_and_gradient([2.0, 3.0], [1.0, 5.0])
        (2.5, array([ 1., -2.]))
        """
        short = self._quick
        if (
            short is not None
            and weight is None
            and mask is None
            and normalizer is None
            and not (arrays or extras or inplace)
        ):
            result = short(prediction, target, True)
            if result is not None:
                return result
        return value_and_gradient(
            self.definition,
            prediction,
            target,
            parameters=self._parameters,
            extras=extras_of(self.definition, arrays, extras),
            weight=weight,
            mask=mask,
            normalizer=normalizer,
            inplace=inplace,
            **self._settings,
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """The loss's own parameters and the options, by name."""
        return {**self._parameters, **self._settings}

    def __getattr__(self, name: str) -> Any:
        for values in (self.__dict__.get("_parameters", {}), self.__dict__.get("_settings", {})):
            if name in values:
                return values[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __repr__(self) -> str:
        defaults = {**self.definition.defaults, **settings_of(self.definition)}
        shown = {k: _plain(v) for k, v in self.parameters.items()}
        changed = [f"{k}={v!r}" for k, v in shown.items() if v != defaults[k]]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_quick"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)  # where this is unpickled there may be no native core
        self._quick = quick.find(self.definition, self._parameters, self._settings)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


def _plain(value: Any) -> Any:
    """Return a vector as a list of numbers, which prints and compares as one; other values as they are."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.tolist() if hasattr(value, "tolist") else np.asarray(value).tolist()


def function_of(loss: Loss) -> Callable[..., Any]:
    """Return the public function of a definition."""

    @unconverted
    def function(
        prediction: Any,
        target: Any,
        *arrays: Any,
        weight: Any = None,
        mask: Any = None,
        reduction: str = "mean",
        normalizer: Any = None,
        **settings: Any,
    ) -> Any:
        options = {k: settings.pop(k) for k in known if k in settings}
        named = {e.name: settings.pop(e.name) for e in loss.extras if e.name in settings}
        return call(
            loss,
            prediction,
            target,
            parameters=loss.resolve(settings),
            extras=extras_of(loss, arrays, named),
            weight=weight,
            mask=mask,
            reduction=reduction,
            normalizer=normalizer,
            **options,
        )

    known = tuple(k for k in settings_of(loss) if k != "reduction")
    function.__name__ = function.__qualname__ = loss.name
    function.__module__ = "lossmith"
    function.__doc__ = _function_doc(loss)
    function.__signature__ = _signature(loss, data=True)  # pyrefly: ignore[missing-attribute]
    function.definition = loss  # pyrefly: ignore[missing-attribute]
    return function


def object_of(loss: Loss) -> type[LossFunction]:
    """Return the public class of a definition."""

    def __init__(self: LossFunction, *values: Any, **settings: Any) -> None:
        if values:
            raise InputError(
                f"{loss.object_name} takes its settings by name{_by_name(loss, values)}; predictions and targets go "
                f"into the call: {loss.object_name}()(prediction, target)"
            )
        LossFunction.__init__(self, **settings)

    # On __init__ and not on the class: there it would pass for the signature of calling an object, too.
    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = _signature(loss, data=False)
    __init__.__signature__ = signature.replace(parameters=[me, *signature.parameters.values()])  # pyrefly: ignore
    members = {
        "definition": loss,
        "__init__": __init__,
        "__doc__": _object_doc(loss),
        "__module__": "lossmith",
    }
    return type(loss.object_name, (LossFunction,), members)


def _signature(loss: Loss, *, data: bool) -> inspect.Signature:
    options = {**loss.defaults, **(dict.fromkeys(_PER_CALL) if data else {}), **settings_of(loss)}
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(n, either) for n in _DATA if data]
    for extra in loss.extras if data else ():
        parameters.append(
            inspect.Parameter(extra.name, either, default=inspect.Parameter.empty if extra.required else None)
        )
    parameters += [inspect.Parameter(n, _KEYWORD, default=d) for n, d in options.items()]
    return inspect.Signature(parameters)


def shapes_of(loss: Loss) -> tuple[str, str, str]:
    """Return the shapes of prediction, target and values in words."""
    if loss.layout == "element":
        return "any shape", "the same shape", "one value per element"
    if loss.coupled:
        return _coupled_shapes(loss)
    if loss.layout == "sequence":
        return "(…, T, C)", "(…, S) of any integer dtype", "one value per sequence, (…)"
    if loss.target.role == "classes":
        return "(…, C)", "(…) of any integer dtype, or (…, C)", "one value per row, (…)"
    if loss.target_per_row:
        return "(…, F)", "(…)", "one value per row, (…)"
    return "(…, F)", "(…, F)", "one value per row, (…)"


def _coupled_shapes(loss: Loss) -> tuple[str, str, str]:
    if loss.layout == "batch":
        rows = "(N,)" if loss.prediction.role == "values" else "(N, F)"
        return rows, "(N,)" if loss.target.role == "groups" else rows, "one value per row, (N,)"
    values = "one value per sample, (N,), or one in all for a region of the whole batch"
    if loss.target.role != "classes":
        return "(N, …)", "the same shape", values
    if loss.per_class:
        values = "one value per sample and class, (N, C), or (C,) for a region of the whole batch"
    return "(N, …, C)", "(N, …) of any integer dtype, or (N, …, C)", values


def _function_doc(loss: Loss) -> str:
    prediction, target, rows = shapes_of(loss)
    lines = [
        f"{loss.summary}",
        "",
        "Formula::",
        "",
        textwrap.indent(formula.text(loss.formula), "    "),
        "",
        "Gradient::",
        "",
        textwrap.indent(formula.text(loss.gradient_formula), "    "),
        "",
        "Works on lists, NumPy, PyTorch, JAX and TensorFlow arrays; half precision is computed in float32.",
        "",
        "Args:",
        f"    prediction: {prediction}; {loss.prediction.describe()}.",
        f"    target: {target}; {loss.target.describe()}.",
        *(f"    {e.name}: {_EXTRA_SHAPE[e.shape]}; {e.domain.describe()}. {e.meaning}" for e in loss.extras),
        *_parameter_lines(loss),
        *(f"    {name}: {_OPTION_TEXT[name]}" for name in (*_PER_CALL, *settings_of(loss))),
        "",
        "Returns:",
        f'    A scalar; with reduction="none" {rows}. A Python float on NumPy and lists, otherwise the',
        "    framework's own array, through which gradients flow.",
        "",
        "Raises:",
        "    ShapeError: Shapes differ; nothing is broadcast.",
        "    DomainError: A value lies outside the domain, or is NaN.",
        *(["    LabelError: A class label is out of range or of the wrong kind."] if _classes(loss) else []),
        "    InputError: Any other unusable argument; the parent of the errors above.",
        "",
        "Example:",
        *textwrap.indent(_example(loss), "    ").splitlines(),
        "",
        "References:",
        *(f"    {r.text}. {r.link}" for r in loss.references),
    ]
    return "\n".join(lines)


def _classes(loss: Loss) -> bool:
    return loss.target.role in ("classes", "signs")


def _parameter_lines(loss: Loss) -> list[str]:
    numbers = ("float", "int")
    return [
        f"    {p.name}: {p.meaning}{f' A number {p.bounds()}.' if p.kind in numbers else ''}" for p in loss.parameters
    ]


def _object_doc(loss: Loss) -> str:
    lines = [
        f"{loss.title} as an object: parameters once, then ``loss(prediction, target, weight=…, mask=…)``.",
        "",
        f"{loss.summary} See :func:`lossmith.{loss.name}` for formula, shapes and errors.",
        "",
        "Args:",
        *_parameter_lines(loss),
        *(f"    {name}: {_OPTION_TEXT[name]}" for name in settings_of(loss)),
    ]
    return "\n".join(lines)


def _example(loss: Loss) -> str:
    prediction, target, value = loss.example
    arrays = ", ".join(map(str, (prediction, target, *loss.example_extras.values())))
    return f">>> import lossmith as lm\n>>> round(lm.{loss.name}({arrays}), 6)\n{value}"
