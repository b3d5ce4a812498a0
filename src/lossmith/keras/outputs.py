"""A model of several outputs, output by output: its loss, prediction, target and last activation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from ..doctor.loss import LossFacts, recognise
from ..doctor.model import activation_of_output
from ..doctor.own import by_call


def by_output(model: Any, prediction: Any, target: Any) -> Iterator[tuple[str, Any, Any, Any, str | None]]:
    """Yield name, loss, prediction, target and last activation of each output that has a loss of its own.

    Predictions, targets and losses are mappings by the outputs' names, or sequences in their order; a single loss is
    that of every output.
    """
    names = _names(model, prediction)
    predictions, targets = _by_name(prediction, names), _by_name(target, names)
    losses = getattr(model, "loss", None)
    each = _by_name(losses, names) if isinstance(losses, Mapping | list | tuple) else dict.fromkeys(names, losses)
    for place, name in enumerate(names):
        loss = each.get(name)
        if loss is None or name not in predictions or name not in targets:
            continue
        facts = _facts(loss, predictions[name], targets[name])
        if facts is not None:
            yield name, facts, predictions[name], targets[name], activation_of_output(model, place)


def _facts(loss: Any, prediction: Any, target: Any) -> LossFacts | None:
    facts = recognise(loss, keras=True)
    if facts is None or facts.definition is not None:
        return facts
    own = by_call(loss, facts, prediction, target, keras=True)
    return facts if own is None else own.loss


def _names(model: Any, prediction: Any) -> list[str]:
    """Return the outputs' names in the order in which Keras counts them: that of sorted names for a mapping."""
    if isinstance(prediction, Mapping):
        return sorted(prediction)
    count = len(prediction) if isinstance(prediction, list | tuple) else 1
    names = list(getattr(model, "output_names", None) or ())
    return names if len(names) == count else [str(i) for i in range(count)]


def _by_name(values: Any, names: list[str]) -> dict[str, Any]:
    if isinstance(values, Mapping):
        return dict(values)
    flat = values if isinstance(values, list | tuple) else keras.tree.flatten(values)
    return dict(zip(names, flat, strict=False))
