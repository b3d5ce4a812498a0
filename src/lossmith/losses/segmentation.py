r"""Losses of overlap between a predicted and a true region: Dice, Jaccard, Tversky and focal Tversky.

Each comes in three forms that differ in what ``p`` is: probabilities as given, the sigmoid of logits, or the softmax of
logits, which has one value per class. ``overlap`` holds the mathematics of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .definition import Advice, Loss, Parameter, Reference, register
from .domain import CLASSES, LOGITS, PROBABILITY
from .overlap import (
    CLASS_WEIGHT,
    EMPTY_TARGET,
    GIVEN,
    SIGMOID,
    SMOOTH,
    SOFTMAX,
    SQUARED,
    Index,
    Link,
    class_factor,
    dice_index,
    fault_of_empty,
    gradient_of,
    value_of,
)

MILLETARI = Reference(
    text="F. Milletari, N. Navab, S.-A. Ahmadi (2016). V-Net: fully convolutional neural networks for volumetric "
    "medical image segmentation. 3DV",
    link="https://doi.org/10.1109/3DV.2016.79",
)
_DICE = Reference(
    text="L. R. Dice (1945). Measures of the amount of ecologic association between species. Ecology 26(3)",
    link="https://doi.org/10.2307/1932409",
)
_RAHMAN = Reference(
    text="M. A. Rahman, Y. Wang (2016). Optimizing intersection-over-union in deep neural networks for image "
    "segmentation. ISVC",
    link="https://doi.org/10.1007/978-3-319-50835-1_22",
)
_SALEHI = Reference(
    text="S. S. M. Salehi, D. Erdogmus, A. Gholipour (2017). Tversky loss function for image segmentation using 3D "
    "fully convolutional deep networks. MLMI",
    link="https://doi.org/10.1007/978-3-319-67389-9_44",
)
_ABRAHAM = Reference(
    text="N. Abraham, N. M. Khan (2019). A novel focal Tversky loss function with improved attention U-Net for lesion "
    "segmentation. ISBI",
    link="https://doi.org/10.1109/ISBI.2019.8759329",
)
_ALPHA = Parameter(
    name="alpha", default=0.3, low=0.0, meaning="Weight of false positives: elements predicted that are not target."
)
_BETA = Parameter(
    name="beta",
    default=0.7,
    low=0.0,
    meaning="Weight of false negatives: elements of the target that are not predicted.",
)
_GAMMA = Parameter(
    name="gamma",
    default=0.75,
    low=0.0,
    low_included=False,
    meaning="Exponent of 1 - TI: below 1 regions that are nearly right gain weight, above 1 those that are far off.",
)


def _jaccard_index(*, smooth: Any, squared: bool) -> Index:
    return Index(1.0, 1.0, smooth, squared)


def _tversky_index(*, alpha: Any, beta: Any, smooth: Any, gamma: Any = None) -> Index:
    return Index(alpha, beta, smooth, gamma=gamma)


class Form(NamedTuple):
    """What the three forms of a loss differ in, in words and in LaTeX; {p} and {t} stand in the formulas for these."""

    prefix: str
    link: Link
    prediction: Any
    target: Any
    letters: dict[str, str]
    weight: str
    tail: str
    gradient: str
    example: tuple[Any, Any]
    parameters: tuple[Parameter, ...]
    use: str
    avoid: str
    pitfalls: tuple[str, ...]


CHANNELS_PITFALL = (
    "All channels of a sample are one region, in which small masks drown: score several masks in a call each, or as "
    "(N · C, …)."
)
_MASK: list[list[float]] = [[1.0, 0.0, 1.0, 0.0]]
LOGIT_EXAMPLE = ([[2.0, -1.0, 0.5, -2.0]], _MASK)
CLASS_EXAMPLE = ([[[2.0, 0.0], [0.5, 1.0], [-1.0, 0.5]]], [[0, 0, 1]])
BINARY, CLASS = {"p": "p_i", "t": "t_i"}, {"p": "p_{ic}", "t": "t_{ic}"}
SIGMOID_TAIL, SOFTMAX_TAIL = r", \quad p_i = \sigma(z_i)", r", \quad p_{ic} = \operatorname{softmax}(z_i)_c"
SOFTMAX_GRADIENT = r"p_{ic} (g_{ic} - \sum_{k} p_{ik} g_{ik}), \quad g_{ic} = {g}"
FORMS = (
    Form(
        prefix="",
        link=GIVEN,
        prediction=PROBABILITY,
        target=PROBABILITY,
        letters=BINARY,
        weight="",
        tail="",
        gradient="{g}",
        example=([[0.9, 0.2, 0.7, 0.1]], _MASK),
        parameters=(EMPTY_TARGET,),
        use=" The model ends in a sigmoid, or probabilities come from a file.",
        avoid="You have the logits: take sigmoid_{name} (one mask) or softmax_{name} (classes).",
        pitfalls=("Masks of 0 and 255 are an error here: divide them by 255.", CHANNELS_PITFALL),
    ),
    Form(
        prefix="sigmoid_",
        link=SIGMOID,
        prediction=LOGITS,
        target=PROBABILITY,
        letters=BINARY,
        weight="",
        tail=SIGMOID_TAIL,
        gradient=r"p_i (1 - p_i) {g}",
        example=LOGIT_EXAMPLE,
        parameters=(EMPTY_TARGET,),
        use=" The model gives one logit per element.",
        avoid="Classes exclude each other: take softmax_{name}. The model ends in a sigmoid: take {name}.",
        pitfalls=(
            "After a sigmoid it would squash twice, to probabilities of 0.5 to 0.73: give logits.",
            CHANNELS_PITFALL,
        ),
    ),
    Form(
        prefix="softmax_",
        link=SOFTMAX,
        prediction=LOGITS,
        target=CLASSES,
        letters=CLASS,
        weight="w_c ",
        tail=SOFTMAX_TAIL,
        gradient=SOFTMAX_GRADIENT,
        example=CLASS_EXAMPLE,
        parameters=(EMPTY_TARGET, CLASS_WEIGHT),
        use=" Every element belongs to one of C classes; each class of each sample is a region of its own.",
        avoid="Classes overlap: take sigmoid_{name}, one call for each class.",
        pitfalls=(
            "A class that an image lacks costs its false positives alone; with many such classes say "
            'empty_target="skip" or region="batch".',
            "PyTorch has the classes on axis 1, this function on the last: say axis=1 for (N, C, H, W).",
        ),
    ),
)


class Kind(NamedTuple):
    """One index of the family, in words and in LaTeX."""

    name: str
    object_name: str
    title: str
    summary: str
    index: Callable[..., Index]
    parameters: tuple[Parameter, ...]
    formula: str  # around the definitions of A and B
    ratio: str
    slope: str
    values: Mapping[str, float]
    use: str
    avoid: str
    good_value: str
    pitfalls: tuple[str, ...]
    references: tuple[Reference, ...]


_TVERSKY_RATIO = (
    r", \quad A = \sum_{i} {p} {t} + s, \quad B = A + \alpha \sum_{i} {p} (1 - {t}) + \beta \sum_{i} (1 - {p}) {t}"
)
_TVERSKY_SLOPE = r"\frac{A ({t} + \alpha (1 - {t}) - \beta {t}) - {t} B}{B^2}"
_SCALE = (
    "0 is the target itself, 1 a region that shares nothing with it. {what} Compare values at the same smooth, and "
    "with what predicting the whole region scores."
)
REGION_PITFALL = (
    'The mean over samples and the value of the batch as one region differ: say region="batch" for the latter, as '
    "Keras does by default."
)
_KINDS = (
    Kind(
        name="dice",
        object_name="Dice",
        title="Dice",
        summary="1 minus the Dice overlap of a predicted and a true region: how much of the two is not shared.",
        index=dice_index,
        parameters=(SMOOTH, SQUARED),
        formula=r"1 - \frac{A}{B}",
        ratio=r", \quad A = 2 \sum_{i} {p} {t} + s, \quad B = \sum_{i} {p} + \sum_{i} {t} + s",
        slope=r"\frac{A - 2 {t} B}{B^2}",
        values={"": 0.142857, "sigmoid_": 0.180907, "softmax_": 0.233861},
        use="The region of interest is small beside its background, and overlap is what you report.",
        avoid="",
        good_value=_SCALE.format(what="0.2 is a Dice score of 0.8; smoothing makes tiny regions look better."),
        pitfalls=(
            "Its gradient is noisy on tiny regions, and probabilities end near 0 and 1 with little calibration: many "
            "add cross-entropy.",
            "A soft target (0.5) scores above 0 even when it is met; squared=True does not.",
        ),
        references=(MILLETARI, _DICE),
    ),
    Kind(
        name="jaccard",
        object_name="Jaccard",
        title="Jaccard",
        summary="1 minus the intersection over the union (IoU) of a predicted and a true region.",
        index=_jaccard_index,
        parameters=(SMOOTH, SQUARED),
        formula=r"1 - \frac{A}{B}",
        ratio=r", \quad A = \sum_{i} {p} {t} + s, \quad B = \sum_{i} {p} + \sum_{i} {t} - \sum_{i} {p} {t} + s",
        slope=r"\frac{A (1 - {t}) - {t} B}{B^2}",
        values={"": 0.212121, "sigmoid_": 0.261172, "softmax_": 0.313713},
        use="Intersection over union is what you report.",
        avoid="",
        good_value=_SCALE.format(what="A Dice loss d is a Jaccard loss 2 d / (1 + d), without smoothing."),
        pitfalls=(
            "It is no bound on the IoU of the thresholded mask; lovasz_hinge and lovasz_softmax follow that one.",
            "A soft target (0.5) scores above 0 even when it is met; squared=True does not.",
        ),
        references=(_RAHMAN,),
    ),
    Kind(
        name="tversky",
        object_name="Tversky",
        title="Tversky",
        summary="1 minus an overlap in which false positives weigh alpha and false negatives beta.",
        index=_tversky_index,
        parameters=(_ALPHA, _BETA, SMOOTH),
        formula=r"1 - \frac{A}{B}",
        ratio=_TVERSKY_RATIO,
        slope=_TVERSKY_SLOPE,
        values={"": 0.124579, "sigmoid_": 0.15642, "softmax_": 0.182088},
        use="Missing a lesion is worse than a false alarm (beta above alpha), or the other way round.",
        avoid="",
        good_value=_SCALE.format(what="Its value is that of dice at alpha = beta = 0.5, for twice the smooth."),
        pitfalls=(
            "Keras up to 3.15.1 and some papers swap alpha and beta: here alpha weighs false positives, as in Salehi "
            "et al.",
            "With alpha = 0 predicting everything costs nothing.",
        ),
        references=(_SALEHI,),
    ),
    Kind(
        name="focal_tversky",
        object_name="FocalTversky",
        title="Focal Tversky",
        summary="A power of the Tversky loss, which turns regions that are nearly right up or down.",
        index=_tversky_index,
        parameters=(_ALPHA, _BETA, _GAMMA, SMOOTH),
        formula=r"(1 - \frac{A}{B})^{\gamma}",
        ratio=_TVERSKY_RATIO,
        slope=r"\gamma (1 - \frac{A}{B})^{\gamma - 1} " + _TVERSKY_SLOPE,
        values={"": 0.209693, "sigmoid_": 0.248725, "softmax_": 0.278414},
        use="Small structures stay at a low overlap with tversky: gamma below 1 keeps their gradient up to the end.",
        avoid="",
        good_value="0 is the target itself, 1 a region that shares nothing with it; 0.2 at gamma = 0.75 is a Tversky "
        "index of 0.88. Values compare only at the same alpha, beta, gamma and smooth.",
        pitfalls=(
            "The paper writes the exponent as 1 / gamma with gamma = 4/3, which is 0.75 here, and swaps alpha and "
            "beta.",
            "Below 1 the slope grows without bound as the overlap becomes perfect; it is cut off at a loss of 1e-12.",
        ),
        references=(_ABRAHAM, _SALEHI),
    ),
)
_ALIASES = {
    "dice": ("soft_dice", "dice_loss"),
    "jaccard": ("soft_jaccard", "jaccard_loss"),
    "tversky": ("tversky_loss",),
    "focal_tversky": ("focal_tversky_loss",),
    "sigmoid_dice": ("dice_with_logits", "binary_dice_with_logits"),
    "softmax_dice": ("multiclass_dice", "categorical_dice_with_logits"),
}


def filled(latex: str, letters: Mapping[str, str], **more: str) -> str:
    """Return a formula with the names in braces replaced; LaTeX's own braces stay."""
    for name, letter in {**more, **letters}.items():
        latex = latex.replace("{" + name + "}", letter)
    return latex


