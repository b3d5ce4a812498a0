"""The losses of two matrices, single elements, sequences and batches on TensorFlow tensors, by the kernels.

The contract is that of :mod:`lossmith.native.tensorflow`, which has the operations loaded: ``supports`` says whether a
call can run here, values and gradients are those of the formulas, and gradients of every order go through, with respect
to the target, too; those that the kernels do not have come from the formula. Five families:

- ``pairs``: softmax cross-entropy with dense targets, and distillation: rows (…, C) against rows, one value per row.
- ``rows``: an elementwise loss summed, or averaged, over the last axis. Nothing of the size of the elements is stored
  but the gradient; that of the mean of everything is computed ahead in graphs that a tape records.
- ``elements``: an elementwise loss by itself.
- ``sequences``: CTC of (…, T, C), with targets (…, S + 2): the tokens, how many steps there are, and how many tokens.
- ``batches``: losses whose rows compare with each other, of matrices (…, N, N), with targets (…, N, 2): the group of
  each row, and 1 where it is present, else 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ..arrays import tensorflow as xp
from ..losses import Loss, find
from . import batch_rows, elementwise, row_pairs, tensorflow

_NAMES = {
    "pairs": "RowPairs",
    "rows": "ElementRows",
    "elements": "Elements",
    "sequences": "Ctc",
    "batches": "BatchRows",
}
_OPERATIONS = {
    "pairs": "row_pairs",
    "rows": "element_rows",
    "elements": "elements",
    "sequences": "ctc",
    "batches": "batch_rows",
}
_WITH_WHOLE_TARGETS = ("sequences", "batches")
_CTC = find("ctc")
_PAIR_LOSSES = {row_pairs._KNOWN[name][0]: name for name in row_pairs._KNOWN}
_BITS = "_bits"


class Call(NamedTuple):
    """A loss with its parameters, as a family's operations take it."""

    family: str
    attributes: Mapping[str, Any]


def pairs(loss: Loss, parameters: Mapping[str, Any]) -> Call | None:
    """Return the call of a loss between rows, or None if it has no kernel here."""
    number, numbers = row_pairs.find(loss), row_pairs.numbers(parameters)
    if number is None or numbers is None or parameters.get("class_weight") is not None:
        return None  # the gradient with respect to class weights is the formula's
    return Call("pairs", {"loss": number, **{k + _BITS: _bits(v) for k, v in numbers.items()}})


def elements(loss: Loss, parameters: Mapping[str, Any], family: str = "elements", mean: bool = False) -> Call | None:
    """Return the call of an elementwise loss, or None if it has no kernel here.

    With the family "rows" values are sums over the last axis, with ``mean`` averages.
    """
    numbers = None if elementwise.find(loss) is None or loss.extras else elementwise.numbers(loss, parameters)
    if numbers is None:
        return None
    bits = {f"q{i}{_BITS}": _bits(np.nan if x is None else x) for i, x in enumerate(numbers)}
    return Call(family, {"loss": loss.name, "mean": int(mean), **bits})


def sequences(loss: Loss, parameters: Mapping[str, Any], classes: int | None) -> Call | None:
    """Return the call of CTC, or None if it has no kernel here."""
    blank = parameters["blank"] if loss is _CTC else None
    if not isinstance(blank, int) or classes is None or not 0 <= blank < classes:
        return None
    return Call("sequences", {"blank": blank, "impossible_is_zero": int(parameters["infeasible"] == "zero")})


def batches(name: str, settings: Mapping[str, Any]) -> Call:
    """Return the call of a loss of ``native.batch_rows``, of its name and with its settings."""
    margin, soft = batch_rows.numbers(settings)
    return Call("batches", {"loss": batch_rows.NUMBERS[name], "margin" + _BITS: _bits(margin), "soft": int(soft)})


@tf.autograph.experimental.do_not_convert
def with_presence(groups: Any, inside: Any) -> Any:
    """Return groups (N,) and beside them whether each row is present; all are where ``inside`` is None."""
    there = tf.ones_like(groups) if inside is None else tf.cast(inside > 0, groups.dtype)
    return tf.stack([groups, there], axis=-1)


@tf.autograph.experimental.do_not_convert
def with_counts(tokens: Any, steps: Any, length: Any) -> Any:
    """Return tokens (…, S) and behind them the numbers of steps and of tokens; one above S becomes -1."""
    counts = (steps, tf.where(length <= tf.cast(tf.shape(tokens)[-1], length.dtype), length, -tf.ones_like(length)))
    wide = (tf.broadcast_to(tf.cast(x, tokens.dtype), tf.shape(tokens)[:-1])[..., tf.newaxis] for x in counts)
    return tf.concat([tokens, *wide], axis=-1)


