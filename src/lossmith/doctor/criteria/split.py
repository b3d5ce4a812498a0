"""DATA03, DATA05, DATA06: training and validation set beside each other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from statistics import NormalDist

import numpy as np

from ...evaluation.intervals import wilson
from ...evaluation.p_values import at_least
from ..evidence import Evidence
from ..finding import Finding
from ..rule import judges, rule
from .words import num, plural, share

_ALPHA = 0.001
_ROWS = 30
_FEATURES = 4
_DIFFERENT = 1.5  # times the spread
_SINGLE = 0.7  # of the different rows, where some were copied
_COPIED = 20  # different rows
_DISTINCT = 0.9  # of a feature's values: as good as continuous
_COLUMNS = 4096  # features that are looked at for one


@judges("DATA03")
def prepared_differently(e: Evidence) -> Iterator[Finding]:
    """Judge DATA03: training and validation inputs were prepared differently."""
    pair = _inputs(e)
    if pair is None or min(len(x) for x in pair) < _ROWS:
        return
    one, other = pair
    spread, theirs = one.std(axis=0), other.std(axis=0)
    varying = (spread > 0) & (theirs > 0)
    if not varying.any():
        return
    ratios = theirs[varying] / spread[varying]
    ratio = float(np.median(ratios))
    shift = np.abs(other.mean(axis=0) - one.mean(axis=0))[varying] / spread[varying]
    scaled = not 0.1 <= ratio <= 10
    alike = max(float(np.mean(ratios > _DIFFERENT)), float(np.mean(ratios < 1 / _DIFFERENT)))
    stretched = ratios.size >= _FEATURES and not 0.5 <= ratio <= 2 and alike >= 0.9
    if not scaled and not stretched and not np.median(shift) > 1:
        return
    said = f"the validation inputs spread {num(ratio)} times as much as the training inputs"
    if not scaled and not stretched:
        said = f"the means of half of the features differ by {num(float(np.median(shift)))} standard deviations or more"
    yield rule("DATA03").finding(
        evidence=f"{plural(int(varying.sum()), 'feature')}; {said} (medians over the features).",
        severity="error" if scaled else "warning",
        certainty="statistical",
        framework=e.framework,
        ratio=ratio,
    )


@judges("DATA05")
def shares_differ(e: Evidence) -> Iterator[Finding]:
    """Judge DATA05: the classes' shares differ between training and validation."""
    t, v = e.numeric_target, None if e.validation is None else e.validation[1]
    classes = e.loss is not None and (bool(e.loss.takes) or e.loss.binary)
    if t is None or v is None or not classes or v.dtype.kind not in "biuf" or t.ndim != v.ndim:
        return
    one, other = _labels(t), _labels(v)
    if one is None or other is None:
        return
    if e.loss is not None and e.loss.ignored is not None:
        one, other = one[one != e.loss.ignored], other[other != e.loss.ignored]
    if min(one.size, other.size) < _ROWS:
        return
    levels, index = np.unique(np.concatenate([one, other]), return_inverse=True)
    if not 2 <= levels.size <= 100:
        return
    counts = np.array(
        [np.bincount(i, minlength=levels.size) for i in (index[: one.size], index[one.size :])], dtype=np.float64
    )
    shares = counts / counts.sum(axis=1, keepdims=True)
    variation = float(np.abs(shares[0] - shares[1]).sum() / 2)
    p = _chi_square(counts)
    if p >= _ALPHA or variation <= 0.1:
        return
    worst = int(np.argmax(np.abs(shares[0] - shares[1])))
    missing = [num(float(levels[k])) for k in np.flatnonzero((counts[0] == 0) & (counts[1] > 0))[:5]]
    only = f" Not in the training labels at all: {', '.join(missing)}." if missing else ""
    yield rule("DATA05").finding(
        evidence=f"Class {num(float(levels[worst]))} has {share(float(shares[0][worst]))} in training and "
        f"{share(float(shares[1][worst]))} in validation; the shares differ by {num(variation)} in total variation "
        f"(p = {p:.1e}).{only}",
        certainty="statistical",
        framework=e.framework,
        variation=variation,
        p=p,
    )


