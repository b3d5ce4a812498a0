"""Label maps of a stream, an image per row: arrays (N, H, W), or lists of pixels of any length and depth per image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...errors import DataError, LabelError, ShapeError
from ..columns import Choice
from ..confusion import MATRIX_CLASSES
from ..counts import Counts
from ..labels import check_class_names
from ..result import Evaluation
from ..states import Bundle, MapCounts, State
from ..tasks import segmentation
from .batch import Batch
from .grouped import check_complete, lists_of, named, only, row_ids
from .plan import NESTED, Options, Plan

_NOT_TOLD = "Above {} classes a stream keeps no pairs of classes and no intervals."
_BATCH_PIXELS = 1 << 21


def plan(choice: Choice, head: Batch, options: Options) -> Plan:
    """Return the plan."""
    segmentation.check_form(options.form)
    target = lists_of(head.columns[only(choice.targets, "target", "segmentation")])
    only(choice.predictions, "prediction", "segmentation")
    pixels = max(1, int(target.lengths.max(initial=0)))
    return named(
        choice,
        options,
        task="segmentation",
        form="labels",
        kept="labels",
        class_names=() if options.class_names is None else check_class_names(options.class_names),
        types=(),
        nested=NESTED["segmentation"],
        batch_rows=max(1, _BATCH_PIXELS // pixels),
    )


def states(plan: Plan) -> dict[str, State]:
    """Return the empty states of a plan."""
    return {"maps": MapCounts(labels=segmentation.CLASSES, told=MATRIX_CLASSES)}


class Taker:
    """Lets the states look at images."""

    def __init__(self, plan: Plan, bundle: Bundle) -> None:
        self._plan, self._bundle = plan, bundle

    def take(self, batch: Batch) -> None:
        """Look at a batch of images.

        Raises:
            ShapeError: Target and prediction have no shape in common.
            LabelError: A pixel is no class.
        """
        plan = self._plan
        columns = [batch.columns[name] for name in (plan.predictions[0], plan.targets[0])]
        if not len(columns[1]):
            return
        check_complete(plan, batch)
        if all(isinstance(x, np.ndarray) for x in columns):
            segmentation.check_shapes(columns[0].shape, columns[1].shape)
        prediction, target = map(lists_of, columns)
        odd = prediction.lengths != target.lengths
        if odd.any():
            at = int(np.argmax(odd))
            raise ShapeError(
                f"prediction has {prediction.lengths[at]} pixels and target has {target.lengths[at]} at "
                f"{batch.locate(at)}; segmentation takes label maps of one shape"
            )
        p, t = (
            segmentation.whole_labels(name, side.values).astype(np.int64)
            for name, side in (("prediction", prediction), ("target", target))
        )
        pixels = target.lengths
        if plan.ignore_index is not None:
            keep = t != plan.ignore_index
            pixels = np.bincount(np.repeat(np.arange(pixels.size), pixels)[keep], minlength=pixels.size)
            p, t = p[keep], t[keep]
        if plan.class_names:
            _check_named(plan, batch, p, t, pixels)
        self._bundle["maps"].update(row_ids(plan, batch), pixels, t, p, int(target.lengths.sum() - pixels.sum()))

    def close(self) -> None:
        """Images are whole, so nothing is left."""


def _check_named(plan: Plan, batch: Batch, p: np.ndarray, t: np.ndarray, pixels: np.ndarray) -> None:
    """Raise LabelError where a pixel is none of the named classes."""
    for x in (t, p):
        odd = (x < 0) | (x >= len(plan.class_names))
        if plan.ignore_index is not None:
            odd &= x != plan.ignore_index
        if odd.any():
            at = int(np.searchsorted(np.cumsum(pixels), int(np.argmax(odd)), side="right"))
            try:
                segmentation.labels_of(plan.class_names, x[odd], plan.ignore_index)
            except LabelError as error:
                raise LabelError(f"{batch.locate(at)}: {error}") from None


def evaluation(plan: Plan, bundle: Bundle, assumptions: tuple[str, ...]) -> Evaluation:
    """Return the evaluation of all images.

    Raises:
        DataError: There is none with a pixel that counts.
    """
    found = bundle["maps"].result()
    if not found.images:
        ignored = f"all {found.ignored} pixels are {plan.ignore_index}, which is ignored" if found.ignored else ""
        raise DataError(f"no pixel is left to evaluate: {ignored or 'the images are empty'}")
    labels, names = segmentation.labels_of(plan.class_names or None, found.labels, plan.ignore_index)
    at = np.searchsorted(labels, found.labels)
    counts = np.zeros((3, labels.size), np.int64)
    counts[:, at] = found.counts
    matrix = drawn = None
    if found.matrix is not None:
        matrix = np.zeros((labels.size, labels.size), np.int64)
        matrix[np.ix_(at, at)] = found.matrix
    if found.drawn is not None:
        wide = np.zeros((3, found.drawn.shape[1], labels.size))
        wide[:, :, at] = found.drawn
        drawn = Counts(wide[0], wide[1], wide[2])
    pixels = segmentation.Pixels(
        total=Counts(counts[0], counts[1], counts[2]),
        drawn=drawn,
        matrix=matrix if labels.size <= MATRIX_CLASSES else None,
        names=names,
        images=found.images,
        ignored=found.ignored,
    )
    result = segmentation.told(pixels, assumptions)
    if found.matrix is not None:
        return result
    return replace(result, notes=(*result.notes, _NOT_TOLD.format(MATRIX_CLASSES)))
