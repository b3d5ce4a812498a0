"""Public functions and classes, made from the definitions: one signature, one docstring, one behaviour for all."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from ..errors import InputError, LossmithError
from ..losses import Loss
from . import quick, reduce
from .arguments import by_name, extras_of, settings_of, signature_of
from .autograph import unconverted
from .compute import call, value_and_gradient
from .docstrings import function_doc, object_doc


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
        if not arrays and weight is None and mask is None and normalizer is None:
            short = shortcuts.find(reduction, settings)
            result = None if short is None else short(prediction, target, False)
            if result is not None:
                return result[0]
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
    shortcuts = _Shortcuts(loss)
    function.__name__ = function.__qualname__ = loss.name
    function.__module__ = "lossmith"
    function.__doc__ = function_doc(loss)
    function.__signature__ = signature_of(loss, data=True)  # pyrefly: ignore[missing-attribute]
    function.definition = loss  # pyrefly: ignore[missing-attribute]
    return function


class _Shortcuts:
    """The short ways of a loss's function, by the settings of a call; those of its defaults are made at once."""

    _MOST = 64  # settings that are kept: who varies a number from call to call takes the long way

    def __init__(self, loss: Loss) -> None:
        self._loss, self._found = loss, {}
        self._default = {reduction: self._make({"reduction": reduction}) for reduction in reduce.REDUCTIONS}

    def find(self, reduction: Any, settings: Mapping[str, Any]) -> quick.Quick | None:
        """Return the short way of a call, or None; what is wrong with a setting is for the long way to say."""
        if not settings:
            return self._default.get(reduction) if type(reduction) is str else None
        if not any(self._default.values()) or not all(type(x) in _SCALARS for x in settings.values()):
            return None  # an array among them, or a loss without
        key = reduction, *((name, type(x), x) for name, x in settings.items())
        if key not in self._found:
            if len(self._found) == self._MOST:
                return None
            self._found[key] = self._make({**settings, "reduction": reduction})
        return self._found[key]

    def _make(self, given: dict[str, Any]) -> quick.Quick | None:
        loss, known = self._loss, settings_of(self._loss)
        settings = {name: given.pop(name, default) for name, default in known.items()}
        try:
            reduce.check_options(settings["reduction"], None, settings["empty"])
            return quick.find(loss, loss.resolve(given), settings)
        except LossmithError:
            return None


_SCALARS = (bool, int, float, str, type(None))


def object_of(loss: Loss) -> type[LossFunction]:
    """Return the public class of a definition."""

    def __init__(self: LossFunction, *values: Any, **settings: Any) -> None:
        if values:
            raise InputError(
                f"{loss.object_name} takes its settings by name{by_name(loss, values)}; predictions and targets go "
                f"into the call: {loss.object_name}()(prediction, target)"
            )
        LossFunction.__init__(self, **settings)

    # On __init__ and not on the class: there it would pass for the signature of calling an object, too.
    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = signature_of(loss, data=False)
    __init__.__signature__ = signature.replace(parameters=[me, *signature.parameters.values()])  # pyrefly: ignore
    members = {
        "definition": loss,
        "__init__": __init__,
        "__doc__": object_doc(loss),
        "__module__": "lossmith",
    }
    return type(loss.object_name, (LossFunction,), members)
