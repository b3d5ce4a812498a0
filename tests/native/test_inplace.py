"""Gradients written over the logits: the same numbers, no memory of their size, and a refusal of what cannot be."""

import re
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith import native

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

N = 21
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 10, N)
WEIGHT, MASK = RNG.uniform(0.5, 2.0, N), RNG.random(N) > 0.3
SETTINGS = {
    "plain": ({}, {}),
    "smoothed": ({"label_smoothing": 0.1, "z_loss": 1e-3, "reduction": "sum"}, {}),
    "ignored": ({"ignore_index": int(LABELS[3])}, {}),
    "outside": ({"ignore_index": -100}, {}),
    "weighted": ({"reduction": "total"}, {"weight": WEIGHT}),
    "masked": ({}, {"mask": MASK, "weight": WEIGHT, "normalizer": 50}),
    "classes": ({"class_weight": np.linspace(0.5, 2.0, 10)}, {"mask": MASK}),
    "rows": ({"reduction": "none", "axis": 1}, {"weight": WEIGHT}),
}


def logits(classes=10, dtype=np.float32, rows=N):
    return (3 * np.random.default_rng(1).normal(size=(rows, classes))).astype(dtype)


@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SETTINGS)
def test_the_same_numbers_in_the_logits_memory(name, dtype, framework):
    settings, per_call = SETTINGS[name]
    x, labels = logits(dtype=dtype), np.where(LABELS == 5, -100, LABELS) if name == "outside" else LABELS
    wrap = np.asarray if framework == "numpy" else require("torch").as_tensor
    loss = lm.SoftmaxCrossEntropy(**settings)
    options = {k: v if isinstance(v, int) else wrap(v) for k, v in per_call.items()}
    expected, slopes = loss.value_and_gradient(wrap(x), wrap(labels), **options)
    given = wrap(x.copy())
    value, gradient = loss.value_and_gradient(given, wrap(labels), inplace=True, **options)
    for a, b in zip(*(v if isinstance(v, tuple) else (v,) for v in (value, expected)), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(gradient), np.asarray(slopes), rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(np.asarray(given), np.asarray(gradient))
    assert np.shares_memory(np.asarray(given), np.asarray(gradient))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("classes", [2, 10, 63, 64, 65, 100, 1023, 1025, 2049, 5001, 300_000])
def test_every_way_through_the_kernel(classes, dtype):
    """Narrow tiles, wide rows whose lines reach into the next row, and rows that are read twice."""
    rows = 5 if classes > 10_000 else 37
    x, labels = logits(classes, dtype, rows), np.random.default_rng(2).integers(0, classes, rows)
    keep = np.arange(rows) % 4 != 1
    for options in ({}, {"keep": keep}, {"label_smoothing": 0.1, "class_weight": np.linspace(0.5, 2.0, classes)}):
        values, gradient = native.softmax_cross_entropy(x, labels, **options)
        given = x.copy()
        again, same = native.softmax_cross_entropy(given, labels, out=given, **options)
        np.testing.assert_array_equal(again, values)
        np.testing.assert_array_equal(given, gradient)
        assert same is given


def test_many_threads_write_over_what_others_do_not_read():
    x, labels = logits(1000, rows=4096), np.random.default_rng(2).integers(0, 1000, 4096)
    expected = native.softmax_cross_entropy(x, labels)[1]
    native.softmax_cross_entropy(x, labels, out=x)
    np.testing.assert_array_equal(x, expected)


def test_masked_rows_are_not_read():
    x = logits()
    x[~MASK] = np.nan
    value, gradient = lm.SoftmaxCrossEntropy().value_and_gradient(x, LABELS, mask=MASK, inplace=True)
    assert np.isfinite(value)
    assert gradient is x
    assert not gradient[~MASK].any()
    spoilt = logits()
    spoilt[4, 2] = np.nan
    with pytest.raises(lm.DomainError, match=r"in row 4, so the loss is NaN; .* leave inplace=True away"):
        lm.SoftmaxCrossEntropy().value_and_gradient(spoilt, LABELS, inplace=True)


def read_only(x):
    x.flags.writeable = False
    return x


@pytest.mark.parametrize(
    ("loss", "change", "labels", "message"),
    [
        (lm.SoftmaxCrossEntropy(), lambda x: x.tolist(), LABELS, "not a list"),
        (lm.SoftmaxCrossEntropy(), read_only, LABELS, r"read-only array: give prediction.copy\(\)"),
        (lm.SoftmaxCrossEntropy(), lambda x: np.asfortranarray(x), LABELS, r"give numpy.ascontiguousarray"),
        (lm.SoftmaxCrossEntropy(), lambda x: x.astype(np.float16), LABELS, "these are float16"),
        (lm.SoftmaxCrossEntropy(), lambda x: x.astype(int), LABELS, "these are int64"),
        (lm.SoftmaxCrossEntropy(), lambda x: x.astype(">f4"), LABELS, "these are >f4"),
        (lm.SoftmaxCrossEntropy(axis=0), lambda x: np.ascontiguousarray(x.T), LABELS, "classes on the last axis"),
        (lm.SoftmaxCrossEntropy(), lambda x: x, np.eye(10)[LABELS], "softmax_cross_entropy with dense targets needs"),
        (lm.SquaredError(), lambda x: x, np.zeros((N, 10)), "squared_error needs memory for its gradient"),
        (lm.SoftmaxCrossEntropy(), lambda x: x, LABELS + 5, "target holds class|10 classes"),
    ],
)
def test_what_is_refused_stays_as_it_was(loss, change, labels, message):
    x = change(logits())
    before = np.array(x)
    with pytest.raises(lm.InputError, match=message):
        loss.value_and_gradient(x, labels, inplace=True)
    np.testing.assert_array_equal(x, before)


def test_arrays_that_cannot_be_written():
    jax = require("jax")
    with pytest.raises(lm.InputError, match="arrays of jax cannot be written"):
        lm.SoftmaxCrossEntropy().value_and_gradient(jax.numpy.asarray(logits()), LABELS, inplace=True)
    x = logits()
    for out in (x[:3], x.astype(np.float64), read_only(x.copy()), x.tolist()):
        with pytest.raises(ValueError, match=re.escape("type np.empty_like(logits)")):
            native.softmax_cross_entropy(x, LABELS, out=out)


def resident(name):
    """Bytes of this process's memory: "VmRSS" now, "VmHWM" at its peak since the last `forget_peak`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))


def forget_peak():
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("this system does not tell the peak of a process's memory")


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux alone tells")
@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_memory_does_not_grow(framework):
    """A step of 64 MB of logits takes less than 4 MB besides; with a gradient of its own it takes 64 more."""
    x, labels = np.ones((1000, 16_000), np.float32), np.arange(1000)
    loss, mask = lm.SoftmaxCrossEntropy(), labels > 3
    if framework == "torch":
        torch = require("torch")
        x, labels, mask = torch.as_tensor(x), torch.as_tensor(labels), torch.as_tensor(mask)
    loss.value_and_gradient(x[:20].copy() if framework == "numpy" else x[:20].clone(), labels[:20], inplace=True)
    lm.trim()

    def growth(**options):
        forget_peak()
        before = resident("VmRSS")
        loss.value_and_gradient(x, labels, **options)
        return resident("VmHWM") - before

    assert growth(mask=mask, inplace=True) < 4 << 20
    assert growth(inplace=True) < 4 << 20
    assert growth() > 60 << 20


# PyTorch's autograd


def step(function, x, labels, dtype, **options):
    """Loss and gradient with respect to what the logits are computed from."""
    torch = require("torch")
    source = torch.as_tensor(x).to(dtype).requires_grad_()
    rows = source * 2.0
    value = function(rows, labels, **options)
    (3 * value).backward()
    return value.detach(), source.grad, rows.detach()


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
@pytest.mark.parametrize("shape", [(N,), (3, 7)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_autograd(reduction, shape, dtype):
    torch = require("torch")
    from lossmith.torch import functional as F

    x, labels = logits().reshape(*shape, 10), torch.as_tensor(np.where(LABELS == 5, -100, LABELS)).reshape(shape)
    options = {"weight": torch.linspace(0.5, 2.0, 10), "reduction": reduction, "label_smoothing": 0.1}

    def over_positions(function):
        return lambda rows, *a, **k: function(rows.movedim(-1, 1), *a, **k)

    ours, theirs = F.cross_entropy_, F.cross_entropy
    if len(shape) > 1:
        ours, theirs = over_positions(ours), over_positions(theirs)
    value, gradient, rows = step(ours, x, labels, getattr(torch, dtype), **options)
    expected = step(theirs, x, labels, getattr(torch, dtype), **options)
    torch.testing.assert_close(value, expected[0])
    torch.testing.assert_close(gradient, expected[1])
    torch.testing.assert_close(rows * 2, expected[1], msg="the logits hold three times the gradient")
    assert gradient.dtype is getattr(torch, dtype)


def test_autograd_says_where_the_logits_are_missed():
    torch = require("torch")
    from lossmith.torch import functional as F

    labels = torch.as_tensor(LABELS)
    source = torch.as_tensor(logits()).requires_grad_()
    rows = source * 1.0
    value = rows.square().sum() + F.cross_entropy_(rows.view(-1, 10), labels)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.backward()
    capped = 10 * torch.tanh(source / 10)  # does not need itself, but tanh its result: another tensor
    F.cross_entropy_(capped, labels).backward()
    value = F.cross_entropy_(source * 1.0, labels)
    value.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="differentiates once: use cross_entropy"):
        value.backward()
    with pytest.raises(RuntimeError, match="second derivatives"):
        torch.autograd.grad(F.cross_entropy_(source * 1.0, labels), source, create_graph=True)
    with torch.no_grad():
        rows = source * 1.0
        assert F.cross_entropy_(rows, labels) == F.cross_entropy(source, labels)
        assert torch.equal(rows, source)


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda x: x, {}, lm.InputError, r"is a leaf of autograd's graph, or a view of one: give input.clone\(\)"),
        (lambda x: x.view(7, 30)[:, :10], {}, lm.InputError, "or a view of one"),
        (
            lambda x: (x * 1)[:, ::2],
            {},
            lm.InputError,
            r"not contiguous, class beside class: give input.contiguous\(\)",
        ),
        (lambda x: x * 1, {"reduction": "none"}, lm.InputError, "reduction is 'none'; cross_entropy_ takes"),
        (lambda x: x * 1, {"label_smoothing": 2.0}, lm.InputError, "label_smoothing is 2.0"),
        (lambda x: x * 1, {"weight": "few"}, lm.InputError, r"weight has shape \(3,\); cross_entropy_ takes \(10,\)"),
        (lambda x: x * 1, {"weight": "bad"}, lm.InputError, "class_weight"),
        (lambda x: (x * 1)[:5], {}, lm.InputError, r"input has shape \(5, 10\) and target \(21,\)"),
        (lambda x: x[:, :3] * 1, {}, lm.LabelError, "3 classes"),
    ],
)
def test_tensors_that_are_refused_stay_as_they_were(change, options, error, message):
    torch = require("torch")
    from lossmith.torch import functional as F

    weights = {"few": torch.ones(3), "bad": torch.full((10,), -1.0)}
    if "weight" in options:
        options = {"weight": weights[options["weight"]]}
    source = torch.as_tensor(logits()).requires_grad_()
    x = change(source)
    before, version = x.detach().clone(), x._version
    with pytest.raises(error, match=message):
        F.cross_entropy_(x, torch.as_tensor(LABELS), **options)
    assert torch.equal(x, before)
    assert x._version == version


def test_value_and_gradient_of_tensors_that_are_refused():
    torch = require("torch")
    loss, labels = lm.SoftmaxCrossEntropy(), torch.as_tensor(LABELS)
    leaf = torch.as_tensor(logits()).requires_grad_()
    with pytest.raises(lm.InputError, match="is a leaf of autograd's graph"):
        loss.value_and_gradient(leaf, labels, inplace=True)
    with pytest.raises(lm.InputError, match=r"has dtype torch.bfloat16; overwritten are float32, float64"):
        loss.value_and_gradient(leaf.detach().bfloat16(), labels, inplace=True)
    with pytest.raises(lm.InputError, match="not contiguous"):
        loss.value_and_gradient(leaf.detach().clone().t().contiguous().t(), labels, inplace=True)
    used = leaf * 1.0
    other = used.square().sum()
    loss.value_and_gradient(used, labels, inplace=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        other.backward()
    with torch.no_grad():  # as PyTorch lets optimizers
        loss.value_and_gradient(leaf, labels, inplace=True)
