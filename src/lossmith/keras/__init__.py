"""The Keras face: ``keras.losses``' classes and functions by their own names, arguments, defaults and results.

>>> import lossmith.keras as lk  # doctest: +SKIP
>>> model.compile(optimizer="adam", loss=lk.SparseCategoricalCrossentropy(from_logits=True))  # doctest: +SKIP

Real ``keras.losses.Loss`` subclasses on the TensorFlow, JAX, PyTorch and NumPy backends: ``compile``, ``fit`` and
``evaluate``, sample weights, masks, saving and loading with every parameter. Order is Keras': ``y_true, y_pred``.

Where Keras 3.15.1 is wrong, this face is right; docs/guide/keras.md has the cases one by one, with numbers. In short:

- ``sample_weight`` goes along the leading axes of the values; masks select, so that a NaN under one has no influence.
- ``y_true`` and ``y_pred`` never broadcast ((N, 1) beside (N,) is mended as in Keras); the error names the fix.
- Class indices are never cast to a floating dtype. One out of range is an error that names label, position, number of
  classes and cause, inside of a TensorFlow graph too; JAX and XLA give NaN.
- Class indices given to ``CategoricalCrossentropy`` and one-hot rows given to ``SparseCategoricalCrossentropy`` are
  errors that name the other class.
- Losses are computed and added up in float32 or wider, and their result is float32 or wider.
- Forms ``from_logits=True`` are exact on every backend, also at ±inf. Probabilities are normalised before they are
  clipped, and the logits behind a softmax layer are never looked up behind your back.
- Every parameter is checked when the object is made, and survives saving and loading.

``metrics`` has metrics for ``compile``: docs/guide/evaluation.md.

``Doctor`` is a callback that watches ``fit``: docs/guide/doctor.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .classes import (
    CTC,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    Circle,
    CosineSimilarity,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
)
from .functional import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from .lookup import deserialize, get, serialize
from .structured import circle, ctc, dice, tversky

if TYPE_CHECKING:
    from . import metrics as metrics
    from .doctor import Doctor as Doctor

__all__ = [
    "CTC",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]


def __getattr__(name: str) -> Any:
    if name == "Doctor":  # no loss, and loaded when asked for
        from .doctor import Doctor

        return Doctor
    if name == "metrics":
        return import_module(f"{__name__}.metrics")
    raise AttributeError(f"module 'lossmith.keras' has no attribute {name!r}")
