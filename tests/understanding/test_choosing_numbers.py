"""Every number that ``choose`` prints, against SciPy or a formula written out here.

For each column the numbers of the prose are collected, and each must be one that was computed here, or one of the few
that stand in the words themselves; and each that was computed here must be printed. Numbers in lines of code are run in
``test_choosing_code``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import lossmith as lm
from lossmith.understanding.choosing import Choice

from . import targets
from .targets import TARGETS

stats = pytest.importorskip("scipy.stats")
optimize = pytest.importorskip("scipy.optimize")

LN2 = float(np.log(2))
WORDS = {"0", "1", "2", "N"}  # "0 and 1", "ln 2", "2 min(p, 1 - p)"
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]*\w)")


def number(x: float) -> str:
    """Write a number as ``choose`` does: four digits, thousands with commas."""
    if 1000 <= abs(x) < 1e7:
        return f"{round(x):,}"
    return f"{x:.4g}"


def share(x: float) -> str:
    """Write a share: one place behind the point, or two digits below 1 %."""
    return f"{100 * x:.1f}" if x == 0 or x >= 0.01 else f"{100 * x:.2g}"


def prose(choice: Choice) -> str:
    """Return the text without its lines of code, and without the names that the column gave."""
    code = {line for s in choice.suggestions for lines in s.code.values() for line in lines}
    code |= {s.prepare for s in choice.suggestions}
    code |= {f"{line}  # {name}" for s in choice.suggestions if s.weights
             for line, name in zip(s.weights.code.values(), ("Keras", "PyTorch", "JAX"), strict=False)}  # fmt: skip
    kept = []
    for line in choice.to_text(100_000).splitlines():
        body = re.sub(r"^  (Keras|PyTorch|JAX)? +", "", line)
        if body not in code:
            kept.append(line)
    return re.sub(r"'[^']*'", "", "\n".join(kept))


def printed(choice: Choice) -> set[str]:
    return {found.rstrip(",") for found in NUMBER.findall(prose(choice))} - WORDS


# --- what is computed here -------------------------------------------------------------------------------------------
def entropy(shares: np.ndarray) -> float:
    return float(stats.entropy(shares))


def entropy_of_two(p: float) -> float:
    return float(stats.bernoulli(p).entropy())


def shares_of(y: np.ndarray) -> np.ndarray:
    return np.unique(y, return_counts=True)[1] / len(y)


def two(y: np.ndarray, yes: object) -> Iterator[str]:
    """The numbers of a yes or no."""
    p, n = float(np.mean(y == yes)), len(y)
    ratio = max(p, 1 - p) / min(p, 1 - p)
    yield from (str(n), number(LN2), number(entropy_of_two(p)), share(p), share(min(p, 1 - p)), number(ratio), "0.5")
    if ratio >= 3:
        no = n - round(n * p)
        yield from (number(n / (2 * no)), number(n / (2 * (n - no))), number(no / (n - no)), "50.0")
    if min(p, 1 - p) < 0.1:
        yield number(np.log(p) - np.log(1 - p))
    if min(p, 1 - p) < 0.05:
        yield from (number(LN2 / 4), "4")


def several(y: np.ndarray, corn: bool, weights: bool = True) -> Iterator[str]:
    """The numbers of classes 0 … C-1."""
    shares, n = shares_of(y), len(y)
    c = len(shares)
    yield from (str(n), str(c), str(c - 1), number(np.log(c)), number(entropy(shares)), *map(share, shares))
    if weights:
        yield from (number(shares.max() / shares.min()), share(shares.min()))
    if weights and shares.max() / shares.min() >= 3:
        yield from (number(1 / (c * s)) for s in shares)
    if corn:
        ranks = np.unique(y, return_inverse=True)[1]
        yield number(float(np.mean(np.minimum(ranks + 1, c - 1))) * LN2)


def best_huber(y: np.ndarray, delta: float) -> tuple[float, float]:
    """The best constant under Huber, and its mean loss."""

    def mean(p: float) -> float:
        e = np.abs(y - p)
        return float(np.mean(np.where(e <= delta, e**2 / 2, delta * (e - delta / 2))))

    found = optimize.minimize_scalar(mean, bounds=(y.min(), y.max()), method="bounded", options={"xatol": 1e-9})
    return float(found.x), float(found.fun)


def measured(y: np.ndarray, scale: tuple[float, float] = (0, 1)) -> Iterator[str]:
    """The numbers of squared error, absolute error and Huber, on the column as it goes into training."""
    z = (y - scale[0]) / scale[1]
    deviation = stats.median_abs_deviation(z, scale="normal")
    delta = 1.345 * float(deviation) * 1.4826 * stats.norm.ppf(0.75)  # SciPy divides the MAD by ppf(¾)
    answer, value = best_huber(z, delta)
    start = float(np.mean(np.where(np.abs(z) <= delta, z**2 / 2, delta * (np.abs(z) - delta / 2))))
    middle = float(np.sort(z)[(len(z) - 1) // 2])
    yield from (number(np.mean(z**2)), number(z.var()), number(np.mean(np.abs(z))), number(stats_mae(z)))
    yield from (number(0 if abs(z.mean()) < 1e-4 * z.std() else z.mean()), number(middle))
    yield from (number(delta), "1.345", "1.4826", number(answer), number(value), number(start))


def stats_mae(y: np.ndarray) -> float:
    return float(np.mean(np.abs(y - np.median(y))))


def span(y: np.ndarray) -> Iterator[str]:
    yield from (str(len(y)), number(y.min()), number(y.max()))


def scale_note(y: np.ndarray) -> Iterator[str]:
    yield from (number(y.mean()), number(y.std()), number(np.mean(y**2)), number(y.var()), number(stats_mae(y)))


# --- one function per column -----------------------------------------------------------------------------------------
def levels() -> Iterator[str]:
    ranks = np.repeat([0, 1, 2], [20, 28, 12])  # low, medium, high
    yield from several(ranks, corn=True, weights=False)
    yield from (number(np.mean(ranks**2)), number(ranks.var()), number(ranks.mean()))


def ratings() -> Iterator[str]:
    y = targets.RATINGS
    yield from several(y, corn=True, weights=False)
    yield from (*"1234", "5", number(np.mean(y**2)), number(y.var()), number(y.mean()))
    yield from ("3", "6", "10")  # rows of the rare ones, and what rare is


def distribution() -> Iterator[str]:
    rows = targets.SOFT
    mean = rows.mean(axis=0)
    floor = float(np.mean([entropy(row) for row in rows]))
    yield from ("60", "3", number(np.log(3)), number(entropy(mean)), number(floor), *map(share, mean))
    yield from (number(np.log(3) - floor), number(entropy(mean) - floor))


def flags(y: np.ndarray) -> Iterator[str]:
    p = y.mean(axis=0)
    yield from (str(len(y)), str(y.shape[1]), number(LN2), number(np.mean([entropy_of_two(x) for x in p])), "0.5")
    yield from (*map(share, p), number(y.sum(axis=1).mean()))
    if np.all((y == 0) | (y == 1)):
        weights = np.array([(1 - x) / x if x else 1.0 for x in p])
        yield from (*map(number, weights), share(p[p > 0].min()), number(weights.max()))
        yield from map(str, (int(y.sum(axis=1).min()), int(y.sum(axis=1).max())))
    else:
        yield number(np.mean([[entropy_of_two(x) for x in row] for row in y]))


def sparse_flags() -> Iterator[str]:
    y = targets.SPARSE
    yield from flags(y)
    negative = -(0.45**4) * np.log(0.55)  # p = ½ shifted by 0.05, to the fourth
    yield from (share(y.mean()), number(np.mean(np.where(y == 1, 0.5 * LN2, negative))))


def counted(y: np.ndarray) -> Iterator[str]:
    mean, variance = y.mean(), y.var()
    yield from (*span(y), str(len(np.unique(y))), number(variance / mean), number(mean), "1")
    yield from (number(mean - mean * np.log(mean)), number(np.log(mean)))
    if variance > 1.2 * mean:
        dispersion = float(f"{(variance - mean) / mean**2:.6g}")
        r = 1 / dispersion

        def score(m: float) -> str:
            return number(-np.mean(stats.nbinom.logpmf(y, r, r / (r + m))))

        yield from (number(variance), number(mean), number(dispersion), score(1.0), score(mean))


def zero_inflated() -> Iterator[str]:
    y = targets.ZERO_INFLATED
    yield from counted(y)
    r = y.mean() ** 2 / (y.var() - y.mean())
    yield from (share(np.mean(y == 0)), share(float(stats.nbinom.pmf(0, r, r / (r + y.mean())))))


def prices() -> Iterator[str]:
    y = targets.PRICES
    logs = np.log(y)
    yield from (*span(y), number(stats.skew(y)), number(stats.skew(logs)), number(y.mean()), "1")
    yield from (number(stats.gmean(y)), number(np.mean(logs**2)), number(logs.var()), number(logs.mean()))


def rain(y: np.ndarray) -> Iterator[str]:
    logs = np.log1p(y)
    mean = y.mean() if 0.5 <= y.mean() <= 2 else 1.0  # of what goes into training
    yield from (*span(y), share(np.mean(y == 0)), number(y.mean()), number(mean))
    yield from (number(2 + 2 * mean), number(2 * mean**0.5 + 2 * mean * mean**-0.5), "4")  # Tweedie with power 1.5
    yield from (number(np.mean((logs - np.log1p(LN2)) ** 2)), number(logs.var()), number(np.expm1(logs.mean())))
    yield from (share(np.mean(y > 0)), str(int((y > 0).sum())), number(y[y > 0].mean()))


def shares(y: np.ndarray) -> Iterator[str]:
    yield from (number(LN2), number(entropy_of_two(y.mean())), share(y.mean()), "0.5")
    yield from (number(np.mean([entropy_of_two(x) for x in y])), number(np.mean((y - 0.5) ** 2)), number(y.var()))


def per_cent() -> Iterator[str]:
    y = targets.PER_CENT
    yield from (*span(y), *shares(y / 100), "100", share(np.mean(y == 0)), share(np.mean(y == 100)))


def heavy(y: np.ndarray, scaled: bool) -> Iterator[str]:
    robust = 1.4826 * float(stats.median_abs_deviation(y))
    far = np.abs(y - np.median(y)) > 5 * robust
    yield from (*span(y), str(int(far.sum())), share(far.mean()), "5", number(robust))
    yield share(np.sum((y[far] - y.mean()) ** 2) / np.sum((y - y.mean()) ** 2))
    centre, spread = float(f"{np.median(y):.6g}"), float(f"{robust:.6g}")
    yield from measured(y, (centre, spread) if scaled else (0, 1))
    if scaled:
        yield from (number(np.median(y)), *scale_note(y))


def unscaled() -> Iterator[str]:
    y = targets.UNSCALED
    yield from (*span(y), *scale_note(y))
    yield from measured(y, (float(f"{y.mean():.6g}"), float(f"{y.std():.6g}")))


def columns(y: np.ndarray, scaled: bool) -> Iterator[str]:
    z = (y - y.mean(axis=0)) / y.std(axis=0) if scaled else y
    middle = np.median(z, axis=0)
    yield from (str(len(y)), number(np.mean(z**2)), number(z.var(axis=0).mean()))
    yield from (number(np.mean(np.abs(z))), number(np.mean(np.abs(z - middle))))
    if scaled:
        spread = y.std(axis=0)
        yield from (number(spread.min()), number(spread.max()), share(spread.max() ** 2 / np.sum(spread**2)))


def words() -> Iterator[str]:
    yield from several(targets.WORDS, corn=False)
    yield from ("4", "10")  # rows of the rarest, and what rare is


def codes() -> Iterator[str]:
    y = TARGETS["codes"][0]
    yield from (*several(y, corn=True), *map(str, np.unique(y)), "15")


EXPECTED: dict[str, Callable[[], Iterator[str]]] = {
    "binary": lambda: two(targets.BINARY, 1),
    "signs": lambda: iter([*two(targets.SIGNS, 1), "-1", number(2 * np.mean(targets.SIGNS < 0))]),
    "words of two": lambda: two(targets.YES, "yes"),
    "booleans": lambda: two(targets.BINARY, 1),
    "one and two": lambda: two(targets.BINARY, 1),
    "one-hot of two": lambda: two(targets.BINARY, 1),
    "words": words,
    "classes": lambda: several(targets.CLASSES, corn=True),
    "one-hot": lambda: several(targets.CLASSES, corn=False),
    "codes": codes,
    "ratings": ratings,
    "levels": levels,
    "distribution": distribution,
    "flags": lambda: flags(targets.FLAGS),
    "sparse flags": sparse_flags,
    "soft flags": lambda: flags(targets.SOFT_FLAGS),
    "counts": lambda: counted(targets.POISSON),
    "overdispersed": lambda: counted(targets.OVERDISPERSED),
    "zero-inflated": zero_inflated,
    "prices": prices,
    "rain": lambda: rain(targets.RAIN),
    "drizzle": lambda: rain(targets.DRIZZLE),
    "shares": lambda: iter([*span(targets.SHARES), *shares(targets.SHARES)]),
    "per cent": per_cent,
    "normal": lambda: iter([*span(targets.NORMAL), *measured(targets.NORMAL)]),
    "unscaled": unscaled,
    "heavy": lambda: heavy(targets.HEAVY, scaled=False),
    "heavy unscaled": lambda: heavy(targets.HEAVY_UNSCALED, scaled=True),
    "columns": lambda: columns(targets.COLUMNS, scaled=True),
    "columns alike": lambda: columns(targets.ALIKE, scaled=False),
}


@pytest.mark.parametrize("name", TARGETS)
def test_every_number_is_right(name: str) -> None:
    choice = lm.choose(TARGETS[name][0])
    expected = set(EXPECTED[name]())
    assert printed(choice) - expected == set(), f"printed, but not computed here, in:\n{prose(choice)}"
    assert expected - WORDS - printed(choice) == set(), f"computed here, but not printed, in:\n{prose(choice)}"
