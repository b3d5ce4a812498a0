"""The words around a formula: what its symbols stand for, and the line to type on each framework."""

from __future__ import annotations

from ..formula.latex import Script, Symbol, parse, walk
from ..losses import Loss

_SYMBOLS = {
    "p": "the prediction",
    "z": "the prediction (scores)",
    "t": "the target",
    "y": "the true class",
    "q": "the smoothed target",
    "C": "the number of classes",
    "σ": "the sigmoid, 1 / (1 + e^(−x))",
}
_PARAMETERS = {  # the first one that the loss has
    "w": ("class_weight", "pos_weight"),
    "δ": ("delta",),
    "α": ("label_smoothing",),
    "ε": ("epsilon",),
}

_TORCH = {
    "squared_error": "MSELoss()",
    "absolute_error": "L1Loss()",
    "huber": "HuberLoss()",
    "poisson": "PoissonNLLLoss(log_input=False)",
    "poisson_log_rate": "PoissonNLLLoss()",
    "kl_divergence_log_probabilities": 'KLDivLoss(reduction="batchmean")',
    "sigmoid_cross_entropy": "BCEWithLogitsLoss()",
    "binary_cross_entropy": "BCELoss()",
    "softmax_cross_entropy": "CrossEntropyLoss()",
}
_KERAS = {
    "squared_error": "MeanSquaredError()",
    "absolute_error": "MeanAbsoluteError()",
    "huber": "Huber()",
    "log_cosh": "LogCosh()",
    "squared_logarithmic_error": "MeanSquaredLogarithmicError()",
    "absolute_percentage_error": "MeanAbsolutePercentageError()",
    "poisson": "Poisson()",
    "kl_divergence": "KLDivergence()",
    "sigmoid_cross_entropy": "BinaryCrossentropy(from_logits=True)",
    "binary_cross_entropy": "BinaryCrossentropy()",
    "hinge": "Hinge()",
    "squared_hinge": "SquaredHinge()",
    "softmax_cross_entropy": "SparseCategoricalCrossentropy(from_logits=True)",
    "categorical_cross_entropy": "SparseCategoricalCrossentropy()",
    "categorical_hinge": "CategoricalHinge()",
    "cosine_similarity": "CosineSimilarity()",
}


def symbols(loss: Loss) -> dict[str, str]:
    """Return the symbols of a loss's formulas and what they stand for, in the order of first appearance."""
    found: dict[str, str] = {}
    for latex in (loss.formula, loss.gradient_formula):
        for node in walk(parse(latex)):
            symbol = node.base if isinstance(node, Script) else node
            if isinstance(symbol, Symbol) and (meaning := _meaning(symbol.text, loss)):
                found.setdefault(symbol.text, meaning)
    return found


def _meaning(symbol: str, loss: Loss) -> str | None:
    candidates = _PARAMETERS.get(symbol, ())
    return next((name for name in candidates if name in loss.defaults), _SYMBOLS.get(symbol))


def lines_of_code(loss: Loss) -> dict[str, str]:
    """Return the line to type, by framework."""
    call = f"lossmith.{loss.name}(prediction, target)"
    torch = f"lossmith.torch.{_TORCH[loss.name]}(prediction, target)" if loss.name in _TORCH else call
    swapped = f"lambda y_true, y_pred: lossmith.{loss.name}(y_pred, y_true)"
    keras = f"lossmith.keras.{_KERAS[loss.name]}" if loss.name in _KERAS else swapped
    return {
        "NumPy, lists": call,
        "PyTorch": torch,
        "TensorFlow/Keras": f'model.compile(optimizer="adam", loss={keras})',
        "JAX": f"jax.value_and_grad(lossmith.{loss.name})(prediction, target)",
    }
