"""InfoNCE and CLIP on the kernel of the softmax cross-entropy, against their definitions."""

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith import native
from lossmith.core import compute, kernel
from lossmith.losses import find

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

N, FEATURES = 75, 6
MASK = np.arange(N) % 5 != 2
WEIGHT = np.linspace(0.5, 2.0, N)
CASES = {
    "queries": ("info_nce", {"temperature": 0.3}),
    "products": ("info_nce", {"normalise": False, "temperature": 2.0}),
    "pairs": ("clip", {"scale": 5.0}),
}
PER_CALL = {"plain": {}, "weighted": {"weight": WEIGHT}, "masked": {"mask": MASK, "weight": WEIGHT}}
EVERY_CASE = pytest.mark.parametrize("name", CASES)


def vectors(rows=N, dtype=np.float64):
    return np.random.default_rng(0).normal(size=(2, rows, FEATURES)).astype(dtype)


def by_formula(monkeypatch, function):
    with monkeypatch.context() as without:
        without.setattr(kernel, "find", lambda *a: None)
        return function()


@pytest.fixture
def counted(monkeypatch):
    """How many rows each call of the kernel had."""
    calls, core = [], native._core

    class Counting:
        def __getattr__(self, name):
            return getattr(core, name)

        def softmax_cross_entropy(self, *arguments, **options):
            calls.append(arguments[4])
            return core.softmax_cross_entropy(*arguments, **options)

    monkeypatch.setattr(native, "_core", Counting())
    return calls


@EVERY_CASE
@pytest.mark.parametrize("per_call", PER_CALL)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_numpy(reduction, per_call, name, counted, monkeypatch):
    loss = lm.get(CASES[name][0], reduction=reduction, **CASES[name][1])
    p, t = vectors()
    if per_call == "masked":
        p[~MASK] = np.nan
    value, gradient = loss.value_and_gradient(p, t, **PER_CALL[per_call])
    assert counted == [N] * (2 if name == "pairs" else 1)
    expected, slopes = by_formula(monkeypatch, lambda: loss.value_and_gradient(p, t, **PER_CALL[per_call]))
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-9, atol=1e-13)
    np.testing.assert_array_equal(loss(p, t, **PER_CALL[per_call]), value)


@pytest.mark.parametrize("rows", [1, 2])
@EVERY_CASE
def test_few_rows_and_half_precision(name, rows, monkeypatch):
    loss = lm.get(CASES[name][0], **CASES[name][1])
    for dtype in (np.float16, np.float32):
        p, t = vectors(rows, dtype)
        value, gradient = loss.value_and_gradient(p, t)
        expected, slopes = by_formula(monkeypatch, lambda p=p, t=t: loss.value_and_gradient(p, t))
        assert gradient.dtype == dtype
        assert value == pytest.approx(expected, rel=1e-5, abs=1e-6)
        np.testing.assert_allclose(gradient, slopes, atol=2e-3 if dtype == np.float16 else 1e-6)
    assert loss.value_and_gradient(*vectors(0))[0] == 0


@EVERY_CASE
@pytest.mark.parametrize("per_call", PER_CALL)
def test_autograd_knows_predictions_targets_and_temperature(per_call, name):
    torch = require("torch")
    from lossmith.torch import batch_rows

    loss, settings = find(CASES[name][0]), dict(CASES[name][1])
    learned = "scale" if name == "pairs" else "temperature"
    options = {k: torch.as_tensor(v) for k, v in PER_CALL[per_call].items()}

    def run(kernels):
        p, t = (torch.tensor(x, requires_grad=True) for x in vectors())
        number = torch.tensor(settings[learned], dtype=torch.float64, requires_grad=True)
        parameters = loss.resolve({**settings, learned: number})
        value = compute.call(loss, p, t, parameters=parameters, kernels=kernels, **options)
        (2 * value).backward()
        return value.detach(), p.grad, t.grad, number.grad

    calls = []
    with pytest.MonkeyPatch.context() as patch:
        own = batch_rows._Pairs._own_columns
        patch.setattr(batch_rows._Pairs, "_own_columns", lambda *a: calls.append(len(a[1])) or own(*a))
        ours = run(True)
    assert calls == [N] * (2 if name == "pairs" else 1)
    for a, b in zip(ours, run(False), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-13)


@EVERY_CASE
def test_tensors_once_and_twice(name):
    torch = require("torch")
    loss = lm.get(CASES[name][0], **CASES[name][1])
    p, t = vectors()
    value, gradient = loss.value_and_gradient(torch.tensor(p), torch.tensor(t, requires_grad=True))
    expected, slopes = loss.value_and_gradient(p, t)
    assert not value.requires_grad
    assert not gradient.requires_grad
    assert value.item() == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient.numpy(), slopes, rtol=1e-9, atol=1e-14)
    few = (torch.tensor(x[:4], requires_grad=True) for x in (p, t))
    assert torch.autograd.gradgradcheck(loss, tuple(few))
