"""The words around a formula: what its symbols stand for, and the line to type on each framework.

A symbol is explained by what it is in this loss: a parameter or an extra array that the loss has, a letter that means
the same in all formulas, or a word of the loss's own. What the formula defines itself is left to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ..formula.latex import Node, Row, Script, Symbol, is_space, parse, walk
from ..losses import Loss

_ARGUMENTS = {  # a parameter or an extra array → the symbols that stand for it, the likeliest first
    "alpha": "α",
    "beta": "β",
    "bias": "b",
    "c": "c",
    "class_count": "n",
    "class_prior": "π",
    "class_weight": "w",
    "clip": "m",
    "delta": "δ",
    "df": "ν",
    "dice_share": "λ",
    "dispersion": "α",
    "epsilon": "ε",
    "event": "v",
    "gamma": "γ",
    "label_smoothing": "ηα",
    "level": "ατ",
    "levels": "α",
    "margin": "m",
    "max_margin": "M",
    "negative": "n",
    "other": "o",
    "power": "ρ",
    "q": "q",
    "reference_point": "r",
    "scale": "sκ",
    "smooth": "s",
    "tau": "τ",
    "temperature": "Tτ",
    "variance": "v",
    "volume_power": "ρ",
    "z_loss": "ζ",
}
_SIGNED = {"w₊": "pos_weight", "γ₊": "gamma_positive", "γ₋": "gamma_negative"}
_GENERAL = {
    "p": "the prediction",
    "z": "the prediction (scores)",
    "t": "the target",
    "σ": "the sigmoid, 1 / (1 + e^(−x))",
    "Γ": "the gamma function",
    "∇": "the gradient with respect to the prediction",
}
_BOXES = {
    "P": "the predicted box",
    "T": "the target box",
    "I": "the area that both boxes cover",
    "U": "the area that at least one box covers",
    "H": "the area of the smallest box around both",
    "d": "the distance between the centres",
    "c": "the diagonal of the smallest box around both",
    "v": "how much the aspect ratios differ, 4 / π² times the squared difference of their angles",
}
_IDEAL = "what the ideal order scores: ∑ᵢ (2^(tᵢ) − 1) / log₂(1 + rᵢ) with the items sorted by target"
_PULL = "how much the loss of row i rises with its distance to row j"
_OWN = {
    "circle": {"q": "the share of row j in the sum that it stands in"},
    "cox_partial_likelihood": {
        "d": "the number of events at the time of row i",
        "r": "0 … d − 1, one event after another",
    },
    "crps_ensemble": {"M": "the number of members"},
    "ctc": {
        "A": "the paths that read as the target",
        "T": "the number of steps",
        "a": "a path: one class or the blank at every step",
    },
    "discrete_time_survival": {"y": "the interval of the event or of censoring"},
    "approx_ndcg": {"Z": _IDEAL, "r": "an item's soft rank, from 1"},
    "kto": {"w": "desirable_weight for the target +1, undesirable_weight for −1"},
    "lambda_rank": {"Z": _IDEAL, "r": "an item's rank by prediction, from 1"},
    "list_mle": {"L": "the number of items"},
    "multi_quantile": {"Q": "the number of levels"},
    "normalised_root_mean_squared_error": {"σ": "the spread or size of the target that by names"},
    "triplet_hard": {"w": _PULL},
    "triplet_semi_hard": {"w": _PULL},
    "rank_net": {"n": "the number of pairs with different targets"},
}
_GROUPS = {"P": "the other rows of the same group", "N": "the rows of other groups"}
_INDICES = frozenset("cijkq")

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
    "negative_log_likelihood": "NLLLoss()",
    "gaussian_nll": "GaussianNLLLoss()",
    "soft_margin": "SoftMarginLoss()",
    "hinge_embedding": "HingeEmbeddingLoss()",
    "margin_ranking": "MarginRankingLoss()",
    "cosine_embedding": "CosineEmbeddingLoss()",
    "triplet_margin": "TripletMarginLoss()",
    "multi_margin": "MultiMarginLoss()",
    "multilabel_soft_margin": "MultiLabelSoftMarginLoss()",
}
_TORCH_ORDER = {  # where the class takes the arrays in another order
    "margin_ranking": "prediction, other, target",
    "cosine_embedding": "prediction, other, target",
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
    "sigmoid_focal": "BinaryFocalCrossentropy(from_logits=True)",
    "binary_focal": "BinaryFocalCrossentropy()",
    "categorical_focal": "CategoricalFocalCrossentropy(alpha=1.0)",
    "generalised_cross_entropy": "CategoricalGeneralizedCrossEntropy(q=0.7)",
}


def symbols(loss: Loss) -> dict[str, str]:
    """Return the symbols of a loss's formulas and what they stand for, in the order of first appearance."""
    rows = [parse(latex) for latex in (loss.formula, loss.gradient_formula)]
    present = [name for row in rows for name in _names(row)]
    defined = {name for row in rows for name in _defined(row)}
    found: dict[str, str] = {}
    for name in present:
        if meaning := _meaning(name, loss, defined, present):
            found.setdefault(name, meaning)
    return found


