"""The continuous ranked probability score (CRPS) of a forecast: absolute error, for distributions."""

from __future__ import annotations

import math
from typing import Any

from ..arrays.composite import clip
from .definition import Advice, Extra, Loss, Parameter, Reference, register
from .domain import POSITIVE, REAL

_SCORES = Reference(
    text="T. Gneiting, A. E. Raftery (2007). Strictly proper scoring rules, prediction, and estimation. JASA 102(477)",
    link="https://doi.org/10.1198/016214506000001437",
)
_FAR = 40.0  # beyond so many scales a normal density is 0, in float64 too


def _crps_gaussian(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    d = prediction - target
    z = xp.divide(d, scale)
    near = clip(xp, z, -_FAR, _FAR)
    density = math.sqrt(2 / math.pi) * xp.exp(-0.5 * near * near)
    inside = scale * (near * xp.erf(math.sqrt(0.5) * near) + (density - 1 / math.sqrt(math.pi)))
    return xp.where(xp.abs0(z) < _FAR, inside, xp.abs0(d) - scale / math.sqrt(math.pi))


def _crps_gaussian_gradient(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    return xp.erf(math.sqrt(0.5) * xp.divide(prediction - target, scale))


crps_gaussian = register(
    Loss(
        name="crps_gaussian",
        object_name="CRPSGaussian",
        aliases=("gaussian_crps", "crps_normal"),
        title="CRPS of a normal distribution",
        summary="Distance of a predicted normal distribution from the target, in units of the target.",
        task="regression",
        layout="element",
        value=_crps_gaussian,
        gradient=_crps_gaussian_gradient,
        prediction=REAL,
        target=REAL,
        extras=(Extra(name="scale", domain=POSITIVE, meaning="Predicted standard deviation, in units of the target."),),
        formula=r"s (z \operatorname{erf}(\frac{z}{\sqrt{2}}) + \sqrt{\frac{2}{\pi}} \exp(-\frac{z^2}{2}) - "
        r"\frac{1}{\sqrt{\pi}}), \quad z = \frac{p - t}{s}",
        gradient_formula=r"\operatorname{erf}(\frac{p - t}{s \sqrt{2}})",
        example=([2.0, 3.0], [1.0, 5.0], 0.903662),
        example_extras={"scale": [1.0, 2.0]},
        advice=Advice(
            use="As gaussian_nll, where a few outliers or a tiny variance must not rule: the gradient is at most 1.",
            avoid="The likelihood itself is wanted, to compare models or to add a prior.",
            good_value="In units of the target, as the mean absolute error, which it becomes as the scale goes to 0; "
            "the best scale of normal errors gives 0.56 of their spread.",
            pitfalls=(
                "The extra is the standard deviation, not the variance.",
                "The mean of it can hide that the scale is too small on the rare large errors: look at coverage too.",
            ),
        ),
        references=(
            _SCORES,
            Reference(
                text="T. Gneiting et al. (2005). Calibrated probabilistic forecasting using ensemble model output "
                "statistics and minimum CRPS estimation. Monthly Weather Review 133",
                link="https://doi.org/10.1175/MWR2904.1",
            ),
        ),
    )
)


def _pairs(xp: Any, prediction: Any) -> Any:
    """Differences of all members, (…, M, M): entry i, j is member i minus member j."""
    return xp.expand(prediction, -1) - xp.expand(prediction, -2)


def _pair_count(xp: Any, prediction: Any, fair: bool) -> Any:
    count = xp.sum(xp.zeros_like(prediction) + 1, axis=-1)
    return xp.at_least(count * (count - 1), 1.0) if fair else count * count


def _crps_ensemble(xp: Any, prediction: Any, target: Any, *, fair: bool) -> Any:
    away = xp.mean(xp.abs0(prediction - xp.expand(target, -1)), axis=-1)
    apart = xp.sum(xp.sum(xp.abs0(_pairs(xp, prediction)), axis=-1), axis=-1)
    return away - 0.5 * apart / _pair_count(xp, prediction, fair)


def _crps_ensemble_gradient(xp: Any, prediction: Any, target: Any, *, fair: bool) -> Any:
    count = xp.sum(xp.zeros_like(prediction) + 1, axis=-1, keepdims=True)
    apart = xp.sum(xp.sign0(_pairs(xp, prediction)), axis=-1)
    away = xp.sign0(prediction - xp.expand(target, -1))
    return away / count - apart / xp.expand(_pair_count(xp, prediction, fair), -1)


crps_ensemble = register(
    Loss(
        name="crps_ensemble",
        object_name="CRPSEnsemble",
        aliases=("ensemble_crps", "energy_score_1d"),
        title="CRPS of an ensemble",
        summary="Mean absolute error of M predicted samples, less half their mean distance from each other.",
        task="regression",
        layout="row",
        value=_crps_ensemble,
        gradient=_crps_ensemble_gradient,
        prediction=REAL,
        target=REAL,
        target_per_row=True,
        parameters=(
            Parameter(
                name="fair",
                default=False,
                kind="bool",
                meaning="Divide the distances by M (M - 1) instead of M²: the score of the distribution that the "
                "members were drawn from.",
            ),
        ),
        formula=r"\frac{1}{M} \sum_{i} |p_i - t| - \frac{1}{2 M^2} \sum_{i, j} |p_i - p_j|",
        gradient_formula=r"\frac{1}{M} \operatorname{sign}(p_i - t) - "
        r"\frac{1}{M^2} \sum_{j} \operatorname{sign}(p_i - p_j)",
        example=([[1.0, 2.0, 4.0]], [3.0], 0.666667),
        advice=Advice(
            use="The model gives samples: ensembles, dropout at test time, generators; no shape need be assumed.",
            avoid="The model gives quantiles (take multi_quantile) or a normal distribution (take crps_gaussian).",
            good_value="In units of the target; with one member it is the absolute error. Compare with a sample of the "
            "target's own values as the answer for every row.",
            pitfalls=(
                "With fair=False ensembles of different sizes do not compare, and training shrinks the spread; "
                "fair=True does not, may be negative, and lets one member of a pair run away.",
                "Time and memory grow with the square of M: (…, M, M) numbers. Some hundred members are fine.",
                "With one member the distances are 0, under both settings.",
            ),
        ),
        references=(
            _SCORES,
            Reference(
                text="C. A. T. Ferro (2014). Fair scores for ensemble forecasts. QJRMS 140",
                link="https://doi.org/10.1002/qj.2270",
            ),
        ),
    )
)