def _definition(kind: Kind, form: Form) -> Loss:
    prefix = form.prefix.removesuffix("_").title()
    formula = f"{form.weight}({kind.formula})" if form.weight and kind.formula[0] != "(" else form.weight + kind.formula
    return Loss(
        name=form.prefix + kind.name,
        object_name=prefix + kind.object_name,
        aliases=_ALIASES.get(form.prefix + kind.name, ()),
        title=f"{prefix} {kind.title.replace('Focal', 'focal')}" if prefix else kind.title,
        summary=kind.summary,
        task="segmentation",
        layout="region",
        region="sample",
        per_class=form.link is SOFTMAX,
        value=value_of(kind.index, form.link),
        gradient=gradient_of(kind.index, form.link),
        row_weight=class_factor,
        examine=fault_of_empty,
        prediction=form.prediction,
        target=form.target,
        parameters=(*kind.parameters, *form.parameters),
        formula=filled(formula + kind.ratio + form.tail, form.letters),
        gradient_formula=filled(form.gradient, form.letters, g=form.weight + kind.slope),
        example=(*form.example, kind.values[form.prefix]),
        advice=Advice(
            use=kind.use + form.use,
            avoid=form.avoid.replace("{name}", kind.name) + kind.avoid,
            good_value=kind.good_value,
            pitfalls=(*kind.pitfalls, *form.pitfalls, REGION_PITFALL),
        ),
        references=kind.references,
    )


for _form in FORMS:
    for _kind in _KINDS:
        register(_definition(_kind, _form))
