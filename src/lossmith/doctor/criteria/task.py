"""OUT09, OUT10, OUT12, OUT13, OUT16, OUT19, MET01: whether loss, task and settings go together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..evidence import Evidence
from ..finding import Finding
from ..rule import judges, rule
from .words import few, num, plural, share, size, span

_CLASS_LEVELS = 20
_ROWS_OF_CLASSES = 40
_NUMBERS = 10  # classes
_FEW_ROWS = 8
_LOPSIDED = 1000
_NEAR = 0.25  # of the largest logarithm of a share: so far those of the weights may be off
_LABELS = 200  # from which shares are known well enough
_ACCURACIES = ("accuracy", "acc", "binaryaccuracy", "binary_accuracy")
_ONE_ANSWER = ("categoricalaccuracy", "categorical_accuracy")  # one label per row: the greatest score beside the truth
_NOT_ONE = 0.1  # of the rows have no label, or several


@judges("OUT09")
def regression_on_classes(e: Evidence) -> Iterator[Finding]:
    """Judge OUT09: a regression loss on classes."""
    facts, p, t = e.loss, e.prediction, e.numeric_target
    if facts is None or not facts.distance or p is None or t is None or t.size < 8:
        return
    single = t.ndim == 1 or (t.ndim == 2 and t.shape[1] == 1)
    if t.size != p.size or not np.isfinite(p).all() or (e.loss is not None and e.loss.uneven):
        return
    if single and _numbered_classes(t):
        yield _numbered(e, t)
        return
    if not np.all((t == 0) | (t == 1)):
        return
    one_hot = t.ndim == 2 and t.shape[1] >= 3 and t.shape[0] >= 8 and bool(np.all(t.sum(axis=1) == 1))
    both = bool(t.min() == 0 and t.max() == 1)
    if not one_hot and not (single and both):
        return
    probable = bool(p.min() >= 0 and p.max() <= 1)
    kind = f"one-hot over {t.shape[1]} columns" if one_hot else "0 and 1"
    yield rule("OUT09").finding(
        what=f"{facts.shown} on classes.",
        evidence=f"All {len(t)} targets are {kind}; predictions in {span(p)}.",
        why="With probabilities this is the Brier score: proper, but its gradient vanishes where the model is sure and "
        "wrong."
        if probable
        else "",
        severity="note" if probable else "warning",
        certainty="likely",
        framework=e.framework,
    )


def _numbered_classes(t: np.ndarray) -> bool:
    """Whether targets are 0, 1, …, K - 1 for a few K, none of them rare: classes by their numbers, as it seems.

    Counts thin out, and what people rate starts at 1.
    """
    levels, counts = np.unique(t, return_counts=True)
    few = t.size >= _ROWS_OF_CLASSES and 3 <= levels.size <= _NUMBERS
    return few and bool(np.array_equal(levels, np.arange(levels.size)) and counts.min() * levels.size >= t.size / 2)


def _numbered(e: Evidence, t: np.ndarray) -> Finding:
    classes = np.unique(t).size
    return rule("OUT09").finding(
        what=f"{e.loss.shown if e.loss else 'A regression loss'} on the numbers of {classes} classes.",
        evidence=f"All {t.size} targets are 0 … {classes - 1}, each about as often.",
        why="Class 2 is not twice class 1: between two classes the answer is a third one. Where the numbers are "
        "grades, in order and evenly far from each other, all is well.",
        fix={
            "torch": f"nn.Linear(…, {classes}) and nn.CrossEntropyLoss()",
            "keras": f'Dense({classes}, activation="softmax") with "sparse_categorical_crossentropy"',
        }.get(e.framework, "one output per class and the categorical cross-entropy"),
        certainty="likely",
        framework=e.framework,
        classes=classes,
    )


@judges("OUT10")
def classes_on_numbers(e: Evidence) -> Iterator[Finding]:
    """Judge OUT10: a classification loss on continuous targets."""
    facts, t = e.loss, e.numeric_target
    if facts is None or t is None or t.size == 0 or t.dtype.kind != "f":
        return
    shape, t = t.shape[1:], t[np.isfinite(t)]
    broken = t != np.rint(t)
    if facts.binary and facts.definition is not None:
        odd = broken & ((t < 0) | (t > 1))
        if np.unique(t[odd]).size < 3:
            return
    elif not (facts.categorical and facts.takes and e.dense_target is None and broken.any()):
        return
    elif e.prediction is None and shape[-1:] > (1,):
        return  # rows over classes, without the prediction that would say so
    levels = np.unique(t)
    if levels.size <= _CLASS_LEVELS:
        return
    yield rule("OUT10").finding(
        what=f"{facts.shown} is for classes, and the targets are continuous.",
        evidence=f"{levels.size} different targets in {span(t)}, {share(float(broken.mean()))} of them not whole.",
        framework=e.framework,
    )


@judges("OUT12")
def class_not_object(e: Evidence) -> Iterator[Finding]:
    """Judge OUT12: the loss class stands where a loss object belongs."""
    facts = e.loss
    if facts is None or not facts.is_class:
        return
    keras = facts.framework == "keras"
    name = facts.shown
    yield rule("OUT12").finding(
        evidence=f"The loss is the class {name}.",
        why="Harmless in compile(): Keras 3 makes the object itself, with the defaults." if keras else "",
        severity="note" if keras else "error",
        fix=f"{name}()",
    )


@judges("OUT13")
def swapped(e: Evidence) -> Iterator[Finding]:
    """Judge OUT13: prediction and target have changed places."""
    facts, p, t = e.loss, e.prediction, e.numeric_target
    if facts is None or facts.definition is None or facts.symmetric or p is None or t is None:
        return
    if not (facts.categorical or facts.binary or facts.regression) or p.size < 2:
        return
    whole = p.dtype.kind in "iu" and t.dtype.kind == "f" and bool(np.any(t != np.rint(t)))
    if e.origin.backwards and "divergence" not in facts.definition.name:
        said = "The target is what the model computed, with a gradient; the prediction has none."
    elif whole:
        said = f"The prediction is of dtype {p.dtype}, in {span(p)}; the target of dtype {t.dtype}, in {span(t)}."
    else:
        said = _hard_against_soft(e, p, t)
    if said:
        shown = "loss(y_true, y_pred)" if facts.framework == "keras" else "loss(prediction, target)"
        yield rule("OUT13").finding(
            evidence=f"{said} {facts.shown} is {shown}.",
            certainty="likely",
            framework=e.framework,
        )


@judges("OUT13")
def backwards(e: Evidence) -> Iterator[Finding]:
    """Judge OUT13: a function of the user's own takes its arguments the other way round."""
    if e.loss is None or not e.loss.backwards:
        return
    yield rule("OUT13").finding(
        evidence=f"{e.loss.backwards} Keras calls it with (y_true, y_pred).",
        why="The loss is another one than was meant, with another best answer.",
        fix=f"def {e.loss.shown}(y_true, y_pred): …" if e.loss.shown.isidentifier() else "",
        certainty="likely",
        framework=e.framework,
    )


