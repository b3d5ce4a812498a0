"""A loss of the user's own, recognised: by what PyTorch's graph shows of its value, or by the value itself.

A function that wraps a known loss, or a formula written by hand, is called once with the batch that is to be judged, as
the training would call it, and its value is thrown away; twice more where it hands on another prediction than it got.
Objects that hold parameters or statistics are not called.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..arrays.namespace import framework_of
from ..evaluation.arrays import to_numpy
from ..losses import find
from .alike import SINGLE, alike, alike_backwards
from .called import called
from .loss import LossFacts, matched
from .model import recorded
from .overlap import forms
from .traced import Traced, traced

_PLACED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_PREDICTED = re.compile(r"(y_?)?(preds?|predicted|predictions?|hat)|y_p|outputs?|logits|probs|probabilities|forecast")
_TRUE = re.compile(r"(y_?)?(true|truth|target|label|actual|gt|obs|observed)s?|y|y_t|ground_truth")
_ROWS = 8  # on which a loss is asked once more, where shapes differ


def by_call(loss: Any, facts: LossFacts, prediction: Any, target: Any, *, keras: bool) -> Traced | None:
    """Return what ``loss`` is, and what it hands on as prediction and target; None where that cannot be told.

    Args:
        loss: A callable that has no definition: a function or an object of the user's own.
        facts: What is known of it.
        prediction: What it gets, of any framework.
        target: The same.
        keras: Whether it is one of Keras's, which takes the target first.
    """
    if framework_of(prediction) == "torch" and framework_of(target) == "torch" and not keras:
        return _of_torch(loss, facts, prediction, target)
    if keras and "keras" in sys.modules and prediction is not None and target is not None:
        known = _of_keras(loss, facts, prediction, target)
        return None if known is None else Traced(known, prediction, target)
    return None


def by_value(loss: Any, value: Any, prediction: Any, target: Any, facts: LossFacts | None) -> Traced | None:
    """Return what is known of a loss that gave ``value``, a tensor of PyTorch that was not through ``backward()`` yet.

    Where the graph shows several losses, it is that of the given prediction, if one is.
    """
    found = traced(value)
    if prediction is None or target is None:
        return found[0] if len(found) == 1 else None  # of several, none is the loss
    if found:
        mine = next((f for f in found if f.prediction.numel() == prediction.numel()), found[0])
        return mine._replace(loss=replace(mine.loss, part=mine.loss.part or len(found) > 1))
    handed_on = _by_its_calls(loss, prediction, target)
    if handed_on is not None:
        return handed_on
    known = _by_its_value(loss, value, prediction, target, "a formula of your own" if facts is None else facts.shown)
    if known is not None:
        return Traced(known, prediction, beside(target, prediction, known))
    overlap = _overlap(loss, value, prediction, target, facts)
    if overlap is not None:
        return overlap
    if facts is None or not _aligns(loss, prediction, target):
        return None
    return Traced(replace(facts, aligns=True), prediction, target)


def _by_its_value(loss: Any, value: Any, prediction: Any, target: Any, shown: str) -> LossFacts | None:
    """Return what a loss is that gave a value; one number alone has to be right of half of the rows, too."""
    known, rows = _alike(value, prediction, target, shown, "torch"), len(prediction) // 2 if prediction.ndim else 0
    if known is None or value.numel() > 1:
        return known
    if loss is None or not rows or not _may_be_called(loss):
        return _alike(value, prediction, target, shown, "torch", digits=SINGLE)
    torch: Any = sys.modules["torch"]
    with torch.no_grad(), _quietly(), contextlib.suppress(Exception):
        p, t = prediction.detach()[:rows], target.detach()[:rows]
        return known if _same_loss(known, _alike(loss(p, t), p, t, shown, "torch", least=1)) else None
    return None


def _same_loss(one: LossFacts, other: LossFacts | None) -> bool:
    return other is not None and other.definition is one.definition and other.negated == one.negated


def _by_its_calls(loss: Any, prediction: Any, target: Any) -> Traced | None:
    """Return what a loss is that calls one of PyTorch's, of which the graph of its value shows nothing."""
    if not _may_be_called(loss):
        return None
    given = _copied(prediction)
    with _quietly(), contextlib.suppress(Exception):
        found = called(loss, given, target.detach().clone())
        return None if found is None else _as_given(found, given, prediction, target)
    return None


