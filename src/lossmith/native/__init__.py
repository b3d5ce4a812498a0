"""The native core: the value and the gradient of a loss in one pass over the data, for NumPy arrays on the CPU.

The contract, for everyone who calls it:

- It is optional. `has_native()` says whether it is there, `why_not()` says why it is not: the wheel was built without
  a compiler, or the environment variable LOSSMITH_DISABLE_NATIVE was 1 when this module was imported.
- It is never the judge. Each function computes what the plain formula in `lossmith.losses` defines; callers go to the
  plain formula for every array that `supports` turns down.
- It takes NumPy arrays and nothing else: C-contiguous float32 or float64, read-only ones too. It returns new arrays of
  the same dtype. It adds up in blocks with totals in double precision, on the calling thread, without the GIL.
- The result of a row depends on nothing but that row: not on its neighbours, nor on where the array lies in memory.
  The last digits may differ between kinds of CPU.
- Labels are checked before anything is computed.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["has_native", "softmax_cross_entropy", "supports", "why_not"]


def _load() -> tuple[Any, str | None]:
    if os.environ.get("LOSSMITH_DISABLE_NATIVE", "") not in ("", "0"):
        return None, "the environment variable LOSSMITH_DISABLE_NATIVE is set; unset it and start Python again"
    try:
        return importlib.import_module("lossmith.native._core"), None
    except ImportError as error:
        return None, (
            f"the compiled module cannot be imported ({error}); install a C++17 compiler and type "
            "pip install --force-reinstall --no-binary lossmith lossmith"
        )


_core, _reason = _load()


def has_native() -> bool:
    """Return whether the compiled kernels are there."""
    return _core is not None


def why_not() -> str | None:
    """Return why the compiled kernels are not there, with what to do about it; None if they are."""
    return _reason


def supports(logits: object) -> bool:
    """Return whether `softmax_cross_entropy` takes these logits: a 2-D, C-contiguous float32 or float64 NumPy array."""
    return (
        isinstance(logits, np.ndarray)
        and logits.ndim == 2
        and logits.dtype in (np.float32, np.float64)
        and logits.flags.c_contiguous
        and logits.flags.aligned
    )


def softmax_cross_entropy(
    logits: NDArray[Any],
    labels: NDArray[Any],
    *,
    keep: NDArray[np.bool_] | None = None,
    scale: NDArray[Any] | None = None,
    class_weight: NDArray[Any] | None = None,
    label_smoothing: float = 0.0,
    gradient: bool = True,
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the loss of each row and, if asked for, its gradient with respect to the logits.

    With q = (1 - label_smoothing) * one_hot(label) + label_smoothing / C and w = class_weight (1 without):
    value = sum(w * q * -log_softmax(logits)); gradient = scale * d value / d logits. Classes with w * q = 0 are left
    out, so masking them with -inf is exact; -inf where w * q > 0 gives the value inf. A row that holds NaN or +inf, or
    nothing but -inf, gives NaN.

    Args:
        logits: (N, C), see `supports`.
        labels: (N,) integers in [0, C).
        keep: (N,) bool. Rows that are False are not read and get value 0 and gradient 0; None keeps all.
        scale: (N,) factors of the gradient; the values are not scaled. None means 1.
        class_weight: (C,). None means 1.
        label_smoothing: in [0, 1].
        gradient: False returns None in place of the gradient and is faster.

    Returns:
        The values (N,) and the gradient (N, C) or None, both of the dtype of the logits.

    Raises:
        RuntimeError: there is no native core.
        ValueError: an array of the wrong dtype, layout or length, or a label out of range.
    """
    if _core is None:
        raise RuntimeError(f"lossmith.native is not available: {_reason}")
    _check_arguments(logits, labels, keep, scale, class_weight, label_smoothing)
    values = np.empty(logits.shape[0], logits.dtype)
    slopes = np.empty_like(logits, order="C", subok=False) if gradient else None
    bad = _core.softmax_cross_entropy(
        logits,
        np.ascontiguousarray(labels, np.int64),
        None if keep is None else np.ascontiguousarray(keep),
        None if scale is None else np.ascontiguousarray(scale, logits.dtype),
        None if class_weight is None else np.ascontiguousarray(class_weight, logits.dtype),
        label_smoothing,
        values,
        slopes,
    )
    if bad >= 0:
        raise ValueError(
            f"labels[{bad}] is {labels[bad]}, expected 0 <= label < {logits.shape[1]}, the number of columns of logits;"
            f" to leave such rows out, type keep=(labels != {labels[bad]})"
        )
    return values, slopes


def _check_arguments(
    logits: Any, labels: Any, keep: Any, scale: Any, class_weight: Any, label_smoothing: float
) -> None:
    # Lengths are checked by the compiled module, which must not trust them anyway.
    if not supports(logits):
        raise ValueError(
            f"logits is {_describe(logits)}, expected a 2-D C-contiguous float32 or float64 NumPy array; "
            "type np.ascontiguousarray(logits, np.float32)"
        )
    _check_vector("labels", labels, "iu", "integers; type labels.astype(np.int64)")
    if keep is not None:
        _check_vector("keep", keep, "b", "bool; type keep.astype(bool)")
    if scale is not None:
        _check_vector("scale", scale, "fiu", f"numbers; type np.broadcast_to(scale, {logits.shape[0]})")
    if class_weight is not None:
        _check_vector("class_weight", class_weight, "fiu", "numbers; type np.asarray(class_weight, float)")
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"label_smoothing is {label_smoothing}, expected a number in [0, 1]; type label_smoothing=0.1")


def _check_vector(name: str, value: Any, kinds: str, expected: str) -> None:
    if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype.kind not in kinds:
        raise ValueError(f"{name} is {_describe(value)}, expected a 1-D NumPy array of {expected}")


def _describe(value: object) -> str:
    if not isinstance(value, np.ndarray):
        return f"a {type(value).__name__}"
    layout = "C-contiguous" if value.flags.c_contiguous else "non-contiguous"
    return f"a {layout} {value.dtype} array of shape {value.shape}"
