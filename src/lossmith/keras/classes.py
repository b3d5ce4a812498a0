"""The classes: each is its function with the parameters kept; arguments and defaults are those of Keras' own class."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import keras

from . import functional as F

_COMMON = ("reduction", "name", "dtype")


class LossmithLoss(keras.losses.Loss):
    """What all classes of this face share: keeping, checking and saving their parameters.

    ``call`` returns one value per sample; weights, masks and the reduction are Keras' own.
    """

    function: ClassVar[Callable[..., Any]]
    arguments: ClassVar[inspect.Signature]

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        bound = type(self).arguments.bind(*arguments, **keywords)
        bound.apply_defaults()
        given = dict(bound.arguments)
        common = {name: given.pop(name) for name in _COMMON}
        super().__init__(**common)
        self.parameters = given

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the values, one per sample (and position), before weights and reduction."""
        return type(self).function(y_true, y_pred, **self.parameters)

    def get_config(self) -> dict[str, Any]:
        """Return every argument, so that a saved model comes back with the same loss."""
        dtype = {} if self.dtype == keras.config.floatx() else {"dtype": self.dtype}
        return {**super().get_config(), **dtype, **self.parameters}

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("parameters", {}):
            return self.__dict__["parameters"][name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


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
    }
    return keras.saving.register_keras_serializable(package="lossmith")(type(name, (LossmithLoss,), members))


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
