"""From values to a number: reductions, the global normalizer, split invariance, and what is empty."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import Backend, backend_named
from losses.cases import CLASS_WEIGHT, PLAIN, Case, pairs

WEIGHTED = [Case(lm.get(name).definition, {"class_weight": CLASS_WEIGHT}, "labels") for name in ("ce", "cce")]
MANY = [*PLAIN, *WEIGHTED]
WEIGHT = np.array([1.0, 0.5, 2.0, 0.0])
MASK = np.array([True, True, False, True])


def given(backend: Backend, case: Case) -> tuple[Any, Any]:
    p, t = case.draw(seed=5)
    return backend.asarray(p, "float32"), backend.asarray(t, "float32" if t.dtype.kind == "f" else None)


@pytest.mark.parametrize(("backend", "case"), pairs(MANY), indirect=["backend"])
def test_parts_add_up_to_the_whole(backend: Backend, case: Case) -> None:
    """Micro-batches with the global normalizer, or their totals, give the value and gradient of the unsplit batch."""
    p, t = given(backend, case)
    whole, gradient = case.object.value_and_gradient(p, t, weight=WEIGHT, mask=MASK)
    parts = [(p[i:j], t[i:j], {"weight": WEIGHT[i:j], "mask": MASK[i:j]}) for i, j in ((0, 2), (2, 4))]
    totals = [case.function(a, b, reduction="total", **c, **case.settings) for a, b, c in parts]
    count = sum(float(c) for _, c in totals)
    assert sum(float(total) for total, _ in totals) / count == pytest.approx(float(whole), rel=1e-5)
    pieces = [case.object.value_and_gradient(a, b, normalizer=count, **c) for a, b, c in parts]
    assert sum(float(v) for v, _ in pieces) == pytest.approx(float(whole), rel=1e-5)
    joined = np.concatenate([backend.to_numpy(g) for _, g in pieces])
    np.testing.assert_allclose(joined, backend.to_numpy(gradient), rtol=1e-5, atol=1e-7)
    if backend.differentiates:
        slopes = [
            backend.value_and_grad(lambda x, b=b, c=c: case.function(x, b, normalizer=count, **c, **case.settings), a)[
                1
            ]
            for a, b, c in parts
        ]
        joined = np.concatenate([backend.to_numpy(g) for g in slopes])
        np.testing.assert_allclose(joined, backend.to_numpy(gradient), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("backend", "case"), pairs(MANY), indirect=["backend"])
def test_sum_total_and_mean_fit_together(backend: Backend, case: Case) -> None:
    p, t = given(backend, case)
    results = {r: case.function(p, t, reduction=r, weight=WEIGHT, **case.settings) for r in ("none", "sum", "mean")}
    total, count = case.function(p, t, reduction="total", weight=WEIGHT, **case.settings)
    assert float(results["sum"]) == pytest.approx(float(total), rel=1e-6)
    assert float(results["mean"]) == pytest.approx(float(total) / float(count), rel=1e-6)
    assert backend.to_numpy(results["none"]).sum() == pytest.approx(float(total), rel=1e-5)
    for reduction in ("sum", "none", "total"):
        got = lm.get(case.loss.name, reduction=reduction, **case.settings).value_and_gradient(p, t, weight=WEIGHT)[1]
        slope = backend.to_numpy(got)
        mean = backend.to_numpy(case.object.value_and_gradient(p, t, weight=WEIGHT)[1])
        np.testing.assert_allclose(slope, mean * float(count), rtol=2e-5, atol=1e-6)


def test_class_weights_count_in_the_denominator(backend: Backend) -> None:
    logits, labels = backend.asarray(np.zeros((3, 3)), "float32"), backend.asarray([0, 1, 1])
    got = lm.softmax_cross_entropy(logits, labels, class_weight=[1.0, 10.0, 5.0], reduction="total")
    assert float(got[1]) == 21
    assert float(got[0]) == pytest.approx(21 * math.log(3), rel=1e-6)


@pytest.mark.parametrize("kind", ["int", "float", "numpy", "native"])
def test_the_normalizer_may_be_any_number(backend: Backend, kind: str) -> None:
    p, t = backend.asarray([1.0, 3.0], "float32"), backend.asarray([0.0, 0.0], "float32")
    make = {"int": int, "float": float, "numpy": np.int64, "native": lambda x: backend.asarray(x, "float32")}[kind]
    value, gradient = lm.SquaredError().value_and_gradient(p, t, normalizer=make(5))
    assert float(value) == 2.0
    np.testing.assert_allclose(backend.to_numpy(gradient), [0.4, 1.2], rtol=1e-6)
    value, gradient = lm.SquaredError().value_and_gradient(p, t, normalizer=make(0), mask=[False, False])
    assert float(value) == 0
    assert (backend.to_numpy(gradient) == 0).all()
    if backend.traces:

        def traced(p: Any, n: Any) -> Any:
            return lm.squared_error(p, t, normalizer=n)

        assert float(backend.jit(traced)(p, backend.asarray(5.0, "float32"))) == 2.0


NOTHING = {
    "no rows": lambda case, p, t: (p[:0], t[:0], {}),
    "all masked": lambda case, p, t: (p, t, {"mask": [False] * 4}),
    "no weight": lambda case, p, t: (p, t, {"weight": [0.0] * 4}),
}


@pytest.mark.parametrize("why", NOTHING)
@pytest.mark.parametrize(("backend", "case"), pairs(MANY), indirect=["backend"])
def test_nothing_to_average(backend: Backend, case: Case, why: str) -> None:
    p, t, options = NOTHING[why](case, *given(backend, case))
    value, gradient = case.object.value_and_gradient(p, t, **options)
    assert float(value) == 0
    assert (backend.to_numpy(gradient) == 0).all()
    assert tuple(gradient.shape) == tuple(p.shape)
    total, count = case.function(p, t, reduction="total", **options, **case.settings)
    assert (float(total), float(count)) == (0, 0)
    assert np.isnan(float(case.function(p, t, empty="nan", **options, **case.settings)))
    with pytest.raises(lm.EmptyError, match="no value is left"):
        case.function(p, t, empty="error", **options, **case.settings)
    if backend.differentiates and case.loss.name in ("huber", "softmax_cross_entropy"):
        slope = backend.value_and_grad(lambda x: case.function(x, t, **options, **case.settings), p)[1]
        assert (backend.to_numpy(slope) == 0).all()


@pytest.mark.parametrize("empty", ["zero", "nan"])
def test_nothing_to_average_in_a_trace(backend: Backend, empty: str) -> None:
    def mean(p: Any, w: Any) -> Any:
        return lm.squared_error(p, p * 0, weight=w, empty=empty)

    p, compiled = backend.asarray([1.0, 3.0], "float32"), backend.jit(mean)
    assert float(compiled(p, backend.asarray([1.0, 1.0], "float32"))) == 5
    nothing = float(compiled(p, backend.asarray([0.0, 0.0], "float32")))
    assert nothing == 0 if empty == "zero" else np.isnan(nothing)


def test_an_error_cannot_be_raised_in_a_trace() -> None:
    for backend in (backend_named("jax"), backend_named("tensorflow")):
        with pytest.raises(lm.InputError, match='use "zero" or "nan"'):
            backend.jit(lambda p: lm.squared_error(p, p, weight=p, empty="error"))(backend.asarray([1.0], "float32"))


def test_empty_lists() -> None:
    assert lm.squared_error([], []) == 0
    assert lm.softmax_cross_entropy(np.zeros((0, 3)), []) == 0
    assert math.isnan(lm.squared_error([], [], empty="nan"))
