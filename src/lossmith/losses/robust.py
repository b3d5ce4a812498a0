"""Losses of the error alone on which a far outlier has little or no pull.

Cauchy, Geman-McClure and Welsch are members of Barron's family and follow his normalisation: half of ``((p - t) / s)²``
near the target, whatever the scale ``s``.
"""

from __future__ import annotations

import math
from typing import Any

from ..arrays.composite import clip, expm1_sloped, log1p_square, over_one_plus_square, root_gap, root_slope
from . import constants
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import REAL

_BARRON = Reference(
    text="J. T. Barron (2019). A general and adaptive robust loss function. CVPR",
    link="https://arxiv.org/abs/1701.03077",
)
_CHARBONNIER = Reference(
    text="P. Charbonnier, L. Blanc-Féraud, G. Aubert, M. Barlaud (1994). Two deterministic half-quadratic "
    "regularization algorithms for computed imaging. ICIP",
    link="https://doi.org/10.1109/ICIP.1994.413553",
)
_HOLLAND = Reference(
    text="P. W. Holland, R. E. Welsch (1977). Robust regression using iteratively reweighted least-squares. "
    "Communications in Statistics 6(9)",
    link="https://doi.org/10.1080/03610927708827533",
)
_SCALE = Parameter(
    name="scale",
    default=1.0,
    low=0.0,
    low_included=False,
    high_included=False,
    meaning="Distance, in units of the target, at which an error stops counting by its square.",
)
_UNITS = (
    "scale has the units of the target: 1.0 fits scaled targets; for others start with a robust spread of the errors."
)
_START = (
    "It is not convex: from a bad start most errors lie where the slope is next to nothing. Begin with Huber, or with "
    "a large scale."
)
_COMPARE = "Compare two models under one scale only; the median absolute error says more to a reader."


def _pseudo_huber(xp: Any, prediction: Any, target: Any, *, delta: Any) -> Any:
    return delta * delta * root_gap(xp, (prediction - target) / delta)


def _pseudo_huber_gradient(xp: Any, prediction: Any, target: Any, *, delta: Any) -> Any:
    return delta * root_slope(xp, (prediction - target) / delta)


def _pseudo_huber_hessian(xp: Any, prediction: Any, target: Any, *, delta: Any) -> Any:
    r = (prediction - target) / delta
    inverse = 1 / xp.sqrt(1 + r * r)
    return inverse * inverse * inverse


pseudo_huber = register(
    Loss(
        name="pseudo_huber",
        object_name="PseudoHuber",
        aliases=("pseudo_huber_loss", "pseudohubererror"),
        title="Pseudo-Huber",
        summary="Half the squared error near the target, growing linearly beyond delta, smooth everywhere.",
        task="regression",
        layout="element",
        value=_pseudo_huber,
        gradient=_pseudo_huber_gradient,
        hessian=_pseudo_huber_hessian,
        prediction=REAL,
        target=REAL,
        parameters=(
            Parameter(
                name="delta",
                default=1.0,
                low=0.0,
                low_included=False,
                high_included=False,
                meaning="Distance, in units of the target, around which the square passes into a line of this slope.",
            ),
        ),
        formula=r"\delta^2 (\sqrt{1 + (\frac{p - t}{\delta})^2} - 1)",
        gradient_formula=r"\frac{p - t}{\sqrt{1 + (\frac{p - t}{\delta})^2}}",
        best_constant=constants.convex(_pseudo_huber_gradient),
        example=([2.0, 3.0], [1.0, 5.0], 0.825141),
        advice=Advice(
            use="As Huber, where a second derivative is wanted everywhere (boosting, Newton steps), with a delta.",
            avoid="The outliers are the very thing to predict.",
            good_value="Compare with the best constant under the same delta; for small errors it is half the MSE, for "
            "large delta times the MAE.",
            pitfalls=(
                "delta has the units of the target, as in Huber.",
                "The textbook form loses all digits of small errors in float32; this one does not.",
                "Divided by delta it is the Charbonnier loss.",
            ),
        ),
        references=(_CHARBONNIER, _BARRON),
    )
)


