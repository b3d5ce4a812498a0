"""The softmax focal loss with class indices, on the kernel of the softmax cross-entropy, against its definition."""

import numpy as np
import pytest
from mpmath import mp, mpf

import lossmith as lm
from frameworks import require
from lossmith import native
from lossmith.arrays import load
from lossmith.core import compute
from lossmith.losses import find

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

XP, FOCAL = load("numpy"), find("softmax_focal")


def batch(classes, dtype=np.float64, rows=19, spread=3.0):
    rng = np.random.default_rng(classes)
    return (spread * rng.normal(size=(rows, classes))).astype(dtype), rng.integers(0, classes, rows)


def definition(logits, labels, gamma, weight=None):
    wide = logits.astype(np.float64)
    options = {"gamma": gamma, "label_smoothing": 0.0, "class_weight": weight}
    with np.errstate(all="ignore"):
        return FOCAL.value(XP, wide, labels, **options), FOCAL.gradient(XP, wide, labels, **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("classes", [2, 9, 64, 65, 1025, 3000])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_values_and_gradients(gamma, classes, dtype):
    logits, labels = batch(classes, dtype)
    weight = np.linspace(0.0, 2.0, classes)
    for options in ({}, {"class_weight": weight}):
        values, gradient = native.softmax_cross_entropy(logits, labels, focal=gamma, **options)
        used = None if not options else weight.astype(values.dtype).astype(np.float64)
        expected, slopes = definition(logits, labels, gamma, used)
        eps = float(np.finfo(values.dtype).eps)
        rounding = 2.0**-10 if dtype == np.float16 else 32 * eps
        np.testing.assert_allclose(values, expected, rtol=64 * eps, atol=8 * eps)
        np.testing.assert_allclose(gradient, slopes, rtol=rounding, atol=2.0**-24 if dtype == np.float16 else 8 * eps)


def exact(row, gamma):
    """Value and gradient for label 1; e^-1000 beside 1 takes some digits."""
    with mp.workdps(500):
        exps = [mp.exp(mpf(z)) if z > -np.inf else mpf(0) for z in row]
        p = [x / mp.fsum(exps) for x in exps]
        missed, distance = mp.fsum(p[:1] + p[2:]), -mp.log(p[1])
        growth = gamma * p[1] * distance / missed if missed else 0
        slope = missed**gamma * (1 + growth)
        return float(missed**gamma * distance), [float(slope * (-missed if c == 1 else x)) for c, x in enumerate(p)]


@pytest.mark.parametrize("classes", [3, 70])
@pytest.mark.parametrize("gamma", [0.25, 2.0])
def test_sure_rows(gamma, classes):
    """Right or wrong beyond all digits, by -inf too, and where the missed probability is tiny but not 0."""
    logits = np.zeros((8, classes))
    for row, top in enumerate([1e3, 800.0, 60.0, 36.0, 20.0]):
        logits[row, 1] = top
    logits[5, 0] = 900.0
    logits[6, 1] = -np.inf
    logits[7] = -np.inf
    logits[7, 1] = 0.0
    labels = np.ones(8, np.int64)
    values, gradient = native.softmax_cross_entropy(logits, labels, focal=gamma)
    assert values[6] == np.inf
    np.testing.assert_allclose(gradient[6], definition(logits, labels, gamma)[1][6], rtol=1e-14)
    for row in (0, 1, 2, 3, 4, 5, 7):  # the definition has lost its digits here
        value, slopes = exact(logits[row], gamma)
        np.testing.assert_allclose(values[row], value, rtol=1e-12, atol=1e-120)
        np.testing.assert_allclose(gradient[row], slopes, rtol=1e-12, atol=1e-120)
    logits[2, 0] = np.nan
    spoilt = native.softmax_cross_entropy(logits, labels, focal=gamma)
    np.testing.assert_array_equal(np.isnan(spoilt[0]), np.arange(8) == 2)
    np.testing.assert_array_equal(np.isnan(spoilt[1]).all(axis=1), np.arange(8) == 2)


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_public_calls_take_the_kernel(framework, monkeypatch):
    wrap, calls = np.asarray, []
    if framework == "torch":
        wrap = require("torch").as_tensor
        from lossmith.torch import fast_rows

    core = native._core

    class Counting:
        def __getattr__(self, name):
            return getattr(core, name)

        def softmax_cross_entropy(self, *arguments, **options):
            calls.append(options["focal"])
            return core.softmax_cross_entropy(*arguments, **options)

    monkeypatch.setattr(fast_rows if framework == "torch" else native, "_core", Counting())
    logits, labels = batch(12)
    weight, mask = np.linspace(0.5, 2.0, 12), labels != 3
    loss = lm.SoftmaxFocal(gamma=1.5, class_weight=wrap(weight))
    value, gradient = loss.value_and_gradient(wrap(logits), wrap(labels), mask=wrap(mask))
    parameters = FOCAL.resolve({"gamma": 1.5, "class_weight": weight})
    expected = compute.call(FOCAL, logits, labels, parameters=parameters, mask=mask, kernels=False)
    slopes = definition(logits, labels, 1.5, weight)[1] * mask[:, None] / weight[labels[mask]].sum()
    assert float(value) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(np.asarray(gradient), slopes, rtol=1e-10, atol=1e-14)
    assert calls == [1.5]
    lm.softmax_focal(wrap(logits), wrap(labels), label_smoothing=0.1)
    assert calls == [1.5]
    if framework == "torch":
        x = wrap(logits).requires_grad_()
        loss(x, wrap(labels), mask=wrap(mask)).backward()
        np.testing.assert_allclose(x.grad.numpy(), slopes, rtol=1e-10, atol=1e-14)
        assert calls == [1.5, 1.5]
        torch = require("torch")
        assert torch.autograd.gradgradcheck(
            lambda x: lm.softmax_focal(x, wrap(labels[:1])), (x[:1].detach().requires_grad_(),)
        )


@pytest.mark.parametrize("options", [{"focal": -1.0}, {"focal": np.nan}, {"focal": 2.0, "z_loss": 0.1}])
def test_settings_that_are_none(options):
    with pytest.raises(ValueError, match=r"expected a number that is not negative, and the others 0; type focal=2.0"):
        native.softmax_cross_entropy(*batch(5), **options)
