"""Segmentation: label maps (N, …) of any whole numbers, one label per pixel; intervals are over images.

Numbers are those of all pixels together (intersections and unions are summed before they are divided), as in Keras'
``MeanIoU`` and in scikit-learn's ``jaccard_score`` of flattened maps. Pixels of an image are alike, so intervals come
from drawing images anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import EmptyError, InputError, LabelError, ShapeError
from .. import findings
from ..arrays import to_numpy
from ..confusion import MATRIX_CLASSES, from_matrix
from ..counts import Counts
from ..labels import check_class_names
from ..resampling import percentiles
from ..result import ClassScore, Confusion, Evaluation, Metric
from ..verdict import claim, number, percent
from .given import Given
from .words import counted, interval

if TYPE_CHECKING:
    from ...doctor import Findings

CLASSES = 4096  # different labels above which the maps hold something else
_REPLICATES = 400
_FEW = 30  # images
_CLOSE = 1 << 16
_METRICS: tuple[tuple[str, str, Callable[[Counts], Any]], ...] = (
    ("mean_iou", "mean IoU", Counts.mean_iou),
    ("mean_dice", "mean Dice", Counts.macro_f1),
    ("pixel_accuracy", "pixel accuracy", Counts.accuracy),
    ("mean_accuracy", "mean class accuracy", Counts.balanced_accuracy),
    ("weighted_iou", "IoU weighted by pixels", lambda counts: counts.weighted(counts.iou())),
)
_COLUMNS: tuple[tuple[str, Callable[[Counts], Any], Callable[[Counts], Any]], ...] = (  # name, number, defined above 0
    ("precision", Counts.precision, lambda counts: counts.predicted),
    ("recall", Counts.recall, lambda counts: counts.support),
    ("f1", Counts.f1, lambda counts: counts.support + counts.predicted),
    ("iou", Counts.iou, lambda counts: counts.support + counts.predicted),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pixels:
    """What there is to tell of label maps: counts of pixels per class.

    Attributes:
        total: Of all images, (C,).
        drawn: Of images drawn anew, (R, C); None without intervals.
        matrix: Confusion (C, C), if it is not too large.
        names: Of the classes.
        images: How many have a pixel that counts.
        ignored: Pixels that do not count.
    """

    total: Counts
    drawn: Counts | None
    matrix: np.ndarray | None
    names: tuple[str, ...]
    images: int
    ignored: int


def evaluation(given: Given) -> Evaluation:
    """Return the evaluation of label maps."""
    return told(_pixels(given), given.assumptions)


def told(pixels: Pixels, assumptions: tuple[str, ...]) -> Evaluation:
    """Return the evaluation of counted pixels."""
    total, drawn, names = pixels.total, pixels.drawn, pixels.names
    constant = total.always(int(np.argmax(total.support)))
    metrics = {name: _metric(name, title, of, total, drawn, constant) for name, title, of in _METRICS}
    confusion = None if pixels.matrix is None else from_matrix(pixels.matrix, names)[1]
    classes = _classes(names, total, drawn)
    verdict = _verdict(metrics, names[int(np.argmax(total.support))], pixels.images)
    return Evaluation(
        task="segmentation",
        form="labels",
        rows=pixels.images,
        class_names=names,
        losses={},
        metrics=metrics,
        confusion=confusion,
        per_class=classes,
        verdict=verdict,
        findings=_findings(verdict, pixels.images, classes, metrics, confusion),
        assumptions=assumptions,
        notes=_notes(pixels),
    )


# --- pixels ----------------------------------------------------------------------------------------------------------
def _pixels(given: Given) -> Pixels:
    check_form(given.form)
    prediction, target = (
        whole_labels(name, to_numpy(name, x))
        for name, x in (("prediction", given.prediction), ("target", given.target))
    )
    check_shapes(prediction.shape, target.shape)
    keep = None if given.ignore_index is None else target != given.ignore_index
    if keep is not None and not keep.any():
        raise EmptyError(
            f"every pixel of target is {given.ignore_index}, which is ignored: there is nothing to evaluate"
        )
    found = np.union1d(_distinct(target, keep), _distinct(prediction, keep))
    labels, names = labels_of(given.class_names, found, given.ignore_index)
    return _counted(prediction, target, keep, labels, names)


def check_form(form: str | None) -> None:
    """Raise InputError unless a form of predictions is that of label maps, or None."""
    if form not in (None, "labels"):
        raise InputError(f"form is {form!r}, but segmentation takes 'labels': the classes of largest score")


def check_shapes(prediction: tuple[int, ...], target: tuple[int, ...]) -> None:
    """Raise ShapeError unless both are those of label maps."""
    if prediction != target or len(target) < 2 or 0 in target:
        scores = len(prediction) == len(target) + 1
        raise ShapeError(
            f"prediction has shape {prediction} and target has shape {target}; segmentation takes label maps of one "
            f"shape (N, H, W){', so take the argmax over the classes first' if scores else ''}"
        )


def whole_labels(name: str, array: np.ndarray) -> np.ndarray:
    """Return labels as whole numbers; LabelError where they are none."""
    if array.dtype.kind == "b":
        return array.astype(np.int64)
    if array.dtype.kind == "f" and np.all(array == np.rint(array)):
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise LabelError(
            f"{name} has dtype {array.dtype} and holds no whole numbers; segmentation takes label maps: round "
            "probabilities, or take the argmax over the classes"
        )
    return array


def labels_of(class_names: Any, found: np.ndarray, ignored: int | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the labels, ascending, and their names: all that are found, or those that are named."""
    if class_names is not None:
        names = check_class_names(class_names)
        odd = found[(found < 0) | (found >= len(names))]
        extra = odd[odd == ignored]  # an answer that is always wrong
        if odd.size > extra.size:
            odd = odd[odd != ignored]
            raise LabelError(
                f"the maps hold {odd[0]}, and class_names names {len(names)} classes (valid: 0 … {len(names) - 1}"
                f"{'' if ignored is not None else '; is it an ignored label? then ignore_index='})"
            )
        labels, texts = np.append(np.arange(len(names)), extra), (*names, *map(str, extra.tolist()))
        order = np.argsort(labels)
        return labels[order], tuple(texts[i] for i in order.tolist())
    if found.size > CLASSES:
        raise LabelError(f"the maps hold {found.size} different values; expected labels of classes")
    return found, tuple(map(str, found.tolist()))


