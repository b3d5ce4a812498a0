"""What PyTorch's graph of a value shows: which losses it was computed by, and of what.

Behind a function of one's own that calls ``F.cross_entropy``, behind a ``training_step`` or a sum of two losses stand
the losses' own nodes, with what they keep for the backward pass. They are read, so the value must not have been through
``backward()`` yet. Nothing here imports PyTorch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from .loss import LossFacts, named
from .model import VIEWS, recorded_by

_ELEMENTS = {
    "MseLoss": "MSELoss",
    "SmoothL1Loss": "SmoothL1Loss",
    "HuberLoss": "HuberLoss",
    "BinaryCrossEntropy": "BCELoss",
    "BinaryCrossEntropyWithLogits": "BCEWithLogitsLoss",
    "SoftMarginLoss": "SoftMarginLoss",
    "MultiMarginLoss": "MultiMarginLoss",
}
_ROWS = ("NllLoss", "NllLoss2D")
# What may stand between a loss and the value that is minimised: reductions, factors, sums of several losses. Whatever
# selects rows is none of these, for what it leaves out would be judged, too.
_ARITHMETIC = (
    *VIEWS,
    "Add",
    "Sub",
    "Rsub",
    "Mul",
    "Div",
    "Neg",
    "Mean",
    "Sum",
    "Stack",
    "Cat",
    "Sqrt",
    "Expand",
    "Unbind",
)
_MOST = 256  # nodes
_REDUCTIONS = ("none", "mean", "sum")


class Traced(NamedTuple):
    """One loss behind a value: what is known of it, and the tensors that it got."""

    loss: LossFacts
    prediction: Any
    target: Any
    weight: Any = None


class _Way(NamedTuple):
    """A node, and what stands between it and the value."""

    node: Any
    part: bool = False
    negated: bool = False
    factors: tuple[Any, ...] = ()


def traced(value: Any) -> list[Traced]:
    """Return the losses of torch.nn.functional that a value was computed by, from the value down."""
    found: list[Traced] = []
    waiting, seen = deque([_Way(getattr(value, "grad_fn", None))]), set()
    while waiting and len(seen) < _MOST:
        way = waiting.popleft()
        if way.node is None or way.node in seen:
            continue
        seen.add(way.node)
        try:
            made = _read(way.node, _kind(way.node))
            if made is None:
                waiting.extend(_below(way))
            elif (whole := _weighed(made, way)) is not None:
                found.append(whole)
        except (AttributeError, RuntimeError):  # freed by backward(), or a node of another version of PyTorch
            continue
    return found


def _below(way: _Way) -> Iterator[_Way]:
    kind = _kind(way.node)
    if kind not in _ARITHMETIC:
        return
    nodes = [n for n, _ in way.node.next_functions if n is not None]
    part, negated = way.part or (len(nodes) > 1 and kind != "Mul"), way.negated != (kind == "Neg")
    factors = way.factors
    if kind in ("Mul", "Div"):
        kept = [getattr(way.node, f"_saved_{name}", None) for name in ("other", "self")]
        factors += tuple(x for x in kept[: 2 if kind == "Mul" else 1] if x is not None and x.numel() > 1)
    yield from (_Way(n, part, negated, factors) for n in nodes)


def _weighed(made: Traced, way: _Way) -> Traced | None:
    """Return a loss with the factors above it; None where they are of no use: they may stand for a mask."""
    facts = replace(made.loss, part=way.part, negated=way.negated)
    if facts.definition is not None and facts.definition.layout == "sequence":  # whose mean divides by the lengths
        return made._replace(loss=facts)
    factors = [*way.factors, *([] if made.weight is None else [made.weight])]
    constant = [x for x in factors if not x.requires_grad]
    if len(constant) != len(factors):  # a factor that depends on the prediction, as in a focal loss, is no mask
        return made._replace(loss=replace(facts, uneven=True)) if not constant else None
    if not constant:
        return made._replace(loss=facts)
    weight, shape = constant[0], tuple(made.target.shape)
    fits = len(constant) == 1 and 0 < weight.ndim <= len(shape) and tuple(weight.shape) == shape[: weight.ndim]
    return made._replace(loss=facts, weight=weight) if fits else None


def _kind(node: Any) -> str:
    return type(node).__name__.rstrip("0123456789").removesuffix("Backward")


def _read(node: Any, kind: str) -> Traced | None:
    if kind in _ELEMENTS:
        settings = {"reduction": _REDUCTIONS[node._saved_reduction]}
        made = _made(_ELEMENTS[kind], *_as_they_came(node._saved_self, node._saved_target), node, settings)
        return made if kind == "MultiMarginLoss" else _by_element(made)
    if kind in _ROWS:
        settings = {"reduction": _REDUCTIONS[node._saved_reduction], "ignore_index": _signed(node._saved_ignore_index)}
        log_p, below = node._saved_self, node.next_functions[0][0]
        logits = next((n for n in _through_views(below) if _kind(n) == "LogSoftmax"), None)
        name, prediction = ("NLLLoss", log_p) if logits is None else ("CrossEntropyLoss", _logits(logits, log_p))
        return _made(name, prediction, node._saved_target, node, settings)
    if kind == "CtcLoss":
        return _made("CTCLoss", node._saved_log_probs, node._saved_targets, node, {})
    return None


def _made(name: str, prediction: Any, target: Any, node: Any, settings: dict[str, Any]) -> Traced:
    weights = {k: getattr(node, f"_saved_{k}", None) for k in ("weight", "pos_weight")}
    given = {**settings, **{k: w for k, w in weights.items() if w is not None}}
    return Traced(named("torch", name, given), prediction, target)


def _by_element(made: Traced) -> Traced:
    """Return a loss by element with its ``weight`` as what it is: one of elements, not of classes."""
    others = dict(made.loss.weights)
    weight = others.pop("class_weight", None)
    if weight is None:
        return made
    fits = tuple(weight.shape) == tuple(made.target.shape)
    return made._replace(loss=replace(made.loss, weights=others, uneven=not fits), weight=weight if fits else None)


def _as_they_came(prediction: Any, target: Any) -> tuple[Any, Any]:
    """Return prediction and target as they were before they were broadcast against each other."""
    wide = [0 in (s for s, n in zip(x.stride(), x.shape, strict=True) if n > 1) for x in (prediction, target)]
    return (_narrowed(prediction), _narrowed(target)) if all(wide) else (prediction, target)


def _narrowed(x: Any) -> Any:
    for axis, step in enumerate(x.stride()):
        x = x.narrow(axis, 0, 1) if step == 0 else x
    return x


def _logits(node: Any, log_p: Any) -> Any:
    """Return what log_softmax got, where its maker has kept it; else logits of mean 0 of which it makes the same."""
    below = node.next_functions[0][0]
    kept = getattr(below, "_saved_result", None) if recorded_by(below) else getattr(below, "variable", None)
    shape = getattr(kept, "shape", None)
    if shape is not None and tuple(shape) == tuple(log_p.shape):
        return kept
    axis = 1 if log_p.ndim > 1 else 0
    return log_p.detach() - log_p.detach().mean(axis, keepdim=True)


def _through_views(node: Any) -> Iterator[Any]:
    """Yield a node and those below it, down to the first that does not only show the same numbers otherwise."""
    while node is not None:
        yield node
        if _kind(node) not in VIEWS or not node.next_functions:
            return
        node = node.next_functions[0][0]


def _signed(index: int) -> int:
    """Return the label that is ignored: PyTorch keeps it as an unsigned number."""
    return index - (1 << 64) if index >= 1 << 63 else index
