"""Which loss has which names in the faces: a table that needs no framework, held against the real faces by a test.

One line per loss and face, names separated by spaces; a name may stand in several lines, where an argument decides
between losses (``from_logits``). Where a face has a name that is not here, ``tests/understanding/test_faces.py`` says
which line to add.
"""

from __future__ import annotations

from ..errors import UnknownNameError
from ..losses import find

FACES = ("torch", "keras", "jax", "optax")

TORCH = {
    "squared_error": "MSELoss functional.mse_loss",
    "absolute_error": "L1Loss functional.l1_loss",
    "huber": "HuberLoss SmoothL1Loss functional.huber_loss functional.smooth_l1_loss",
    "poisson": "PoissonNLLLoss functional.poisson_nll_loss",
    "poisson_log_rate": "PoissonNLLLoss functional.poisson_nll_loss",
    "gaussian_nll": "GaussianNLLLoss functional.gaussian_nll_loss",
    "kl_divergence_log_probabilities": "KLDivLoss functional.kl_div",
    "sigmoid_cross_entropy": "BCEWithLogitsLoss functional.binary_cross_entropy_with_logits",
    "binary_cross_entropy": "BCELoss functional.binary_cross_entropy",
    "soft_margin": "SoftMarginLoss functional.soft_margin_loss",
    "multilabel_margin": "MultiLabelMarginLoss functional.multilabel_margin_loss",
    "multilabel_soft_margin": "MultiLabelSoftMarginLoss functional.multilabel_soft_margin_loss",
    "softmax_cross_entropy": "CrossEntropyLoss LinearCrossEntropyLoss functional.cross_entropy "
    "functional.cross_entropy_ functional.linear_cross_entropy",
    "negative_log_likelihood": "NLLLoss functional.nll_loss",
    "multi_margin": "MultiMarginLoss functional.multi_margin_loss",
    "hinge_embedding": "HingeEmbeddingLoss functional.hinge_embedding_loss",
    "cosine_embedding": "CosineEmbeddingLoss functional.cosine_embedding_loss",
    "triplet_margin": "TripletMarginLoss TripletMarginWithDistanceLoss functional.triplet_margin_loss "
    "functional.triplet_margin_with_distance_loss",
    "margin_ranking": "MarginRankingLoss functional.margin_ranking_loss",
    "ctc": "CTCLoss functional.ctc_loss",
}
KERAS = {
    "squared_error": "MeanSquaredError mean_squared_error",
    "absolute_error": "MeanAbsoluteError mean_absolute_error",
    "huber": "Huber huber",
    "log_cosh": "LogCosh log_cosh",
    "squared_logarithmic_error": "MeanSquaredLogarithmicError mean_squared_logarithmic_error",
    "absolute_percentage_error": "MeanAbsolutePercentageError mean_absolute_percentage_error",
    "poisson": "Poisson poisson",
    "kl_divergence": "KLDivergence kl_divergence",
    "sigmoid_cross_entropy": "BinaryCrossentropy binary_crossentropy",
    "binary_cross_entropy": "BinaryCrossentropy binary_crossentropy",
    "sigmoid_focal": "BinaryFocalCrossentropy binary_focal_crossentropy",
    "binary_focal": "BinaryFocalCrossentropy binary_focal_crossentropy",
    "hinge": "Hinge hinge",
    "squared_hinge": "SquaredHinge squared_hinge",
    "softmax_cross_entropy": "SparseCategoricalCrossentropy CategoricalCrossentropy sparse_categorical_crossentropy "
    "categorical_crossentropy",
    "categorical_cross_entropy": "SparseCategoricalCrossentropy CategoricalCrossentropy "
    "sparse_categorical_crossentropy categorical_crossentropy",
    "softmax_focal": "CategoricalFocalCrossentropy categorical_focal_crossentropy",
    "categorical_focal": "CategoricalFocalCrossentropy categorical_focal_crossentropy",
    "generalised_cross_entropy": "CategoricalGeneralizedCrossEntropy categorical_generalized_cross_entropy",
    "categorical_hinge": "CategoricalHinge categorical_hinge",
    "cosine_similarity": "CosineSimilarity cosine_similarity",
    "dice": "Dice dice",
    "tversky": "Tversky tversky",
    "circle": "Circle circle",
    "ctc": "CTC ctc",
}
JAX = {
    "squared_error": "squared_error l2_loss",
    "absolute_error": "absolute_error",
    "huber": "huber_loss",
    "log_cosh": "log_cosh",
    "squared_logarithmic_error": "squared_logarithmic_error",
    "absolute_percentage_error": "absolute_percentage_error",
    "poisson": "poisson",
    "poisson_log_rate": "poisson_log_rate",
    "kl_divergence_log_probabilities": "kl_divergence kl_divergence_with_log_targets convex_kl_divergence "
    "generalized_kl_divergence",
    "sigmoid_cross_entropy": "sigmoid_binary_cross_entropy",
    "binary_cross_entropy": "binary_cross_entropy",
    "sigmoid_focal": "sigmoid_focal_loss",
    "hinge": "hinge_loss",
    "squared_hinge": "squared_hinge",
    "perceptron": "perceptron_loss",
    "softmax_cross_entropy": "softmax_cross_entropy softmax_cross_entropy_with_integer_labels "
    "safe_softmax_cross_entropy ranking_softmax_loss",
    "categorical_cross_entropy": "categorical_cross_entropy",
    "poly_cross_entropy": "poly_loss_cross_entropy",
    "categorical_hinge": "multiclass_hinge_loss",
    "cosine_similarity": "cosine_similarity",
    "cosine_embedding": "cosine_distance",
    "triplet_margin": "triplet_margin_loss",
    "dice": "dice_loss binary_dice_loss",
    "sigmoid_dice": "dice_loss binary_dice_loss",
    "softmax_dice": "dice_loss",
    "softmax_generalised_dice": "multiclass_generalized_dice_loss",
    "tversky": "dice_loss",
    "sigmoid_tversky": "dice_loss",
    "softmax_tversky": "dice_loss",
    "nt_xent": "ntxent",
    "ctc": "ctc_loss",
}
NOT_IN_OPTAX = frozenset(  # names of the JAX face that are our own
    (
        *("absolute_error", "absolute_percentage_error", "squared_logarithmic_error", "poisson", "poisson_log_rate"),
        *("binary_cross_entropy", "squared_hinge", "categorical_cross_entropy"),
    )
)
HELPERS = {  # names of a face that are no loss
    "torch": {"functional"},
    "keras": {"deserialize", "get", "serialize"},
    "jax": {"smooth_labels"},
}