def _distinct(maps: np.ndarray, keep: np.ndarray | None) -> np.ndarray:
    """Return the different values of pixels that count, ascending: marked where they lie close together, or sorted."""
    low, high = int(maps.min()), int(maps.max())
    if high - low >= _CLOSE:
        return np.unique(maps if keep is None else maps[keep]).astype(np.int64)
    seen = np.zeros(high - low + 1, bool)
    for i, image in enumerate(maps):
        pixels = image.reshape(-1) if keep is None else image[keep[i]]
        seen[pixels.astype(np.int64) - low] = True
    return np.flatnonzero(seen) + low


def _counted(
    prediction: np.ndarray, target: np.ndarray, keep: np.ndarray | None, labels: np.ndarray, names: tuple[str, ...]
) -> Pixels:
    """Count image by image, so that no large array is made of maps that are large themselves."""
    classes = labels.size
    rows: list[list[np.ndarray]] = []
    matrix = np.zeros((classes, classes), np.int64) if classes <= MATRIX_CLASSES else None
    ignored = 0
    for image in range(len(target)):
        t, p = target[image].reshape(-1), prediction[image].reshape(-1)
        if keep is not None:
            there = keep[image].reshape(-1)
            ignored += int(there.size - there.sum())
            t, p = t[there], p[there]
        t, p = (np.searchsorted(labels, x.astype(np.int64)) for x in (t, p))
        if t.size:  # an image of ignored pixels says nothing
            rows.append([np.bincount(x, minlength=classes) for x in (t, p, t[t == p])])
        if matrix is not None:
            matrix += np.bincount(t * classes + p, minlength=classes * classes).reshape(classes, classes)
    support, predicted, hits = (np.stack(x) for x in zip(*rows, strict=True))
    images = Counts(support, predicted, hits)
    return Pixels(
        total=_total(images), drawn=_drawn(images), matrix=matrix, names=names, images=len(rows), ignored=ignored
    )


