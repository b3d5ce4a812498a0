"""The classes: each is its function with the parameters kept; arguments and defaults are those of Keras' own class."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import keras
import numpy as np
from keras.src.backend.common.masking import get_keras_mask, set_keras_mask

from . import fast, settings
from . import functional as F
from . import structured as S
from .inputs import tensor, wide_dtype, widened
from .reduction import MEANS, check, reduced

CLASSES: dict[str, type[LossmithLoss]] = {}  # all classes below and their functions, by name
FUNCTIONS: dict[str, Callable[..., Any]] = {}
_COMMON = ("reduction", "name", "dtype")


class LossmithLoss(keras.losses.Loss):
    """What all classes of this face share: keeping, checking and saving their parameters, weights and reduction.

    ``call`` returns one value per sample. The result is float32 or wider, whatever half precision ``dtype`` names.

    Raises:
        InputError: A parameter or the reduction cannot be used; raised by the constructor.
    """

    function: ClassVar[Callable[..., Any]]
    settings: ClassVar[Callable[..., settings.Settings]]
    arguments: ClassVar[inspect.Signature]

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        bound = type(self).arguments.bind(*arguments, **keywords)
        bound.apply_defaults()
        given = {name: _plain(value) for name, value in bound.arguments.items()}
        common = {name: given.pop(name) for name in _COMMON}
        check(common["reduction"])
        chosen = type(self).settings(**given)
        super().__init__(**common)
        self._averages_last = chosen.loss.layout == "element" and chosen.axis == -1
        self.parameters = given

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the reduced loss; ``sample_weight`` goes along the leading axes of the values.

        Keras' own method casts labels to the loss's dtype and aligns weights to the last axes; this one does not. The
        first axis is the batch: vectors (N,) count as (N, 1).
        """
        mask = get_keras_mask(y_pred)
        with keras.name_scope(self.name):
            y_true, y_pred, some = tensor(y_true), tensor(y_pred), None
            if self._averages_last and mask is None and sample_weight is None and self.reduction in MEANS:
                y_true, y_pred, some = self._as_one_row(y_true, y_pred)
            y_pred = widened(y_pred, keras.ops.convert_to_tensor(y_pred, dtype=wide_dtype(self.dtype)))
            if self._averages_last and len(y_pred.shape) == 1:
                y_pred = keras.ops.expand_dims(y_pred, -1)
            if mask is not None:
                set_keras_mask(y_pred, mask)
            values = self.call(y_true, y_pred)
            return reduced(values, sample_weight, [mask, get_keras_mask(values), some], self.reduction)

    def _as_one_row(self, y_true: Any, y_pred: Any) -> tuple[Any, Any, Any]:
        """Return what is given, or as one row: its mean is the mean of all, and a kernel need store no other value."""
        if type(self).call is not LossmithLoss.call:
            return y_true, y_pred, None
        return fast.as_one_row(type(self).settings(**self.parameters), y_true, y_pred)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the values, one per sample (and position), before weights and reduction."""
        return type(self).function(y_true, y_pred, **self.parameters)

    def get_config(self) -> dict[str, Any]:
        """Return every argument, so that a saved model comes back with the same loss."""
        dtype = {} if self.dtype == keras.config.floatx() else {"dtype": self.dtype}
        return {**super().get_config(), **dtype, **self.parameters}

    def __repr__(self) -> str:
        defaults = {name: p.default for name, p in type(self).arguments.parameters.items()}
        config = {name: value for name, value in self.get_config().items() if value != defaults[name]}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in config.items())})"

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("parameters", {}):
            return self.__dict__["parameters"][name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


def _plain(value: Any) -> Any:
    """Return NumPy's numbers and vectors as Python's, which can be written to a file."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def _class(name: str, function: Callable[..., Any]) -> type[LossmithLoss]:
    """Make the class ``name`` around ``function``, with the signature of ``keras.losses.<name>``."""

    def __init__(self: LossmithLoss, *arguments: Any, **keywords: Any) -> None:
        LossmithLoss.__init__(self, *arguments, **keywords)

    # On __init__ and not on the class: there it would pass for the signature of calling an object, too.
    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = inspect.signature(getattr(keras.losses, name))
    __init__.__signature__ = signature.replace(parameters=[me, *signature.parameters.values()])  # pyrefly: ignore
    members = {
        "__module__": "lossmith.keras",
        "__doc__": f"``keras.losses.{name}``: {function.__doc__}",
        "__init__": __init__,
        "arguments": signature,
        "function": staticmethod(function),
        "settings": staticmethod(getattr(settings, function.__name__)),
    }
    register = keras.saving.register_keras_serializable(package="lossmith")
    CLASSES[name] = kind = register(type(name, (LossmithLoss,), members))
    FUNCTIONS[function.__name__] = register(function)  # else Keras would save its name alone, and load its own
    return kind


MeanSquaredError = _class("MeanSquaredError", F.mean_squared_error)
MeanAbsoluteError = _class("MeanAbsoluteError", F.mean_absolute_error)
MeanAbsolutePercentageError = _class("MeanAbsolutePercentageError", F.mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _class("MeanSquaredLogarithmicError", F.mean_squared_logarithmic_error)
Huber = _class("Huber", F.huber)
LogCosh = _class("LogCosh", F.log_cosh)
Poisson = _class("Poisson", F.poisson)
Hinge = _class("Hinge", F.hinge)
SquaredHinge = _class("SquaredHinge", F.squared_hinge)
CategoricalHinge = _class("CategoricalHinge", F.categorical_hinge)
KLDivergence = _class("KLDivergence", F.kl_divergence)
CosineSimilarity = _class("CosineSimilarity", F.cosine_similarity)
BinaryCrossentropy = _class("BinaryCrossentropy", F.binary_crossentropy)
BinaryFocalCrossentropy = _class("BinaryFocalCrossentropy", F.binary_focal_crossentropy)
CategoricalFocalCrossentropy = _class("CategoricalFocalCrossentropy", F.categorical_focal_crossentropy)
CategoricalGeneralizedCrossEntropy = _class(
    "CategoricalGeneralizedCrossEntropy", F.categorical_generalized_cross_entropy
)
CategoricalCrossentropy = _class("CategoricalCrossentropy", F.categorical_crossentropy)
SparseCategoricalCrossentropy = _class("SparseCategoricalCrossentropy", F.sparse_categorical_crossentropy)
Dice = _class("Dice", S.dice)
Tversky = _class("Tversky", S.tversky)
Circle = _class("Circle", S.circle)
CTC = _class("CTC", S.ctc)