def _overlap(loss: Any, value: Any, prediction: Any, target: Any, facts: LossFacts | None) -> Traced | None:
    """Return an overlap that is minimised itself, told by its value and that of half of the rows."""
    if facts is None or value.numel() != 1 or prediction.shape != target.shape or not _may_be_called(loss):
        return None
    p, t = (to_numpy("batch", x.detach()) for x in (prediction, target))
    found, rows = forms(float(value.detach()), p, t), len(p) // 2
    if not found or not rows:
        return None
    torch: Any = sys.modules["torch"]
    with torch.no_grad(), _quietly(), contextlib.suppress(Exception):
        again = forms(float(loss(prediction.detach()[:rows], target.detach()[:rows])), p[:rows], t[:rows])
        form = next((form for form in found if form in again), None)
        if form is not None:
            known = matched("torch", facts.shown, find(form[0]), {}, negated=True)
            return Traced(known, torch.from_numpy(found[form]), target)
    return None


def beside(target: Any, prediction: Any, facts: LossFacts) -> Any:
    """Return a target (N,) in the shape of its prediction (N, 1), as the loss has brought the two together itself."""
    same = prediction.shape == target.shape or facts.categorical or facts.definition is None
    return target if same else target.reshape(tuple(prediction.shape))


def _aligns(loss: Any, prediction: Any, target: Any) -> bool:
    """Whether a loss brings (N, 1) beside (N,) to one shape: of several rows it is the mean, or sum, of each alone."""
    if not _may_be_called(loss) or prediction.shape == target.shape or prediction.numel() != target.numel():
        return False
    torch: Any = sys.modules["torch"]
    rows = min(len(prediction), _ROWS)
    with torch.no_grad(), _quietly(), contextlib.suppress(Exception):
        p, t = prediction.detach()[:rows], target.detach()[:rows]
        whole = loss(p, t).mean()
        alone = torch.stack([loss(p[i : i + 1], t[i : i + 1]).mean() for i in range(rows)])
        return any(bool(torch.allclose(whole, way, rtol=1e-4, atol=1e-6)) for way in (alone.mean(), alone.sum()))
    return False


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep the state of PyTorch's random numbers, and leave what a loss warns of to the training's own call."""
    torch: Any = sys.modules["torch"]
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _may_be_called(loss: Any) -> bool:
    """Whether a loss is a function, or an object without parameters and statistics that a call could change."""
    torch: Any = sys.modules["torch"]
    if isinstance(loss, torch.nn.Module):
        return not any(True for _ in loss.parameters()) and not any(True for _ in loss.buffers())
    return callable(loss) and not isinstance(loss, type)


def _of_torch(loss: Any, facts: LossFacts, prediction: Any, target: Any) -> Traced | None:
    torch: Any = sys.modules["torch"]
    if not _may_be_called(loss):
        return None
    given = _copied(prediction)
    with torch.enable_grad(), _quietly(), contextlib.suppress(Exception):
        value = loss(given, target.detach().clone())
        if isinstance(value, torch.Tensor):
            found = by_value(loss, value, given, target, facts)
            return (
                None if found is None else _as_given(with_told(loss, found, given, target), given, prediction, target)
            )
    return None


def _copied(prediction: Any) -> Any:
    """Return a copy of which gradients are recorded anew."""
    given = prediction.detach().clone()
    return given.requires_grad_() if given.is_floating_point() else given


def with_told(loss: Any, found: Traced, given: Any, target: Any) -> Traced:
    """Return what was found with a note of whether its prediction was made with the target's help, as by a margin.

    Where a loss hands on other numbers than it got, it is asked twice more, with the targets as they are and in another
    order, and with the same random numbers.
    """
    theirs, torch = found.prediction, sys.modules["torch"]
    if theirs is given or _same(theirs, given) or not target.ndim or not _may_be_called(loss):
        return found
    with torch.enable_grad(), _quietly(), contextlib.suppress(Exception):
        ask = loss.forward if isinstance(loss, torch.nn.Module) else loss  # its hooks are not for this call
        made = []
        for targets in (target.detach(), target.detach().roll(1, 0)):
            torch.default_generator.manual_seed(0)
            made.append([one.prediction for one in traced(ask(given.detach().requires_grad_(), targets))])
        if not any(_same(one, other) for one in made[0] for other in made[1]):
            return found._replace(loss=replace(found.loss, told=True))
    return found


def _same(one: Any, other: Any) -> bool:
    """Whether two tensors hold the same numbers in the same order."""
    return one.numel() == other.numel() and bool((one.reshape(-1) == other.reshape(-1)).all())


def _as_given(found: Traced, given: Any, prediction: Any, target: Any) -> Traced:
    """Return the prediction itself where the loss got its numbers in this order: what made it can be seen there."""
    theirs = found.prediction
    own = theirs is given or (recorded(theirs) is None and _same(theirs, given))
    same = tuple(found.target.shape) == tuple(target.shape) and _same(found.target, target)
    p = prediction.reshape(theirs.shape) if own else theirs
    return found._replace(prediction=p, target=target if same else found.target)


def _of_keras(loss: Any, facts: LossFacts, prediction: Any, target: Any) -> LossFacts | None:
    keras: Any = sys.modules["keras"]
    made = loss() if isinstance(loss, type) else loss
    with _without_gradients(), contextlib.suppress(Exception):
        true, given = (keras.ops.convert_to_tensor(to_numpy("batch", x)) for x in (target, prediction))
        value = _numbers(made(true, given))
        known, rows = _alike(value, given, true, facts.shown, "keras"), max(1, len(given) // 2)
        if known is not None and value.size == 1:
            part = _numbers(made(true[:rows], given[:rows]))
            again = _alike(part, given[:rows], true[:rows], facts.shown, "keras", least=1)
            known = known if _same_loss(known, again) else None
        said = "" if known is not None else _backwards(made, value, given, true, facts.shown)
        return replace(facts, backwards=said) if said else known
    return None


def _backwards(loss: Any, value: np.ndarray, prediction: Any, target: Any, shown: str) -> str:
    """Say what shows that a loss, which Keras calls as loss(y_true, y_pred), takes its arguments the other way round.

    That is the names of its parameters, if the order makes a difference to its value on this batch; or its value.
    """
    keras: Any = sys.modules["keras"]
    known = _alike(value, prediction, target, shown, "keras", alike_backwards)
    if known is not None and known.definition is not None and not known.negated:
        name = known.definition.name.replace("_", " ")
        return f"{shown} gives exactly the {name} of y_true as the prediction and y_pred as the target."
    first, second = _first_two(loss)
    if not (_PREDICTED.fullmatch(first) and _TRUE.fullmatch(second)) or prediction.shape != target.shape:
        return ""
    as_named = _numbers(loss(prediction, keras.ops.cast(target, prediction.dtype)))
    if as_named.shape != value.shape or np.allclose(as_named, value, rtol=1e-4, atol=1e-6):
        return ""
    return f"{shown}({first}, {second}, …) calls its first argument the prediction."


def _numbers(value: Any) -> np.ndarray:
    """Return what a loss of Keras gave; Keras's own way warns with PyTorch below it."""
    return to_numpy("batch", sys.modules["keras"].ops.convert_to_tensor(value))


def _first_two(loss: Any) -> tuple[str, str]:
    """Return the names of the first two parameters of a loss, or empty ones."""
    called = loss if inspect.isroutine(loss) else getattr(loss, "call", loss)
    with contextlib.suppress(TypeError, ValueError):
        names = [p.name.lower() for p in inspect.signature(called).parameters.values() if p.kind in _PLACED]
        return (names[0], names[1]) if len(names) > 1 else ("", "")
    return "", ""


@contextlib.contextmanager
def _without_gradients() -> Iterator[None]:
    torch = sys.modules.get("torch")
    with contextlib.nullcontext() if torch is None else torch.no_grad():
        yield


def _alike(
    value: Any,
    prediction: Any,
    target: Any,
    shown: str,
    framework: str,
    search: Callable[..., LossFacts | None] = alike,
    **more: Any,
) -> LossFacts | None:
    arrays = [x if isinstance(x, np.ndarray) else to_numpy("batch", x) for x in (value, prediction, target)]
    return search(*arrays, shown=shown, framework=framework, **more)
