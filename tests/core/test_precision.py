"""Half precision, many values, and the memory layouts that NumPy arrays come in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import HALF, Backend, backend_named
from losses.cases import PLAIN, Case
from lossmith import native

ROWS = {"bfloat16": 262_144, "float16": 70_000}


@pytest.mark.parametrize("dtype", HALF)
def test_the_mean_of_many_half_precision_rows(backend: Backend, dtype: str, rng: np.random.Generator) -> None:
    """The frameworks' own are off by 1 % (bfloat16) or NaN (float16: the count of rows overflows)."""
    logits = backend.asarray(rng.normal(size=(ROWS[dtype], 4)) * 3, dtype)
    labels = rng.integers(0, 4, ROWS[dtype])
    want = lm.softmax_cross_entropy(backend.to_numpy(logits), labels)
    value, gradient = lm.SoftmaxCrossEntropy().value_and_gradient(logits, backend.asarray(labels))
    assert float(value) == pytest.approx(want, rel=1e-5)
    assert backend.dtype_name(value) in ("float32", "float64")
    assert backend.dtype_name(gradient) == dtype
    assert np.isfinite(backend.to_numpy(gradient)).all()


def test_the_mean_of_many_values_is_right_to_float32(backend: Backend) -> None:
    """Terms of very different size: a naive float32 sum is off in the third digit."""
    p = np.full(10_000_000, 0.001, np.float32)
    p[::1000] = 3.0
    want = np.mean(p.astype(np.float64) ** 2)
    got = float(lm.squared_error(backend.asarray(p), backend.asarray(np.zeros_like(p))))
    assert got == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_have_the_precision_of_the_input(backend: Backend, dtype: str) -> None:
    with backend.session(dtype):
        p, t = backend.asarray([1.0, 2.0], dtype), backend.asarray([0.0, 0.0], dtype)
        for reduction in ("mean", "sum", "none"):
            got = lm.huber(p, t, reduction=reduction)
            assert isinstance(got, float) or backend.dtype_name(got) == dtype
        assert backend.dtype_name(lm.huber(p, [0.0, 0.0], reduction="none")) == dtype
        assert backend.dtype_name(lm.huber(p, t, weight=[1.0, 2.0], reduction="none")) == dtype


def test_integers_are_numbers(backend: Backend) -> None:
    """uint8 3 - 5 is 254 in some frameworks."""
    for dtype in ("uint8", "int32", "int64"):
        p, t = backend.asarray(np.array([3, 5], dtype)), backend.asarray(np.array([5, 3], dtype))
        assert float(lm.absolute_error(p, t)) == 2
    flags = backend.asarray(np.array([True, False]))
    assert float(lm.absolute_error(flags, backend.asarray(np.array([False, False])))) == 0.5


LAYOUTS = {
    "read-only": lambda x: _frozen(x),
    "Fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=0)[::2],
    "strided columns": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "reversed": lambda x: x[::-1].copy()[::-1],
    "swapped bytes": lambda x: x.astype(x.dtype.newbyteorder()),
    "unaligned": lambda x: _unaligned(x),
}


def _frozen(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flags.writeable = False
    return x


def _unaligned(x: np.ndarray) -> np.ndarray:
    buffer = np.empty(x.nbytes + 1, np.uint8)
    view = buffer[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_memory_layouts(case: Case, layout: str) -> None:
    p, t = case.draw(seed=7)
    a, b = LAYOUTS[layout](p), LAYOUTS[layout](t)
    kept = a.copy(), b.copy()
    value, gradient = case.object.value_and_gradient(a, b)
    want, slope = case.object.value_and_gradient(p, t)
    assert value == pytest.approx(want, rel=1e-14)
    np.testing.assert_allclose(gradient, slope, rtol=1e-13)
    assert (a == kept[0]).all()
    assert (b == kept[1]).all()


def test_tensors_that_numpy_cannot_lend() -> None:
    torch = backend_named("torch").torch
    p, t = torch.arange(6.0).reshape(2, 3), torch.tensor([0, 1])
    want = lm.softmax_cross_entropy(p, t)
    assert lm.softmax_cross_entropy(p.t().contiguous().t(), t).item() == pytest.approx(want.item(), rel=1e-6)
    assert lm.softmax_cross_entropy(p.requires_grad_(), t).requires_grad
    assert lm.squared_error(p[:, :2], torch.zeros(2, 2).expand(2, 2)) > 0


@pytest.fixture(params=["formula", "native"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The plain formula, and the native kernel where it was built."""
    if request.param == "native" and not native.has_native():
        pytest.skip(f"no native core: {native.why_not()}")
    if request.param == "formula":
        monkeypatch.setattr(native, "has_native", lambda: False)
    return request.param


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "smoothed": {"label_smoothing": 0.1},
    "class weights": {"class_weight": [0.5, 2.0, 0.0, 1.0, 1.0]},
    "both": {"label_smoothing": 0.3, "class_weight": [0.5, 2.0, 0.0, 1.0, 1.0]},
    "ignored": {"ignore_index": 1},
}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_cross_entropy_by_formula_and_kernel(engine: str, dtype: str, options: str) -> None:
    rng = np.random.default_rng(3)
    logits, labels = (rng.normal(size=(40, 3, 5)) * 4).astype(dtype), rng.integers(0, 5, (40, 3))
    weight, mask = rng.random(40), rng.random((40, 3)) < 0.8
    logits[~mask] = np.nan
    torch = backend_named("torch")
    with_torch = lm.SoftmaxCrossEntropy(**OPTIONS[options])
    args = {"weight": weight, "mask": mask}
    value, gradient = with_torch.value_and_gradient(logits, labels, **args)
    want, slope = with_torch.value_and_gradient(
        torch.asarray(logits, "float64"), torch.asarray(labels), weight=torch.asarray(weight), mask=torch.asarray(mask)
    )
    tolerance = 1e-12 if dtype == "float64" else 3e-6
    assert value == pytest.approx(float(want), rel=tolerance)
    np.testing.assert_allclose(gradient, torch.to_numpy(slope), rtol=tolerance, atol=tolerance / 10)


def test_classes_at_minus_infinity_have_no_part(engine: str) -> None:
    logits = np.array([[0.0, -np.inf, 1.0], [-np.inf, 2.0, -np.inf]])
    value, gradient = lm.SoftmaxCrossEntropy().value_and_gradient(logits, [0, 1])
    assert value == pytest.approx(np.log(1 + np.e) / 2)
    assert np.isfinite(gradient).all()
    weighted = lm.softmax_cross_entropy(logits[:1], [0], label_smoothing=0.1, class_weight=[1.0, 0.0, 1.0])
    assert np.isfinite(weighted)
