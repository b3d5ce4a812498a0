"""The native CTC against its definition in float64, and on the way PyTorch's tensors take to it."""

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith import native
from lossmith.arrays import load
from lossmith.core import compute, kernel
from lossmith.losses import find
from lossmith.native import ctc

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

XP, CTC = load("numpy"), find("ctc")
DTYPES = [np.float32, np.float64, np.float16]
# Both sides of every seam: four states to the lanes, 64 classes (narrow | wide), blocks of 1024 columns.
SHAPES = [(1, 1, 2, 1), (3, 7, 2, 3), (5, 30, 5, 3), (4, 25, 64, 4), (4, 33, 65, 12), (2, 9, 2049, 5), (40, 12, 9, 4)]


def batch(samples, steps, classes, most, dtype=np.float64, blank=0, spread=2.0, seed=0):
    """Logits, tokens with many repeats, and counts of which some cannot be written."""
    rng = np.random.default_rng(seed)
    logits = (spread * rng.normal(size=(samples, steps, classes))).astype(dtype)
    tokens = rng.integers(0, min(classes - 1, 4), (samples, most))
    tokens += tokens >= blank
    return logits, tokens, rng.integers(0, steps + 1, samples), rng.integers(0, most + 1, samples)


def definition(logits, tokens, steps, lengths, blank=0, infeasible="inf"):
    names = {"prediction_length": steps.astype(float), "target_length": lengths.astype(float)}
    arguments = XP, logits.astype(np.float64), tokens
    with np.errstate(all="ignore"):
        parameters = {"blank": blank, "infeasible": infeasible, **names}
        return CTC.value(*arguments, **parameters), CTC.gradient(*arguments, **parameters)


def assert_matches(case, scale=1.0, **options):
    logits = case[0]
    values, gradient = ctc.run(*case, scale=scale, **options)
    expected, slopes = definition(*case, **options)
    slopes = slopes * (scale[:, None, None] if np.ndim(scale) else scale)
    assert gradient.dtype == logits.dtype
    assert values.dtype == (np.float64 if logits.dtype == np.float64 else np.float32)
    eps = float(np.finfo(values.dtype).eps)
    np.testing.assert_allclose(values, expected, rtol=8 * max(eps, 1e-14), atol=8 * eps * logits.shape[1])
    rounding = 2.0**-11 if logits.dtype == np.float16 else 0.0
    # The formula adds up logarithms of some hundred, which have that many times the rounding of ours.
    allowed = max(16 * eps, 1e-12) * np.abs(scale).max() + rounding * np.abs(slopes) + (2.0**-25 if rounding else 0.0)
    np.testing.assert_array_less(np.abs(gradient - slopes), allowed, err_msg="gradient")
    alone, nothing = ctc.run(*case, gradient=False, **options)
    assert nothing is None
    np.testing.assert_array_equal(alone, values)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape, dtype):
    assert_matches(batch(*shape, dtype=dtype))


@pytest.mark.parametrize("infeasible", ["inf", "zero"])
@pytest.mark.parametrize("blank", [1, 4])
def test_blank_and_infeasible_targets(blank, infeasible):
    case = batch(30, 8, 5, 6, blank=blank)
    assert_matches(case, blank=blank, infeasible=infeasible)
    values, gradient = ctc.run(*case, blank=blank, infeasible=infeasible)
    impossible = np.isinf(definition(*case, blank=blank)[0])
    assert impossible.sum() not in (0, 30)
    assert (values[impossible] == (0 if infeasible == "zero" else np.inf)).all()
    assert not gradient[impossible].any()


@pytest.mark.parametrize("scale", [-0.25, "sequences"])
def test_the_scale_is_on_the_gradient_alone(scale):
    assert_matches(batch(7, 12, 6, 3), scale=np.linspace(-2.0, 2.0, 7) if scale == "sequences" else scale)


def test_probabilities_far_below_the_smallest_number():
    """Of a sure model that is wrong: the paths that count are e^-10000 and less beside the others."""
    logits, tokens, _, _ = batch(3, 300, 8, 60, spread=60.0)
    case = logits, tokens, np.array([300, 299, 250]), np.array([60, 60, 59])
    values, gradient = ctc.run(*case)
    expected, slopes = definition(*case)
    assert expected.min() > 5000
    np.testing.assert_allclose(values, expected, rtol=1e-13)
    np.testing.assert_allclose(gradient, slopes, atol=1e-9)
    for dtype in (np.float32, np.float16):
        rounded = (logits.astype(dtype), *case[1:])
        np.testing.assert_allclose(ctc.run(*rounded)[0], definition(*rounded)[0], rtol=3e-7)
    np.testing.assert_allclose(gradient.sum(axis=-1), 0.0, atol=1e-12)


