"""Tensors on the kernels of whole rows: cross-entropy with dense targets, and the public losses. The formula judges."""

import numpy as np
import pytest

import lossmith as lm
from lossmith import native
from lossmith.core import compute
from lossmith.losses import find

torch = pytest.importorskip("torch")

import lossmith.torch as lt  # noqa: E402
from lossmith.torch import fast, fast_elementwise, fast_rows, functional  # noqa: E402

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-13, torch.bfloat16: 8e-3, torch.float16: 1e-3}
PUBLIC = {
    "labels": ("softmax_cross_entropy", {"label_smoothing": 0.1}),
    "dense": ("softmax_cross_entropy", {"label_smoothing": 0.1, "z_loss": 1e-3}),
    "kl": ("distillation_kl", {"temperature": 2.0}),
    "jsd": ("distillation_jsd", {"beta": 0.3}),
    "variation": ("distillation_total_variation", {}),
    "huber": ("huber", {"delta": 0.5}),
    "mse": ("squared_error", {}),
}
# Where the kernels' argument is that says whether there is to be a gradient.
_GRADIENT_AT = {
    "row_pairs": 8,
    "softmax_cross_entropy": 7,
    "softmax_tensors": 2,
    "elementwise": 8,
    "elementwise_tensors": 4,
}
EVERY_LOSS = pytest.mark.parametrize("name", PUBLIC)


@pytest.fixture
def counted(monkeypatch):
    """The calls of the kernels: whether each computed a gradient."""
    calls = []

    class Counting:
        def __getattr__(self, name):
            function = getattr(native._core, name)
            at = _GRADIENT_AT.get(name)
            if at is None:
                return function

            def call(*arguments, **options):
                result = function(*arguments, **options)
                if result is not None or not name.endswith("_tensors"):  # those say so if a call is not for them
                    calls.append(arguments[at] not in (None, False))
                return result

            return call

    for module in (fast, fast_rows, fast_elementwise):
        monkeypatch.setattr(module, "_core", Counting())
    return calls