@tf.autograph.experimental.do_not_convert
def supports(call: Call | None, prediction: Any, target: Any) -> bool:
    """Return whether the operations take these tensors in the place where the call is made."""
    if call is None or not tensorflow.runs_here(prediction, target):
        return False
    if call.family == "pairs" and prediction.dtype not in (tf.float32, tf.float64):
        return False
    if call.family == "sequences":
        return prediction.dtype in tensorflow._COMPUTED_IN and target.dtype == tf.int64
    return target.dtype == tensorflow._COMPUTED_IN.get(prediction.dtype)


@tf.autograph.experimental.do_not_convert
def values(call: Call, prediction: Any, target: Any) -> Any:
    """Return the loss of each row or element, in float32 for half precision."""
    ahead = call.family in _WITH_WHOLE_TARGETS or (call.family != "elements" and not tf.executing_eagerly())
    ahead = ahead and tensorflow._tape_is_recording()
    given = {"prediction": prediction, "target": target, **call.attributes}
    if call.family in _WITH_WHOLE_TARGETS:  # of the others' targets it is the dtype
        given["U"] = tensorflow._COMPUTED_IN[prediction.dtype]
    found = _operation(call.family, "ahead" if ahead else "")(**given)
    return found[0] if ahead else found


@tf.autograph.experimental.do_not_convert
def values_and_gradient(call: Call, prediction: Any, target: Any, scale: Any) -> tuple[Any, Any]:
    """Return the values, and their gradient with respect to the prediction, of its dtype, times ``scale``.

    ``scale`` is one factor for each value, or one in all.
    """
    shape = tf.shape(prediction)
    shape = {"elements": shape, "sequences": shape[:-2]}.get(call.family, shape[:-1])
    scale = tf.broadcast_to(tensorflow.as_factor(scale, tensorflow._COMPUTED_IN[prediction.dtype]), shape)
    operation = _operation(call.family, "gradient")
    return operation(prediction=prediction, target=target, scale=scale, **call.attributes)


def _operation(family: str, kind: str) -> Any:
    return getattr(tensorflow._operations(), f"lossmith_{_OPERATIONS[family]}_{kind}".rstrip("_"))


def _bits(value: float) -> int:
    return int(np.float64(value).view(np.int64))


def _number(op: Any, name: str) -> float:
    return float(np.int64(op.get_attr(name + _BITS)).view(np.float64))


class _Plain(NamedTuple):
    """An operation's formula, from its attributes."""

    call: Call
    value: Callable[[Any, Any], Any]
    gradient: Callable[[Any, Any, Any], Any]  # times a scale along the values