@pytest.mark.parametrize("masked", [-1e4, -1e9, -1e20, np.finfo(np.float32).min, -np.inf])
def test_masked_classes(masked):
    logits, tokens, _, lengths = batch(6, 14, 6, 4, dtype=np.float32)
    logits[:, 3:6, :3] = masked
    logits[1, :, 0] = masked
    case = logits, tokens, np.full(6, 14), lengths
    values, gradient = ctc.run(*case)
    expected, slopes = definition(*case)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert np.isfinite(gradient).all()
    if masked != -1e20:  # beside numbers of that size nothing is left of the others, in the formula neither
        np.testing.assert_allclose(gradient, slopes, atol=1e-5)


@pytest.mark.parametrize("classes", [6, 100])
@pytest.mark.parametrize("poison", [np.nan, np.inf, "all -inf"])
def test_nan_stays_in_its_sequence(poison, classes):
    logits, tokens, _, lengths = batch(5, 9, classes, 3)
    case = logits, tokens, np.array([9, 7, 9, 5, 9]), lengths
    healthy = ctc.run(*case)
    spoilt = logits.copy()
    spoilt[1, 3] = -np.inf
    if poison != "all -inf":
        spoilt[1, 3, 5] = poison
    spoilt[3, 5:] = np.nan  # behind the end: not read
    values, gradient = ctc.run(spoilt, *case[1:])
    expected, slopes = definition(spoilt, *case[1:])
    np.testing.assert_array_equal(np.isnan(values), [False, True, False, False, False])
    np.testing.assert_array_equal(np.isnan(gradient[1]), np.isnan(slopes[1]))
    assert np.isnan(expected[1])
    others = [0, 2, 3, 4]
    np.testing.assert_array_equal(values[others], healthy[0][others])
    np.testing.assert_array_equal(gradient[others], healthy[1][others])


def test_wrong_tokens_and_counts():
    logits, tokens, _, _ = batch(4, 6, 5, 3)
    lengths = np.array([2, 3, 1, 2])
    tokens[0, 1], tokens[1, 2], tokens[2, 1], tokens[3, 0] = 5, -1, 99, 0  # the third is behind its target's end
    values, gradient = ctc.run(logits, tokens, np.full(4, 6), lengths)
    np.testing.assert_array_equal(np.isnan(values), [True, True, False, True])
    np.testing.assert_array_equal(np.isnan(gradient).all(axis=(1, 2)), [True, True, False, True])
    good = batch(4, 6, 5, 3)
    whole = ctc.run(*good[:2], np.full(4, 6), np.array([0, 1, 3, 3]))
    beyond = ctc.run(*good[:2], np.array([6, 7, 2**40, 6]), np.array([-1, 1, 3, 99]))
    for a, b in zip(whole, beyond, strict=True):
        np.testing.assert_array_equal(a, b)


def test_nothing_to_read_or_to_write():
    logits, tokens, _, _ = batch(3, 4, 3, 0)
    none = np.zeros(3, np.int64)
    values, gradient = ctc.run(logits, tokens, none, none)
    np.testing.assert_array_equal(values, 0.0)
    np.testing.assert_array_equal(gradient, 0.0)
    assert_matches((logits, tokens, np.array([4, 2, 1]), none))
    assert np.isinf(ctc.run(logits, np.ones((3, 1), np.int64), none, none + 1)[0]).all()
    assert ctc.run(logits[:0], tokens[:0], none[:0], none[:0])[0].shape == (0,)


def test_threads_and_neighbours_change_no_bit():
    case = batch(24, 60, 40, 20, dtype=np.float32)
    values, gradient = ctc.run(*case)
    inline = ctc.run(*case, executor=0)
    np.testing.assert_array_equal(values, inline[0])
    np.testing.assert_array_equal(gradient, inline[1])
    for k in (0, 11, 23):
        alone = ctc.run(*(x[k : k + 1].copy() for x in case))
        np.testing.assert_array_equal(alone[0][0], values[k])
        np.testing.assert_array_equal(alone[1][0], gradient[k])