@judges("DATA06")
def rows_in_both(e: Evidence) -> Iterator[Finding]:
    """Judge DATA06: rows occur in training and validation."""
    pair = _inputs(e)
    if pair is None or min(len(x) for x in pair) < _ROWS:
        return
    scale = pair[0].std(axis=0)
    scale[scale == 0] = 1
    rounded = [np.round(x / scale, 6) + 0.0 for x in pair]
    one, other = ([row.tobytes() for row in x] for x in rounded)
    known = Counter(one)
    copied = len(known) < 0.9 * len(one)
    if copied and not _are_copies(known):
        return  # rows repeat within the set: a table of few different ones
    twice = [i for i, row in enumerate(other) if (row in known if copied else known.get(row) == 1)]
    by_chance, p = (0.0, 0.0) if copied else _by_chance(known, rounded[0], len(twice), len(other))
    if not twice or (by_chance and p >= _ALPHA):
        return
    part = len(twice) / len(other)
    low, _ = wilson(part, len(other))
    expected = f" By chance, as within the training set, {num(by_chance)} would." if by_chance else ""
    if copied:
        expected = f" {len(one) - len(known)} of the {len(one)} training rows are copies, too."
    yield rule("DATA06").finding(
        what=f"{len(twice)} of {len(other)} validation rows ({share(part)}) occur in the training set, too.",
        evidence=f"Equal in all inputs to 6 digits: validation rows {', '.join(map(str, twice[:5]))}"
        f"{', …' if len(twice) > 5 else ''}.{expected}",
        severity="error" if low is not None and low - by_chance / len(other) > 0.01 and p < _ALPHA else "note",
        fix="split first, and copy rows of the training set alone; or weigh them in the loss" if copied else "",
        framework=e.framework,
        rows=len(twice),
        part=part,
        chance=by_chance,
    )


def _are_copies(known: Mapping[bytes, int]) -> bool:
    """Whether rows that repeat are copies: many of them, most others come once, and a feature tells all apart.

    Where settings of an experiment repeat, nearly all of them do; a blank image or a row of defaults is but one.
    """
    once = sum(count == 1 for count in known.values())
    if once < _SINGLE * len(known) or len(known) - once < _COPIED:
        return False
    different = np.frombuffer(b"".join(known), np.float64).reshape(len(known), -1)
    return _continuous(different)


def _by_chance(known: Mapping[bytes, int], train: np.ndarray, found: int, rows: int) -> tuple[float, float]:
    """Return how many of so many validation rows would equal one training row by chance, and the p-value of ``found``.

    Rows drawn alike make pairs alike within the training set and across: of N and M rows, N²/2 and NM pairs can be
    equal. So with ``pairs`` equal ones within, 2M/N times as many are expected across, and of both together the number
    across is binomial. Where a feature has hardly any value twice, no two rows are equal by chance.
    """
    if _continuous(train):
        return 0.0, 0.0
    pairs = sum(count == 2 for count in known.values())
    odds = 2 * rows / len(train)
    return odds * pairs, at_least(found, found + pairs, odds / (1 + odds))


def _continuous(x: np.ndarray) -> bool:
    """Whether a feature of (N, F) has hardly any value twice."""
    few, enough = x[:256], _DISTINCT
    likely = (i for i in range(min(x.shape[1], _COLUMNS)) if len(np.unique(few[:, i])) >= enough * len(few))
    return any(len(np.unique(x[:, i])) >= enough * len(x) for i in likely)


def _inputs(e: Evidence) -> tuple[np.ndarray, np.ndarray] | None:
    """Return both inputs as finite (N, F) float64 arrays, or None."""
    x, v = e.inputs, None if e.validation is None else e.validation[0]
    if x is None or v is None or v.dtype.kind not in "iuf" or x.ndim < 2 or x.shape[1:] != v.shape[1:]:
        return None
    if x.size == 0 or v.size == 0 or not (np.isfinite(x).all() and np.isfinite(v).all()):
        return None
    one, other = (a.reshape(len(a), -1).astype(np.float64) for a in (x, v))
    return one, other


def _labels(t: np.ndarray) -> np.ndarray | None:
    """Return (N,) class labels of whole numbers, or of one-hot rows."""
    if t.ndim == 2 and t.shape[1] > 1:
        one_hot = bool(np.all((t == 0) | (t == 1)) and np.all(t.sum(axis=1) == 1))
        return t.argmax(axis=1) if one_hot else None
    flat = t.reshape(-1)
    return flat if t.ndim <= 2 and bool(np.all(np.isfinite(flat) & (flat == np.rint(flat)))) else None


def _chi_square(counts: np.ndarray) -> float:
    """Return the p-value of equal shares in two rows of counts (Wilson and Hilferty's approximation).

    Classes of which fewer than 5 are expected in a row are left out: the approximation does not hold for them.
    """
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    kept = expected.min(axis=0) >= 5
    degrees = int(kept.sum()) - 1
    if degrees < 1:
        return 1.0
    statistic = float(((counts - expected)[:, kept] ** 2 / expected[:, kept]).sum())
    spread = 2 / (9 * degrees)
    z = ((statistic / degrees) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return NormalDist().cdf(-z)
