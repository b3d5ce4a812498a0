"""Cross-entropy with another function of the true class's probability in the place of the logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.composite import TINY
from . import constants
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import CLASSES, DISTRIBUTION, LOGITS
from .multiclass import CLASS_WEIGHT, expected, through_softmax, true_class_weight, weighted_target

_ZHANG = Reference(
    text="Z. Zhang, M. R. Sabuncu (2018). Generalized cross entropy loss for training deep networks with noisy labels",
    link="https://arxiv.org/abs/1805.07836",
)
_LENG = Reference(
    text="Z. Leng et al. (2022). PolyLoss: a polynomial expansion perspective of classification loss functions. ICLR",
    link="https://arxiv.org/abs/2204.12511",
)


def _power_log(xp: Any, p: Any, q: float) -> Any:
    """``(p^q - 1) / q``, which is log p for q → 0; below TINY it goes on with the slope that it has there."""
    inside = p > TINY
    constant = xp.stop_gradient(p)
    below = (constant**q - 1) / q + (p - constant) * TINY ** (q - 1)
    return xp.where(inside, xp.expm1(q * xp.log(xp.where(inside, p, xp.zeros_like(p) + 1))) / q, below)


def _generalised_ce(xp: Any, prediction: Any, target: Any, *, q: float, class_weight: Any) -> Any:
    return expected(xp, _power_log(xp, prediction, q), target, 0.0, class_weight)


def _generalised_ce_gradient(xp: Any, prediction: Any, target: Any, *, q: float, class_weight: Any) -> Any:
    wanted = weighted_target(xp, prediction, target, 0.0, class_weight)
    return -wanted * xp.at_least(prediction, TINY) ** (q - 1)


def _best_generalised(target: np.ndarray, weight: np.ndarray, *, q: float = 0.7, **_: Any) -> np.ndarray:
    """The class shares to the power 1 / (1 - q): more and more the largest class alone."""
    share = constants.mean(target, weight)
    relative = share / share.max()
    p = relative ** (1 / (1 - q)) if q < 1 else (relative == 1).astype(float)
    return p / p.sum()


generalised_cross_entropy = register(
    Loss(
        name="generalised_cross_entropy",
        object_name="GeneralisedCrossEntropy",
        aliases=("generalized_cross_entropy", "gce", "categorical_generalized_cross_entropy"),
        title="Generalised cross-entropy",
        summary="Between cross-entropy (q → 0) and one minus the true class's probability (q = 1).",
        task="multiclass",
        layout="row",
        value=_generalised_ce,
        gradient=_generalised_ce_gradient,
        row_weight=true_class_weight,
        prediction=DISTRIBUTION,
        target=CLASSES,
        parameters=(
            Parameter(
                name="q",
                default=0.7,
                low=0.0,
                high=1.0,
                low_included=False,
                meaning="Robustness: towards 0 it is cross-entropy, at 1 a wrong label costs no more than 1 "
                "(Keras: 0.5).",
            ),
            CLASS_WEIGHT,
        ),
        formula=r"\sum_{c} w_c t_c \frac{1 - p_c^q}{q}",
        gradient_formula=r"-w_c t_c p_c^{q - 1}",
        best_constant=_best_generalised,
        example=([[0.9, 0.1], [0.2, 0.8]], [0, 1], 0.154079),
        advice=Advice(
            use="Some labels are wrong, and cross-entropy would learn them by heart.",
            avoid="Labels are clean: it learns hard but right rows more slowly. q near 1 may not learn at all with "
            "many classes.",
            good_value="At most 1 / q. A uniform guess scores (1 - C^(-q)) / q: 1.144 for 10 classes at q = 0.7.",
            pitfalls=("The prediction is probabilities, after softmax.",),
        ),
        references=(_ZHANG,),
    )
)


def _poly_ce(xp: Any, prediction: Any, target: Any, *, epsilon: float, class_weight: Any) -> Any:
    log_p = xp.log_softmax(prediction)
    return expected(xp, log_p + epsilon * xp.expm1(log_p), target, 0.0, class_weight)


def _poly_ce_gradient(xp: Any, prediction: Any, target: Any, *, epsilon: float, class_weight: Any) -> Any:
    wanted = weighted_target(xp, prediction, target, 0.0, class_weight)
    return through_softmax(xp, prediction, -wanted * (1 + epsilon * xp.softmax(prediction)))


poly_cross_entropy = register(
    Loss(
        name="poly_cross_entropy",
        object_name="PolyCrossEntropy",
        aliases=("poly_loss", "poly1", "poly_loss_cross_entropy"),
        title="Poly cross-entropy",
        summary="Cross-entropy of logits plus a multiple of one minus the true class's probability.",
        task="multiclass",
        layout="row",
        value=_poly_ce,
        gradient=_poly_ce_gradient,
        row_weight=true_class_weight,
        prediction=LOGITS,
        target=CLASSES,
        parameters=(
            Parameter(
                name="epsilon",
                default=1.0,
                low=-1.0,
                meaning="Factor on 1 - p: above 0 uncertain rows count more, below 0 less (optax: 2).",
            ),
            CLASS_WEIGHT,
        ),
        formula=r"\sum_{c} w_c t_c (\epsilon (1 - s_c) - \log s_c), \quad s = \operatorname{softmax}(z)",
        gradient_formula=r"s_c \sum_{k} g_k - g_c, \quad g_c = w_c t_c (1 + \epsilon s_c)",
        example=([[2.0, 0.5, -1.0]], [0], 0.455714),
        advice=Advice(
            use="Cross-entropy works and one more number may be tuned: 1 or 2 for images, -1 for detection.",
            avoid="You need the value in nats, or probabilities that mean what they say.",
            good_value="ln C + epsilon (1 - 1/C) is a uniform guess: 3.203 for 10 classes at epsilon = 1.",
            pitfalls=("For smoothed labels give dense rows.",),
        ),
        references=(_LENG,),
    )
)