def batch(rows, classes, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits, other = 3 * torch.randn(2, rows, classes, generator=generator)
    return logits.to(dtype).requires_grad_(), other.softmax(1).to(dtype)


def drawn(name, shape=(4, 6, 9), dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    prediction, target = torch.randn(2, *shape, generator=generator).to(dtype)
    if name == "labels":
        target = torch.randint(0, shape[-1], shape[:-1], generator=generator)
    if name == "dense":
        target = target.softmax(-1)
    return prediction.requires_grad_(), target


def judge(name, prediction, target, **options):
    """The same by the formula alone."""
    loss, parameters = find(PUBLIC[name][0]), PUBLIC[name][1]
    return compute.call(loss, prediction, target, parameters=loss.resolve(parameters), kernels=False, **options)


def public(name, prediction, target, **options):
    return getattr(lm, PUBLIC[name][0])(prediction, target, **PUBLIC[name][1], **options)


def both(function, prediction, *arguments, **options):
    """Value and gradient for a gradient of the value that is not all ones."""
    x = prediction.detach().clone().requires_grad_()
    value = function(x, *arguments, **options)
    value.backward(torch.linspace(0.5, 2.0, value.numel(), dtype=value.dtype).reshape(value.shape))
    return value.detach(), x.grad


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("rows", "classes"), [(9, 10), (33, 64), (20, 300), (3, 5000)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("weighted", "smoothing"), [(False, 0.0), (True, 0.1)])
def test_dense_targets_agree_with_pytorch_in_float64(rows, classes, dtype, reduction, weighted, smoothing, counted):
    logits, target = batch(rows, classes, dtype)
    weight = torch.linspace(0.5, 2.0, classes).to(dtype) if weighted else None
    options = {"reduction": reduction, "label_smoothing": smoothing}
    value, gradient = both(functional.cross_entropy, logits, target, weight, **options)
    assert len(counted) == (1 if reduction != "none" else 2)
    wide = None if weight is None else weight.double()
    expected = both(torch.nn.functional.cross_entropy, logits.double(), target.double(), wide, **options)
    assert gradient.dtype == dtype
    assert value.dtype == (dtype if reduction == "none" or dtype == torch.float64 else torch.float32)
    tolerance = TOLERANCE[dtype]
    torch.testing.assert_close(value.double(), expected[0], rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(gradient.double(), expected[1], rtol=2 * tolerance, atol=tolerance / 10)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_dense_targets_agree_with_the_plain_formula(reduction, dtype, counted):
    logits, target = batch(40, 100, dtype)
    value, gradient = both(functional.cross_entropy, logits, target, reduction=reduction, label_smoothing=0.2)
    calls = len(counted)
    settings = (None, -100, reduction, 0.2)
    wanted, slope = both(functional._plain_cross_entropy, logits, target, *settings)
    assert calls == len(counted)  # the judge is no kernel
    assert value.dtype == wanted.dtype
    tolerance = max(1e-5, TOLERANCE[dtype])
    torch.testing.assert_close(value, wanted, rtol=tolerance, atol=1e-6)
    torch.testing.assert_close(gradient, slope, rtol=2 * tolerance, atol=tolerance / 10)


@pytest.mark.parametrize(("classes", "reduction"), [(5, "mean"), (5, "sum"), (5, "none"), (66, "mean")])
def test_first_and_second_derivatives_of_dense_targets(classes, reduction, counted):
    logits, target = batch(2, classes, torch.float64)

    def loss(x):
        return functional.cross_entropy(x, target, reduction=reduction, label_smoothing=0.1)

    assert torch.autograd.gradcheck(loss, (logits,))
    assert torch.autograd.gradgradcheck(loss, (logits,))
    assert counted


def test_a_nan_or_an_infinity_comes_out_as_in_the_formula(counted):
    logits, target = batch(6, 10)
    with torch.no_grad():
        logits[0, 3], logits[1, 3], logits[2, 3], logits[3, 3] = torch.nan, torch.inf, -torch.inf, -torch.inf
        target[3] = torch.nn.functional.one_hot(torch.tensor(4), 10)
    ours = both(functional.cross_entropy, logits, target, reduction="none")
    assert counted
    theirs = both(functional._plain_cross_entropy, logits, target, None, -100, "none", 0.0)
    torch.testing.assert_close(ours, theirs, equal_nan=True)
    assert ours[0][3].isfinite()
    assert ours[0][2] == torch.inf


@EVERY_LOSS
@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "total"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_public_losses_give_what_the_formula_gives(name, reduction, weighted, masked, counted):
    prediction, target = drawn(name)
    options = {"reduction": reduction}
    if weighted:
        options["weight"] = torch.tensor([1.0, 0.0, 2.0, 0.5], dtype=torch.float64)
    if masked:
        options["mask"] = torch.arange(4).reshape(4, 1) != 1
        if name in ("huber", "mse"):
            options["mask"] = (torch.arange(24 * 9) % 5 != 1).reshape(4, 6, 9)
        elif name != "labels":
            options["mask"] = options["mask"].expand(4, 6)
        else:
            options["mask"] = options["mask"].squeeze(1)

    def results(function):
        x = prediction.detach().clone().requires_grad_()
        value = function(name, x, target, **options)
        (value[0] if reduction == "total" else value).sum().backward()
        return value, x.grad

    ours, theirs = results(public), results(judge)
    assert counted
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


@EVERY_LOSS
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_public_losses_in_every_dtype(name, dtype, counted):
    prediction, target = drawn(name, (40, 70), dtype)
    value = public(name, prediction, target)
    (gradient,) = torch.autograd.grad(value, prediction)
    assert counted
    assert gradient.dtype == dtype
    exact = prediction.detach().double().requires_grad_()
    wide = target if name == "labels" else target.double()
    expected = judge(name, exact, wide, check="none")
    (slope,) = torch.autograd.grad(expected, exact)
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-6)
    tolerance = TOLERANCE[dtype]
    torch.testing.assert_close(gradient.double(), slope, rtol=4 * tolerance, atol=tolerance / 100)


@EVERY_LOSS
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_first_and_second_derivatives_of_public_losses(name, reduction, counted):
    prediction, target = drawn(name, (3, 7))

    def loss(x):
        return public(name, x, target, reduction=reduction)

    assert torch.autograd.gradcheck(loss, (prediction,))
    assert torch.autograd.gradgradcheck(loss, (prediction,))
    assert counted


@EVERY_LOSS
def test_value_and_gradient_records_nothing(name, counted):
    prediction, target = drawn(name, (5, 70), torch.float32)
    loss = getattr(lm, find(PUBLIC[name][0]).object_name)(**PUBLIC[name][1], reduction="sum")
    weight = torch.linspace(0.0, 2.0, 5)
    value, gradient = loss.value_and_gradient(prediction, target, weight=weight)
    assert counted == [True]
    assert not value.requires_grad
    assert not gradient.requires_grad
    expected = judge(name, prediction, target, reduction="sum", weight=weight)
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, prediction)[0], rtol=1e-5, atol=1e-6)


