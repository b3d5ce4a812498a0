"""Losses whose rows compare with each other, for tensors: products of matrices by PyTorch, all else by kernels.

A call makes one matrix (N, N), of similarities or distances. The kernels turn it into the values and, in its place
where that is possible, into their slopes; one more product per array that wants a gradient brings these back to the
vectors. A matrix with itself is half computed and mirrored, and its slopes are added to their own transpose, so that
one product is enough where the formula needs two.

Autograd sees one function of predictions, targets and a learned temperature, scale or bias, with the contract of
:mod:`lossmith.torch.fast_rows`: slopes are computed with the values where it can be said what autograd will multiply
them with, and second derivatives come from the formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .. import native
from ..arrays import load
from ..core.check import Inputs
from ..core.contrastive_kernel import candidates
from ..losses import Loss
from ..losses.batch import directions, scaled
from ..native import batch_rows
from . import fast, fast_rows

_XP: Any = load("torch")
_core: Any = native._core

_COPY, _ADD, _MIRROR = range(3)  # ways to turn a matrix
_BLOCK = 256  # columns of a matrix with itself that are computed at once, from the diagonal down
_ORDINARY = 1e-12, 1e18  # lengths of vectors whose squares are far from the ends of float32


class _Call:
    """A loss with the arguments of its call; tensors that autograd follows are handed over anew each time."""

    def __init__(self, loss: Loss, inputs: Inputs, learned: tuple[str, ...]) -> None:
        self.loss, self.inputs, self.learned = loss, inputs, learned
        self.rows = len(inputs.prediction)

    def number(self, name: str, numbers: tuple[Tensor | None, ...]) -> float:
        """Return a parameter as a float."""
        given = numbers[self.learned.index(name)] if name in self.learned else None
        return float(self.inputs.parameters[name] if given is None else given.detach())

    def open(self, prediction: Tensor, target: Tensor, numbers: tuple[Tensor | None, ...]) -> _Matrix:
        """Compute the matrix."""
        return _KINDS[self.loss.name](self, prediction.detach(), target.detach(), numbers)

    def formula(self, prediction: Tensor, target: Tensor, numbers: tuple[Tensor | None, ...]) -> Tensor:
        """Return the values by the definition."""
        given = {name: x for name, x in zip(self.learned, numbers, strict=False) if x is not None}
        inside, parameters = self.inputs.inside, {**self.inputs.parameters, **given}
        values = self.loss.value(_XP, prediction, target, inside, **parameters)
        return values if inside is None else torch.where(self.inputs.factor > 0, values, torch.zeros_like(values))


class _Matrix:
    """The matrix of a call, and after `run` with a scale the slopes of its entries.

    Attributes:
        matrix: (N, N).
        slopes: (N, N), the same memory for most losses.
    """

    matrix: Tensor
    slopes: Tensor

    def __init__(self, call: _Call) -> None:
        self.call = call

    def run(self, scale: fast_rows.Scale | None) -> Tensor:
        """Return the values (N,); with a scale also compute the slopes times that."""
        raise NotImplementedError

    def pull(self, by: float, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        """Return ``by`` times the gradients of prediction, target and learned numbers, those that are wanted."""
        raise NotImplementedError

    def _kernel(self, scale: fast_rows.Scale | None, slopes: Tensor, groups: Tensor | None, settings: Any) -> Tensor:
        """Run the kernel of the loss on the matrix; the slopes are written with a scale alone."""
        call, values = self.call, torch.empty(self.call.rows, dtype=self.matrix.dtype)
        along, factor = fast_rows._split(1.0 if scale is None else scale)
        inside = call.inputs.inside
        present = None if inside is None else (inside > 0).contiguous()
        _core.batch_rows(
            *_typed(self.matrix),
            batch_rows.NUMBERS[call.loss.name],
            self.matrix.data_ptr(),
            fast_rows._address(groups),
            fast_rows._address(present),
            call.rows,
            values.data_ptr(),
            None if scale is None else slopes.data_ptr(),
            fast_rows._address(along),
            factor,
            *batch_rows.numbers(settings),
        )
        return values


class _Pairs(_Matrix):
    """Predictions against targets: InfoNCE, CLIP and SigLIP."""

    def __init__(self, call: _Call, prediction: Tensor, target: Tensor, numbers: tuple[Tensor | None, ...]) -> None:
        super().__init__(call)
        name, parameters = call.loss.name, call.inputs.parameters
        normalise = parameters.get("normalise", True)
        self.length, self.unit = _directions(prediction, normalise)
        self.other_length, self.other_unit = _directions(target, normalise)
        self.factor = call.number("scale", numbers) if name != "info_nce" else 1 / call.number("temperature", numbers)
        self.matrix = self.slopes = _product(self.unit, self.other_unit.T, self.factor)
        if name == "siglip":
            self.matrix += call.number("bias", numbers)

    def run(self, scale: fast_rows.Scale | None) -> Tensor:
        inputs, name = self.call.inputs, self.call.loss.name
        if name == "siglip":
            return self._kernel(scale, self.matrix, None, {})
        if inputs.inside is not None and scale is not None:
            scale = torch.where(inputs.factor > 0, scale, torch.zeros_like(self.unit[:, 0])).contiguous()
        turned = torch.empty_like(self.matrix) if name == "clip" else None
        if turned is not None:
            _turn(_COPY, turned, self.matrix)
        values = self._own_columns(self.matrix, scale)
        if turned is not None:
            values = (values + self._own_columns(turned, scale)) / 2
            if scale is not None:
                _turn(_ADD, self.matrix, turned)
        return values if inputs.inside is None else torch.where(inputs.factor > 0, values, torch.zeros_like(values))

    def _own_columns(self, logits: Tensor, scale: fast_rows.Scale | None) -> Tensor:
        """Return the cross-entropy of each row with its own column; with a scale its slopes replace the logits."""
        chosen = candidates(_XP, self.call.inputs.inside)
        if chosen is not None:
            masked = logits.masked_fill_ if scale is not None else logits.masked_fill
            logits = masked(~chosen, -math.inf)
        values, labels = torch.empty(len(logits), dtype=logits.dtype), torch.arange(len(logits))
        along, factor = fast_rows._split(1.0 if scale is None else scale)
        _core.softmax_cross_entropy(
            *_typed(logits),
            logits.data_ptr(),
            labels.data_ptr(),
            *logits.shape,
            values.data_ptr(),
            None if scale is None else logits.data_ptr(),
            scale=fast_rows._address(along),
            factor=factor,
        )
        return values

    def pull(self, by: float, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        name = self.call.loss.name
        by *= self.factor / 2 if name == "clip" else self.factor  # of two ways the mean
        forth = back = None
        if wanted[0] or any(wanted[2:3]):
            forth = _product(self.slopes, self.other_unit, by)
        if wanted[1]:
            back = _back(_product(self.slopes.T, self.unit, by), self.other_length, self.other_unit)
        of_factor = None
        if any(wanted[2:3]) and forth is not None:
            of_factor = _total(forth * self.unit) / self.factor
            of_factor = -of_factor * self.factor**2 if name == "info_nce" else of_factor  # of a temperature
        of_bias = _total(self.slopes) * (by / self.factor) if any(wanted[3:]) else None
        forth = _back(forth, self.length, self.unit) if wanted[0] and forth is not None else None
        return forth, back, of_factor, of_bias


class _Groups(_Matrix):
    """Rows whose positives are told by groups: NT-Xent and the supervised contrastive loss."""

    def __init__(self, call: _Call, prediction: Tensor, target: Tensor, numbers: tuple[Tensor | None, ...]) -> None:
        super().__init__(call)
        self.groups = target.to(torch.int64).contiguous()
        self.length, self.unit = _directions(prediction, call.inputs.parameters["normalise"])
        self.factor = 1 / call.number("temperature", numbers)
        self.matrix = self.slopes = _products(self.unit, self.factor)

    def run(self, scale: fast_rows.Scale | None) -> Tensor:
        return self._kernel(scale, self.matrix, self.groups, {})

    def pull(self, by: float, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        _turn(_ADD, self.slopes, self.slopes)
        gradient = _product(self.slopes, self.unit, by * self.factor)
        # Each pair is in the slopes twice by now, and a temperature divides.
        of_number = _total(gradient * self.unit) * (-self.factor / 2) if any(wanted[2:3]) else None
        return _back(gradient, self.length, self.unit) if wanted[0] else None, None, of_number


class _Triplets(_Matrix):
    """Mined triplets: the matrix holds distances, and few of its slopes are not 0."""

    def __init__(self, call: _Call, prediction: Tensor, target: Tensor, _: tuple[Tensor | None, ...]) -> None:
        super().__init__(call)
        self.groups = target.to(torch.int64).contiguous()
        self.settings = dict(call.inputs.parameters)
        self.squared = self.settings.pop("distance") == "squared"
        vectors, unit = scaled(_XP, prediction, call.inputs.inside)
        self.vectors, self.unit = vectors.contiguous(), unit.item()
        self.matrix = _products(self.vectors, 1.0)
        squares = (self.vectors * self.vectors).sum(-1)
        distances = self.matrix.data_ptr(), squares.data_ptr(), self.unit, self.squared
        _core.pair_distances(*_typed(self.matrix), call.rows, *distances)

    def run(self, scale: fast_rows.Scale | None) -> Tensor:
        self.slopes = self.matrix if scale is None else torch.empty_like(self.matrix)
        return self._kernel(scale, self.slopes, self.groups, self.settings)

    def pull(self, by: float, wanted: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        _turn(_ADD, self.slopes, self.slopes)
        by *= 2 * self.unit if self.squared else self.unit
        gradient = torch.empty_like(self.vectors)
        arrays = self.slopes, None if self.squared else self.matrix, by, self.vectors, gradient
        addresses = (x if isinstance(x, float) else fast_rows._address(x) for x in arrays)
        if not _core.pull_pairs(*_typed(gradient), *gradient.shape, *addresses):
            weights = self.slopes.mul_(by)
            if not self.squared:
                weights = torch.where(self.matrix == 0, torch.zeros_like(weights), weights / self.matrix)
            gradient = weights.sum(-1, keepdim=True) * self.vectors - weights @ self.vectors
        return gradient, None


_KINDS: dict[str, Callable[..., _Matrix]] = {
    **dict.fromkeys(("info_nce", "clip", "siglip"), _Pairs),
    **dict.fromkeys(("nt_xent", "supervised_contrastive"), _Groups),
    **dict.fromkeys(("triplet_hard", "triplet_semi_hard"), _Triplets),
}
_LEARNED = {
    **dict.fromkeys(("info_nce", "nt_xent", "supervised_contrastive"), ("temperature",)),
    "clip": ("scale",),
    "siglip": ("scale", "bias"),
}


def kernel_of(loss: Loss, inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    """Return the kernel of a loss that compares the rows of a batch, or None; see ``core.kernel.find``."""
    prediction, target, learned = inputs.prediction, inputs.target, _LEARNED.get(loss.name, ())
    if loss.name not in _KINDS or not (fast.usual(prediction.contiguous(), target.contiguous()) and prediction.numel()):
        return None
    if prediction.dtype not in (torch.float32, torch.float64) or not isinstance(
        inputs.parameters.get("margin", 0.0), int | float
    ):
        return None  # a margin that is a tensor may want a gradient
    if target.is_floating_point() and target.dtype is not prediction.dtype:
        return None
    numbers = tuple(inputs.parameters[name] for name in learned)
    tensors = tuple(x if isinstance(x, Tensor) else None for x in numbers)
    if not all(isinstance(x, int | float) or (isinstance(x, Tensor) and x.numel() == 1) for x in numbers):
        return None
    call = _Call(loss, inputs, learned)

    def kernel(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        hint = fast_rows._scale(scale, prediction, prediction.shape[:1])
        followed = any(x is not None and x.requires_grad for x in (prediction, target, *tensors))
        if torch.is_grad_enabled() and followed and not gradient:
            return _Recorded.apply(prediction, target, call, hint, *tensors), None
        with torch.no_grad():
            matrix = call.open(prediction, target, tensors)
            values = matrix.run((1.0 if hint is None else hint) if gradient else None)
            return values, matrix.pull(1.0, (True, False))[0] if gradient else None

    return kernel


class _Recorded(Function):
    """Values, and the slopes of the matrix if there is a hint what they will be multiplied with."""

    @staticmethod
    def forward(
        ctx: Any, prediction: Tensor, target: Tensor, call: _Call, hint: fast_rows.Scale | None, *numbers: Tensor | None
    ) -> Tensor:
        ctx.matrix = call.open(prediction, target, numbers)
        ctx.call, ctx.hint = call, hint
        ctx.save_for_backward(prediction, target, *numbers)
        return ctx.matrix.run(hint)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        (slope,), (prediction, target, *numbers) = slopes, ctx.saved_tensors
        wanted = *ctx.needs_input_grad[:2], *ctx.needs_input_grad[4:]
        if torch.is_grad_enabled():
            return _in_order(_by_formula(ctx.call, slope, (prediction, target, *numbers), wanted))
        matrix, ctx.matrix = ctx.matrix, None  # its memory is written over
        factor = None if ctx.hint is None else fast_rows._multiple(slope, ctx.hint)
        if matrix is None or (ctx.hint is not None and factor is None):
            matrix, factor = ctx.call.open(prediction, target, tuple(numbers)), None
        if factor is None:
            matrix.run(slope.contiguous())
        found = matrix.pull(1.0 if factor is None else factor, wanted)
        shaped = zip(found, (prediction, target, *numbers), wanted, strict=False)
        return _in_order([None if x is None or not want else x.reshape(y.shape).to(y.dtype) for x, y, want in shaped])


def _in_order(found: Any) -> tuple[Tensor | None, ...]:
    """Gradients of prediction, target and numbers as ``_Recorded`` has its arguments."""
    return *found[:2], None, None, *found[2:]


def _by_formula(call: _Call, slope: Tensor, given: tuple[Any, ...], wanted: tuple[bool, ...]) -> list[Tensor | None]:
    """The gradients as something that can be differentiated again."""
    value = call.formula(given[0], given[1], given[2:])
    asked = [x for x, want in zip(given, wanted, strict=True) if want]
    found = iter(torch.autograd.grad(value, asked, slope, create_graph=True))
    return [next(found) if want else None for want in wanted]


def _directions(x: Tensor, normalise: bool) -> tuple[Tensor | None, Tensor]:
    """Length of the vectors and their directions, as ``losses.batch.directions``."""
    x = x.contiguous()
    if not normalise:
        return None, x
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    low, high = _ORDINARY
    return (length, x / length) if bool(((length > low) & (length < high)).all()) else directions(_XP, x, True)


def _back(gradient: Tensor, length: Tensor | None, direction: Tensor) -> Tensor:
    """In place, as ``losses.batch.pull_back``."""
    if length is None:
        return gradient
    zero = length == 0
    gradient.addcmul_(direction, (gradient * direction).sum(-1, keepdim=True), value=-1)
    if not bool(zero.any()):
        return gradient.div_(length)
    return gradient.div_(length.masked_fill(zero, 1.0)).masked_fill_(zero, 0.0)


def _product(a: Tensor, b: Tensor, factor: float) -> Tensor:
    """The product of two matrices, times a number."""
    result = a.new_empty(len(a), b.shape[1])
    return torch.addmm(result, a, b, beta=0, alpha=factor, out=result)


def _products(x: Tensor, factor: float) -> Tensor:
    """The inner products (N, N) of rows with each other, times a number: half of them, and their mirror image."""
    rows, square = len(x), _core.TURNED_SQUARE
    if rows <= _BLOCK:
        return _product(x, x.T, factor)
    result = x.new_empty(rows, rows)
    block = max(_BLOCK, rows // 8 // square * square)
    for first in range(0, rows, block):
        below = result[first:, first : first + block]
        torch.addmm(below, x[first:], x[first : first + block].T, beta=0, alpha=factor, out=below)
    _turn(_MIRROR, result, result)
    return result


def _turn(what: int, to: Tensor, source: Tensor) -> None:
    _core.turn_matrix(*_typed(to), what, len(to), to.data_ptr(), source.data_ptr())


def _typed(x: Tensor) -> tuple[int, int]:
    """What each call of the core begins with."""
    return fast.executor(), fast._CODES[x.dtype]


def _total(x: Tensor) -> Tensor:
    return x.sum(dtype=torch.float64)