def _hard_against_soft(e: Evidence, p: np.ndarray, t: np.ndarray) -> str:
    """Say that predictions are hard 0 and 1 while targets are soft, or return nothing."""
    if e.loss is None or not (e.loss.binary or e.loss.categorical) or p.shape != t.shape or p.size < 16:
        return ""
    hard = bool(np.all((p == 0) | (p == 1)) and p.min() != p.max())
    soft = float(np.mean(t != np.rint(t)))
    if not hard or soft < 0.1 or np.unique(t).size < 10:  # smoothed labels have two values
        return ""
    return (
        f"All {plural(p.size, 'prediction')} are 0 or 1, and {share(soft)} of the targets (in {span(t)}) are neither."
    )


@judges("OUT16")
def dropout_last(e: Evidence) -> Iterator[Finding]:
    """Judge OUT16: dropout between the logits and the loss."""
    if e.model is not None and e.model.ends_in_dropout:
        evidence = f"The model ends in {' → '.join(e.model.layers[-3:])}."
    else:
        dropped = _dropped(e)
        if not dropped:
            return
        evidence = f"{share(dropped)} of the logits are exactly 0, beside others of both signs in the same rows."
    yield rule("OUT16").finding(evidence=evidence, framework=e.framework)


def _dropped(e: Evidence) -> float:
    """Return the share of logits that are exactly 0, if they look like dropped: scattered over rows and classes."""
    facts, rows = e.loss, e.rows
    if facts is None or facts.form != "logits" or not facts.categorical or rows is None or e.stage == "finished":
        return 0.0
    zeros = rows == 0
    part = float(zeros.mean())
    if rows.size < 64 or rows.shape[1] < 2 or not 0.05 <= part <= 0.9 or not (rows.min() < 0 < rows.max()):
        return 0.0
    some = zeros.any(axis=1) & ~zeros.all(axis=1)
    # Dropped are logits one by one: every class about as often, and whole rows no more often than by chance.
    by_class, error = zeros.mean(axis=0), 4 * math.sqrt(part * (1 - part) / len(rows))
    whole = float(zeros.all(axis=1).mean())
    even = bool(np.all(np.abs(by_class - part) <= error))
    by_chance = whole <= part ** rows.shape[1] + 4 * math.sqrt(part ** rows.shape[1] / len(rows)) + 4 / len(rows)
    return part if even and some.any() and by_chance else 0.0


