"""lossmith.torch's cross-entropy on its kernel: the formula and PyTorch judge it, and keep what is unusual."""

import copy
import gc
import threading

import numpy as np
import pytest

import lossmith
from lossmith import native
from lossmith.core import compute

torch = pytest.importorskip("torch")

from torch.utils.checkpoint import checkpoint  # noqa: E402

import lossmith.torch as lt  # noqa: E402
from lossmith.torch import functional  # noqa: E402

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-13, torch.bfloat16: 8e-3, torch.float16: 1e-3}


def batch(rows, classes, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(rows, classes, generator=generator)
    return logits.to(dtype).requires_grad_(), torch.randint(0, classes, (rows,), generator=generator)


def both(function, logits, target, **options):
    """Value and gradient for a gradient of the value that is not all ones."""
    x = logits.detach().clone().requires_grad_()
    value = function(x, target, **options)
    value.backward(torch.linspace(0.5, 2.0, value.numel(), dtype=value.dtype).reshape(value.shape))
    return value.detach(), x.grad


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("rows", "classes"), [(8, 10), (33, 64), (20, 300), (3, 5000), (2, 300_001)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_it_agrees_with_the_formula_in_float64(rows, classes, dtype, reduction, counted):
    logits, target = batch(rows, classes, dtype)
    target[0] = -100
    value, gradient = both(functional.cross_entropy, logits, target, reduction=reduction)
    assert counted
    expected = both(torch.nn.functional.cross_entropy, logits.double(), target, reduction=reduction)
    assert gradient.dtype == dtype
    assert value.dtype == (dtype if reduction == "none" or dtype == torch.float64 else torch.float32)
    tolerance = TOLERANCE[dtype]
    torch.testing.assert_close(value.double(), expected[0], rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(gradient.double(), expected[1], rtol=2 * tolerance, atol=tolerance * 1e-2)
    assert not gradient[0].any()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("classes", [10, 300])
@pytest.mark.parametrize(("weighted", "smoothing"), [(False, 0.0), (False, 0.1), (True, 0.1)])
@pytest.mark.parametrize("ignore_index", [-100, 3])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_it_agrees_with_the_plain_formula(classes, smoothing, weighted, ignore_index, reduction, dtype, counted):
    logits, target = batch(40, classes, dtype)
    target[::7] = ignore_index
    weight = torch.linspace(0.0, 2.0, classes).to(dtype) if weighted else None
    arguments = (weight, ignore_index, reduction, smoothing)
    value, gradient = both(
        lambda x, y: functional.cross_entropy(x, y, weight, None, ignore_index, None, *arguments[2:]), logits, target
    )
    assert counted
    wanted, slope = both(lambda x, y: functional._plain_cross_entropy(x, y, *arguments), logits, target)
    assert value.dtype == wanted.dtype
    torch.testing.assert_close(value, wanted, rtol=1e-5 if dtype == torch.float32 else TOLERANCE[dtype], atol=1e-6)
    torch.testing.assert_close(
        gradient, slope, rtol=max(1e-5, 2 * TOLERANCE[dtype]), atol=1e-5 * TOLERANCE[dtype] ** 0.5
    )


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("rest", [(5,), (3, 4)], ids=str)
def test_classes_before_positions(rest, transposed, reduction, counted):
    generator = torch.Generator().manual_seed(2)
    if transposed:  # as a language model's (N, T, C)
        logits = torch.randn((2, *rest, 7), generator=generator).movedim(-1, 1)
    else:
        logits = torch.randn((2, 7, *rest), generator=generator)
    target = torch.randint(0, 7, (2, *rest), generator=generator)
    target[0] = -100
    options = {"reduction": reduction, "label_smoothing": 0.1, "weight": torch.rand(7, generator=generator)}
    value, gradient = both(functional.cross_entropy, logits, target, **options)
    assert counted
    options["weight"] = options["weight"].double()
    expected = both(torch.nn.functional.cross_entropy, logits.double(), target, **options)
    assert value.shape == expected[0].shape
    torch.testing.assert_close(value.double(), expected[0], rtol=2e-6, atol=2e-6)
    torch.testing.assert_close(gradient.double(), expected[1], rtol=4e-6, atol=1e-7)


def test_nothing_left_to_average_is_nan_with_gradient_0():
    logits, target = batch(4, 5)
    value, gradient = both(functional.cross_entropy, logits, torch.full_like(target, -100))
    assert value.isnan()
    assert not gradient.any()


def test_a_nan_in_an_ignored_row_stays_there():
    logits, target = batch(4, 5)
    with torch.no_grad():
        logits[1] = torch.nan
    target[1] = -100
    value, gradient = both(functional.cross_entropy, logits, target)
    assert value.isfinite()
    assert gradient.isfinite().all()


def test_the_module_runs_on_the_kernel(counted):
    logits, target = batch(8, 10)
    loss = lt.CrossEntropyLoss(label_smoothing=0.1)(logits, target)
    loss.backward()
    assert len(counted) == 1


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("classes", [4, 70])
@pytest.mark.parametrize("weighted", [False, True])
def test_first_and_second_derivatives(classes, weighted, reduction, counted):
    logits, target = batch(3, classes, torch.float64)
    target[1] = -100
    weight = torch.linspace(0.5, 2.0, classes, dtype=torch.float64) if weighted else None

    def loss(x):
        return functional.cross_entropy(x, target, weight, reduction=reduction, label_smoothing=0.1)

    assert torch.autograd.gradcheck(loss, (logits,))
    assert torch.autograd.gradgradcheck(loss, (logits,))
    assert counted


def test_a_gradient_penalty_sees_the_curvature_of_the_loss():
    logits, target = batch(5, 7, torch.float64)
    results = []
    for function in (functional.cross_entropy, torch.nn.functional.cross_entropy):
        total = function(logits, target) + (logits**2).sum()
        (gradient,) = torch.autograd.grad(total, logits, create_graph=True)
        results.append(torch.autograd.grad((gradient**2).sum(), logits)[0])
    torch.testing.assert_close(*results)


def test_backward_twice_through_one_graph():
    logits, target = batch(5, 7)
    loss = functional.cross_entropy(logits, target)
    loss.backward(retain_graph=True)
    once = logits.grad.clone()
    loss.backward()
    torch.testing.assert_close(logits.grad, 2 * once, rtol=0, atol=0)


def test_the_gradient_belongs_to_the_caller():
    logits, target = batch(2000, 600)
    functional.cross_entropy(logits, target).backward()
    first = logits.grad
    kept = first.clone()
    logits.grad = None
    functional.cross_entropy(logits, target.flip(0)).backward()
    torch.testing.assert_close(first, kept, rtol=0, atol=0)


def test_logits_changed_in_place_before_a_second_pass_are_noticed():
    logits, target = batch(5, 7)
    hidden = logits * 1.0
    loss = functional.cross_entropy(hidden, target)
    loss.backward(retain_graph=True)
    with torch.no_grad():
        hidden.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def unusual():
    logits, target = batch(6, 8)

    class Named(torch.Tensor):
        pass

    yield "int32 labels", logits, target.int(), {}
    yield "transposed", logits.detach().T.contiguous().T, target, {}
    yield "strided labels", logits, target.repeat_interleave(2)[::2], {}
    yield "dense", logits, logits.detach().softmax(1), {}
    yield "one row", logits[0], target[0], {}
    yield "subclass", logits.detach().as_subclass(Named), target, {}
    yield "negated view", torch.complex(logits.detach(), logits.detach()).conj().imag, target, {}
    yield "weight of float and labels", logits.detach().double(), target, {"weight": torch.ones(8)}
    yield "images", logits.detach().reshape(1, 8, 6).contiguous(), target.reshape(1, 6), {}
    yield "meta", logits.to("meta"), target.to("meta"), {}


@pytest.mark.parametrize("case", list(unusual()), ids=lambda c: c[0])
def test_the_unusual_is_left_to_the_formula(case):
    name, logits, target, options = case
    value = functional.cross_entropy(logits, target, **options)
    if name != "meta":
        wanted = torch.nn.functional.cross_entropy(
            logits,
            target.long() if target.dtype == torch.int32 else target,
            **{k: v.to(logits.dtype) for k, v in options.items()},
        )
        torch.testing.assert_close(torch.Tensor(value.detach()), torch.Tensor(wanted.detach()))


def test_modes_and_transforms_do_not_reach_the_kernel(counted):
    logits, target = batch(6, 8)
    plain = torch.nn.functional.cross_entropy
    func = torch.func
    ours, theirs = func.grad(functional.cross_entropy)(logits, target), func.grad(plain)(logits, target)
    torch.testing.assert_close(ours, theirs)
    stacked = logits.detach().expand(3, 6, 8), target.expand(3, 6)
    torch.testing.assert_close(func.vmap(functional.cross_entropy)(*stacked), func.vmap(plain)(*stacked))
    tangent = torch.ones_like(logits) * torch.arange(8)
    for each in (functional.cross_entropy, plain):
        _, slope = func.jvp(lambda x, f=each: f(x, target), (logits.detach(),), (tangent,))
        if each is functional.cross_entropy:
            expected = slope
    torch.testing.assert_close(slope, expected)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(logits.detach(), tangent)
        torch.testing.assert_close(
            torch.autograd.forward_ad.unpack_dual(functional.cross_entropy(dual, target))[1], slope
        )
    with torch.autocast("cpu", torch.bfloat16):
        functional.cross_entropy(logits, target)
    from torch._subclasses import FakeTensorMode

    unnoticed = logits.detach(), target
    with FakeTensorMode() as mode:
        fake = functional.cross_entropy(*map(mode.from_tensor, unnoticed))
    assert fake.shape == ()
    assert not counted


def test_hooks_on_what_is_saved_see_all_that_is_saved(counted):
    """A gradient kept aside would escape checkpoints and offloading, so the formula does it then."""
    logits, target = batch(4, 6)
    x = logits.detach().clone().requires_grad_()
    with torch.autograd.graph.save_on_cpu():
        functional.cross_entropy(x, target).backward()
    expected = x.grad.clone()
    x.grad = None
    loss = checkpoint(functional.cross_entropy, x, target, use_reentrant=False)
    loss.backward()
    torch.testing.assert_close(x.grad, expected)
    assert not counted


def test_compile_and_export_go_through(counted):
    logits, target = batch(6, 8)
    compiled = torch.compile(functional.cross_entropy, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(logits, target), torch.nn.functional.cross_entropy(logits, target))
    assert not counted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": torch.tensor([0, 9])}, "target"),
        ({"target": torch.tensor([0, -1])}, "target"),
        ({"target": torch.tensor([0])}, "target has shape"),
        ({"target": torch.tensor([0.0, 1.0])}, "class indices must be integers"),
        ({"weight": torch.ones(3)}, "class_weight has shape"),
        ({"weight": torch.tensor([1.0, -1.0, 1, 1])}, "class_weight"),
        ({"weight": torch.tensor([1.0, torch.nan, 1, 1])}, "class_weight"),
        ({"label_smoothing": 1.5}, "label_smoothing"),
        ({"label_smoothing": "a"}, "label_smoothing"),
        ({"reduction": "average"}, "reduction"),
        ({"ignore_index": 0.5j}, "ignore_index"),
    ],
)
def test_errors_are_the_formulas_own(change, message):
    from lossmith.errors import LossmithError

    arguments = {"input": torch.zeros(2, 4), "target": torch.tensor([0, 1])} | change
    with pytest.raises(LossmithError, match=message):
        functional.cross_entropy(**arguments)


def test_a_copy_and_a_thread(counted):
    logits, target = batch(300, 400)
    module = copy.deepcopy(lt.CrossEntropyLoss())
    results = []

    def work():
        x = logits.detach().clone().requires_grad_()
        module(x, target).backward()
        results.append(x.grad)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for gradient in results[1:]:
        assert (gradient == results[0]).all()
    assert len(counted) == 4


def test_gradient_memory_is_used_again_and_given_back():
    native.trim()
    logits, target = batch(2100, 1000)  # 8.4 MB
    functional.cross_entropy(logits, target).backward()
    address = logits.grad.data_ptr()
    assert native._core.idle_gradient_memory() == 0
    logits.grad = None
    gc.collect()
    idle = native._core.idle_gradient_memory()
    assert idle >= logits.nbytes
    functional.cross_entropy(logits, target).backward()
    assert logits.grad.data_ptr() == address
    assert native._core.idle_gradient_memory() == 0
    logits.grad = None
    gc.collect()
    assert native.trim() == idle
    assert native.trim() == 0


def test_pooled_gradients_start_where_their_stores_do_not_look_like_loads():
    gradient = native._core.gradient_array(0, 2000, 1000)
    start = gradient.ctypes.data % 4096
    assert start % 64 == 0  # whole cache lines are written around the caches
    for row_bytes in (4000, 4096, 2000, 2048, 128_000, 64_000):
        for logits in (0, 16, 64):
            ahead = (logits + row_bytes - start) % 4096
            assert 128 < ahead < 4096 - 128


def test_idle_memory_never_adds_to_what_is_needed():
    native.trim()
    gradients = [native._core.gradient_array(0, 3000, 1000) for _ in range(5)]
    one = 12 << 20
    assert native._core.idle_gradient_memory() == 0
    del gradients[:]
    gc.collect()
    assert native._core.idle_gradient_memory() == 2 * one
    large = native._core.gradient_array(0, 30_000, 1000)
    assert native._core.idle_gradient_memory() == 0
    assert large.shape == (30_000, 1000)
    assert large.dtype == np.float32


def test_no_memory_is_a_memory_error():
    with pytest.raises(MemoryError):
        native._core.gradient_array(0, 1 << 40, 1 << 10)


OBJECTS = [
    {},
    {"reduction": "sum", "z_loss": 1e-2},
    {"label_smoothing": 0.1, "ignore_index": 3},
    {"class_weight": [0.5, 1.0, 2.0, 0.0, 1.0, 1.5, 0.25, 3.0, 1.0, 1.0]},
    {"class_weight": torch.linspace(0.1, 2.0, 10), "label_smoothing": 0.1},
]


def of_object(loss, logits, target):
    """The value, the gradient and a second derivative, of another gradient of the value than 1."""
    x = logits.detach().clone().requires_grad_()
    value = loss(x, target)
    (slope,) = torch.autograd.grad(value, x, torch.tensor(3.0, dtype=value.dtype), retain_graph=True)
    (again,) = torch.autograd.grad(value, x, torch.tensor(3.0, dtype=value.dtype), create_graph=True)
    (second,) = torch.autograd.grad((again**2).sum(), x)
    torch.testing.assert_close(again.detach(), slope, rtol=1e-5, atol=1e-7)
    return value.detach(), slope, second


@pytest.mark.parametrize("settings", OBJECTS, ids=str)
def test_objects_whose_values_are_differentiated(settings, counted):
    logits, target = batch(32, 10)
    loss = lossmith.SoftmaxCrossEntropy(**settings)
    found = of_object(loss, logits, target)
    assert counted[0] == "softmax_tensors"
    arguments = {"parameters": loss._parameters, **loss._settings, "kernels": False}
    expected = of_object(lambda x, y: compute.call(loss.definition, x, y, **arguments), logits.double(), target)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-6)


def test_the_value_may_be_written_over():
    """It is nobody's view: a loop that divides its loss in place differentiates what it divided."""
    logits, target = batch(32, 10)
    for function in (functional.cross_entropy, lossmith.SoftmaxCrossEntropy()):
        value = function(logits, target)
        assert value.requires_grad
        assert not value.is_leaf
        assert not value._is_view()
        logits.grad = None
        value.div_(4).backward()
        _, expected = lossmith.SoftmaxCrossEntropy().value_and_gradient(logits, target)
        torch.testing.assert_close(logits.grad, expected / 4)
