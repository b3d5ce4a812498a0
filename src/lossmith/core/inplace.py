"""Value and gradient where the caller gives the logits away: the gradient is written over them.

Nothing of the size of the logits is allocated. Softmax cross-entropy with class indices can do so, on NumPy arrays and
tensors on the CPU; what cannot be done is refused, and then the logits are as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import native
from ..errors import DomainError, InputError
from ..losses import Loss
from .check import Inputs

_DTYPES = ("float32", "float64")


def kernel(loss: Loss, given: Any, inputs: Inputs) -> Callable[..., tuple[Any, Any]]:
    """Return ``kernel(inputs, scale, gradient=True) -> (values, given)``, which overwrites the prediction ``given``.

    ``inputs`` were prepared from it, with nothing hidden.

    Raises:
        InputError: This call cannot overwrite its prediction; the text says why, and what would.
    """
    _check_call(loss, inputs)
    if inputs.xp.name == "torch":
        from ..torch import inplace  # a tensor is there, and so is PyTorch

        inplace.claim(given, "prediction", _DTYPES)
        fill = inplace.fill
    else:
        _check_array(given)
        fill = _fill

    def run(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        keep = inputs.keep
        values = fill(given, inputs.target, keep, scale, inputs.parameters)
        rows = inputs.xp.to_numpy(values)
        if np.isnan(rows).any():
            at = np.unravel_index(np.isnan(rows).argmax(), rows.shape)
            raise DomainError(
                f"prediction held NaN or inf in row {', '.join(str(int(i)) for i in at)}, so the loss is NaN; the "
                "gradient has taken its place: leave inplace=True away to see what it was"
            )
        return values, given

    return run


def _check_call(loss: Loss, inputs: Inputs) -> None:
    labels = loss.name == "softmax_cross_entropy" and inputs.xp.kind(inputs.target) == "int"
    if not labels:
        given = " with dense targets" if loss.name == "softmax_cross_entropy" else ""
        raise InputError(
            f"inplace=True overwrites the logits of softmax_cross_entropy with class indices; {loss.name}{given} needs "
            "memory for its gradient: leave inplace away"
        )
    if inputs.xp.name not in ("numpy", "torch"):
        raise InputError(
            "inplace=True overwrites NumPy arrays and PyTorch tensors; arrays of "
            f"{inputs.xp.name} cannot be written: leave inplace away"
        )
    if not native.has_native():
        raise InputError(f"inplace=True needs the native core: {native.why_not()}")
    if inputs.axis not in (-1, len(inputs.shape) - 1):
        raise InputError(
            f"inplace=True needs the classes on the last axis, not on axis {inputs.axis}: "
            "move it first, with numpy.moveaxis or tensor.movedim, and make the result contiguous"
        )


def _check_array(given: Any) -> None:
    if not isinstance(given, np.ndarray):
        raise InputError(
            f"inplace=True needs an array to overwrite, not a {type(given).__name__}: numpy.array(prediction)"
        )
    if given.dtype not in (np.float32, np.float64) or not given.dtype.isnative:
        raise InputError(
            f"inplace=True overwrites logits of float32 or float64, and these are {given.dtype}: "
            "prediction.astype(numpy.float32)"
        )
    if not given.flags.writeable:
        raise InputError("inplace=True cannot overwrite a read-only array: give prediction.copy()")
    if not (given.flags.c_contiguous and given.flags.aligned):
        raise InputError("inplace=True needs contiguous logits: give numpy.ascontiguousarray(prediction)")


def _fill(logits: Any, labels: Any, keep: Any, scale: Any, parameters: dict[str, Any]) -> Any:
    batch = logits.shape[:-1]
    along = None if scale is None else np.broadcast_to(scale, batch).reshape(-1)
    counted = None if keep is None else np.broadcast_to(keep, batch).reshape(-1)
    matrix = logits.reshape(-1, logits.shape[-1])
    values, _ = native.softmax_cross_entropy(
        matrix,
        labels.reshape(-1),
        keep=counted,
        scale=along,
        class_weight=parameters["class_weight"],
        label_smoothing=parameters["label_smoothing"],
        z_loss=parameters["z_loss"],
        out=matrix,
    )
    return values.reshape(batch)