def test_public_calls_take_the_kernel(monkeypatch):
    calls = []
    run = ctc.run
    monkeypatch.setattr(ctc, "run", lambda *a, **k: calls.append(k["gradient"]) or run(*a, **k))
    logits, tokens, _, _ = batch(6, 12, 7, 4, dtype=np.float32)
    steps, lengths = np.array([[12, 11, 12], [9, 12, 10]]), np.array([[4, 2, 3], [0, 1, 2]])
    arrays = logits.reshape(2, 3, 12, 7), tokens.reshape(2, 3, 4), steps, lengths
    weight, mask = np.array([1.0, 2.0]), np.array([[True, True, False], [True, True, True]])
    for options in ({}, {"weight": weight}, {"mask": mask, "reduction": "sum"}, {"reduction": "none"}):
        per_call = {k: v for k, v in options.items() if k != "reduction"}
        loss = lm.CTC(**{k: v for k, v in options.items() if k == "reduction"})
        value, gradient = loss.value_and_gradient(*arrays, **per_call)
        with monkeypatch.context() as without:
            without.setattr(kernel, "find", lambda *a: None)
            expected, slopes = loss.value_and_gradient(arrays[0].astype(np.float64), *arrays[1:], **per_call)
        np.testing.assert_allclose(value, expected, rtol=1e-6)
        np.testing.assert_allclose(gradient, slopes, atol=1e-6)
        assert lm.ctc(*arrays, **options) == pytest.approx(value)
    assert calls == [True, False] * 4
    lm.ctc(logits[:, ::-1, ::-1], tokens, infeasible="inf")  # strided: copied


@pytest.mark.parametrize(
    ("place", "change", "message"),
    [
        (0, lambda x: x.astype(np.int64), "3-D C-contiguous one of float32"),
        (0, lambda x: x[:, ::2], "np.ascontiguousarray.logits"),
        (0, lambda x: x[0], "logits is an array of shape"),
        (1, lambda x: x.astype(np.int32), r"tokens is an array .* int32; expected .* int64"),
        (1, lambda x: x[:2], "2-D with 4 rows"),
        (2, lambda x: x.astype(float), "step_counts is an array .* float64"),
        (3, lambda x: x[:3], "token_counts is an array"),
    ],
)
def test_arrays_that_do_not_fit(place, change, message):
    case = list(batch(4, 6, 5, 3))
    case[place] = change(case[place])
    with pytest.raises(ValueError, match=message):
        ctc.run(*case)
    with pytest.raises(ValueError, match="blank is no class"):
        ctc.run(*batch(4, 6, 5, 3), blank=5)


# PyTorch


@pytest.fixture
def torch_calls(monkeypatch):
    """The calls of the kernel for tensors: whether each computed a gradient."""
    require("torch")
    from lossmith.torch import fast_rows

    calls = []

    class Counting:
        def __getattr__(self, name):
            return getattr(native._core, name)

        def ctc(self, *arguments):
            calls.append(arguments[14] is not None)
            return native._core.ctc(*arguments)

    monkeypatch.setattr(fast_rows, "_core", Counting())
    return calls


def tensors(dtype="float64", seed=0):
    torch = require("torch")
    logits, tokens, _, _ = batch(4, 20, 6, 5, seed=seed)
    rows = torch.tensor(logits).transpose(0, 1).contiguous().to(getattr(torch, dtype)).requires_grad_()
    return rows, torch.tensor(tokens), torch.tensor([20, 18, 20, 3]), torch.tensor([5, 0, 3, 4])


def both(function, rows, *arguments, slope=1.0, **options):
    x = rows.detach().clone().requires_grad_()
    value = function(x.log_softmax(-1), *arguments, **options)
    (value * slope).sum().backward()
    return value.detach(), x.grad


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("layout", ["padded", "concatenated", "one"])
def test_as_pytorch(layout, reduction, dtype, torch_calls):
    import lossmith.torch as lt

    torch = require("torch")
    rows, tokens, steps, lengths = tensors(dtype)
    if layout == "concatenated":
        tokens = torch.cat([t[:n] for t, n in zip(tokens, lengths, strict=True)])
    if layout == "one":
        rows, tokens, steps, lengths = rows[:, 2], tokens[2, :3], steps[2], lengths[2]
    options = {"reduction": reduction, "zero_infinity": True, "slope": 1.5}
    value, gradient = both(lt.functional.ctc_loss, rows, tokens, steps, lengths, **options)
    assert torch_calls == ([True] if reduction != "none" else [False, True])
    expected = both(torch.nn.functional.ctc_loss, rows.double(), tokens, steps, lengths, **options)
    tolerance = 1e-12 if dtype == "float64" else 2e-6
    assert value.dtype == gradient.dtype == rows.dtype
    torch.testing.assert_close(value.double(), expected[0], rtol=tolerance, atol=0.0)
    torch.testing.assert_close(gradient.double(), expected[1], rtol=0.0, atol=tolerance)


