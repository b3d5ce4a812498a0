"""LAB and OUT17: shape, format and values of the labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..evidence import Evidence
from ..finding import Finding
from ..rule import judges, rule
from ..score import unchecked_mean
from .words import few, num, plural, share, size, span


@judges("LAB01")
def broadcast(e: Evidence) -> Iterator[Finding]:
    """Judge LAB01: prediction and target broadcast against each other."""
    p, t = e.prediction, e.numeric_target
    if p is None or t is None or p.shape == t.shape or _not_elementwise(e) or (e.loss is not None and e.loss.aligns):
        return
    try:
        result = np.broadcast_shapes(p.shape, t.shape)
    except ValueError:
        return
    if np.prod(result, dtype=float) <= max(p.size, t.size):
        return
    if e.framework == "keras" and p.squeeze().shape == t.squeeze().shape:
        return
    values = ""
    paired = p.squeeze().shape == t.squeeze().shape and p.size <= 4096
    if paired and e.loss is not None and e.loss.distance and e.score is not None:
        wide = float(np.mean((p.astype(np.float64) - t) ** 2))
        close = float(np.mean((p.squeeze().astype(np.float64) - t.squeeze()) ** 2))
        values = f" The squared error is {num(wide)} so; element by element it is {num(close)}."
    yield rule("LAB01").finding(
        what=f"prediction {p.shape} and target {t.shape} broadcast to {result}.",
        evidence=f"{np.prod(result, dtype=int)} pairs are compared instead of {max(p.size, t.size)}.{values}",
        framework=e.framework,
    )


def _not_elementwise(e: Evidence) -> bool:
    if e.loss is None or e.loss.definition is None:
        return e.loss is None and e.indices is not None and e.rows is not None and e.rows.shape[1] > 1
    return e.loss.definition.layout != "element"


@judges("LAB02")
def label_format(e: Evidence) -> Iterator[Finding]:
    """Judge LAB02: the labels have the wrong format for this loss."""
    facts, t = e.loss, e.numeric_target
    if facts is None or t is None or t.size == 0:
        return
    if facts.categorical and facts.takes and facts.definition is not None and facts.definition.layout == "row":
        yield from _categorical_format(e, t, facts.takes, facts.shown)
    elif facts.binary and e.prediction is not None:
        yield from _binary_format(e, t, e.prediction)


def _categorical_format(e: Evidence, t: np.ndarray, takes: str, shown: str) -> Iterator[Finding]:
    found = rule("LAB02").finding
    dense, whole = e.dense_target, bool(np.all(t == np.rint(t)))
    one_hot = dense is not None and dense.shape[1] > 1 and bool(np.all((dense == 0) | (dense == 1)))
    if takes == "indices" and one_hot:
        yield found(
            what=f"{shown} takes class indices, and gets one-hot rows.",
            evidence=f"The target has shape {size(t.shape)}, rows of 0 and 1; expected one index per row.",
            framework=e.framework,
            fix={"torch": "target.argmax(dim=1)", "keras": "CategoricalCrossentropy, which takes rows"}.get(
                e.framework, "argmax over the last axis"
            ),
        )
    elif takes == "rows" and _one_number_per_row(e, t):
        yield found(
            what=f"{shown} takes one-hot rows, and gets class indices.",
            evidence=f"The target has shape {size(t.shape)}, whole numbers in {span(t)}; expected the prediction's "
            f"shape {size(e.prediction.shape) if e.prediction is not None else ''}.",
            framework=e.framework,
            fix={"keras": "SparseCategoricalCrossentropy(…), which takes indices"}.get(e.framework, ""),
        )
    elif takes == "indices or floating rows" and one_hot and t.dtype.kind in "iu":
        yield found(
            what=f"{shown} takes class indices or floating probabilities, and gets whole numbers by class.",
            evidence=f"The target has shape {size(t.shape)} and dtype {t.dtype}.",
            framework=e.framework,
            fix="target.argmax(dim=1), or target.float()",
        )
    elif _is_column_for_torch(e, t) and whole:
        yield found(
            what=f"{shown} takes class indices (N,), and gets a column (N, 1).",
            evidence=f"The target has shape {size(t.shape)}, the prediction {size(e.prediction.shape)}."
            if e.prediction is not None
            else "",
            framework=e.framework,
            fix="target.squeeze(1)",
        )
    elif _is_floating_for_torch(e, t) and whole and dense is None:
        yield found(
            what=f"{shown} takes class indices of a whole-number dtype, and gets floating ones.",
            evidence=f"The target has shape {size(t.shape)} and dtype {t.dtype}: {few(np.unique(t))}.",
            framework=e.framework,
            fix="target.long()",
        )
    elif e.indices is not None and dense is None and not whole and _levels(t) <= 20 and takes != "rows":
        yield found(
            what="Class indices are not whole numbers.",
            evidence=f"{_levels(t)} different labels in {span(t)}: {few(np.unique(t))}. Scaled by mistake?",
            framework=e.framework,
            why="Cast to whole numbers, most of them become class 0.",
            fix="leave labels as they are: scale inputs alone",
        )


def _is_column_for_torch(e: Evidence, t: np.ndarray) -> bool:
    """Whether indices go into a loss of torch as a column beside several classes; a file has no such shapes."""
    p = e.prediction
    several = p is not None and p.ndim == 2 and p.shape[1] > 1 and t.shape == (len(p), 1)
    return e.framework == "torch" and several and e.stage != "finished"


def _is_floating_for_torch(e: Evidence, t: np.ndarray) -> bool:
    """Whether indices go into a loss of torch as floating numbers; what a file keeps of a dtype says nothing."""
    return e.framework == "torch" and t.dtype.kind == "f" and e.indices is not None and e.stage != "finished"


def _one_number_per_row(e: Evidence, t: np.ndarray) -> bool:
    return e.indices is not None and e.dense_target is None and bool(np.all(t == np.rint(t)))


def _levels(t: np.ndarray) -> int:
    return int(np.unique(t[np.isfinite(t)]).size)


def _binary_format(e: Evidence, t: np.ndarray, p: np.ndarray) -> Iterator[Finding]:
    if t.ndim != 2 or t.shape[1] != 2 or p.size != len(t):
        return
    if np.all((t == 0) | (t == 1)) and np.all(t.sum(axis=1) == 1):
        yield rule("LAB02").finding(
            what="A binary loss over one output gets two one-hot columns.",
            evidence=f"The prediction has shape {size(p.shape)}, the target {size(t.shape)}.",
            framework=e.framework,
            fix="target[:, 1]",
        )


@judges("LAB03")
def out_of_range(e: Evidence) -> Iterator[Finding]:
    """Judge LAB03: class indices are out of range."""
    facts = e.loss
    if facts is None or not facts.takes or facts.takes == "rows" or e.rows is None or e.indices is None:
        return
    if e.dense_target is not None or e.counted is None:
        return
    classes, labels = e.rows.shape[1], e.indices[e.counted]
    labels = labels[np.isfinite(labels)]
    if classes < 2 or labels.size == 0 or np.any(labels != np.rint(labels)):
        return
    bad = labels[(labels < 0) | (labels >= classes)]
    if bad.size == 0:
        return
    odd = np.unique(bad)
    yield rule("LAB03").finding(
        what=f"Class indices are out of range for {classes} classes: {few(odd)}.",
        evidence=f"{bad.size} of {labels.size} labels ({share(bad.size / labels.size)}) lie outside 0 … {classes - 1}; "
        f"the labels are in {span(labels)}.",
        fix=_range_fix(odd, labels, classes),
        framework=e.framework,
        outside=bad.size,
        classes=classes,
    )


def _range_fix(odd: np.ndarray, labels: np.ndarray, classes: int) -> str:
    if labels.min() >= 1 and labels.max() == classes:
        return "the labels count from 1: target - 1"
    if odd.size == 1 and odd[0] in (-1, -100, 255):
        return f"{num(float(odd[0]))} looks like a label that means nothing: ignore_index={num(float(odd[0]))}"
    if labels.min() >= 0:
        return f"one output per class: {int(labels.max()) + 1} of them, or labels below {classes}"
    return "count classes from 0, and ignore the others by a mask"


@judges("LAB04")
def binary_values(e: Evidence) -> Iterator[Finding]:
    """Judge LAB04: the targets are not what a binary loss takes."""
    facts, t = e.loss, e.numeric_target
    if facts is None or facts.definition is None or t is None:
        return
    t = t[np.isfinite(t)] if e.weight is None or e.weight.shape != t.shape else t[np.isfinite(t) & (e.weight != 0)]
    if t.size == 0:
        return
    levels = np.unique(t)
    if facts.binary:
        if levels[0] >= -1e-6 and levels[-1] <= 1 + 1e-6:
            return
        value = unchecked_mean(e)
        now = f" The loss is {num(value)} now, and has no lower bound." if value is not None else ""
        outside = float(np.mean((t < 0) | (t > 1)))
        yield rule("LAB04").finding(
            what=f"{facts.shown} takes targets between 0 and 1, and gets {_named(levels)}.",
            evidence=f"{share(outside)} of {plural(t.size, 'target')} lie outside, in {span(t)}.{now}",
            fix=_binary_fix(levels),
            framework=e.framework,
            outside=outside,
        )
    elif facts.definition.target.role == "signs" and facts.framework != "keras" and np.any(np.abs(t) != 1):
        yield rule("LAB04").finding(
            what=f"{facts.shown} takes targets of -1 and +1, and gets {_named(levels)}.",
            evidence=f"{plural(levels.size, 'different target')} in {span(t)}.",
            why="A target of 0 takes part in no margin: those rows count nothing or the wrong thing.",
            fix="2 * target - 1" if levels[0] == 0 and levels[-1] == 1 else "np.where(target > 0, 1, -1)",
            framework=e.framework,
        )


def _named(levels: np.ndarray) -> str:
    if levels.size <= 3:
        return " and ".join(num(float(v)) for v in levels)
    whole = bool(np.all(levels == np.rint(levels)))
    return f"{levels.size} different {'whole ' if whole else ''}numbers"


def _binary_fix(levels: np.ndarray) -> str:
    if levels.size == 2 and levels[0] == -1 and levels[1] == 1:
        return "(target + 1) / 2"
    if levels[0] >= 0 and levels[-1] == 255:
        return "target / 255"
    if levels.size == 2:
        return f"(target == {num(float(levels[1]))}) as 0 and 1"
    if levels.size == 1:
        return "map the labels to 0 and 1"
    if np.all(levels == np.rint(levels)) and levels[0] >= 0:
        return f"{int(levels[-1]) + 1} outputs and the categorical cross-entropy"
    return ""


@judges("LAB05")
def soft_rows(e: Evidence) -> Iterator[Finding]:
    """Judge LAB05: rows of soft labels are no distributions."""
    facts, t = e.loss, e.dense_target
    if facts is None or t is None or t.shape[1] < 2 or facts.takes == "indices" or facts.settings.get("log_target"):
        return
    if not facts.categorical or facts.definition is None or facts.definition.layout != "row":
        return
    if not np.isfinite(t).all():
        return
    t = t.astype(np.float64)
    t = t[np.any(t != 0, axis=1)]
    if len(t) == 0 or _over_all_axes(e):
        return
    sums = t.sum(axis=1)
    negative, several = bool(t.min() < 0), bool(np.all((t == 0) | (t == 1)) and sums.max() > 1)
    off = np.abs(sums - 1)
    if not negative and not several and off.max() <= (1e-2 if _coarse(e) else 1e-3):
        return
    bad = int(np.sum((off > 1e-3) | (t.min(axis=1) < 0)))
    if negative:
        what = "Soft labels are negative."
    elif several:
        what = "Rows hold several labels, and the loss is for one of several classes."
    else:
        what = "Rows of soft labels do not sum to 1."
    yield rule("LAB05").finding(
        what=what,
        evidence=f"{bad} of {plural(len(t), 'row')}; values in {span(t)}, sums in {span(sums)}.",
        fix="take the binary cross-entropy: one sigmoid per label" if several else "",
        severity="error" if negative or several or (not facts.takes and np.median(off) > 0.5) else "warning",
        framework=e.framework,
        rows=bad,
    )


def _over_all_axes(e: Evidence) -> bool:
    """Whether a divergence gets distributions over all axes of a sample, like heat maps."""
    t = e.numeric_target
    if e.loss is None or e.loss.takes or t is None or t.ndim < 3:
        return False
    ways = (t.reshape(len(t), -1), np.moveaxis(t, 1, -1).reshape(-1, t.shape[1]))
    return any(bool(np.all(np.abs(w.sum(axis=1, dtype=np.float64) - 1) <= e.tolerance)) for w in ways)


def _coarse(e: Evidence) -> bool:
    return e.half or (e.target is not None and e.target.dtype == np.float16)


_DEALS_WITH_THEM = "The predictions stay finite: the model deals with them."
_MAY_MASK = "A loss of your own may leave them out; if it does not, it is NaN from the first step."


@judges("LAB06")
def not_finite(e: Evidence) -> Iterator[Finding]:
    """Judge LAB06: NaN or infinity in the data."""
    t, x, p = e.numeric_target, e.inputs, e.prediction
    if t is not None and t.dtype.kind == "f":
        bad = ~np.isfinite(t)
        if e.weight is not None:
            bad &= np.broadcast_to(e.weight.reshape(e.weight.shape + (1,) * (t.ndim - e.weight.ndim)), t.shape) != 0
        if bad.any() and not (e.loss is not None and e.loss.definition is not None and _masks(e)):
            own = e.loss is not None and e.loss.definition is None
            yield _bad_values("target", t, bad, _MAY_MASK if own else "", e)
    if x is not None and x.dtype.kind == "f" and not np.isfinite(x).all():
        spoiled = p is None or p.size == 0 or bool(np.isnan(p).any())
        yield _bad_values("inputs", x, ~np.isfinite(x), "" if spoiled else _DEALS_WITH_THEM, e)


def _masks(e: Evidence) -> bool:
    """Whether targets of minus infinity are the logarithm of 0, which a loss on logarithms may get."""
    return bool(e.loss and e.loss.settings.get("log_target"))


def _bad_values(name: str, x: np.ndarray, bad: np.ndarray, excuse: str, e: Evidence) -> Finding:
    """Return the finding: an error, or a note where there is an excuse."""
    first = tuple(int(i) for i in np.argwhere(bad)[0])
    kinds = "NaN" if np.isnan(x[bad]).all() else "infinite" if np.isinf(x[bad]).all() else "NaN or infinite"
    where = f"row {first[0]}" if first else "the only one"
    where += f", position {first[1:]}" if len(first) > 1 else ""
    return rule("LAB06").finding(
        what=f"{name.capitalize()} {'hold' if name == 'inputs' else 'holds'} values that are {kinds}.",
        evidence=f"{int(bad.sum())} of {x.size} values; the first one is at {where}.",
        why=excuse,
        severity="note" if excuse else "error",
        framework=e.framework,
        count=int(bad.sum()),
    )


@judges("LAB07")
def outside_domain(e: Evidence) -> Iterator[Finding]:
    """Judge LAB07: values lie outside what the loss is defined on."""
    facts, t, p = e.loss, e.numeric_target, e.prediction
    loss = None if facts is None else facts.definition
    if facts is None or loss is None or not facts.regression:
        return
    for name, x, domain in (("target", t, loss.target), ("prediction", p, loss.prediction)):
        if x is None or not domain.bounded or domain.role != "values":
            continue
        finite = x[np.isfinite(x)].astype(np.float64)
        bad = finite[domain.violations(finite)] if finite.size else finite
        if bad.size:
            yield _outside(e, name, bad, finite.size, domain.describe())
    if loss.name == "absolute_percentage_error" and t is not None and t.size and np.any(np.abs(t) < 1e-7):
        zeros = float(np.mean(np.abs(t) < 1e-7))
        yield rule("LAB07").finding(
            what="The percentage error divides by targets of 0.",
            evidence=f"{share(zeros)} of {plural(t.size, 'target')} are 0; each counts as an error of millions of per "
            "cent, and decides the loss alone.",
            fix="absolute error, or the squared logarithmic error for targets of several magnitudes",
            zeros=zeros,
        )


def _outside(e: Evidence, name: str, bad: np.ndarray, count: int, domain: str) -> Finding:
    return rule("LAB07").finding(
        what=f"{e.loss.shown if e.loss else 'The loss'} takes a {name} in {domain}, and gets {num(float(bad.min()))}.",
        evidence=f"{bad.size} of {count} values of the {name} ({share(bad.size / count)}) lie outside: {few(bad)}.",
        fix="an exp or softplus on the last layer keeps predictions positive" if name == "prediction" else "",
        framework=e.framework,
        outside=bad.size,
    )


@judges("LAB08")
def text_labels(e: Evidence) -> Iterator[Finding]:
    """Judge LAB08: the labels are text."""
    t = e.target
    if t is None or t.dtype.kind not in "USO":
        return
    names = list(dict.fromkeys(str(v) for v in t.reshape(-1)[:10000]))
    yield rule("LAB08").finding(
        evidence=f"The target holds {', '.join(map(repr, names[:5]))}{', …' if len(names) > 5 else ''} "
        f"(dtype {t.dtype}).",
        framework=e.framework,
    )


@judges("OUT17")
def padding(e: Evidence) -> Iterator[Finding]:
    """Judge OUT17: padding is averaged into the loss."""
    facts, t = e.loss, e.numeric_target
    if facts is None or not facts.takes or t is None or e.indices is None or e.weight is not None:
        return
    if e.counted is not None and not e.counted.any() and e.indices.size:
        yield rule("OUT17").finding(
            what="Every label of this batch is ignored.",
            evidence=f"All {e.indices.size} labels are {facts.ignored}.",
            why="The mean over nothing is NaN (PyTorch) or 0: the batch teaches nothing, or spoils the weights.",
            fix="leave such batches out, or divide the sum by max(count, 1)",
        )
    elif t.ndim == 2 and t.shape[1] >= 4 and t.dtype.kind in "iu" and t.shape[0] >= 8:
        yield from _trailing(e, t)


def _trailing(e: Evidence, t: np.ndarray) -> Iterator[Finding]:
    for pad in (t.min(), t.max()):
        if e.loss is None or pad == e.loss.ignored or pad < 0:
            continue
        is_pad = t == pad
        runs = np.where(is_pad.all(axis=1), t.shape[1], np.argmin(is_pad[:, ::-1], axis=1))
        others = np.unique(t[~is_pad])
        at_ends = int(runs.sum()) == int(is_pad.sum())
        padded = np.unique(runs[runs > 0])
        part = float(is_pad.mean())
        if at_ends and (runs > 0).sum() >= 8 and padded.size >= 3 and part >= 0.1 and others.size >= 8:
            yield rule("OUT17").finding(
                evidence=f"{share(part)} of {size(t.shape)} labels are {int(pad)}, which stands at the ends of "
                f"{int((runs > 0).sum())} rows alone, in runs of 1 to {int(runs.max())}; it is not ignored.",
                certainty="likely",
                framework=e.framework,
                pad=int(pad),
                part=part,
            )
            return
