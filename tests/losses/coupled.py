"""Losses whose values depend on more than one element or row: their cases, and their oracle.

In the textbook modules ``REGION`` and ``BATCH`` list the oracles, in mpmath and without array operations:

- ``f(p, t, w, **parameters)`` of a region gets its elements that count (``p``, ``t``: numbers, or rows over classes)
  and how much each counts, and returns ``(value, count)``, or a list of such pairs, one for each class.
- ``f(p, t, **parameters, **extras)`` of a batch gets the rows that count (``p``: numbers or vectors) and returns one
  ``(value, count)`` for each row.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from mpmath import mp, mpf

import lossmith as lm
from losses import textbook

DIGITS, STEP = 50, mpf(10) ** -16
SHAPES = {"region": (2, 3, 2), "classes": (2, 4, 3), "batch": (6, 3), "scores": (7,)}


@dataclass(frozen=True)
class Coupled:
    """One way of calling one loss; ``form`` is "values", "groups", "labels" or "dense"."""

    loss: lm.Loss
    parameters: dict[str, Any] = field(default_factory=dict, hash=False)
    form: str = "values"
    region: str | None = None

    def __str__(self) -> str:
        form = [] if self.form == "values" else [self.form]
        region = [self.region] if self.region else []
        return "-".join([self.loss.name, *form, *region, *(f"{k}={v}" for k, v in self.parameters.items())])

    @property
    def settings(self) -> dict[str, Any]:
        return {**self.parameters, **({"region": self.region} if self.region else {})}

    @property
    def full(self) -> dict[str, Any]:
        return {**self.loss.defaults, **self.parameters}

    @property
    def kind(self) -> str:
        return self.region or self.loss.region

    @property
    def function(self) -> Any:
        return getattr(lm, self.loss.name)

    @property
    def object(self) -> Any:
        return getattr(lm, self.loss.object_name)(**self.settings)

    @property
    def shape(self) -> tuple[int, ...]:
        if self.loss.layout == "batch":
            return SHAPES["scores" if self.loss.prediction.role == "values" else "batch"]
        return SHAPES["classes" if self.loss.class_axis else "region"]

    @property
    def elements(self) -> tuple[int, ...]:
        """The shape of what a mask selects from."""
        return self.shape[:1] if self.loss.layout == "batch" else self.shape[: len(self.shape) - self.loss.class_axis]

    def draw(self, seed: int = 0) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """Return a valid prediction, target and extras."""
        rng = np.random.default_rng([seed, zlib.crc32(self.loss.name.encode())])
        prediction = self.loss.prediction.sample(rng, self.shape)
        if self.form == "labels":
            target = rng.integers(0, self.shape[-1], self.elements)
        elif self.form == "dense":
            labels = rng.integers(0, self.shape[-1], self.elements)
            soft = rng.dirichlet(np.ones(self.shape[-1]), self.elements)
            target = soft if self.loss.target.soft else np.eye(self.shape[-1])[labels]
        else:
            target = self.loss.target.sample(rng, self.elements if self.form == "groups" else self.shape)
        extras = {e.name: e.domain.sample(rng, self.elements) for e in self.loss.extras}
        return prediction, target, extras


def coupled() -> list[Coupled]:
    """Return every coupled loss with every line of the grid and every kind of target, regions of both kinds."""
    cases = []
    for loss in lm.losses():
        if not loss.coupled:
            continue
        role = loss.target.role
        forms = ("labels", "dense") if role == "classes" else ("groups",) if role == "groups" else ("values",)
        other = "sample" if loss.region == "batch" else "batch"
        for form in forms:
            cases += [Coupled(loss, parameters, form) for parameters in [{}, *textbook.GRID.get(loss.name, [])]]
            cases += [Coupled(loss, {}, form, other)] if loss.layout == "region" else []
    return cases


class Expected(NamedTuple):
    """What a loss must give: one value each, what each counts in a mean, and the gradient of the sum of the values."""

    values: np.ndarray
    counts: np.ndarray
    gradient: np.ndarray


def expected(case: Coupled, prediction: Any, target: Any, extras: Any = None, inside: Any = None) -> Expected:
    """Return the exact values of a case; ``inside`` says how much each element (or row) counts, 0 for masked."""
    prediction, target = np.asarray(prediction, np.float64), np.asarray(target)
    inside = np.ones(case.elements) if inside is None else np.asarray(inside, np.float64)
    settings = {k: mpf(v) if isinstance(v, float) else v for k, v in case.full.items()}
    if "class_weight" in settings and settings["class_weight"] is not None:
        settings["class_weight"] = [mpf(float(x)) for x in settings["class_weight"]]
    if case.loss.layout == "batch":
        return _batch(case, prediction, target, extras or {}, inside, settings)
    if case.form == "labels":
        target = np.eye(case.shape[-1])[target]
    regions = len(prediction) if case.kind == "sample" else 1
    tail = (case.shape[-1],) if case.loss.class_axis else ()
    flat = [np.reshape(x, (regions, -1, *tail)) for x in (prediction, target)]
    results = [_region(case, *r, settings) for r in zip(*flat, inside.reshape(regions, -1), strict=True)]
    values, counts, gradient = (np.array([r[i] for r in results], np.float64) for i in range(3))
    if case.kind == "batch":
        values, counts = values[0], counts[0]
    return Expected(values, counts, gradient.reshape(prediction.shape))


def _exact(x: np.ndarray) -> Any:
    return [_exact(a) for a in x] if x.ndim else mpf(float(x)) if x.dtype.kind == "f" else int(x)


def _region(case: Coupled, p: np.ndarray, t: np.ndarray, w: np.ndarray, settings: dict) -> tuple:
    f, keep = textbook.COUPLED[case.loss.name], np.flatnonzero(w)
    classes = p.shape[-1] if case.loss.class_axis else None
    if not len(keep):
        nothing = np.zeros(classes) if case.loss.per_class else 0.0
        return nothing, nothing, np.zeros_like(p)
    rows, target, weight = _exact(p[keep]), _exact(t[keep].astype(float)), _exact(w[keep])

    def run(rows: Any) -> list:
        with mp.workdps(DIGITS):
            result = f(rows, target, weight, **settings)
            return result if isinstance(result, list) else [result]

    pairs = run(rows)
    gradient = np.zeros_like(p)
    gradient[keep] = _slopes(lambda r: sum(v for v, _ in run(r)), rows)
    values, counts = ([float(x[i]) for x in pairs] for i in range(2))
    if case.loss.per_class:
        return values, counts, gradient
    return values[0], counts[0], gradient


def _batch(case: Coupled, p: np.ndarray, t: np.ndarray, extras: dict, inside: np.ndarray, settings: dict) -> Expected:
    f, keep = textbook.COUPLED[case.loss.name], np.flatnonzero(inside)
    rows, target = _exact(p[keep]), _exact(t[keep])
    settings = settings | {k: _exact(np.asarray(v, float)[keep]) for k, v in extras.items()}

    def run(rows: Any) -> list:
        with mp.workdps(DIGITS):
            return f(rows, target, **settings)

    values, counts, gradient = np.zeros(len(p)), np.zeros(len(p)), np.zeros_like(p)
    if len(keep):
        values[keep], counts[keep] = ([float(x[i]) for x in run(rows)] for i in range(2))
        gradient[keep] = _slopes(lambda r: sum(v for v, _ in run(r)), rows)
    return Expected(values, counts, gradient)


def _slopes(f: Any, rows: list) -> np.ndarray:
    """Central differences along every coordinate of a list of numbers or of rows."""
    with mp.workdps(DIGITS):
        if not isinstance(rows[0], list):
            return np.array([float(_slope(f, rows, rows, i)) for i in range(len(rows))])
        return np.array([[float(_slope(f, rows, row, i)) for i in range(len(row))] for row in rows])


def _slope(f: Any, rows: list, row: list, i: int) -> Any:
    """Move one number in place, there and back."""
    middle, sides = row[i], []
    for step in (STEP, -STEP):
        row[i] = middle + step
        sides.append(f(rows))
    row[i] = middle
    return (sides[0] - sides[1]) / (2 * STEP)