@judges("OUT19")
def class_weights(e: Evidence) -> Iterator[Finding]:
    """Judge OUT19: the class weights do not fit."""
    for name, given in ({} if e.loss is None else e.loss.weights).items():
        try:
            w = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given, dtype=np.float64)
        except (TypeError, ValueError):
            continue
        yield from _judge_weights(e, name, w.reshape(-1))


def _judge_weights(e: Evidence, name: str, w: np.ndarray) -> Iterator[Finding]:
    found = rule("OUT19").finding
    classes = e.rows.shape[1] if e.rows is not None and e.prediction is not None and e.prediction.ndim > 1 else 0
    if w.size == 0:
        return
    if not np.isfinite(w).all() or w.min() < 0:
        yield found(
            what=f"{name} holds {few(w[~(w >= 0) | ~np.isfinite(w)])}.",
            evidence=f"{plural(w.size, 'weight')}: {few(w)}.",
            severity="error",
        )
    elif classes and e.loss is not None and e.loss.categorical and w.size not in (1, classes):
        yield found(
            what=f"{name} has {plural(w.size, 'weight')} for {classes} classes.",
            evidence=f"The prediction has shape {size(e.prediction.shape)}." if e.prediction is not None else "",
            severity="error",
        )
    elif w.size > 1 and _zero_counts(e, w):
        yield found(what=f"{name} is 0 for classes that occur.", evidence=f"Weights: {few(w)}.")
    elif name == "pos_weight" and w.max() > _LOPSIDED:
        yield found(
            what=f"Positives weigh {num(float(w.max()))} times as much as negatives.",
            evidence=f"{name} holds {few(w)}.",
            ratio=float(w.max()),
        )
    elif w.size > 1 and w[w > 0].size and w.max() > _LOPSIDED * w[w > 0].min():
        low, high = float(w[w > 0].min()), float(w.max())
        yield found(
            what=f"One class weighs {num(high / low)} times as much as another.",
            evidence=f"{name} lies in {num(low)} … {num(high)}.",
            ratio=high / low,
        )
    elif (shares := _upside_down(e, name, w)) is not None:
        yield found(
            what=f"{name} weighs what is rare less, not more.",
            evidence=f"Weights {few(w)} beside shares {few(shares)} of the labels: they go up together, nearly in "
            "proportion.",
            fix=f"{name} = {few(1 / w)}: the other way round",
            certainty="likely",
            framework=e.framework,
        )


def _upside_down(e: Evidence, name: str, w: np.ndarray) -> np.ndarray | None:
    """Return the shares of what is weighed, if the weights are nearly in proportion to how often it comes, else None.

    Of positives that is the odds. Nobody weighs by chance in just this proportion; but any weights near 1 are near any
    shares that are alike, so that only what is twice as rare as the other, or more, is looked at.
    """
    t, facts = e.numeric_target, e.loss
    if t is None or facts is None or w.min() <= 0:
        return None
    if name == "pos_weight" and facts.binary:
        columns = t.reshape(-1, w.size) if t.ndim and t.shape[-1] == w.size else t.reshape(-1, 1)
        if len(columns) < _LABELS or w.size != columns.shape[1] or not np.all((columns == 0) | (columns == 1)):
            return None
        shares = columns.mean(axis=0)
        if not np.all((shares > 0) & (shares < 1)):
            return None
        logs, theirs = np.log(shares / (1 - shares)), np.log(w)
    elif name == "class_weight" and facts.categorical and e.indices is not None and e.counted is not None:
        labels = e.indices[e.counted]
        if labels.size < _LABELS or not np.all((labels >= 0) & (labels < w.size)):
            return None
        shares = np.bincount(labels.astype(np.int64), minlength=w.size) / labels.size
        if shares.min() <= 0:
            return None
        logs, theirs = np.log(shares) - np.log(shares).mean(), np.log(w) - np.log(w).mean()
    else:
        return None
    reach = float(np.abs(logs).max())
    near = float(np.abs(theirs - logs).max()) <= _NEAR * reach
    return shares if reach >= math.log(2) and near else None


