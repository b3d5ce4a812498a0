"""How to write a loss that you have in one framework in another one: the whole table."""

from __future__ import annotations

import re

from .porting_classes import BATCHES, BINARY, CLASSES, DISTRIBUTIONS, SEQUENCES
from .porting_numbers import MEANS, NUMBERS, VECTORS
from .tables import KERAS, LM, OPTAX, TORCH, Port

PORTS: dict[str, tuple[Port, ...]] = {
    "Numbers and counts": NUMBERS,
    "Yes or no": BINARY,
    "One of several classes": CLASSES,
    "Distributions": DISTRIBUTIONS,
    "Vectors and rankings": VECTORS,
    "Sequences and regions": SEQUENCES,
    "Whole batches": BATCHES,
    "Weights and masks": MEANS,
}
CONVENTIONS = (  # question, Keras, PyTorch, optax, lossmith
    ("order", "target, prediction", "prediction, target", "prediction, target", "prediction, target"),
    ("result", "mean (classes)", "mean", "one value each", "mean"),
    (
        "logits or probabilities",
        "probabilities; from_logits=True",
        "in the name",
        "logits; log-probabilities in divergences",
        "in the name",
    ),
    ("classes", "last axis; axis=", "axis 1", "last axis; axis=", "last axis; axis="),
    ("weights", "sample_weight=, over N", "weight=, differs by loss", "none", "weight=, over Σ w"),
    ("hidden values", "mask, multiplied", "ignore_index=", "where= in some", "mask= and ignore_index=, selected"),
)
OUT: dict[str, dict[str, str]] = {  # losses that no row ports, and why
    "keras": {},
    "torch": {"AdaptiveLogSoftmaxWithLoss": "a layer, whose loss is nobody else's"},
    "optax": {
        "ctc_loss_with_forward_probs": "ctc_loss and its forward probabilities",
        "make_fenchel_young_loss": "makes a loss from a function",
        "multiclass_generalized_dice_loss": "its class weights are of its own; lossmith.jax has it",
        "multiclass_perceptron_loss": "nobody else has it",
        "multiclass_sparsemax_loss": "nobody else has it",
        "sparsemax_loss": "nobody else has it",
    },
}
_NAMES = {
    KERAS: r"keras\.losses\.(\w+)",
    TORCH: r"\b(?:nn|F)\.(\w+)",
    OPTAX: r"optax\.losses\.(\w+)",
    LM: r"\blm\.(\w+)",
}


def names_in(port: Port) -> dict[str, tuple[str, ...]]:
    """Return the losses that a row is about, by framework: those that its forms call and its note names.

    >>> from lossmith.understanding.frameworks.porting import PORTS, names_in
    >>> names_in(PORTS["Numbers and counts"][4])
    {'keras': ('Huber',), 'torch': ('SmoothL1Loss',), 'optax': ('huber_loss',), 'lossmith': ('huber',)}
    """
    found = {}
    for call in port.calls:
        text = f"{call.code} {port.note}"
        names = dict.fromkeys(re.findall(_NAMES[call.where], text))
        if names:
            found[call.where] = tuple(names)
    return found
