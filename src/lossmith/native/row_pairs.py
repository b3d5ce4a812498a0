"""The losses between pairs of rows of the native core: the value and the gradient of each row in one pass over both.

Softmax cross-entropy with dense targets, and the distillation losses between two matrices of logits. What they compute
is what the definitions in ``lossmith.losses`` say; see ``row_pairs.hpp`` for the formulas and the edges. A row's result
depends on nothing but that row, bit for bit, as in :mod:`lossmith.native`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..losses import Loss
from . import CODES, _core, empty_gradient

OWN_POOL = 1  # the executor of the compiled module that has threads of its own; 0 is the calling thread
# By name: the number of the loss in the compiled module, and the parameters that it takes.
_KNOWN = {
    "softmax_cross_entropy": (0, ("label_smoothing", "class_weight", "z_loss")),
    "distillation_kl": (1, ("temperature",)),
    "distillation_jsd": (2, ("temperature", "beta")),
    "distillation_total_variation": (3, ("temperature",)),
}


def find(loss: Loss) -> int | None:
    """Return the number of a loss in the compiled module, or None if it has no kernel.

    >>> from lossmith.losses import find as definition
    >>> find(definition("huber")) is None
    True
    """
    number, parameters = _KNOWN.get(loss.name, (None, ()))
    return number if _core is not None and parameters == tuple(loss.defaults) else None


def numbers(parameters: Mapping[str, Any]) -> dict[str, float] | None:
    """Return the parameters of a loss without its class weights, or None if one is not a plain number."""
    plain = {k: v for k, v in parameters.items() if k != "class_weight"}
    return plain if all(isinstance(v, int | float) for v in plain.values()) else None


def run(
    number: int,
    parameters: Mapping[str, float],
    prediction: NDArray[Any],
    target: NDArray[Any],
    *,
    scale: NDArray[Any] | float = 1.0,
    class_weight: NDArray[Any] | None = None,
    gradient: bool = True,
    executor: int = OWN_POOL,
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the loss of each row and, if asked for, ``scale`` times its gradient with respect to the prediction.

    Args:
        number: The loss, from :func:`find`.
        parameters: Of the loss, from :func:`numbers`.
        prediction: (N, C) logits, C-contiguous; float32, float64 or float16.
        target: (N, C) of the same dtype, C-contiguous: probabilities, or the teacher's logits.
        scale: A number, or (N,) factors of the gradient; the values are not scaled.
        class_weight: (C,) factors, not negative, for the cross-entropy; None for 1.
        gradient: False returns None in place of the gradient and is faster.
        executor: Who runs it: OWN_POOL, 0, or the address of a function like ``torch_parallel_for``.

    Returns:
        The values (N,), in float32 for float16, and the gradient (N, C) in the prediction's dtype, or None.

    Raises:
        ValueError: Shapes, dtypes or strides that do not fit, or a class weight that is no factor.
        MemoryError: No room for the results.
    """
    _check(prediction, target)
    rows, classes = prediction.shape
    compute = np.float32 if prediction.dtype == np.float16 else prediction.dtype
    values = np.empty(rows, compute)
    slopes = empty_gradient(prediction) if gradient else None
    of_row = None if isinstance(scale, int | float) else np.ascontiguousarray(scale, compute)
    _core.row_pairs(
        executor,
        number,
        CODES[prediction.dtype],
        prediction,
        target,
        rows,
        classes,
        values,
        slopes,
        scale=of_row,
        factor=scale if of_row is None else 1.0,
        class_weight=None if class_weight is None else np.ascontiguousarray(class_weight, compute),
        **parameters,
    )
    return values, slopes


def _check(prediction: NDArray[Any], target: NDArray[Any]) -> None:
    for name, x in (("prediction", prediction), ("target", target)):
        if not (x.ndim == 2 and x.dtype in CODES and x.dtype.isnative and x.flags.c_contiguous and x.flags.aligned):
            raise ValueError(
                f"{name} is an array of shape {x.shape} and dtype {x.dtype}; expected a 2-D C-contiguous one of "
                f"float32, float64 or float16: type np.ascontiguousarray({name}, np.float32)"
            )
    if prediction.shape != target.shape or prediction.dtype != target.dtype:
        raise ValueError(
            f"prediction is {prediction.shape} of {prediction.dtype} and target {target.shape} of {target.dtype}; "
            "expected one shape and dtype: type target.astype(prediction.dtype)"
        )
