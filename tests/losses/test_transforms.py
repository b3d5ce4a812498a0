"""Second derivatives, jit, vmap, forward mode, and graphs whose batch size is not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import backend_named, require
from losses.cases import CASES, PLAIN, Case
from losses.oracles import expected

# Kinks, a weight that counts as constant (CIoU), and exp(d²) in the limit alpha = ∞ that no finite step resolves.
NOT_SMOOTH = ("absolute_error", "absolute_percentage_error", "hinge", "categorical_hinge", "ciou_loss")
SMOOTH = [c for c in CASES if c.loss.name not in NOT_SMOOTH and c.parameters.get("alpha") != float("inf")]
FORMS = [c for c in CASES if not c.parameters and c.axis == -1]


def diagonal(case: Case, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    return expected(case.loss.name, prediction, target, case.axis, **case.full).curvature


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_double_backward_in_torch(case: Case) -> None:
    torch = require("torch")
    prediction, target = case.draw(seed=11)
    p, t = torch.tensor(prediction, requires_grad=True), torch.tensor(target)
    assert torch.autograd.gradcheck(lambda x: case.function(x, t, **case.settings), (p,))
    assert torch.autograd.gradgradcheck(lambda x: case.function(x, t, **case.settings), (p,))


@pytest.mark.parametrize("case", FORMS, ids=str)
def test_curvature_by_double_backward(case: Case) -> None:
    """The diagonal of the Hessian: also right (0) for losses with kinks, away from them."""
    torch = require("torch")
    prediction, target = case.draw(seed=11)
    p, t = torch.tensor(prediction, requires_grad=True), torch.tensor(target)

    def total(x: Any) -> Any:
        return case.function(x, t, reduction="sum")

    full = torch.autograd.functional.hessian(total, p).reshape(p.numel(), p.numel())
    wanted = diagonal(case, prediction, target)
    np.testing.assert_allclose(full.diagonal().reshape(p.shape).numpy(), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", FORMS, ids=str)
def test_jax_transforms(case: Case) -> None:
    """One compilation of everything: jit(vmap(grad)), forward over reverse."""
    backend = backend_named("jax")
    jax = backend.jax
    with backend.session("float64"):
        prediction, target = case.draw(seed=11)
        p, t = backend.asarray(prediction, "float64"), backend.asarray(target)

        def total(x: Any, y: Any) -> Any:
            return case.function(x, y, reduction="sum")

        def everything(x: Any, y: Any) -> Any:
            rows = jax.vmap(jax.grad(total))(x, y)
            curvature = jax.vmap(lambda a, b: jax.numpy.diagonal(jax.hessian(total)(a, b)))(x, y)
            forward = jax.jvp(lambda a: total(a, y), (x,), (jax.numpy.ones_like(x),))[1]
            return rows, curvature, forward

        rows, curvature, forward = jax.jit(everything)(p, t)
        want = expected(case.loss.name, prediction, target, **case.full)
        np.testing.assert_allclose(rows, want.gradient, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(curvature, want.curvature, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(forward, want.gradient.sum(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", FORMS, ids=str)
def test_torch_func(case: Case) -> None:
    torch = require("torch")
    prediction, target = case.draw(seed=11)
    p, t = torch.tensor(prediction), torch.tensor(target)
    rows = torch.func.vmap(torch.func.grad(lambda x, y: case.function(x, y, reduction="sum")))(p, t)
    want = expected(case.loss.name, prediction, target, **case.full)
    np.testing.assert_allclose(rows.numpy(), want.gradient, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", FORMS, ids=str)
def test_a_tensorflow_graph_of_unknown_batch_size(case: Case) -> None:
    backend = backend_named("tensorflow")
    tf = backend.tf
    prediction, target = case.draw(seed=11)
    rank = target.ndim - 1
    kind = tf.float64 if target.dtype.kind == "f" else tf.int64
    signature = [
        tf.TensorSpec([None, case.shape[1]], tf.float64),
        tf.TensorSpec([None, *[case.shape[1]] * rank], kind),
        tf.TensorSpec([None], tf.float64),
    ]

    @tf.function(input_signature=signature, autograph=False)
    def step(p: Any, t: Any, w: Any) -> Any:
        return backend.value_and_grad(lambda x: case.function(x, t, weight=w), p)

    for rows in (4, 2, 0):
        weight = np.arange(1.0, 5.0)[:rows]
        value, gradient = step(tf.constant(prediction[:rows]), tf.constant(target[:rows]), tf.constant(weight))
        want, slope = case.object.value_and_gradient(prediction[:rows], target[:rows], weight=weight)
        assert float(value) == pytest.approx(want, rel=1e-9)
        np.testing.assert_allclose(gradient.numpy(), slope, rtol=1e-8, atol=1e-12)


def test_the_mean_over_an_unknown_number_of_values() -> None:
    backend = backend_named("tensorflow")
    tf = backend.tf
    spec = tf.TensorSpec([None, None], tf.float32)
    mean = tf.function(lambda p, t: lm.squared_error(p, t), input_signature=[spec, spec], autograph=False)
    assert float(mean(tf.constant([[2.0], [3.0]]), tf.constant([[1.0], [5.0]]))) == 2.5
    assert float(mean(tf.zeros([0, 3]), tf.zeros([0, 3]))) == 0


@pytest.mark.parametrize("name", ["jax", "tensorflow"])
def test_a_label_out_of_range_poisons_its_row_in_a_trace(name: str) -> None:
    """Where values cannot be looked at, a wrong label is never another class's number and never silence."""
    backend = backend_named(name)
    logits, labels = backend.asarray(np.zeros((3, 4)), "float32"), backend.asarray([1, 4, -1])
    for loss in (lm.softmax_cross_entropy, lm.categorical_hinge):
        values = backend.to_numpy(backend.jit(lambda p, t, loss=loss: loss(p, t, reduction="none"))(logits, labels))
        assert np.isfinite(values[0])
        assert np.isnan(values[1:]).all()


@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_gradients_reach_through_the_model(case: Case) -> None:
    """The loss of a function of a parameter, by the chain rule of each framework, equals the closed form."""
    torch = require("torch")
    prediction, target = case.draw(seed=11)
    scale = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    p = torch.tensor(prediction)
    case.function(p + (scale - 1) * p.detach() * 1e-5, torch.tensor(target)).backward()
    slope = case.object.value_and_gradient(prediction, target)[1]
    assert scale.grad.item() == pytest.approx((slope * prediction * 1e-5).sum(), rel=1e-9, abs=1e-15)