def _zero_counts(e: Evidence, w: np.ndarray) -> bool:
    """Whether a class of weight 0 occurs among the labels that are not ignored."""
    if e.indices is None or e.counted is None:
        return False
    labels = e.indices[e.counted]
    zero = np.flatnonzero(w == 0)
    return bool(np.isin(labels, zero).any())


@judges("MET01")
def metrics_of_keras(e: Evidence) -> Iterator[Finding]:
    """Judge MET01: the metric does not fit the loss."""
    facts = e.loss
    if e.model is None or facts is None or facts.definition is None:
        return
    rows = _rows_of_flags(e) if facts.binary else None
    for name, threshold in _metrics(e.model.compiled.get("metrics")):
        accuracy = name in _ACCURACIES
        if name == "accuracy_class":
            yield _metric(e, "keras.metrics.Accuracy compares predictions and labels for equality", "equality")
        elif rows is not None and name in (
            *_ONE_ANSWER,
            "accuracy",
            "acc",
        ):  # which Keras takes for the categorical one
            others = float(np.mean(rows.sum(axis=1) != 1))
            if others > _NOT_ONE:
                said = f'"{name}" looks for one label per row, and {share(others)} of the rows have none or several'
                yield _metric(e, said, "several")
        elif facts.binary and facts.form == "logits" and accuracy and threshold in (None, 0.5):
            yield _metric(e, "the accuracy cuts logits at 0.5", "threshold")
        elif facts.regression and accuracy:
            yield _metric(e, f"an accuracy is reported for {facts.shown}, a loss on numbers", "regression")


def _rows_of_flags(e: Evidence) -> np.ndarray | None:
    """Return a target of 0 and 1 as (M, K) rows, each number beside one of the prediction; None where it is no such."""
    p, t = e.prediction, e.numeric_target
    if p is None or t is None or p.shape != t.shape or t.ndim < 2 or t.shape[-1] < 2 or len(t) < _FEW_ROWS:
        return None
    return t.reshape(-1, t.shape[-1]) if bool(np.all((t == 0) | (t == 1))) else None


def accuracy_alone(e: Evidence) -> bool:
    """Return whether a Keras model was compiled with an accuracy and no other metric."""
    names = [name for name, _ in _metrics(e.model.compiled.get("metrics"))] if e.model is not None else []
    return bool(names) and all(name in _ACCURACIES for name in names)


def _metric(e: Evidence, said: str, kind: str) -> Finding:
    fixes = {
        "threshold": "metrics=[keras.metrics.BinaryAccuracy(threshold=0)]",
        "equality": 'metrics=["accuracy"]  # or BinaryAccuracy(threshold=0) for logits',
        "regression": 'metrics=["mae"]',
        "several": 'metrics=["binary_accuracy"]  # of logits: keras.metrics.BinaryAccuracy(threshold=0)',
    }
    return rule("MET01").finding(
        what=f"The metric does not fit: {said}.",
        evidence=f"compile() was given this metric beside the loss {e.loss.shown if e.loss else ''}.",
        fix=fixes[kind],
    )


def _metrics(given: Any) -> Iterator[tuple[str, float | None]]:
    """Yield name and threshold of each metric in a compile configuration, however nested."""
    if isinstance(given, str):
        yield given.lower(), None
    elif isinstance(given, Mapping) and "class_name" in given:
        name = str(given["class_name"])
        config = given.get("config")
        threshold = config.get("threshold") if isinstance(config, Mapping) else None
        yield "accuracy_class" if name == "Accuracy" else name.lower(), threshold
    elif isinstance(given, Mapping):
        for inner in given.values():
            yield from _metrics(inner)
    elif isinstance(given, list | tuple):
        for inner in given:
            yield from _metrics(inner)
