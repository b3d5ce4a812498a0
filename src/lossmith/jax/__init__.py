"""The JAX face: optax's names, arguments and conventions for the losses that optax has, ours for the rest.

Pure functions, elementwise or by rows unless ``reduction`` says otherwise; ``jit``, ``vmap``, ``grad``, ``jvp`` and
``hessian`` run through them. ``weight``, ``mask``, ``normalizer`` and ``empty`` work on every one but those of whole
samples and batches (Dice, CTC, NT-Xent), which reduce as optax's do. ``where=`` is where optax has it, and selects: a
NaN under it touches neither value nor gradient.

>>> import jax.numpy as jnp
>>> import lossmith.jax as lj
>>> float(lj.squared_error(jnp.array([2.0, 3.0]), jnp.array([1.0, 5.0]), reduction="mean"))
2.5

Values without a reduction have the dtype that optax gives them; everything is computed in float32 or better, and
reductions return that. Losses that optax lacks and this list too work through ``lossmith`` itself, which takes JAX
arrays: ``lossmith.gaussian_nll(mean, target, variance)``.

What differs from optax 0.2.8 is better on purpose:

- Nothing broadcasts prediction against target, and parameters are single numbers.
- A label out of range is an error (inside ``jit``: NaN for its row, never the last class's value).
- A NaN under ``where`` stays there; a label that ``where`` takes out costs infinity, not a number below 0.
- A logit of -inf for a class that is not the target costs nothing, in all softmax functions; a sure and right logit of
  ±inf costs 0 in the sigmoid ones.
- Vectors of length 0 have cosine 0 with gradient 0, and triplets have real distances for odd norms.
- At the kink of a hinge the gradient is that of one side, not the mean of both.

``Doctor`` watches a training: docs/guide/doctor.md.
"""

from typing import TYPE_CHECKING, Any

from .binary import (
    binary_cross_entropy,
    hinge_loss,
    perceptron_loss,
    sigmoid_binary_cross_entropy,
    sigmoid_focal_loss,
    squared_hinge,
)
from .divergence import (
    convex_kl_divergence,
    generalized_kl_divergence,
    kl_divergence,
    kl_divergence_with_log_targets,
)
from .missing import MISSING, NOT_LOSSES
from .multiclass import (
    categorical_cross_entropy,
    multiclass_hinge_loss,
    poly_loss_cross_entropy,
    safe_softmax_cross_entropy,
    smooth_labels,
    softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels,
)
from .ranking import ranking_softmax_loss
from .regression import (
    absolute_error,
    absolute_percentage_error,
    huber_loss,
    l2_loss,
    log_cosh,
    poisson,
    poisson_log_rate,
    squared_error,
    squared_logarithmic_error,
)
from .structured import binary_dice_loss, ctc_loss, dice_loss, multiclass_generalized_dice_loss, ntxent
from .vectors import cosine_distance, cosine_similarity, triplet_margin_loss

if TYPE_CHECKING:
    from .doctor import Doctor as Doctor

__all__ = [
    "absolute_error",
    "absolute_percentage_error",
    "binary_cross_entropy",
    "binary_dice_loss",
    "categorical_cross_entropy",
    "convex_kl_divergence",
    "cosine_distance",
    "cosine_similarity",
    "ctc_loss",
    "dice_loss",
    "generalized_kl_divergence",
    "hinge_loss",
    "huber_loss",
    "kl_divergence",
    "kl_divergence_with_log_targets",
    "l2_loss",
    "log_cosh",
    "multiclass_generalized_dice_loss",
    "multiclass_hinge_loss",
    "ntxent",
    "perceptron_loss",
    "poisson",
    "poisson_log_rate",
    "poly_loss_cross_entropy",
    "ranking_softmax_loss",
    "safe_softmax_cross_entropy",
    "sigmoid_binary_cross_entropy",
    "sigmoid_focal_loss",
    "smooth_labels",
    "softmax_cross_entropy",
    "softmax_cross_entropy_with_integer_labels",
    "squared_error",
    "squared_hinge",
    "squared_logarithmic_error",
    "triplet_margin_loss",
]


def __getattr__(name: str) -> Any:
    if name == "Doctor":  # no loss, and loaded when asked for
        from .doctor import Doctor

        return Doctor
    hint = ""
    if name in MISSING:
        hint = f": it waits for {MISSING[name]}; until then take optax.losses.{name}"
    elif name in NOT_LOSSES:
        hint = f": it {NOT_LOSSES[name]}"
    raise AttributeError(f"module 'lossmith.jax' has no attribute {name!r}{hint}")
