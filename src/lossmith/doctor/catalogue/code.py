"""Rules that source code alone shows."""

from __future__ import annotations

from ..rule import Rule, register

register(
    Rule(
        code="OUT20",
        title="The loss is taken of hard answers, which have no gradient",
        tier=1,
        severity="error",
        when=("static",),
        needs=(("model",),),
        criterion="The prediction that a loss gets, whose gradient is then taken, comes from argmax, max(…)[1], "
        "rounding or a comparison; or a loss function given to compile uses its prediction inside of argmax or round "
        "alone.",
        why="argmax, rounding and comparisons are flat: their slope is 0 everywhere, so nothing is learned, or the "
        "framework raises an error.",
        fixes={
            "torch": "loss(model(x), y)  # the scores themselves; argmax only for the accuracy",
            "keras": "use y_pred itself in the loss, and argmax in metrics only",
            "": "give the loss the scores; take argmax for the metric only",
        },
        explains=("OPT02", "OPT04"),
    ),
)