def _charbonnier(xp: Any, prediction: Any, target: Any, *, epsilon: Any) -> Any:
    return epsilon * root_gap(xp, (prediction - target) / epsilon)


def _charbonnier_gradient(xp: Any, prediction: Any, target: Any, *, epsilon: Any) -> Any:
    return root_slope(xp, (prediction - target) / epsilon)


def _charbonnier_hessian(xp: Any, prediction: Any, target: Any, *, epsilon: Any) -> Any:
    return _pseudo_huber_hessian(xp, prediction, target, delta=epsilon) / epsilon


charbonnier = register(
    Loss(
        name="charbonnier",
        object_name="Charbonnier",
        aliases=("charbonnier_loss",),
        title="Charbonnier",
        summary="Absolute error with its corner rounded off over a distance of epsilon.",
        task="regression",
        layout="element",
        value=_charbonnier,
        gradient=_charbonnier_gradient,
        hessian=_charbonnier_hessian,
        prediction=REAL,
        target=REAL,
        parameters=(
            Parameter(
                name="epsilon",
                default=1e-3,
                low=0.0,
                low_included=False,
                high_included=False,
                meaning="Distance, in units of the target, over which the corner is rounded.",
            ),
        ),
        formula=r"\sqrt{(p - t)^2 + \epsilon^2} - \epsilon",
        gradient_formula=r"\frac{p - t}{\sqrt{(p - t)^2 + \epsilon^2}}",
        best_constant=constants.convex(_charbonnier_gradient),
        example=([2.0, 3.0], [1.0, 5.0], 1.499),
        advice=Advice(
            use="Restoring and enlarging images, optical flow: the absolute error with a gradient that fades at 0.",
            avoid="Errors are mostly below epsilon: it is then a squared error, divided by twice epsilon.",
            good_value="As the mean absolute error, to within epsilon; 0 is perfect.",
            pitfalls=(
                "epsilon is subtracted so that 0 is perfect; papers on image restoration leave it in, and their values "
                "lie higher by epsilon. The gradient is the same.",
                "epsilon 1e-3 is meant for pixels in [0, 1].",
            ),
        ),
        references=(
            _CHARBONNIER,
            Reference(
                text="W.-S. Lai et al. (2017). Deep Laplacian pyramid networks for fast and accurate super-resolution",
                link="https://arxiv.org/abs/1704.03915",
            ),
        ),
    )
)