# --- numbers ---------------------------------------------------------------------------------------------------------
def _total(images: Counts) -> Counts:
    return Counts(images.support.sum(axis=0), images.predicted.sum(axis=0), images.hits.sum(axis=0))


def _drawn(images: Counts) -> Counts | None:
    """Return the counts of images drawn anew, (R, C) each; None for a single image."""
    count = len(images.support)
    if count < 2:
        return None
    times = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), _REPLICATES).astype(np.float64)
    return Counts(*(times @ x.astype(np.float64) for x in (images.support, images.predicted, images.hits)))


def _metric(
    name: str, title: str, of: Callable[[Counts], Any], total: Counts, drawn: Counts | None, constant: Counts
) -> Metric:
    low, high = (None, None) if drawn is None else percentiles(np.asarray(of(drawn)))
    return Metric(name=name, title=title, value=float(of(total)), low=low, high=high, constant=float(of(constant)))


def _classes(names: tuple[str, ...], total: Counts, drawn: Counts | None) -> tuple[ClassScore, ...]:
    columns = {name: _column(of, below, total, drawn) for name, of, below in _COLUMNS}
    found = []
    for k, name in enumerate(names):
        numbers: dict[str, Any] = {}
        for column, rows in columns.items():
            numbers |= dict(zip((column, f"{column}_low", f"{column}_high"), rows[k], strict=True))
        found.append(
            ClassScore(name=name, support=total.support[k].item(), predicted=total.predicted[k].item(), **numbers)
        )
    return tuple(found)


def _column(
    of: Callable[[Counts], Any], below: Callable[[Counts], Any], total: Counts, drawn: Counts | None
) -> list[tuple[float | None, float | None, float | None]]:
    """Return a number of each class with its interval, over the images in which it is defined; None where it is not."""
    values, there = of(total), below(total) > 0
    spread = None if drawn is None else np.where(below(drawn) > 0, of(drawn), np.nan)
    found = []
    for k in range(values.size):
        low, high = (None, None) if spread is None or not there[k] else percentiles(spread[:, k])
        found.append((float(values[k]) if there[k] else None, low, high))
    return found


# --- words -----------------------------------------------------------------------------------------------------------
def _verdict(metrics: dict[str, Metric], largest: str, images: int) -> str:
    iou, pixels = metrics["mean_iou"], metrics["pixel_accuracy"]
    rival = f"always answering the largest class, {largest!r}"
    _, start = claim(rival, iou.low, iou.high, iou.constant)
    return (
        f"{start}: mean IoU {number(iou.value)}{interval(iou.low, iou.high)} against {number(iou.constant)}, over "
        f"{counted(images, 'image')}; pixel accuracy {number(pixels.value)} against {number(pixels.constant)}."
    )


def _findings(
    verdict: str,
    images: int,
    classes: tuple[ClassScore, ...],
    metrics: dict[str, Metric],
    confusion: Confusion | None,
) -> Findings:
    found = [
        *findings.of_verdict(verdict),
        findings.few(images, "image", _FEW),
        findings.never_predicted(classes, "pixels"),
        findings.pair(confusion, len(classes), "pixels"),
    ]
    pixels, iou = metrics["pixel_accuracy"], metrics["mean_iou"]
    if (pixels.constant or 0.0) > 0.9 and (pixels.value or 0.0) - (iou.value or 0.0) > 0.2:
        found.append(
            findings.finding(
                "EVAL13",
                evidence=f"One class holds {percent(pixels.constant)} of the pixels: pixel accuracy "
                f"{percent(pixels.value)}, mean IoU {percent(iou.value)}.",
                constant=pixels.constant,
                accuracy=pixels.value,
                iou=iou.value,
            )
        )
    return findings.ordered(f for f in found if f is not None)


def _notes(pixels: Pixels) -> tuple[str, ...]:
    found = []
    if pixels.ignored:
        whole = pixels.ignored + int(pixels.total.support.sum())
        found.append(f"{pixels.ignored} of {whole} pixels are marked as ignored and count nowhere.")
    if pixels.images == 1:
        found.append("One image alone: there are no intervals, as they are over images.")
    return tuple(found)
