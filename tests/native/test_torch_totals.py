"""lossmith's elementwise losses of tensors, reduced: one pass of a kernel, and the formula judges it."""

import pytest

import lossmith as lm
from lossmith import native
from lossmith.core.compute import call

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

LOSSES = [lm.LogCosh(), lm.Huber(delta=0.5), lm.SigmoidCrossEntropy(), lm.SquaredError(reduction="sum"), lm.Poisson()]
TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-13, torch.bfloat16: 8e-3}


def batch(shape=(23, 5), dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    prediction, target = (torch.rand(shape, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2))
    return prediction.requires_grad_(), target


def weights(shape=(23, 5)):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(torch.float32)


SITUATIONS = {
    "plain": lambda: {},
    "weight": lambda: {"weight": weights()},
    "weight of rows": lambda: {"weight": weights(23)},
    "mask": lambda: {"mask": weights() > 0.3},
    "both": lambda: {"weight": weights(), "mask": weights(23) > 0.3},
    "normalizer": lambda: {"normalizer": torch.tensor(7.0)},
    "nothing left": lambda: {"mask": torch.zeros(23, dtype=torch.bool)},
}


def judged(loss, prediction, target, options):
    """Return value and gradient by the formula, in float64."""
    x = prediction.detach().double().requires_grad_()
    options = {k: v.double() if k == "weight" else v for k, v in options.items()}
    settings = {"parameters": loss._parameters, **loss._settings, "kernels": False}
    value = call(loss.definition, x, target.double(), **settings, **options)
    value.backward(torch.tensor(3.0, dtype=torch.float64))
    return value.detach(), x.grad


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_value_and_gradient(loss, situation, dtype, counted):
    prediction, target = batch(dtype=dtype)
    options = SITUATIONS[situation]()
    if loss.reduction == "sum":
        options.pop("normalizer", None)
    expected = judged(loss, prediction, target, options)
    value = loss(prediction, target, **options)
    value.backward(torch.tensor(3.0, dtype=value.dtype))
    assert counted == (["elementwise"] if options else ["elementwise_tensors"])
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert prediction.grad.dtype == dtype
    tolerance = TOLERANCE[dtype]
    torch.testing.assert_close(value.detach().double(), expected[0], rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(prediction.grad.double(), expected[1], rtol=2 * tolerance, atol=tolerance)
    other = loss.value_and_gradient(prediction, target, **options)
    torch.testing.assert_close(other[0].double(), expected[0], rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(3 * other[1].double(), expected[1], rtol=2 * tolerance, atol=tolerance)
    assert len(counted) == 2


@pytest.mark.parametrize("options", [{}, {"mask": torch.arange(23) % 3 > 0}], ids=["plain", "mask"])
def test_functions_go_the_same_way(options, counted):
    prediction, target = batch()
    value = lm.log_cosh(prediction, target, **options)
    assert counted == (["elementwise"] if options else ["elementwise_tensors"])
    assert value == lm.LogCosh()(prediction, target, **options)
    assert value.requires_grad
    assert lm.log_cosh(prediction, target, reduction="none").shape == (23, 5)
    with pytest.raises(lm.InputError, match="reduction is"):
        lm.log_cosh(prediction, target, reduction=["mean"])


@pytest.mark.parametrize("options", [{}, {"weight": weights().double()}], ids=["plain", "weight"])
def test_derivatives_of_higher_order(options, counted):
    prediction, target = batch(dtype=torch.float64)
    loss = lm.LogCosh()
    assert torch.autograd.gradcheck(lambda x: loss(x, target, **options), (prediction,))
    assert torch.autograd.gradgradcheck(lambda x: loss(x, target, **options), (prediction,))
    assert counted


@pytest.mark.parametrize("options", [{}, {"weight": weights()}], ids=["plain", "weight"])
def test_backward_twice(options):
    prediction, target = batch()
    value = lm.Huber()(prediction, target, **options)
    value.backward(retain_graph=True)
    once = prediction.grad.clone()
    value.backward()
    torch.testing.assert_close(prediction.grad, 2 * once)


def test_what_is_left_to_the_formula(counted):
    prediction, target = batch()
    loss = lm.LogCosh()
    loss(prediction, target.clone().requires_grad_())
    loss(prediction.detach().to("meta"), target.to("meta"))
    torch.func.grad(lambda x: loss(x, target))(prediction.detach())
    assert not counted


def test_the_gradient_of_a_weight():
    prediction, target = batch()
    weight = weights().requires_grad_()
    lm.LogCosh(reduction="sum")(prediction, target, weight=weight).backward()
    torch.testing.assert_close(weight.grad, lm.LogCosh(reduction="none")(prediction, target).detach())


@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_bits_on_any_number_of_threads(weighted):
    prediction, target = batch((40_000, 5))
    loss = lm.LogCosh(reduction="sum" if weighted else "mean")
    options = {"weight": weights((40_000, 5))} if weighted else {}
    before, found = torch.get_num_threads(), set()
    try:
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            prediction.grad = None
            value = loss(prediction, target, **options)
            value.backward()
            found.add((value.item(), prediction.grad.numpy().tobytes()))
    finally:
        torch.set_num_threads(before)
    assert len(found) == 1


def test_a_nan_is_named():
    prediction, target = batch()
    with torch.no_grad():
        prediction[3, 1] = torch.nan
    for options in ({}, {"weight": weights()}):
        with pytest.raises(lm.DomainError, match=r"prediction is NaN at position \(3, 1\)"):
            lm.LogCosh()(prediction, target, **options)
