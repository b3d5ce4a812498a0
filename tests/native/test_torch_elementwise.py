"""lossmith.torch's elementwise losses on their kernels: the formula and PyTorch judge them."""

import math

import pytest

import lossmith
from lossmith import native

torch = pytest.importorskip("torch")

import lossmith.torch as lt  # noqa: E402
from lossmith.torch import functional  # noqa: E402

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-13, torch.bfloat16: 8e-3, torch.float16: 1e-3}
LOSSES = [
    ("mse_loss", {}),
    ("l1_loss", {}),
    ("huber_loss", {"delta": 0.7}),
    ("smooth_l1_loss", {"beta": 0.7}),
    ("binary_cross_entropy_with_logits", {}),
    ("poisson_nll_loss", {}),
    ("poisson_nll_loss", {"full": True}),
    ("soft_margin_loss", {}),
    ("hinge_embedding_loss", {"margin": 0.5}),
]
IDS = [f"{name}-{len(options)}" for name, options in LOSSES]


def batch(shape=(7, 5), dtype=torch.float32, signs=False):
    generator = torch.Generator().manual_seed(0)
    input = torch.randn(shape, generator=generator).to(dtype).requires_grad_()
    target = torch.rand(shape, generator=generator)
    return input, (torch.where(target > 0.5, 1.0, -1.0) if signs else target).to(dtype)


def drawn(name, **options):
    return batch(signs=name in ("soft_margin_loss", "hinge_embedding_loss"), **options)


def both(function, input, target, **options):
    """Value and gradient for a gradient of the value that is not all ones."""
    x = input.detach().clone().requires_grad_()
    value = function(x, target, **options)
    value.backward(torch.linspace(0.5, 2.0, value.numel(), dtype=value.dtype).reshape(value.shape))
    return value.detach(), x.grad


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("name", "options"), LOSSES, ids=IDS)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_it_agrees_with_pytorch_in_float64(name, options, reduction, dtype, counted):
    input, target = drawn(name, dtype=dtype)
    options = {**options, "reduction": reduction}
    value, gradient = both(getattr(functional, name), input, target, **options)
    assert counted
    expected = both(getattr(torch.nn.functional, name), input.double(), target.double(), **options)
    assert gradient.dtype == dtype
    assert value.dtype == (dtype if reduction == "none" or dtype == torch.float64 else torch.float32)
    tolerance = TOLERANCE[dtype]
    torch.testing.assert_close(value.double(), expected[0], rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(gradient.double(), expected[1], rtol=2 * tolerance, atol=tolerance)


@pytest.mark.parametrize("count", [1, 1024, 40_001, 1_500_000])
def test_large_and_small(count, counted):
    input, target = batch(shape=(count,))
    value, gradient = both(functional.mse_loss, input, target)
    assert counted
    expected = both(torch.nn.functional.mse_loss, input.double(), target.double())
    torch.testing.assert_close(value.double(), expected[0], rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient.double(), expected[1], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("target_dtype", [torch.int64, torch.uint8, torch.bool, torch.float16], ids=str)
def test_targets_of_other_dtypes(target_dtype, counted):
    input, target = batch()
    target = (target > 0.5).to(target_dtype)
    value, gradient = both(functional.binary_cross_entropy_with_logits, input, target)
    assert counted
    expected = both(torch.nn.functional.binary_cross_entropy_with_logits, input, target.float())
    torch.testing.assert_close((value, gradient), expected)


@pytest.mark.parametrize(("name", "options"), LOSSES, ids=IDS)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_second_derivatives_are_those_of_the_formula(name, options, reduction, counted):
    input, target = drawn(name, dtype=torch.float64)
    function = getattr(functional, name)
    assert torch.autograd.gradcheck(lambda x: function(x, target, **options, reduction=reduction), (input,))
    if name not in ("l1_loss", "hinge_embedding_loss"):  # their second derivative is 0
        assert torch.autograd.gradgradcheck(lambda x: function(x, target, **options, reduction=reduction), (input,))
    assert counted


def test_backward_twice_and_without_gradient(counted):
    input, target = batch()
    value = functional.mse_loss(input, target)
    value.backward(retain_graph=True)
    once = input.grad.clone()
    value.backward()
    torch.testing.assert_close(input.grad, 2 * once)
    with torch.no_grad():
        torch.testing.assert_close(functional.mse_loss(input, target), value.detach())
    assert len(counted) == 3


@pytest.mark.parametrize(
    "arrange",
    [
        lambda x, t: (x.t(), t.t()),
        lambda x, t: (x, t.double()),
        lambda x, t: (x, t.clone().requires_grad_()),
        lambda x, t: (x[:0], t[:0]),
        lambda x, t: (x.to("meta"), t.to("meta")),
    ],
    ids=["strided", "wider target", "target with gradient", "empty", "meta"],
)
def test_what_is_unusual_is_left_to_the_formula(arrange, counted):
    input, target = arrange(*batch())
    result = functional.mse_loss(input, target)
    assert not counted
    expected = torch.nn.functional.mse_loss(input, target)
    if result.device.type != "meta":
        torch.testing.assert_close(result.double(), expected.double(), equal_nan=True)


def test_transforms_are_left_to_the_formula(counted):
    input, target = batch()
    gradient = torch.func.grad(lambda x: functional.mse_loss(x, target))(input.detach())
    torch.testing.assert_close(gradient, 2 * (input - target).detach() / 35)
    assert not counted


def test_a_weight_is_left_to_the_formula(counted):
    input, target = batch()
    functional.mse_loss(input, target, weight=torch.ones(7, 5))
    functional.binary_cross_entropy_with_logits(input, target, pos_weight=torch.ones(5))
    assert not counted


def test_the_module_takes_the_short_way_too(counted):
    input, target = batch()
    lt.MSELoss()(input, target).backward()
    assert counted


@pytest.mark.parametrize("shape", [(), (1,)], ids=str)
def test_one_factor_for_all_classes_goes_to_the_kernel(shape, counted):
    x, y = torch.randn(6, 4, requires_grad=True), torch.rand(6, 4)
    pos_weight = torch.full(shape, 2.5)
    value = functional.binary_cross_entropy_with_logits(x, y, pos_weight=pos_weight)
    assert counted == ["elementwise_tensors"]
    expected = torch.nn.functional.binary_cross_entropy_with_logits(x, y, pos_weight=pos_weight)
    torch.testing.assert_close(value, expected)
    (slope,) = torch.autograd.grad(value, x)
    torch.testing.assert_close(slope, torch.autograd.grad(expected, x)[0])


def test_a_factor_that_is_learned_or_no_factor_is_for_the_formula(counted):
    x, y = torch.randn(6, 4), torch.rand(6, 4)
    learned = torch.tensor(2.5, requires_grad=True)
    (slope,) = torch.autograd.grad(functional.binary_cross_entropy_with_logits(x, y, pos_weight=learned), learned)
    assert slope > 0
    for bad in (-1.0, math.inf):
        with pytest.raises(lossmith.InputError, match="pos_weight"):
            functional.binary_cross_entropy_with_logits(x, y, pos_weight=torch.tensor(bad))
    assert not counted


@pytest.mark.parametrize("beta", [1.0, 1, 0.25, 3])
def test_smooth_l1_divides_by_beta(beta):
    x, y = 3 * torch.randn(6, 4), torch.randn(6, 4)
    expected = torch.nn.functional.smooth_l1_loss(x, y, beta=beta)
    torch.testing.assert_close(functional.smooth_l1_loss(x, y, beta=beta), expected)