_TABLES = {"torch": TORCH, "keras": KERAS, "jax": JAX}


def names_in(face: str) -> dict[str, tuple[str, ...]]:
    """Return the names of a face, by loss.

    Args:
        face: "torch", "keras" or "jax" for ``lossmith.torch`` and so on; "optax" for those of ``lossmith.jax`` that
            optax has itself.

    Raises:
        UnknownNameError: No such face.

    >>> from lossmith.understanding.faces import names_in
    >>> names_in("optax")["huber"]
    ('huber_loss',)
    """
    if face not in FACES:
        raise UnknownNameError("face", face, FACES)
    if face == "optax":
        found = {loss: [n for n in names.split() if n not in NOT_IN_OPTAX] for loss, names in JAX.items()}
        return {loss: tuple(names) for loss, names in found.items() if names}
    return {loss: tuple(names.split()) for loss, names in _TABLES[face].items()}


def faces_of(name: str) -> dict[str, tuple[str, ...]]:
    """Return the names of a loss in the faces, by face; without the faces that do not have it.

    Raises:
        UnknownNameError: No loss of this name.

    >>> from lossmith.understanding.faces import faces_of
    >>> faces_of("mae")
    {'torch': ('L1Loss', 'functional.l1_loss'), 'keras': ('MeanAbsoluteError', 'mean_absolute_error'),
     'jax': ('absolute_error',)}
    """
    loss = find(name).name
    return {face: names for face in FACES if (names := names_in(face).get(loss))}
