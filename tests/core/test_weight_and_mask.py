"""Weights multiply, masks select: for every loss, framework, eager and compiled, in value and gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import Backend, backend_named, require
from losses.cases import PLAIN, Case, forms_of, pairs

WEIGHT = np.array([1.0, 0.0, 2.5, 0.25])
MASK = np.array([True, False, True, True])
TARGETS = [Case(c.loss, {}, form) for c in PLAIN for form in forms_of(c.loss)]


def results(backend: Backend, case: Case, p: Any, t: Any, **options: Any) -> dict[str, Any]:
    """Return the values and the mean with its gradients, closed form and autodiff."""
    found = {"none": case.function(p, t, reduction="none", **options)}
    found["mean"], found["gradient"] = case.object.value_and_gradient(p, t, **options)
    if backend.differentiates:
        found["autodiff"] = backend.value_and_grad(lambda x: case.function(x, t, **options), p)[1]
    return found


def rows_of(values: np.ndarray, factor: np.ndarray) -> np.ndarray:
    return factor.reshape(factor.shape + (1,) * (values.ndim - factor.ndim))


def given(backend: Backend, case: Case) -> tuple[Any, Any]:
    p, t = case.draw(seed=3)
    return backend.asarray(p, "float32"), backend.asarray(t, "float32" if t.dtype.kind == "f" else None)


def agree(got: Any, wanted: Any) -> None:
    np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(("backend", "case"), pairs(PLAIN), indirect=["backend"])
def test_weight(backend: Backend, case: Case) -> None:
    """A weight of 2 counts a row twice, a weight of 0 not at all; the mean divides by the weights."""
    p, t = given(backend, case)
    values = backend.to_numpy(case.function(p, t, reduction="none"))
    gradient = backend.to_numpy(lm.get(case.loss.name, reduction="sum").value_and_gradient(p, t)[1])
    got = results(backend, case, p, t, weight=backend.asarray(WEIGHT, "float32"))
    factor = rows_of(values, WEIGHT)
    count = np.broadcast_to(factor, values.shape).sum()
    agree(backend.to_numpy(got["none"]), values * factor)
    agree(backend.to_numpy(got["mean"]), (values * factor).sum() / count)
    for name in {"gradient", "autodiff"} & set(got):
        agree(backend.to_numpy(got[name]), gradient * rows_of(gradient, WEIGHT) / count)


def spoiled(backend: Backend, case: Case) -> tuple[Any, Any]:
    """The same inputs with NaN, infinity and a huge number under the mask, and labels far out of range."""
    prediction, target = case.draw(seed=3)
    prediction[~MASK] = np.resize([np.nan, np.inf, -1e30], prediction[~MASK].shape)
    target[~MASK] = np.resize([-np.inf, np.nan, 1e30], target[~MASK].shape) if target.dtype.kind == "f" else 99
    return backend.asarray(prediction, "float32"), backend.asarray(
        target, "float32" if target.dtype.kind == "f" else None
    )


def kept(backend: Backend, x: Any) -> Any:
    rows = backend.to_numpy(x)[MASK]
    return backend.asarray(rows, "float32" if rows.dtype.kind == "f" else None)


@pytest.mark.parametrize(("backend", "case"), pairs(TARGETS), indirect=["backend"])
def test_nothing_passes_the_mask(backend: Backend, case: Case) -> None:
    """What stands under the mask changes neither value nor gradient, which is exactly zero there."""
    p, t = given(backend, case)
    weight = backend.asarray(WEIGHT + 0.5, "float32")
    want = results(backend, case, kept(backend, p), kept(backend, t), weight=kept(backend, weight))
    got = results(backend, case, *spoiled(backend, case), mask=backend.asarray(MASK), weight=weight)
    agree(backend.to_numpy(got["mean"]), backend.to_numpy(want["mean"]))
    for name in {"none", "gradient", "autodiff"} & set(got):
        agree(backend.to_numpy(got[name])[MASK], backend.to_numpy(want[name]))
        assert (backend.to_numpy(got[name])[~MASK] == 0).all(), name


@pytest.mark.parametrize("case", TARGETS, ids=str)
@pytest.mark.parametrize("name", ["jax", "tensorflow"])
def test_nothing_passes_the_mask_in_a_trace(name: str, case: Case) -> None:
    backend = backend_named(name)
    p, t = (backend.to_numpy(x) for x in given(backend, case))

    def compute(p: Any, t: Any, mask: Any) -> Any:
        return backend.value_and_grad(lambda x: case.function(x, t, mask=mask), p)

    value, gradient = backend.jit(compute)(*spoiled(backend, case), backend.asarray(MASK))
    agree(backend.to_numpy(value), case.function(p[MASK], t[MASK]))
    assert (backend.to_numpy(gradient)[~MASK] == 0).all()
    assert np.isfinite(backend.to_numpy(gradient)).all()


def test_masks_of_values_and_of_ones(backend: Backend) -> None:
    p, t = backend.asarray([[1.0, 2.0], [3.0, np.nan]], "float32"), backend.asarray([[0.0, 0.0], [0.0, 0.0]], "float32")
    mask = [[True, True], [True, False]]
    assert float(lm.squared_error(p, t, mask=backend.asarray(mask))) == pytest.approx(14 / 3)
    assert float(lm.squared_error(p, t, mask=mask)) == pytest.approx(14 / 3)
    assert float(lm.squared_error(p, t, mask=np.array(mask, np.int32))) == pytest.approx(14 / 3)
    assert float(lm.squared_error(p, t, mask=[True, False])) == 2.5
    assert float(lm.squared_error(p, t, mask=[[True], [False]])) == 2.5


def test_a_mask_and_a_weight_of_other_ranks_work_together(backend: Backend) -> None:
    p, t = backend.asarray([[1.0, 2.0], [3.0, np.nan]], "float32"), backend.asarray([[0.0, 0.0], [0.0, 0.0]], "float32")
    got = lm.squared_error(p, t, mask=[[True, True], [True, False]], weight=[1.0, 10.0])
    assert float(got) == pytest.approx((1 + 4 + 90) / 12)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8"])
@pytest.mark.parametrize("ignored", [-100, -1, 255, 2])
def test_ignore_index(backend: Backend, dtype: str, ignored: int) -> None:
    """An ignored label counts nowhere, whatever integer type holds the labels, even one that cannot hold it."""
    logits = backend.asarray([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [np.nan, 0.0, np.nan]], "float32")
    inside = np.iinfo(dtype).min <= ignored <= np.iinfo(dtype).max
    labels = backend.asarray(np.array([0, 1, ignored if inside else 0], dtype))
    mask = None if inside else [True, True, False]
    got = lm.softmax_cross_entropy(logits, labels, ignore_index=ignored, mask=mask)
    assert float(got) == pytest.approx((2.4076059 + np.log(3)) / 2, rel=1e-6)


def test_ignore_index_of_a_narrow_type_hides_no_other_class() -> None:
    """-100 as uint8 would be 156."""
    torch = require("torch")
    logits = torch.zeros(1, 200)
    assert lm.softmax_cross_entropy(logits, torch.tensor([156], dtype=torch.uint8), ignore_index=-100) > 5


@pytest.mark.parametrize("name", ["sigmoid_cross_entropy", "binary_cross_entropy", "hinge", "squared_hinge"])
def test_ignore_index_of_binary_losses(backend: Backend, name: str) -> None:
    ignored = -7
    p = backend.asarray([0.25, 0.75, np.nan], "float32")
    t, kept = backend.asarray([1.0, 1.0, ignored], "float32"), backend.asarray([1.0, 1.0], "float32")
    loss = getattr(lm, name)
    want = float(loss(backend.asarray([0.25, 0.75], "float32"), kept))
    assert float(loss(p, t, ignore_index=ignored)) == pytest.approx(want)


def test_ignored_pixels_of_an_image(backend: Backend) -> None:
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(size=(2, 3, 4, 5)), rng.integers(0, 3, (2, 4, 5))
    kept = rng.random((2, 4, 5)) < 0.7
    want = lm.softmax_cross_entropy(np.moveaxis(logits, 1, -1)[kept], labels[kept], label_smoothing=0.1)
    p, t = backend.asarray(logits, "float32"), backend.asarray(np.where(kept, labels, 255).astype(np.uint8))
    got = lm.SoftmaxCrossEntropy(axis=1, ignore_index=255, label_smoothing=0.1).value_and_gradient(p, t)
    assert float(got[0]) == pytest.approx(want, rel=1e-5)
    assert (np.moveaxis(backend.to_numpy(got[1]), 1, -1)[~kept] == 0).all()


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3), (1, 3), (1, 1)], ids=str)
def test_weights_go_along_the_leading_axes(backend: Backend, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    p, t, w = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.random(shape)
    full = np.broadcast_to(w.reshape(w.shape + (1,) * (2 - w.ndim)), (4, 3))
    got = lm.squared_error(backend.asarray(p, "float32"), backend.asarray(t, "float32"), weight=backend.asarray(w))
    assert float(got) == pytest.approx(np.average((p - t) ** 2, weights=full), rel=1e-5)


def test_linear_in_the_weight(backend: Backend) -> None:
    p, t = [backend.asarray(x, "float32") for x in ([1.0, 2.0, 5.0], [0.0, 0.0, 0.0])]
    one, two = np.array([1.0, 0.5, 2.0]), np.array([0.0, 3.0, 1.0])
    total = {
        k: float(lm.squared_error(p, t, weight=w, reduction="sum")) for k, w in enumerate((one, two, one + 2 * two))
    }
    assert total[2] == pytest.approx(total[0] + 2 * total[1])