def _cauchy(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    return log1p_square(xp, (prediction - target) / (math.sqrt(2) * scale))


def _cauchy_gradient(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    wide = math.sqrt(2) * scale
    return 2 / wide * over_one_plus_square(xp, (prediction - target) / wide)


def _cauchy_hessian(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    r = (prediction - target) / scale
    h = 1 / (1 + 0.5 * r * r)
    return h * (2 * h - 1) / (scale * scale)


cauchy = register(
    Loss(
        name="cauchy",
        object_name="Cauchy",
        aliases=("cauchy_loss", "lorentzian"),
        title="Cauchy",
        summary="Logarithm of 1 plus half the squared error: a far outlier pulls the less the farther it is.",
        task="regression",
        layout="element",
        value=_cauchy,
        gradient=_cauchy_gradient,
        hessian=_cauchy_hessian,
        prediction=REAL,
        target=REAL,
        parameters=(_SCALE,),
        formula=r"\log(1 + \frac{1}{2} (\frac{p - t}{s})^2)",
        gradient_formula=r"\frac{2 (p - t)}{2 s^2 + (p - t)^2}",
        example=([2.0, 3.0], [1.0, 5.0], 0.752039),
        advice=Advice(
            use="Some targets are plain wrong, by any amount, and should not count for much.",
            avoid="Every target is right: rare and large ones are then ignored (take Huber).",
            good_value=_COMPARE,
            pitfalls=(
                "Barron's normalisation, as in Kornia. SciPy's and Ceres' is half of s² log(1 + (d / s)²): take their "
                "scale divided by the root of 2, and multiply by the scale's square.",
                _START,
                _UNITS,
            ),
        ),
        references=(
            _BARRON,
            Reference(
                text="M. J. Black, P. Anandan (1996). The robust estimation of multiple motions. CVIU 63(1)",
                link="https://doi.org/10.1006/cviu.1996.0006",
            ),
        ),
    )
)


def _geman_mcclure(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    half = (prediction - target) / (2 * scale)
    inside = xp.abs0(half) < 1
    near = clip(xp, half, -1.0, 1.0)
    far = 1 / xp.where(inside, xp.zeros_like(half) + 1, half)
    square = near * near
    return xp.where(inside, xp.divide(2 * square, 1 + square), 2 / (1 + far * far))


def _geman_mcclure_gradient(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    half = clip(xp, (prediction - target) / (2 * scale), -1e18, 1e18)
    h = 1 / (1 + half * half)
    return 2 / scale * half * h * h


def _geman_mcclure_hessian(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    half = (prediction - target) / (2 * scale)
    h = 1 / (1 + half * half)
    return h * h * (4 * h - 3) / (scale * scale)


geman_mcclure = register(
    Loss(
        name="geman_mcclure",
        object_name="GemanMcClure",
        aliases=("geman_mcclure_loss",),
        title="Geman-McClure",
        summary="A squared error that levels off at 2, so that an outlier costs no more than that.",
        task="regression",
        layout="element",
        value=_geman_mcclure,
        gradient=_geman_mcclure_gradient,
        hessian=_geman_mcclure_hessian,
        prediction=REAL,
        target=REAL,
        parameters=(_SCALE,),
        formula=r"\frac{2 (p - t)^2}{(p - t)^2 + 4 s^2}",
        gradient_formula=r"\frac{16 s^2 (p - t)}{((p - t)^2 + 4 s^2)^2}",
        example=([2.0, 3.0], [1.0, 5.0], 0.7),
        advice=Advice(
            use="Matching, flow and pose, where many targets are wrong and none of them may rule.",
            avoid="Targets are right, or the model starts far away.",
            good_value=f"2 is the worst. {_COMPARE}",
            pitfalls=(
                "Barron's normalisation, as in Kornia. The older d² / (s² + d²) is half of it, with s twice the scale.",
                _START,
                _UNITS,
            ),
        ),
        references=(
            _BARRON,
            Reference(
                text="M. J. Black, A. Rangarajan (1996). On the unification of line processes, outlier rejection, and "
                "robust statistics with applications in early vision. IJCV 19(1)",
                link="https://doi.org/10.1007/BF00131148",
            ),
        ),
    )
)


def _welsch(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    r = clip(xp, (prediction - target) / scale, -100.0, 100.0)  # beyond, the exponential is 0
    return -expm1_sloped(xp, -0.5 * r * r)


def _welsch_gradient(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    r = clip(xp, (prediction - target) / scale, -100.0, 100.0)
    return r * xp.exp(-0.5 * r * r) / scale


def _welsch_hessian(xp: Any, prediction: Any, target: Any, *, scale: Any) -> Any:
    r = clip(xp, (prediction - target) / scale, -100.0, 100.0)
    return (1 - r * r) * xp.exp(-0.5 * r * r) / (scale * scale)


welsch = register(
    Loss(
        name="welsch",
        object_name="Welsch",
        aliases=("welsch_loss", "leclerc", "correntropy"),
        title="Welsch",
        summary="A squared error that levels off at 1 as a bell curve does: an outlier has no pull at all.",
        task="regression",
        layout="element",
        value=_welsch,
        gradient=_welsch_gradient,
        hessian=_welsch_hessian,
        prediction=REAL,
        target=REAL,
        parameters=(_SCALE,),
        formula=r"1 - \exp(-\frac{1}{2} (\frac{p - t}{s})^2)",
        gradient_formula=r"\frac{p - t}{s^2} \exp(-\frac{1}{2} (\frac{p - t}{s})^2)",
        example=([2.0, 3.0], [1.0, 5.0], 0.629067),
        advice=Advice(
            use="Wrong targets are common and lie far off; good ones within a known distance.",
            avoid="Targets are right, or the model starts far away: beyond six scales there is no gradient left.",
            good_value=f"1 is the worst. {_COMPARE}",
            pitfalls=(
                "Barron's normalisation, as in Kornia. The older form is half of c² (1 - exp(-(d / c)²)): its c is the "
                "root of 2 times the scale, and the value is multiplied by the scale's square.",
                _START,
                _UNITS,
            ),
        ),
        references=(_BARRON, _HOLLAND),
    )
)


def _tukey_biweight(xp: Any, prediction: Any, target: Any, *, c: Any) -> Any:
    r = clip(xp, (prediction - target) / c, -1.0, 1.0)
    y = r * r
    left = 1 - y
    return c * c / 6 * xp.where(y < 0.5, y * (3 - 3 * y + y * y), 1 - left * left * left)  # right at both ends


def _tukey_biweight_gradient(xp: Any, prediction: Any, target: Any, *, c: Any) -> Any:
    r = clip(xp, (prediction - target) / c, -1.0, 1.0)
    left = 1 - r * r
    return c * r * left * left


def _tukey_biweight_hessian(xp: Any, prediction: Any, target: Any, *, c: Any) -> Any:
    r = clip(xp, (prediction - target) / c, -1.0, 1.0)
    y = r * r
    return (1 - y) * (1 - 5 * y)


tukey_biweight = register(
    Loss(
        name="tukey_biweight",
        object_name="TukeyBiweight",
        aliases=("tukey", "bisquare", "biweight"),
        title="Tukey's biweight",
        summary="Half the squared error near the target, a constant c² / 6 for every error beyond c.",
        task="regression",
        layout="element",
        value=_tukey_biweight,
        gradient=_tukey_biweight_gradient,
        hessian=_tukey_biweight_hessian,
        prediction=REAL,
        target=REAL,
        parameters=(
            Parameter(
                name="c",
                default=4.685,
                low=0.0,
                low_included=False,
                high_included=False,
                meaning="Distance, in units of the target, from which on an error has no pull.",
            ),
        ),
        formula=r"\begin{cases} \frac{c^2}{6} (1 - (1 - (\frac{p - t}{c})^2)^3) & |p - t| \le c \\ "
        r"\frac{c^2}{6} & \text{otherwise} \end{cases}",
        gradient_formula=r"\begin{cases} (p - t) (1 - (\frac{p - t}{c})^2)^2 & |p - t| \le c \\ "
        r"0 & \text{otherwise} \end{cases}",
        example=([2.0, 3.0], [1.0, 5.0], 1.067615),
        advice=Advice(
            use="Outliers are mistakes and must be left out altogether, without a decision which ones they are.",
            avoid="Targets are right, or the model starts farther than c away: there the gradient is exactly 0.",
            good_value=f"c² / 6 is the worst: 3.66 for the default. {_COMPARE}",
            pitfalls=(
                "c = 4.685 loses 5 % against least squares on normal errors of spread 1: divide errors by a robust "
                "spread, or multiply c by it.",
                _START,
            ),
        ),
        references=(
            Reference(
                text="A. E. Beaton, J. W. Tukey (1974). The fitting of power series, meaning polynomials, illustrated "
                "on band-spectroscopic data. Technometrics 16(2)",
                link="https://doi.org/10.1080/00401706.1974.10489171",
            ),
            _HOLLAND,
        ),
    )
)
