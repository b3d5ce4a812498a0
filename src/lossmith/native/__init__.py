"""The native core: the value and the gradient of a loss in one pass over the data, for NumPy arrays on the CPU.

The contract, for everyone who calls it:

- It is optional. `has_native()` says whether it is there, `why_not()` says why it is not: the wheel was built without
  a compiler, the environment variable LOSSMITH_DISABLE_NATIVE was 1 when this module was imported, or the compiled
  module was built from other sources than those beside this file (a warning then says so, once).
- It is never the judge. Each function computes what the plain formula in `lossmith.losses` defines; callers go to the
  plain formula for every array that `supports` turns down.
- It takes NumPy arrays and nothing else: C-contiguous float32, float64 or float16, read-only ones too. It returns new
  arrays: values in the dtype computed in (float32 for float16), gradients in the dtype of the logits. It adds up in
  blocks with totals in double precision.
- It works without the GIL on threads of its own: as many as the process may use CPUs, or the environment variable
  LOSSMITH_NUM_THREADS if that is less; small arrays stay on the calling thread. The threads start with the first call
  that needs them; a forked process starts its own.
- The result of a row depends on nothing but that row: not on its neighbours, nor on where the array lies in memory,
  nor on the number of threads, bit for bit. The last digits may differ between kinds of CPU.
- Labels are checked before anything is computed.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["has_native", "softmax_cross_entropy", "supports", "trim", "why_not"]


def _load() -> tuple[Any, str | None]:
    if os.environ.get("LOSSMITH_DISABLE_NATIVE", "") not in ("", "0"):
        return None, "the environment variable LOSSMITH_DISABLE_NATIVE is set; unset it and start Python again"
    try:
        core = importlib.import_module("lossmith.native._core")
    except ImportError as error:
        return None, (
            f"the compiled module cannot be imported ({error}); install a C++17 compiler and type "
            "pip install --force-reinstall --no-binary lossmith lossmith"
        )
    stale = _stale(getattr(core, "INTERFACE", ""), Path(__file__).parent)
    if stale is None:
        return core, None
    warnings.warn(f"lossmith.native is left out: {stale}", RuntimeWarning, stacklevel=2)
    return None, stale


def _stale(built: str, folder: Path) -> str | None:
    """Say that a compiled module is of other sources than those in a folder; None if not, or if there are none there.

    A module that lags behind its sources, after a pull without a build, takes and returns other arrays than this code
    expects. The sources lie here in checkouts alone, so an installed wheel, whose parts belong together, reads nothing.
    """
    sources = sorted([*folder.glob("*.hpp"), *folder.glob("bind*.cpp")])
    if not sources:
        return None
    hashes = "".join(hashlib.sha256(source.read_bytes()).hexdigest() for source in sources)
    if built == hashlib.sha256(hashes.encode()).hexdigest():  # CMakeLists.txt computes the same
        return None
    return (
        f"the compiled module was built from other sources than those in {folder}; build it again with make dev, or "
        "pip install --no-build-isolation --editable ."
    )


_core, _reason = _load()

# The numbers that stand for dtypes and executors in the compiled module.
CODES = {np.dtype(np.float32): 0, np.dtype(np.float64): 1, np.dtype(np.float16): 3}
_OWN_POOL = 1


def has_native() -> bool:
    """Return whether the compiled kernels are there."""
    return _core is not None


def why_not() -> str | None:
    """Return why the compiled kernels are not there, with what to do about it; None if they are."""
    return _reason


def trim() -> int:
    """Give the memory that is kept for the next large gradient back to the system; return how many bytes that were.

    Gradients of 4 MB and more lie in memory of our own, in huge pages where the system has them. When such a gradient
    is freed, its memory waits for the next one of about that size, because getting fresh memory costs more than
    computing the gradient. At most two pieces wait, with at most an eighth of the machine's memory between them; and
    they are given back before more memory is asked for, so they never add to what a program needs at its peak.
    """
    return 0 if _core is None else _core.trim()


def supports(logits: object) -> bool:
    """Return whether `softmax_cross_entropy` takes these logits: 2-D, C-contiguous, of float32, float64 or float16."""
    return (
        isinstance(logits, np.ndarray)
        and logits.ndim == 2
        and logits.dtype in CODES
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
    z_loss: float = 0.0,
    focal: float = 0.0,
    gradient: bool = True,
    out: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the loss of each row and, if asked for, its gradient with respect to the logits.

    With q = (1 - label_smoothing) * one_hot(label) + label_smoothing / C, w = class_weight (1 without) and l the
    log-sum-exp of the row: value = sum(w * q * (l - logits)) + z_loss * l^2; gradient = scale * d value / d logits.
    Classes with w * q = 0 are left out, so masking them with -inf is exact; -inf where w * q > 0 gives the value inf. A
    row that holds NaN or +inf, or nothing but -inf, gives NaN. With ``focal`` = g, the value is that of the softmax
    focal loss, w * (1 - p)^g * (-log p) of the label.

    Args:
        logits: (N, C), see `supports`.
        labels: (N,) integers in [0, C).
        keep: (N,) bool. Rows that are False are not read and get value 0 and gradient 0; None keeps all.
        scale: (N,) factors of the gradient; the values are not scaled. None means 1.
        class_weight: (C,). None means 1.
        label_smoothing: in [0, 1].
        z_loss: the factor of the squared log-sum-exp, not negative.
        focal: the exponent of the focal loss, not negative; not together with label_smoothing or z_loss.
        gradient: False returns None in place of the gradient and is faster.
        out: Memory for the gradient, of the logits' shape, dtype and layout: the logits themselves, or none of theirs.

    Returns:
        The values (N,), in float32 for float16 logits, and the gradient (N, C) or None, in the dtype of the logits.

    Raises:
        RuntimeError: there is no native core.
        ValueError: an array of the wrong dtype, layout or length, a number or a label out of range.
        MemoryError: no room for the results.
    """
    if _core is None:
        raise RuntimeError(f"lossmith.native is not available: {_reason}")
    _check_arguments(logits, labels, keep, scale, class_weight, label_smoothing, z_loss, focal)
    if out is not None:
        _check_out(logits, out)
    rows, classes = logits.shape
    compute = np.float32 if logits.dtype == np.float16 else logits.dtype
    values = np.empty(rows, compute)
    slopes = None if not gradient else empty_gradient(logits) if out is None else out
    bad, _, _ = _core.softmax_cross_entropy(
        _OWN_POOL,
        CODES[logits.dtype],
        logits,
        np.ascontiguousarray(labels, np.int64),
        rows,
        classes,
        values,
        slopes,
        keep=None if keep is None else np.ascontiguousarray(keep),
        scale=None if scale is None else np.ascontiguousarray(scale, compute),
        class_weight=None if class_weight is None else np.ascontiguousarray(class_weight, compute),
        label_smoothing=label_smoothing,
        z_loss=z_loss,
        focal=focal,
    )
    if bad >= 0:
        raise ValueError(
            f"labels[{bad}] is {labels[bad]}, expected 0 <= label < {logits.shape[1]}, the number of columns of logits;"
            f" to leave such rows out, type keep=(labels != {labels[bad]})"
        )
    return values, slopes