@EVERY_LOSS
def test_the_gradient_comes_with_the_value_where_the_reduction_tells_how_it_will_be_used(name, counted):
    prediction, target = drawn(name, (12, 70), torch.float32)
    for options in ({}, {"reduction": "sum"}, {"weight": torch.linspace(0.5, 1.5, 12)}, {"normalizer": 100.0}):
        for factor in (1.0, 1024.0, -0.3):
            counted.clear()
            x = prediction.detach().clone().requires_grad_()
            (factor * public(name, x, target, **options)).backward()
            assert counted == [True]
            y = prediction.detach().clone().requires_grad_()
            (factor * judge(name, y, target, **options)).backward()
            torch.testing.assert_close(x.grad, y.grad, rtol=2e-5, atol=1e-6 * abs(factor))


@EVERY_LOSS
def test_values_weighed_afterwards_are_computed_again(name, counted):
    prediction, target = drawn(name, (12, 70), torch.float64)

    def gradient(function):
        x = prediction.detach().clone().requires_grad_()
        values = function(name, x, target, reduction="none")
        (values * torch.linspace(0.0, 1.0, values.numel(), dtype=values.dtype).reshape(values.shape)).sum().backward()
        return x.grad

    torch.testing.assert_close(gradient(public), gradient(judge), rtol=1e-12, atol=1e-14)
    assert counted == [False, True]


def test_backward_twice_through_one_graph():
    logits, target = batch(5, 70)
    for loss in (functional.cross_entropy(logits, target), lm.distillation_kl(logits, target)):
        logits.grad = None
        loss.backward(retain_graph=True)
        once = logits.grad.clone()
        loss.backward()
        torch.testing.assert_close(logits.grad, 2 * once, rtol=1e-6, atol=1e-9)


def test_a_tensor_changed_in_place_before_it_is_needed_again_is_noticed():
    for changed in (0, 1):
        logits, target = batch(5, 7)
        arrays = logits * 1.0, target.clone()
        loss = lm.distillation_kl(*arrays)
        loss.backward(retain_graph=True)
        with torch.no_grad():
            arrays[changed].add_(1.0)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_large_gradients_lie_in_memory_that_is_used_again():
    native.trim()
    logits, target = batch(1100, 1000)
    addresses = set()
    for _ in range(3):
        logits.grad = None
        functional.cross_entropy(logits, target).backward()
        addresses.add(logits.grad.data_ptr())
    assert len(addresses) == 1
    assert logits.grad.shape == logits.shape