def test_no_less_exact_than_pytorch(torch_calls):
    import lossmith.torch as lt

    torch = require("torch")
    torch.manual_seed(0)
    rows, tokens = 3 * torch.randn(400, 3, 20), torch.randint(1, 20, (3, 60))
    counts = torch.full((3,), 400), torch.full((3,), 60)
    exact = both(torch.nn.functional.ctc_loss, rows.double(), tokens, *counts)[1]
    ours, theirs = (both(f.ctc_loss, rows, tokens, *counts)[1] for f in (lt.functional, torch.nn.functional))
    error, other = ((x.double() - exact).abs().max().item() for x in (ours, theirs))
    assert error <= other
    assert error <= 1e-8


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(dtype, torch_calls):
    rows, tokens, steps, lengths = tensors(dtype)
    arguments = {"prediction_length": steps, "target_length": lengths, "infeasible": "zero"}
    x = rows.detach().transpose(0, 1).requires_grad_()
    value = lm.ctc(x, tokens, **arguments)
    value.backward()
    wide = x.detach().double().numpy()
    loss = lm.CTC(infeasible="zero")
    expected, slopes = loss.value_and_gradient(wide, tokens.numpy(), steps.numpy(), lengths.numpy())
    assert value.item() == pytest.approx(expected, rel=1e-6)
    assert x.grad.dtype is rows.dtype
    np.testing.assert_allclose(x.grad.double().numpy(), slopes, rtol=8e-3, atol=1e-7)
    assert torch_calls


def test_autograd_and_what_the_formula_keeps(torch_calls):
    torch = require("torch")
    rows, tokens, _, lengths = tensors()
    steps = torch.tensor([20, 18, 20, 9])
    rest = tokens, steps, lengths
    value = lm.ctc(rows.transpose(0, 1), *rest)
    first = torch.autograd.grad(value, rows, retain_graph=True)[0]
    again = torch.autograd.grad(3 * value, rows)[0]
    torch.testing.assert_close(again, 3 * first, rtol=1e-12, atol=0.0)
    assert torch_calls == [True, True]
    torch_calls.clear()
    mapped = torch.func.vmap(torch.func.grad(lm.ctc))(rows.detach().transpose(0, 1), *rest)
    torch.testing.assert_close(mapped / 4, first.transpose(0, 1), rtol=1e-9, atol=1e-12)
    everything = rows.detach().repeat(1, 1, 2)
    lm.ctc(everything.transpose(0, 1)[..., ::2], *rest)  # strided classes
    assert torch_calls == []


def test_gradients_only_when_asked_for(torch_calls):
    torch = require("torch")
    rows, tokens, _, lengths = tensors()
    steps = torch.tensor([20, 18, 20, 9])
    with torch.no_grad():
        lm.ctc(rows.transpose(0, 1), tokens, steps, lengths)
    assert torch_calls == [False]
    values = lm.ctc(rows.transpose(0, 1), tokens, steps, lengths, reduction="none")
    values.backward(torch.tensor([1.0, 0.0, -2.0, 0.5], dtype=torch.float64))
    judge = compute.call(
        CTC,
        rows.transpose(0, 1),
        tokens,
        parameters=CTC.resolve({}),
        extras={"prediction_length": steps, "target_length": lengths},
        reduction="none",
        kernels=False,
    )
    (expected,) = torch.autograd.grad(judge, rows, torch.tensor([1.0, 0.0, -2.0, 0.5], dtype=torch.float64))
    torch.testing.assert_close(values, judge, rtol=1e-12, atol=0.0)
    torch.testing.assert_close(rows.grad, expected, rtol=0.0, atol=1e-12)
    assert torch_calls == [False, False, True]
