"""Where a prediction comes from, as PyTorch's graph behind it shows: what it can reach, and which way gradients flow.

The nodes of the graph are read, without importing PyTorch; nothing is recorded, and no gradient is computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..evaluation.arrays import to_numpy
from .model import recorded

_AFFINE = ("Add", "Sub", "Rsub", "Mul", "Div", "Neg")
_KEEP_ORDER = ("View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "Clone", "ToCopy")
_RESHAPING = ("View", "UnsafeView", "ReshapeAlias")
_MOST = 32  # nodes
_ROUNDING = 1e-4
_UNIT = 1e-3  # how far from one the length of a vector may be

_Bounds = tuple[float, float]


class Origin(NamedTuple):
    """What the graph behind a batch shows; nothing of it for arrays that have none.

    Attributes:
        activation: The last activation.
        reach: Least and greatest value that the last operations can give, where they are a bounded function, moved and
            scaled.
        backwards: Whether a gradient flows into the target, and none into the prediction.
        scrambled: The shapes before and after a reshape that was meant to move an axis.
        last: Whether a linear layer has put its outputs on the last of three or more axes, and nothing moved them.
    """

    activation: str | None = None
    reach: _Bounds | None = None
    backwards: bool = False
    scrambled: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    last: bool = False


def origin(prediction: Any, target: Any) -> Origin:
    """Return what the graph behind a prediction shows."""
    flows = [getattr(x, "requires_grad", None) for x in (prediction, target)]
    node = getattr(prediction, "grad_fn", None)
    if node is None:
        return Origin(backwards=flows == [False, True])
    return Origin(
        recorded(prediction),
        reach(prediction),
        flows == [False, True],
        _scrambled(prediction),
        _outputs_last(prediction),
    )


def reach(prediction: Any) -> _Bounds | None:
    """Return the bounds of a prediction a·f(x) + c, with f a bounded function that the graph shows; or None."""
    node = prediction.grad_fn
    for _ in range(_MOST):
        kind = "" if node is None else _kind(node)
        if kind in _BOUNDED:
            made = _BOUNDED[kind](node)
            return None if made is None else _moved(prediction, *made)
        below = [] if node is None else [n for n, _ in node.next_functions if n is not None]
        if len(below) != 1 or kind not in (*_AFFINE, *_KEEP_ORDER):
            return None
        node = below[0]
    return None


def _kind(node: Any) -> str:
    return type(node).__name__.rstrip("0123456789").removesuffix("Backward")


def _moved(prediction: Any, values: Any, low: float, high: float) -> _Bounds | None:
    """Return the bounds of the prediction, if it is a straight line of values that lie between ``low`` and ``high``."""
    p, v = (to_numpy("prediction", x.detach()).astype(np.float64).ravel() for x in (prediction, values))
    if p.size != v.size or p.size < 2 or not (np.isfinite(p).all() and np.isfinite(v).all()):
        return None
    spread = v - v.mean()
    if not spread.any():
        return None
    slope = float((spread * p).sum() / (spread * spread).sum())
    offset = float(p.mean() - slope * v.mean())
    if np.abs(slope * v + offset - p).max() > _ROUNDING * max(float(np.ptp(p)), 1e-12):
        return None
    ends = [offset + slope * x if math.isfinite(x) else math.copysign(math.inf, slope * x) for x in (low, high)]
    exact = [round(x, 4) if abs(x - round(x, 4)) < _ROUNDING else x for x in ends]
    return min(exact), max(exact)


def _result(low: float, high: float) -> Callable[[Any], tuple[Any, float, float]]:
    return lambda node: (node._saved_result, low, high)


def _power(node: Any) -> tuple[Any, float, float] | None:
    exponent = node._saved_exponent
    even = isinstance(exponent, int | float) and exponent > 0 and exponent % 2 == 0
    return (node._saved_self**exponent, 0.0, math.inf) if even else None


def _clamped(node: Any) -> tuple[Any, float, float]:
    low, high = node._saved_min, node._saved_max
    low, high = -math.inf if low is None else float(low), math.inf if high is None else float(high)
    return node._saved_self.clamp(low, high), low, high


def _hard(node: Any) -> tuple[Any, float, float]:
    low, high = float(node._saved_min_val), float(node._saved_max_val)
    return node._saved_self.clamp(low, high), low, high


def _cosines(node: Any) -> tuple[Any, float, float] | None:
    """Return products of rows and columns that are all of length one: whoever made them so, these are cosines."""
    one, other = node._saved_self, node._saved_mat2
    if one is None or other is None:  # of two, one is kept where the other learns
        return None
    one, other = one.detach(), other.detach()
    off = max(float((x.norm(dim=axis) - 1).abs().max()) for x, axis in ((one, -1), (other, -2)))
    return (one @ other, -1.0, 1.0) if off <= _UNIT else None


_BOUNDED: dict[str, Callable[[Any], tuple[Any, float, float] | None]] = {
    "Sigmoid": _result(0.0, 1.0),
    "Softmax": _result(0.0, 1.0),
    "Tanh": _result(-1.0, 1.0),
    "Relu": _result(0.0, math.inf),
    "Exp": _result(0.0, math.inf),
    "Abs": lambda node: (node._saved_self.abs(), 0.0, math.inf),
    "Sin": lambda node: (node._saved_self.sin(), -1.0, 1.0),
    "Cos": lambda node: (node._saved_self.cos(), -1.0, 1.0),
    "Pow": _power,
    "Clamp": _clamped,
    "Mm": _cosines,
    "Bmm": _cosines,
    "Hardtanh": _hard,
}


def _scrambled(prediction: Any) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the shapes around a reshape after which numbers of different rows or steps stand beside each other.

    That is one from (N, T, K) to (N, K, T), which a transpose was meant to be, or from (N, K, T) to (N·T, K).
    """
    for before, after in _reshapes(prediction):
        axes = [tuple(n for n in shape if n > 1) for shape in (before, after)]
        swapped = axes[0] != axes[1] and sorted(axes[0]) == sorted(axes[1])
        inner = len(axes[0]) >= 3 and len(after) == 2 and after[1] > 1
        folded = inner and axes[0][1:-1].count(after[1]) == 1 and after[1] != axes[0][-1] and axes[0][-1] > 1
        if swapped or folded:
            return before, after
    return None


def _outputs_last(prediction: Any) -> bool:
    """Whether the graph ends in a linear layer of inputs with three or more axes: a product of matrices, seen so."""
    node, outputs = prediction.grad_fn, prediction.shape[-1] if prediction.ndim > 2 else 0
    if outputs and _kind(node) == "Add":  # the bias, where it is added by itself
        node, bias = (n for n, _ in node.next_functions)
        if node is None or bias is None or _kind(bias) != "AccumulateGrad" or bias.variable.shape != (outputs,):
            return False
    if not outputs or _kind(node) not in _RESHAPING or tuple(node._saved_self_sym_sizes)[1:] != (outputs,):
        return False
    below = node.next_functions[0][0]
    return below is not None and _kind(below) in ("Addmm", "Mm")


def _reshapes(prediction: Any) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield the shapes before and after each reshape above the last operation that computes something."""
    node, shape = prediction.grad_fn, tuple(prediction.shape)
    while node is not None and _kind(node) in _RESHAPING:
        before = tuple(node._saved_self_sym_sizes)
        yield before, shape
        node, shape = node.next_functions[0][0], before
        while node is not None and _kind(node) in ("Clone", "ToCopy", "Contiguous"):
            node = node.next_functions[0][0]