def test_a_teacher_that_learns_gets_its_gradient(counted):
    student, teacher = batch(6, 8, torch.float64)
    teacher.requires_grad_()
    assert torch.autograd.gradcheck(lm.distillation_kl, (student, teacher))
    assert torch.autograd.gradcheck(functional.cross_entropy, (student, teacher))
    assert not counted
    with torch.no_grad():
        lm.distillation_kl(student, teacher)
    assert counted == [False]


def unusual():
    logits, target = batch(6, 8)
    plain = logits.detach()

    class Named(torch.Tensor):
        pass

    yield "transposed", plain.T.contiguous().T, target
    yield "strided target", plain, target.repeat_interleave(2, 1)[:, ::2]
    yield "subclass", plain.as_subclass(Named), target
    yield "negated view", torch.complex(plain, plain).conj().imag, target
    yield "target of another dtype", plain, target.double()
    yield "one row", plain[0], target[0]


@pytest.mark.parametrize("case", list(unusual()), ids=lambda c: c[0])
def test_the_unusual_is_left_to_the_formula(case, counted):
    _, logits, target = case
    value = functional.cross_entropy(logits, target)
    assert not counted
    wanted = torch.nn.functional.cross_entropy(logits.double(), target.double())
    torch.testing.assert_close(
        torch.Tensor(value).double(), torch.Tensor(wanted), rtol=1e-6, atol=1e-6, check_dtype=False
    )


def test_modes_and_transforms_do_not_reach_the_kernels(counted):
    logits, target = batch(6, 8)
    func = torch.func
    for ours, plain in (
        (functional.cross_entropy, torch.nn.functional.cross_entropy),
        (lm.distillation_kl, written_out_kl),
    ):
        torch.testing.assert_close(func.grad(ours)(logits, target), func.grad(plain)(logits, target))
        tangent = torch.ones_like(logits) * torch.arange(8)
        slopes = [func.jvp(lambda x, f=f: f(x, target), (logits.detach(),), (tangent,))[1] for f in (ours, plain)]
        torch.testing.assert_close(*slopes)
        stacked = logits.detach().expand(3, 6, 8), target.expand(3, 6, 8)
        torch.testing.assert_close(func.vmap(ours)(*stacked), func.vmap(plain)(*stacked))
    compiled = torch.compile(functional.cross_entropy, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(logits, target), torch.nn.functional.cross_entropy(logits, target))
    assert not counted


def written_out_kl(student, teacher):
    log_student, log_teacher = student.log_softmax(-1), teacher.log_softmax(-1)
    return (log_teacher.exp() * (log_teacher - log_student)).sum(-1).mean()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": torch.ones(3)}, "class_weight has shape"),
        ({"weight": torch.tensor([1.0, -1.0, 1, 1])}, "class_weight"),
        ({"label_smoothing": 1.5}, "label_smoothing"),
        ({"reduction": "average"}, "reduction"),
        ({"target": torch.ones(2, 5)}, "target has shape"),
    ],
)
def test_errors_are_the_formulas_own(change, message):
    arguments = {"input": torch.zeros(2, 4), "target": torch.full((2, 4), 0.25)} | change
    with pytest.raises(lm.InputError, match=message):
        functional.cross_entropy(**arguments)


def test_labels_that_nobody_checked_are_nan_in_their_rows(counted):
    logits, _ = batch(5, 70, torch.float64)
    labels = torch.tensor([0, 70, 3, -1, 69])
    loss = find("softmax_cross_entropy")
    values = compute.call(loss, logits, labels, parameters=loss.defaults, reduction="none", check="none")
    assert counted
    np.testing.assert_array_equal(values.isnan(), [False, True, False, True, False])
    values[torch.tensor([0, 2, 4])].sum().backward()
    assert logits.grad.isfinite().all()
    assert not logits.grad[1].any()


def test_the_module_runs_on_the_kernel(counted):
    logits, target = batch(8, 10)
    lt.CrossEntropyLoss(label_smoothing=0.1)(logits, target).backward()
    assert counted == [True]