def _meaning(name: str, loss: Loss, defined: set[str], present: list[str]) -> str | None:
    """Return what a symbol is in a loss; None for indices, numbers, functions and what the formula defines."""
    if own := _OWN.get(loss.name, {}).get(name):
        return own
    if name == "q" and loss.defaults.get("label_smoothing") is not None and "η" in present:
        return "the smoothed target"
    if name in defined:
        return None
    if name in _SIGNED:
        return _SIGNED[name]
    arguments = [*loss.defaults, *(extra.name for extra in loss.extras)]
    standing = [argument for argument in arguments if _symbol_of(argument, present) == name]
    if standing:
        return standing[0]
    if loss.target.role == "boxes":
        return _BOXES.get(name, _GENERAL.get(name))
    if loss.layout == "row" and name in ("C", "y"):
        return {"C": "the number of classes", "y": "the true class"}[name]
    if loss.layout == "region" and name == "M":
        return "the number of elements of the region"
    if loss.layout == "batch" and name in _GROUPS:
        return _GROUPS[name]
    return _GENERAL.get(name)


def _symbol_of(argument: str, present: list[str]) -> str | None:
    """Return the symbol of a parameter or extra array in formulas that hold the symbols ``present``."""
    return next((symbol for symbol in _ARGUMENTS.get(argument, "") if symbol in present), None)


def unexplained(loss: Loss) -> set[str]:
    """Return the letters of a loss's formulas that are neither explained, nor defined there, nor known to all."""
    rows = [parse(latex) for latex in (loss.formula, loss.gradient_formula)]
    known = {"e", "π", "…", *symbols(loss), *(name for row in rows for name in (*_defined(row), *_running(row)))}
    return {name for row in rows for name in _names(row)} - known


def _names(row: Row) -> Iterator[str]:
    """Yield the letters of a formula and σ; a letter with a sign below it, as in w₊, is a name of its own."""
    signed: list[Node] = []
    for node in walk(row):
        if isinstance(node, Script) and isinstance(node.base, Symbol) and _sign(node):
            signed.append(node.base)
            yield node.base.text + _sign(node)
        elif isinstance(node, Symbol) and node.kind == "letter" and not any(node is other for other in signed):
            yield node.text


def _sign(node: Script) -> str:
    below = node.below[0] if len(node.below) == 1 else None
    return {"+": "₊", "−": "₋"}.get(below.text, "") if isinstance(below, Symbol) else ""


def _defined(row: Row) -> Iterator[str]:
    """Yield the letters that the formula itself defines, as in ``…, s = softmax(z)``: outside of brackets and cases."""
    dense = [node for node in row if not is_space(node)]
    for left, right in pairwise(dense):
        base = left.base if isinstance(left, Script) else left
        if isinstance(right, Symbol) and right.text == "=" and isinstance(base, Symbol):
            yield base.text


def _running(row: Row) -> Iterator[str]:
    """Yield the letters that run over classes, items or members: those that stand below another."""
    for node in walk(row):
        if isinstance(node, Script):
            yield from (name for name in _names(node.below) if name in _INDICES)


def arguments_of(loss: Loss) -> str:
    """Return the arrays of a call that must be given."""
    return ", ".join(["prediction", "target", *(extra.name for extra in loss.extras if extra.required)])


def lines_of_code(loss: Loss) -> dict[str, str]:
    """Return the line to type, by framework."""
    given = arguments_of(loss)
    call = f"lossmith.{loss.name}({given})"
    torch = call
    if loss.name in _TORCH:
        torch = f"lossmith.torch.{_TORCH[loss.name]}({_TORCH_ORDER.get(loss.name, given)})"
    swapped = f"lambda y_true, y_pred: lossmith.{loss.name}(y_pred, y_true)"
    keras = f"lossmith.keras.{_KERAS[loss.name]}" if loss.name in _KERAS else swapped
    compiled = f'model.compile(optimizer="adam", loss={keras})'
    return {
        "NumPy, lists": call,
        "PyTorch": torch,
        "TensorFlow/Keras": call if any(extra.required for extra in loss.extras) else compiled,
        "JAX": f"jax.value_and_grad(lossmith.{loss.name})({given})",
    }
