"""The Keras face: ``keras.losses``' classes and functions by their own names, arguments, defaults and results.

>>> import lossmith.keras as lk  # doctest: +SKIP
>>> model.compile(optimizer="adam", loss=lk.SparseCategoricalCrossentropy(from_logits=True))  # doctest: +SKIP

Real ``keras.losses.Loss`` subclasses on the TensorFlow, JAX and PyTorch backends: ``compile``/``fit``/``evaluate``,
sample weights, masks, saving and loading with every parameter. Order is Keras': ``y_true, y_pred``.

What differs from Keras is better on purpose and listed here:

- ``y_true`` and ``y_pred`` never broadcast ((N, 1) beside (N,) is squeezed as in Keras); the error names the fix.
- Class indices given to ``CategoricalCrossentropy`` and one-hot rows given to ``SparseCategoricalCrossentropy`` are
  errors that name the other class.
- Labels out of range are an error on every backend where the values are on the host, and NaN for their row in graphs.
- ``Huber.delta``, ``axis`` and every other parameter survive saving and loading (Keras 3.15.1 loses some).
- ``BinaryCrossentropy(from_logits=True)`` is exact on every backend, also at ±inf.
- Probabilities are normalised before they are clipped, on every backend (Keras' TensorFlow backend clips first), and
  the logits behind a softmax layer are never looked up behind your back.
"""

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
