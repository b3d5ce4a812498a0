"""Losses at their limits: ties, ±0, ±inf, 1e30, probability 0 and 1, one row, one class, one number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import INTEGERS, Backend, backend_named
from losses.cases import PLAIN, Case

INF = np.inf
# loss, parameters, prediction, target, values, gradient of the sum; None where the formula itself is not finite
EDGES: dict[str, tuple[str, dict[str, Any], Any, Any, Any, Any]] = {
    "absolute error at a tie": ("mae", {}, [1.0, 0.0, -0.0], [1.0, -0.0, 0.0], [0, 0, 0], [0, 0, 0]),
    "absolute error far": ("mae", {}, [INF, -INF, 1e30], [0.0, 0, 0], [INF, INF, 1e30], [1, -1, 1]),
    "squared error far": ("mse", {}, [1e15, -1e-20], [0.0, 0], [1e30, 0], [2e15, -2e-20]),
    "huber at delta": ("huber", {}, [1.0, -1.0, 0.0], [0.0, 0, 0], [0.5, 0.5, 0], [1, -1, 0]),
    "huber far": ("huber", {"delta": 2.0}, [INF, -INF, 1e30], [0.0, 0, 0], [INF, INF, 2e30], [2, -2, 2]),
    "log-cosh far": ("log_cosh", {}, [INF, -1e30, 100.0], [0.0, 0, 0], [INF, 1e30, 100 - np.log(2)], [1, -1, 1]),
    "log-cosh near": ("log_cosh", {}, [0.0, -0.0, 1e-5], [0.0, 0, 0], [0, 0, 5e-11], [0, 0, 1e-5]),
    "log-cosh at its seam": ("log_cosh", {}, [1.0, -1.0], [0.0, 0], [0.4337808] * 2, [0.7615942, -0.7615942]),
    "percentage at a tie": ("mape", {}, [2.0], [2.0], [0], [0]),
    "poisson of nothing": ("poisson", {}, [0.0, 0.0], [0.0, 0.0], [0, 0], [1, 1]),
    "poisson of the impossible": ("poisson", {}, [0.0], [1.0], [INF], [-INF]),
    "log-rate of the certain": ("poisson_log_rate", {}, [-INF], [0.0], [0], [0]),
    "logits certain and right": ("bce_with_logits", {}, [INF, -INF, 1e30], [1.0, 0, 1], [0, 0, 0], [0, 0, 0]),
    "logits certain and wrong": ("bce_with_logits", {}, [-INF, INF, -1e30], [1.0, 0, 1], [INF, INF, 1e30], [-1, 1, -1]),
    "logits at 0": ("bce_with_logits", {}, [0.0, -0.0], [1.0, 0.0], [np.log(2)] * 2, [-0.5, 0.5]),
    "probability certain and right": ("bce", {}, [1.0, 0.0], [1.0, 0.0], [0, 0], [-1, 1]),
    "probability certain and wrong": ("bce", {}, [0.0, 1.0], [1.0, 0.0], [100, 100], [-1e12, 1e12]),
    "clipped": ("bce", {"epsilon": 0.1}, [0.0, 0.1, 0.05], [1.0, 1, 0], [2.3025851] * 2 + [0.1053605], [0, -10, 0]),
    "hinge at the margin": ("hinge", {}, [1.0, -1.0, 0.0], [1.0, -1, 1], [0, 0, 1], [0, 0, -1]),
    "hinge far": ("hinge", {}, [-INF, INF], [1.0, 1.0], [INF, 0], [-1, 0]),
    "squared hinge at the margin": ("squared_hinge", {}, [1.0, 1e15], [1.0, -1.0], [0, 1e30], [0, 2e15]),
    "softmax of equals": ("ce", {}, [[0.0, 0.0]], [0], [np.log(2)], [[-0.5, 0.5]]),
    "softmax far": ("ce", {}, [[1e30, 0.0], [0.0, 1e30]], [0, 0], [0, 1e30], [[0, 0], [-1, 1]]),
    "softmax without a class": ("ce", {}, [[-INF, 0.0, 0.0]], [1], [np.log(2)], [[0, -0.5, 0.5]]),
    "the same one-hot": ("ce", {}, [[-INF, 0.0, 0.0]], [[0.0, 1, 0]], [np.log(2)], [[0, -0.5, 0.5]]),
    "softmax of the impossible": ("ce", {}, [[-INF, 0.0]], [0], [INF], [[-1, 1]]),
    "one class": ("ce", {}, [[7.0]], [0], [0], [[0]]),
    "probability 0 of the truth": ("cce", {}, [[0.0, 1.0]], [0], [100], [[-1e12, 0]]),
    "probability 1 of the truth": ("cce", {}, [[1.0, 0.0]], [[1.0, 0.0]], [0], [[-1, 0]]),
    "kl of zeros": ("kl", {}, [[0.0, 1.0]], [[0.0, 1.0]], [0], [[0, -1]]),
    "rivals at a tie": ("categorical_hinge", {}, [[0.0, 1.0, 1.0]], [0], [2], [[-1, 0.5, 0.5]]),
    "rival at the margin": ("categorical_hinge", {}, [[1.0, 0.0]], [0], [0], [[0, 0]]),
    "no rival": ("categorical_hinge", {}, [[-3.0]], [0], [0], [[0]]),
    "rivals below 0": ("categorical_hinge", {"rivals_from_zero": True}, [[-1.0, -5.0]], [0], [2], [[-1, 0]]),
    "cosine of nothing": ("cosine", {}, [[0.0, 0.0]], [[1.0, 0.0]], [0], [[0, 0]]),
    "cosine to nothing": ("cosine", {}, [[1.0, 0.0]], [[0.0, 0.0]], [0], [[0, 0]]),
    "cosine far and near": ("cosine", {}, [[1e30, 0], [1e-30, 0]], [[1e30, 1e30]] * 2, [-(0.5**0.5)] * 2, None),
}


@pytest.mark.parametrize("name", EDGES)
def test_edge(backend: Backend, name: str) -> None:
    loss, parameters, prediction, target, values, gradient = EDGES[name]
    function = getattr(lm, lm.get(loss).definition.name)
    p, t = backend.asarray(prediction, "float32"), np.asarray(target)
    t = backend.asarray(t, "float32" if t.dtype.kind == "f" else None)

    def everything(p: Any, t: Any) -> list[Any]:
        found = [function(p, t, reduction="none", **parameters)]
        found.append(lm.get(loss, reduction="sum", **parameters).value_and_gradient(p, t)[1])
        if backend.differentiates:
            found.append(backend.value_and_grad(lambda x: function(x, t, reduction="sum", **parameters), p)[1])
        return found

    got, *slopes = (backend.jit(everything) if backend.name == "jax" else everything)(p, t)
    np.testing.assert_allclose(backend.to_numpy(got), values, rtol=1e-6, atol=1e-15)
    for slope in slopes if gradient is not None else ():
        np.testing.assert_allclose(backend.to_numpy(slope), gradient, rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize("case", PLAIN, ids=str)
@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_one_row(name: str, case: Case) -> None:
    """A row of its own shape, a batch of one, and a batch of batches hold the same numbers."""
    backend = backend_named(name)
    prediction, target = case.draw(3, (1, 3))
    value = float(case.function(backend.asarray(prediction), backend.asarray(target)))
    for shape in ((), (1, 1)):
        p, t = prediction.reshape((*shape, prediction.shape[-1])), target.reshape((*shape, *target.shape[1:]))
        got, gradient = case.object.value_and_gradient(backend.asarray(p), backend.asarray(t))
        assert float(got) == pytest.approx(value, rel=1e-12)
        assert tuple(gradient.shape) == p.shape


@pytest.mark.parametrize("case", [c for c in PLAIN if c.loss.layout == "element"], ids=str)
def test_single_numbers(backend: Backend, case: Case) -> None:
    if backend.name == "jax" and case.loss.name not in ("huber", "poisson"):
        pytest.skip("compiles every operation for no other code")
    prediction, target = (x.ravel()[0] for x in case.draw(3))
    want = case.function([prediction], [target])
    assert case.function(float(prediction), float(target)) == pytest.approx(want)
    got, gradient = case.object.value_and_gradient(
        backend.asarray(prediction, "float32"), backend.asarray(target, "float32")
    )
    assert float(got) == pytest.approx(want, rel=1e-5)
    assert np.shape(backend.to_numpy(gradient)) == ()


@pytest.mark.parametrize("classes", [1, 2, 7, 300])
@pytest.mark.parametrize("case", [c for c in PLAIN if c.loss.layout == "row"], ids=str)
def test_any_number_of_classes(case: Case, classes: int) -> None:
    torch = backend_named("torch")
    prediction, target = case.draw(3, (6, classes))
    if case.loss.target.role == "ranks":
        target = np.minimum(target, classes)  # there is one rank more than thresholds
    value, gradient = case.object.value_and_gradient(prediction, target)
    got, slope = torch.value_and_grad(lambda x: case.function(x, torch.asarray(target)), torch.asarray(prediction))
    assert value == pytest.approx(float(got), rel=1e-12, abs=1e-14)
    np.testing.assert_allclose(gradient, slope, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("loss", ["ce", "cce", "categorical_hinge"])
def test_labels_of_any_integer_type(backend: Backend, loss: str, dtype: str) -> None:
    with backend.session("float64" if "64" in dtype else "float32"):
        p = backend.asarray([[0.25, 0.75], [0.5, 0.5]], "float32")
        labels = backend.asarray(np.array([1, 0], dtype))
        one_hot = backend.asarray(np.array([[0, 1], [1, 0]], dtype))
        want = lm.get(loss)([[0.25, 0.75], [0.5, 0.5]], [1, 0])
        assert float(lm.get(loss)(p, labels)) == pytest.approx(want, rel=1e-6)
        assert float(lm.get(loss)(p, one_hot)) == pytest.approx(want, rel=1e-6)