def label_settings(loss: str, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the settings of `softmax_cross_entropy` for a loss of class indices, or None if it is not one of its.

    Nor is a call whose parameters are tensors, which may want a gradient, or have no value yet.

    >>> label_settings("softmax_focal", {"gamma": 2.0, "label_smoothing": 0.0, "class_weight": None})
    {'focal': 2.0}
    """
    if not all(isinstance(x, int | float | np.number) for name, x in parameters.items() if name != "class_weight"):
        return None
    if loss == "softmax_cross_entropy":
        return {name: float(parameters[name]) for name in ("label_smoothing", "z_loss")}
    if loss != "softmax_focal" or parameters["label_smoothing"]:
        return None
    return {"focal": float(parameters["gamma"])}


def softmax_total(
    code: int,
    logits: Any,
    labels: Any,
    rows: int,
    classes: int,
    gradient: Any,
    options: tuple[bool, bool, int],
    smoothing: tuple[float, float],
    factor: float = 1.0,
    class_weight: Any = None,
) -> float | None:
    """Fill the gradient, times ``factor``, and return the sum or mean of the values, or None if a label is bad.

    For callers that have checked everything but the labels and the values of ``class_weight``, whose dtype is that
    computed in. ``options`` is whether to take the mean, whether a label is ignored, and which; ``smoothing`` is
    label_smoothing and z_loss. The mean of nothing is None, too, and so is the total with weights that are no factors.
    """
    arrays = logits, labels, rows, classes, None, gradient
    try:
        bad, total, count = _core.softmax_cross_entropy(
            _OWN_POOL, code, *arrays, *options, None, None, factor, class_weight, *smoothing
        )
    except ValueError:
        return None
    if bad >= 0 or count == 0.0:
        return None
    return total / count if options[0] else total


def empty_gradient(logits: NDArray[Any]) -> NDArray[Any]:
    """Return memory for the gradient of a matrix of logits."""
    if logits.nbytes < _core.POOLED_BYTES:
        return np.empty(logits.shape, logits.dtype)
    return _core.gradient_array(CODES[logits.dtype], *logits.shape)


def tensorflow_table() -> int:
    """Return the address of the kernels for the library of TensorFlow's operations."""
    return _core.tensorflow_table()


def _check_arguments(
    logits: Any,
    labels: Any,
    keep: Any,
    scale: Any,
    class_weight: Any,
    label_smoothing: float,
    z_loss: float,
    focal: float,
) -> None:
    if not supports(logits):
        raise ValueError(
            f"logits is {_describe(logits)}, expected a 2-D C-contiguous float32, float64 or float16 NumPy array; "
            "type np.ascontiguousarray(logits, np.float32)"
        )
    rows, classes = logits.shape
    _check_vector("labels", labels, "iu", "integers; type labels.astype(np.int64)", rows, "row")
    if keep is not None:
        _check_vector("keep", keep, "b", "bool; type keep.astype(bool)", rows, "row")
    if scale is not None:
        _check_vector("scale", scale, "fiu", f"numbers; type np.broadcast_to(scale, {rows})", rows, "row")
    if class_weight is not None:
        expected = "numbers; type np.asarray(class_weight, float)"
        _check_vector("class_weight", class_weight, "fiu", expected, classes, "column")
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"label_smoothing is {label_smoothing}, expected a number in [0, 1]; type label_smoothing=0.1")
    if not 0.0 <= z_loss < np.inf:
        raise ValueError(f"z_loss is {z_loss}, expected a number that is not negative; type z_loss=1e-4")
    if not 0.0 <= focal < np.inf or (focal and (label_smoothing or z_loss)):
        raise ValueError(
            f"focal is {focal} with label_smoothing {label_smoothing} and z_loss {z_loss}, expected a number that is "
            "not negative, and the others 0; type focal=2.0"
        )


def _check_out(logits: NDArray[Any], out: Any) -> None:
    if not supports(out) or out.shape != logits.shape or out.dtype != logits.dtype or not out.flags.writeable:
        raise ValueError(f"out is {_describe(out)}, expected a writable one like logits; type np.empty_like(logits)")


def _check_vector(name: str, value: Any, kinds: str, expected: str, length: int, meaning: str) -> None:
    if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype.kind not in kinds:
        raise ValueError(f"{name} is {_describe(value)}, expected a 1-D NumPy array of {expected}")
    if len(value) != length:
        raise ValueError(f"{name} has {len(value)} elements, expected {length}: one for each {meaning} of logits")


def _describe(value: object) -> str:
    if not isinstance(value, np.ndarray):
        return f"a {type(value).__name__}"
    layout = "C-contiguous" if value.flags.c_contiguous else "non-contiguous"
    return f"a {layout} {value.dtype} array of shape {value.shape}"
