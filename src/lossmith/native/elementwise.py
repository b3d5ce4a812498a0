"""The elementwise losses of the native core, for NumPy arrays: values, gradient and total in one pass.

The kernels are generated from the definitions (``emit``), so a loss is here as soon as it is defined and the module is
compiled again; ``find`` says which one is. Arrays are C-contiguous and of one shape. Elements are computed in float32,
in float64 where the prediction is float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..losses import Domain, Loss
from . import CODES, _core, empty_gradient

OWN_POOL = 1  # the executor of the compiled module that has threads of its own; 0 is the calling thread
_CODES = {"float32": 0, "float64": 1, "bfloat16": 2, "float16": 3, "int64": 4, "int32": 5, "uint8": 6, "bool": 6}
# The losses that the module was compiled with: number, names of the parameters, name of the extra array.
_known: dict[str, tuple[int, str, str]] = getattr(_core, "elementwise_losses", dict)()
_SINGLE = np.dtype(np.float32)
POOLED_BYTES = getattr(_core, "POOLED_BYTES", 0)
_found: dict[str, tuple[Loss, int | None]] = {}


Limits = tuple[float, ...]  # the lowest and the highest element that is allowed, then those that are not all the same


class Call(NamedTuple):
    """What a call has besides its arrays.

    Attributes:
        number: The loss, from :func:`find`.
        parameters: Of the loss, from :func:`numbers`.
        mean: Whether the mean is asked for, or else the sum.
        plain: The same of prediction and target by the formula.
        limits: Of prediction and target, from :func:`limits_of`; with a NaN as the total where one is not kept to.
    """

    number: int
    parameters: tuple[float | None, ...]
    mean: bool
    plain: Callable[[Any, Any], Any]
    limits: tuple[Limits | None, Limits | None] | None = None


def find(loss: Loss) -> int | None:
    """Return the number of a loss in the compiled module, or None if it has no kernel.

    A loss whose parameters or extra arrays are not those that the module was compiled with has none either.
    """
    definition, number = _found.get(loss.name, (None, None))
    if definition is not loss:
        number = _look_up(loss)
        _found[loss.name] = loss, number
    return number


def _look_up(loss: Loss) -> int | None:
    known = _known.get(loss.name)
    if known is None:
        return None
    number, parameters, extra = known
    same = parameters == ",".join(loss.defaults) and extra == ",".join(e.name for e in loss.extras)
    return number if same else None


def numbers(loss: Loss, parameters: Mapping[str, Any]) -> tuple[float | None, ...] | None:
    """Return the parameters of a loss as the compiled module takes them, or None if one is not a plain number."""
    values = tuple(parameters[p.name] for p in loss.parameters)
    return values if all(v is None or isinstance(v, int | float | np.number) for v in values) else None


def limits_of(domain: Domain) -> Limits | None:
    """Return the limits of a domain of values, logits or probabilities, or None where every number is in it.

    >>> from lossmith.losses.domain import POSITIVE, REAL
    >>> limits_of(POSITIVE), limits_of(REAL)
    ((0.0, inf, 0.0), None)
    """
    if not domain.bounded and domain.excluded is None:
        return None
    bounds = (domain.low, domain.low_included), (domain.high, domain.high_included)
    excluded = [x for x, included in bounds if np.isfinite(x) and not included]
    excluded += [] if domain.excluded is None else [domain.excluded]
    slack = [domain.slack if included else 0.0 for _, included in bounds]
    return domain.low - slack[0], domain.high + slack[1], *excluded


def run(
    number: int,
    parameters: tuple[float | None, ...],
    prediction: NDArray[Any],
    target: NDArray[Any],
    *,
    extra: NDArray[Any] | None = None,
    weight: NDArray[Any] | None = None,
    keep: NDArray[np.bool_] | None = None,
    scale: float = 1.0,
    values: bool = False,
    gradient: bool = True,
    executor: int = OWN_POOL,
) -> tuple[float, NDArray[Any] | None, NDArray[Any] | None]:
    """Return ``sum(w * l)``, and if asked for ``w * l`` and ``scale * w * dl/dprediction``, of a loss l.

    Args:
        number: The loss, from :func:`find`.
        parameters: Of the loss, from :func:`numbers`.
        prediction: Of any shape; float32, float64, float16 or bfloat16.
        target: Of the same shape: a floating dtype (float64 only with a float64 prediction), int64, int32, uint8, bool.
        extra: The extra array of a loss that has one, as ``target``.
        weight: w, as ``target``; None for 1.
        keep: False where a value and a gradient are 0, whatever the other arrays hold; None for True.
        scale: Of the gradient.
        values: Whether to return the values, in the dtype computed in.
        gradient: Whether to return the gradient, in the dtype of the prediction.
        executor: Who runs it: OWN_POOL, 0, or the address of a function like ``torch_parallel_for``.

    Raises:
        ValueError: A dtype or a size that does not fit; strides that are not C-contiguous.
        MemoryError: No room for the results.
    """
    compute = prediction.dtype if prediction.dtype.itemsize >= 4 else _SINGLE
    losses = np.empty(prediction.shape, compute) if values else None
    slopes = _empty_gradient(prediction) if gradient else None
    total = _core.elementwise(  # pyrefly: ignore[missing-attribute]
        executor,
        number,
        prediction.size,
        *_typed(prediction),
        *_typed(target),
        losses,
        slopes if slopes is None else _bytes(slopes),
        parameters,
        scale,
        *((None, 0) if extra is None else reversed(_typed(extra))),
        *((None, 0) if weight is None else reversed(_typed(weight))),
        keep,
    )
    return total, losses, slopes


def total(
    call: Call, code: int, prediction: NDArray[Any], target: NDArray[Any], gradient: bool
) -> tuple[float, NDArray[Any] | None]:
    """Return the sum or mean and, if asked for, its gradient, for arrays that need no look besides that at the limits.

    They are of one shape and of one dtype, which is native and has the number ``code`` in ``CODES``; not empty.
    """
    slopes = None
    if gradient:
        slopes = np.empty_like(prediction) if prediction.nbytes < POOLED_BYTES else _empty_gradient(prediction)
    size = prediction.size
    scale = 1 / size if call.mean else 1.0
    arrays = size, code, prediction, code, target, None, slopes
    result = _core.elementwise(  # pyrefly: ignore[missing-attribute]
        OWN_POOL, call.number, *arrays, call.parameters, scale, limits=call.limits
    )
    return (result / size if call.mean else result), slopes


def _empty_gradient(prediction: NDArray[Any]) -> NDArray[Any]:
    """Return memory for the gradient; that of a large one is used again for the next."""
    if prediction.nbytes < POOLED_BYTES or prediction.dtype not in CODES:
        return np.empty(prediction.shape, prediction.dtype)
    return empty_gradient(prediction.reshape(1, -1)).reshape(prediction.shape)


def _typed(array: NDArray[Any]) -> tuple[int, NDArray[Any]]:
    code = CODES.get(array.dtype)  # by far the usual ones, and asking for the name takes a while
    if code is not None and array.dtype.isnative:
        return code, array
    code = _CODES.get(array.dtype.name)
    if code is None or not array.dtype.isnative:
        raise ValueError(f"an array has dtype {array.dtype}; expected one of {', '.join(_CODES)}")
    return code, _bytes(array)


def _bytes(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array with a dtype that has the buffer protocol: NumPy knows bfloat16 by another package only."""
    return array.view(np.uint16) if array.dtype.kind == "V" or array.dtype.name == "bfloat16" else array