def _plain_sequences(op: Any) -> _Plain:
    parameters = {"blank": op.get_attr("blank"), "infeasible": "zero" if op.get_attr("impossible_is_zero") else "inf"}
    call = sequences(_CTC, parameters, op.get_attr("blank") + 1)
    assert call is not None

    def arguments(prediction: Any, target: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        wide = tf.cast(prediction, tensorflow._COMPUTED_IN[prediction.dtype])
        steps, length = (tf.cast(target[..., k], wide.dtype) for k in (-2, -1))
        return (xp, wide, target[..., :-2]), {**parameters, "prediction_length": steps, "target_length": length}

    def value(prediction: Any, target: Any) -> Any:
        arrays, settings = arguments(prediction, target)
        return _CTC.value(*arrays, **settings)

    def gradient(prediction: Any, target: Any, scale: Any) -> Any:
        arrays, settings = arguments(prediction, target)
        return tf.cast(_CTC.gradient(*arrays, **settings) * scale[..., tf.newaxis, tf.newaxis], prediction.dtype)

    return _Plain(call, value, gradient)


def _plain_batches(op: Any) -> _Plain:
    name = list(batch_rows.NUMBERS)[op.get_attr("loss")]
    settings: dict[str, Any] = {}
    if "triplet" in name:
        settings["margin"] = _number(op, "margin")
    if name == "triplet_hard":
        settings["soft"] = bool(op.get_attr("soft"))

    def value(matrix: Any, target: Any) -> Any:
        there = target[..., 1] != 0
        values = batch_rows.FORMULAS[name](xp, matrix, target[..., 0], tf.cast(there, matrix.dtype), **settings)
        return tf.where(there, values, tf.zeros_like(values))

    def gradient(matrix: Any, target: Any, scale: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(matrix)
            values = value(matrix, target)
        return tape.gradient(values, matrix, output_gradients=scale)

    return _Plain(batches(name, settings), value, gradient)


def _plain(family: str, op: Any) -> _Plain:
    if family in _WITH_WHOLE_TARGETS:
        return _plain_sequences(op) if family == "sequences" else _plain_batches(op)
    if family == "pairs":
        loss = find(_PAIR_LOSSES[op.get_attr("loss")])
        names = [name for name in loss.defaults if name != "class_weight"]
        parameters: dict[str, Any] = {**loss.defaults, **{name: _number(op, name) for name in names}}
        call = pairs(loss, parameters)
    else:
        loss = find(op.get_attr("loss").decode())
        mean = bool(op.get_attr("mean"))
        numbers = [_number(op, f"q{i}") for i in range(len(loss.parameters))]
        parameters = {
            p.name: None if np.isnan(x) else bool(x) if isinstance(p.default, bool) else x
            for p, x in zip(loss.parameters, numbers, strict=True)
        }
        call = elements(loss, parameters, family, mean)
    assert call is not None
    reduced = {"rows": tf.reduce_mean if call.attributes.get("mean") else tf.reduce_sum}.get(family)

    def value(prediction: Any, target: Any) -> Any:
        wide = tf.cast(prediction, target.dtype)
        found = loss.value(xp, wide, target, **parameters)
        return found if reduced is None else reduced(found, axis=-1)

    def gradient(prediction: Any, target: Any, scale: Any) -> Any:
        wide = tf.cast(prediction, target.dtype)
        if family != "elements":
            scale = scale[..., tf.newaxis]
        if call.attributes.get("mean"):
            scale = scale / tf.cast(tf.shape(wide)[-1], wide.dtype)
        return tf.cast(loss.gradient(xp, wide, target, **parameters) * scale, prediction.dtype)

    return _Plain(call, value, gradient)


def _register(family: str) -> None:
    name = f"Lossmith{_NAMES[family]}"

    @tensorflow._gradient_of(name)
    def of_values(op: Any, cotangent: Any) -> tuple[Any, ...]:
        plain, (prediction, target) = _plain(family, op), op.inputs
        cotangent = tf.convert_to_tensor(cotangent)  # it may be IndexedSlices: that is what the gradient of a gather is
        given = {"prediction": prediction, "target": target, **plain.call.attributes}
        if family == "elements":
            slope = _operation(family, "backward")(cotangent=cotangent, **given)
        else:
            _, slope = _operation(family, "gradient")(scale=cotangent, **given)
        return slope, _target_slope(op, plain, cotangent)

    @tensorflow._gradient_of(f"{name}Ahead")
    def of_ahead(op: Any, cotangent: Any, _: Any) -> tuple[Any, ...]:
        """The second output is of no use but here: nobody can have a cotangent for it."""
        plain, (prediction, target), (_, ahead) = _plain(family, op), op.inputs, op.outputs
        cotangent = tf.convert_to_tensor(cotangent)
        given = {"prediction": prediction, "target": target, "ahead": ahead, **plain.call.attributes}
        return _operation(family, "backward")(cotangent=cotangent, **given), _target_slope(op, plain, cotangent)

    @tensorflow._gradient_of(f"{name}Backward")
    def of_backward(op: Any, cotangent: Any) -> tuple[Any, ...]:
        prediction, target, *ahead, scale = op.inputs
        slope, target_slope, scale_slope = _by_formula(_plain(family, op), prediction, target, scale, None, cotangent)
        return slope, target_slope, *[None for _ in ahead], scale_slope

    @tensorflow._gradient_of(f"{name}Gradient")
    def of_gradient(op: Any, value_cotangent: Any, gradient_cotangent: Any) -> tuple[Any, ...]:
        prediction, target, scale = op.inputs
        return _by_formula(_plain(family, op), prediction, target, scale, value_cotangent, gradient_cotangent)


def _target_slope(op: Any, plain: _Plain, cotangent: Any) -> Any:
    """Return the derivative with respect to the target; None where a tape says that nobody asks, or it has none."""
    prediction, target = op.inputs
    if target.dtype.is_integer or 1 in (getattr(op, "skip_input_indices", None) or ()):
        return None
    with tf.GradientTape() as tape:
        tape.watch(target)
        found = plain.value(prediction, target)
    return tape.gradient(found, target, output_gradients=cotangent)


def _by_formula(
    plain: _Plain, prediction: Any, target: Any, scale: Any, value_cotangent: Any, gradient_cotangent: Any
) -> tuple[Any, Any, Any]:
    """Return the derivatives of value and gradient; tapes further out see ordinary operations."""
    sources = [prediction, scale] if target.dtype.is_integer else [prediction, scale, target]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        outputs, cotangents = [plain.gradient(prediction, target, scale)], [gradient_cotangent]
        if value_cotangent is not None:
            outputs.append(plain.value(prediction, target))
            cotangents.append(value_cotangent)
    zero = tf.UnconnectedGradients.ZERO
    slopes = tape.gradient(outputs, sources, output_gradients=cotangents, unconnected_gradients=zero)
    slope, scale_slope, target_slope = (*slopes, None)[:3]
    return slope, target_slope, scale_slope


for _family in _NAMES:
    _register(_family)
