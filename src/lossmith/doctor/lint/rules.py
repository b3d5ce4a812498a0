"""From events to findings: one small function per kind of event, and ``judge`` over all."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..finding import Finding
from ..rule import rule
from .events import Activated, ClassCall, Compile, Event, Logarithm, LossCall, Metric
from .layers import BOUNDED
from .loops import Unreset
from .rules_fit import fits, labels
from .values import Group, LossSpec, Tensor

_SURE_TARGETS = frozenset({"y_true", "target", "targets", "label", "labels", "ground_truth", "true_labels"})
_TARGETS = _SURE_TARGETS | {"y", "gt", "yb", "y_batch", "y_train", "y_test"}
_PREDICTIONS = frozenset(
    {"y_pred", "logits", "logit", "pred", "preds", "prediction", "predictions", "output", "outputs", "y_hat"}
)
_ASYMMETRIC = frozenset(
    {"softmax_cross_entropy", "binary_cross_entropy", "sigmoid_cross_entropy", "negative_log_likelihood"}
    | {"categorical_cross_entropy"}
)
_ACCURACIES = frozenset({"accuracy", "acc", "binary_accuracy", "BinaryAccuracy"})
_CATEGORICAL = frozenset({"categorical_accuracy", "CategoricalAccuracy", "top_k_categorical_accuracy"})
_SPARSE = frozenset({"sparse_categorical_accuracy", "SparseCategoricalAccuracy"})
_HARD = frozenset({"argmax", "round", "arg_max"})


@dataclass(frozen=True)
class Hit:
    """A finding and the node it belongs to."""

    node: ast.AST
    finding: Finding


def judge(events: Iterable[Event], loops: Iterable[Unreset]) -> Iterator[Hit]:
    """Yield all findings of a file, in no order, some of them several times."""
    for event in events:
        if isinstance(event, LossCall):
            yield from _loss_call(event)
        elif isinstance(event, Compile):
            yield from _compile(event)
        elif isinstance(event, Activated):
            yield from _activated(event)
        elif isinstance(event, Logarithm):
            yield from _logarithm(event)
        elif isinstance(event, ClassCall):
            yield from _class_call(event)
    for loop in loops:
        yield _unreset(loop)


# --- a loss is applied ------------------------------------------------------------------------------------------------
def _loss_call(event: LossCall) -> Iterator[Hit]:
    x = event.prediction
    found: list[Finding] = []
    swapped = _swapped(event)
    if swapped is not None:
        yield Hit(event.node, swapped)
        return
    if isinstance(x, Tensor):
        found += fits(event.spec, x)
        found += _hard_answers(event, x)
        found += _class_weights(event.spec, x)
    if isinstance(event.target, Tensor):
        found += _target_of_divergence(event.spec, event.target)
        found += _one_hot_target(event, event.target)
        found += labels(event.spec, event.target)
    for one in found:
        yield Hit(event.node, one)


def _swapped(event: LossCall) -> Finding | None:
    prediction, target = event.names
    if event.spec.name not in _ASYMMETRIC or isinstance(event.prediction, Tensor):
        return None
    known = isinstance(event.target, Tensor) and event.target.predicted and prediction in _TARGETS
    named = prediction in _SURE_TARGETS and target in _PREDICTIONS
    if not known and not named:
        return None
    order = "(y_true, y_pred)" if event.spec.framework == "keras" else "(prediction, target)"
    shown = event.target.shown if isinstance(event.target, Tensor) and event.target.shown else target
    return rule("OUT13").finding(
        evidence=f"{event.spec.shown} takes {order}; {prediction} stands where the prediction belongs, "
        f"{shown or 'the model’s output'} where the target does.",
        certainty="certain" if known else "likely",
        framework=event.spec.framework,
    )


def _hard_answers(event: LossCall, x: Tensor) -> Iterator[Finding]:
    if x.hard and event.trained:
        yield rule("OUT20").finding(
            evidence=f"The prediction of {event.spec.shown} comes from {x.hard}, and its gradient is taken.",
            framework=event.spec.framework,
        )


def _class_weights(spec: LossSpec, x: Tensor) -> Iterator[Finding]:
    if spec.weights is not None and x.units is not None and x.units > 1 and spec.weights != x.units:
        yield rule("OUT19").finding(
            what=f"{spec.weights} class weights for {x.units} classes.",
            evidence=f"{spec.shown} (line {spec.line}) has {spec.weights} weights; the last layer has {x.units} units.",
            severity="error",
            framework=spec.framework,
        )


def _target_of_divergence(spec: LossSpec, target: Tensor) -> Iterator[Finding]:
    if spec.name != "kl_divergence_log_probabilities" or spec.log_target is None:
        return
    wrong = {False: "log_softmax", True: "softmax"}[spec.log_target]
    if target.activation == wrong:
        wants = "log-probabilities" if spec.log_target else "probabilities"
        yield rule("OUT11").finding(
            what=f"{spec.shown} takes its target as {wants} here, and gets {target.shown}.",
            evidence=f"log_target is {spec.log_target}.",
            fix="log_target=True for a target of log-probabilities, and only for one",
            framework=spec.framework,
        )


def _one_hot_target(event: LossCall, target: Tensor) -> Iterator[Finding]:
    probabilities = isinstance(event.prediction, Tensor) and event.prediction.activation in BOUNDED  # the Brier score
    if event.spec.kind == "distance" and target.one_hot and event.trained and not probabilities:
        yield rule("OUT09").finding(
            evidence=f"{event.spec.shown} is trained on one-hot targets.", framework=event.spec.framework
        )


def _class_call(event: ClassCall) -> Iterator[Hit]:
    if event.used or isinstance(event.prediction, Tensor):
        name = event.spec.shown
        yield Hit(
            event.node,
            rule("OUT12").finding(
                evidence=f"{name} is a class; {ast.unparse(event.node)} makes an object of it and compares nothing.",
                fix=f"{name}()({', '.join(ast.unparse(a) for a in event.node.args)})",
                framework=event.spec.framework,
            ),
        )


# --- layers and formulas ----------------------------------------------------------------------------------------------
def _activated(event: Activated) -> Iterator[Hit]:
    x = event.after
    if x.activation == "softmax" and x.units == 1 and x.axis == -1:
        keras = "nn." not in x.shown and "torch" not in x.shown and "F." not in x.shown
        yield Hit(
            event.node,
            rule("OUT01").finding(evidence=f"{x.shown} is over one unit.", framework="keras" if keras else "torch"),
        )


def _logarithm(event: Logarithm) -> Iterator[Hit]:
    activation = event.of.activation
    if event.by_hand:
        finding = rule("NUM02").finding(
            what="A log-softmax is written out: exp overflows from 88 on in float32.",
            evidence=f"{event.written}, without taking off the maximum first.",
        )
        yield Hit(event.node, finding)
        return
    inner = f"1 - {activation}(x)" if event.complement else f"{activation}(x)"
    yield Hit(
        event.node,
        rule("NUM02").finding(
            what=f"log({inner}) is written out: it is minus infinity where {inner} rounds to 0.",
            evidence=f"{event.written}() is taken of {event.of.shown}.",
            framework="torch" if "torch" in event.written or event.written.startswith(".") else "",
        ),
    )


# --- Keras: compile ---------------------------------------------------------------------------------------------------
def _compile(event: Compile) -> Iterator[Hit]:
    found: list[Finding] = []
    output = event.output
    if event.function is not None:
        found += _own_function(event)
    elif event.loss is not None and not isinstance(output, Group):
        if isinstance(output, Tensor):
            found += fits(event.loss, output)
        found += _metrics(event.loss, output if isinstance(output, Tensor) else Tensor(), event.metrics)
    for one in found:
        yield Hit(event.loss_node, one)


def _metrics(spec: LossSpec, x: Tensor, metrics: tuple[Metric, ...]) -> Iterator[Finding]:
    names = {m.name for m in metrics}
    if spec.kind == "distance" and names & (_ACCURACIES | _CATEGORICAL | _SPARSE):
        yield _accuracy_of_numbers(spec, x)
        return
    for metric in metrics:
        wrong = _contradiction(spec, x, metric)
        if wrong:
            yield rule("MET01").finding(
                what=f"The metric {_shown(metric)} does not fit the loss {spec.shown}.",
                evidence=f"{_shown(metric)}: {wrong[0]}",
                fix=wrong[1],
                framework="keras",
            )


def _accuracy_of_numbers(spec: LossSpec, x: Tensor) -> Finding:
    if x.activation == "softmax" and x.units != 1:
        return rule("OUT09").finding(
            evidence=f"{spec.shown} on {x.shown}, judged by its accuracy: a classification.", framework="keras"
        )
    return rule("MET01").finding(
        what="Accuracy beside a regression loss: one of the two does not fit.",
        evidence=f"{spec.shown} compares numbers; an accuracy counts equal answers.",
        fix='metrics=["mae"] for numbers; "binary_crossentropy" with a sigmoid for yes or no',
        framework="keras",
    )


def _contradiction(spec: LossSpec, x: Tensor, metric: Metric) -> tuple[str, str] | None:
    name = metric.name
    if name == "Accuracy" and spec.kind in ("categorical", "binary"):
        return (
            "it counts predictions that equal the label exactly, which scores and probabilities hardly do.",
            'metrics=["accuracy"]',
        )
    if spec.kind == "binary":
        return _beside_binary(spec, x, metric)
    if spec.kind != "categorical":
        return None
    if name in ("binary_accuracy", "BinaryAccuracy"):
        return "it cuts every class at 0.5 by itself.", 'metrics=["accuracy"]'
    if spec.takes == "indices" and name in _CATEGORICAL:
        return "it takes one-hot labels, the loss class indices.", 'metrics=["accuracy"]'
    if spec.takes == "rows" and name in _SPARSE:
        return "it takes class indices, the loss one-hot rows.", 'metrics=["accuracy"]'
    return None


def _beside_binary(spec: LossSpec, x: Tensor, metric: Metric) -> tuple[str, str] | None:
    cuts = metric.name in ("binary_accuracy", "BinaryAccuracy") or (metric.name in ("accuracy", "acc") and x.units == 1)
    if spec.form == "logits" and cuts and metric.threshold is None and x.activation not in ("sigmoid", "softmax"):
        return "it cuts at 0.5, and logits at 0 are even odds.", "metrics=[keras.metrics.BinaryAccuracy(threshold=0)]"
    if x.units == 1 and metric.name in _CATEGORICAL | _SPARSE:
        return "the largest of one unit is always the first.", "metrics=[keras.metrics.BinaryAccuracy()]"
    return None


def _shown(metric: Metric) -> str:
    return f"{metric.name}()" if metric.is_object else f'"{metric.name}"'


def _own_function(event: Compile) -> Iterator[Finding]:
    """Judge a loss function of the file by its parameters' names and what it does with its prediction."""
    node = event.function
    names = [a.arg for a in node.args.args]
    if len(names) != 2 or getattr(node, "decorator_list", None):
        return
    if names[0] in _PREDICTIONS and names[1] in _SURE_TARGETS:
        yield rule("OUT13").finding(
            evidence=f"Keras calls it with (y_true, y_pred); its parameters are ({names[0]}, {names[1]}).",
            fix=f"def {getattr(node, 'name', 'loss')}({names[1]}, {names[0]})",
            framework="keras",
        )
    elif _only_hard(node, names[1]):
        yield rule("OUT20").finding(
            evidence=f"{getattr(node, 'name', 'The loss')} uses {names[1]} inside of argmax or round alone.",
            framework="keras",
        )


def _only_hard(function: ast.AST, name: str) -> bool:
    body = function.body if isinstance(function.body, list) else [function.body]  # type: ignore[attr-defined]
    uses = sum(isinstance(n, ast.Name) and n.id == name for part in body for n in ast.walk(part))
    inside: set[int] = set()
    for part in body:
        for call in ast.walk(part):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _HARD:
                inside |= {id(n) for n in ast.walk(call) if isinstance(n, ast.Name) and n.id == name}
    return 0 < uses == len(inside)


# --- training loops ---------------------------------------------------------------------------------------------------
def _unreset(loop: Unreset) -> Hit:
    return Hit(
        loop.node,
        rule("OPT10").finding(
            evidence=f"The loop calls backward() and {loop.optimizer}.step() (line {loop.step}), and nothing resets "
            "the gradients.",
            fix=f"{loop.optimizer}.zero_grad()  # before backward()",
            certainty="certain" if loop.certain else "likely",
            framework="torch",
        ),
    )
