"""Rows of a piece on their way into the states: by the compiled kernel in one pass, or by each state in turn.

The kernel takes what most binary predictions are, as the source stores it: probabilities or logits in float32 or
float64, targets 0 and 1 of any type. It adds the same whole numbers as the states do. A batch with anything else in it
(a missing value, a NaN, a class name) goes the states' way, which looks at every row and says what is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...native import evaluation as kernels
from ..inputs import Inputs
from ..states import Bundle
from ..states.hashing import seed_word
from . import collect
from .batch import Batch
from .plan import Plan


class Rows:
    """Lets the states of a bundle look at rows, all but those of slices.

    Args:
        plan: What to make of them.
        bundle: The states; what the kernel found is in them after :meth:`close`.
    """

    def __init__(self, plan: Plan, bundle: Bundle) -> None:
        self._plan, self._bundle = plan, bundle
        self._kernel: kernels.BinaryRows | None = None
        self._used = 0
        if plan.task == "binary" and plan.kept != "labels" and plan.weight is None and kernels.available():
            scores = bundle["scores"]
            self._kernel = kernels.BinaryRows(
                logits=plan.kept == "logits",
                keep=scores.settings["keep"],
                first_bits=scores.first_bits,
                half=scores.half,
                calibration_bins=bundle["calibration"].settings["bins"],
                groups=bundle["bootstrap"].settings["groups"],
                worst=bundle["worst"].settings["k"],
                seed=seed_word(bundle["bootstrap"].settings["seed"]),
            )

    def take_columns(self, batch: Batch) -> bool:
        """Look at a batch as it was read, or at none of its rows and return False."""
        plan = self._plan
        if self._kernel is None or batch.missing is not None or plan.form != plan.kept:
            return False
        if plan.slices or plan.weight is not None:
            return False
        if len(plan.predictions) != 1 or len(plan.targets) != 1 or plan.class_names != ("0", "1"):
            return False
        ids = None if plan.row_id is None else batch.columns[plan.row_id]
        return self._pass(batch.columns[plan.predictions[0]], batch.columns[plan.targets[0]], ids, batch.first)

    def take(self, inputs: Inputs, row_id: np.ndarray) -> None:
        """Look at clean rows.

        Which way a row goes depends on that row alone, not on those beside it: the kernel's exponentials and
        NumPy's differ in the last digit.
        """
        if self._kernel is None:
            collect.update(self._bundle, self._plan, inputs, row_id)
            return
        fits = np.abs(inputs.prediction) <= kernels.MOST_LOGIT
        if fits.all():
            self._take(inputs, row_id)
            return
        for there in (fits, ~fits):
            if there.any():
                self._take(collect.some(inputs, there), row_id[there])

    def close(self) -> None:
        """Hand on what the kernel found."""
        if self._kernel is None or not self._used:
            return
        found = self._kernel.read()
        parts: dict[str, Any] = {name: state.parts for name, state in self._bundle.states.items()}
        self._bundle["rows"].update(used=self._used)
        self._used = 0
        cells = found.cells
        parts["confusion"]["counts"].values += cells.sum(axis=0)
        parts["loss"]["rows"].values += cells.sum()
        for numbers, exponent in found.loss:
            parts["loss"]["sums"].add_whole(numbers, exponent)
        parts["scores"]["counts"].values += found.scores.reshape(-1)
        parts["scores"]["extremes"].fold(found.low, found.high)
        parts["calibration"]["rows"].values += found.calibrated.sum(axis=1)
        parts["calibration"]["hits"].values += found.calibrated[:, 1]
        for numbers, exponent in found.confidence:
            parts["calibration"]["confidence"].add_whole(numbers, exponent)
        parts["bootstrap"]["rows"].values += cells.sum(axis=1)
        parts["bootstrap"]["cells"].values += cells.reshape(-1)
        for name, sums in zip(collect.BINARY_SUMS, found.shares, strict=True):
            for numbers, exponent in sums:
                parts["bootstrap"][f"sum_{name}"].add_whole(numbers, exponent)
        if found.worst["loss"].size:
            self._bundle["worst"].update(**found.worst)

    def _take(self, inputs: Inputs, row_id: np.ndarray) -> None:
        if not self._pass(inputs.prediction, inputs.target, row_id, 0):
            collect.update(self._bundle, self._plan, inputs, row_id)

    def _pass(self, score: np.ndarray, target: np.ndarray, ids: np.ndarray | None, first: int) -> bool:
        if self._kernel is None or not self._kernel.update(score, target, ids, first):
            return False
        self._used += len(score)
        return True
