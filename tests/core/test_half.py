"""float16 on NumPy: computed in float32 from the values as given, rounded once; kernels read and write it as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossmith as lm
from lossmith import native
from lossmith.arrays import load
from lossmith.native import elementwise, row_pairs

XP = load("numpy")
SIDE, ROWS, CLASSES = 6, 36, 70


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    logits, other = 3 * rng.normal(size=(2, ROWS, CLASSES))
    probabilities = np.exp(other) / np.exp(other).sum(-1, keepdims=True)
    labels = rng.integers(0, CLASSES, ROWS)
    chances = rng.uniform(0.05, 0.95, (ROWS, CLASSES))
    return {
        "logits": logits.astype(np.float16),
        "other": other.astype(np.float16),
        "probabilities": probabilities.astype(np.float16),
        "chances": chances.astype(np.float16),
        "variance": (chances + 0.5).astype(np.float16),
        "labels": labels,
        "weight": rng.uniform(0.5, 2.0, ROWS),
        "mask": rng.random(ROWS) > 0.3,
    }


# loss, prediction, target, parameters, options; a word for an array stands for that of ``arrays``.
CALLS: dict[str, tuple] = {
    "labels": ("softmax_cross_entropy", "logits", "labels", {}, {}),
    "labels, settings": ("softmax_cross_entropy", "logits", "labels", {"label_smoothing": 0.1, "z_loss": 1e-3}, {}),
    "labels, weight": ("softmax_cross_entropy", "logits", "labels", {}, {"weight": "weight"}),
    "labels, mask": ("softmax_cross_entropy", "logits", "labels", {}, {"mask": "mask", "weight": "weight"}),
    "labels, ignored": ("softmax_cross_entropy", "logits", "labels", {"ignore_index": 7}, {"mask": "mask"}),
    "labels, classes": ("softmax_cross_entropy", "logits", "labels", {"class_weight": np.arange(70.0)}, {}),
    "focal": ("softmax_focal", "logits", "labels", {}, {"weight": "weight"}),
    "dense": ("softmax_cross_entropy", "logits", "probabilities", {}, {}),
    "dense, classes": ("softmax_cross_entropy", "logits", "probabilities", {"class_weight": np.arange(70.0)}, {}),
    "dense, mask": ("softmax_cross_entropy", "logits", "probabilities", {}, {"mask": "mask", "weight": "weight"}),
    "distillation": ("distillation_kl", "logits", "other", {"temperature": 2.0}, {}),
    "distillation, mask": ("distillation_jsd", "logits", "other", {}, {"mask": "mask"}),
    "distances": ("huber", "logits", "other", {}, {}),
    "distances, weight": ("squared_error", "logits", "other", {}, {"weight": "weight", "mask": "mask"}),
    "logits": ("sigmoid_cross_entropy", "logits", "chances", {}, {}),
    "probabilities": ("binary_cross_entropy", "chances", "chances", {}, {"mask": "mask"}),
    "extra": ("gaussian_nll", "logits", "other", {}, {"extra": "variance"}),
    "no kernel": ("dice", "chances", "chances", {}, {}),
}


def both(name: str, reduction: str, dtypes: tuple[Any, Any], axis: int = -1) -> list[tuple[Any, Any]]:
    """Value and gradient of the arrays in these dtypes, and of the same numbers in float32."""
    loss, prediction, target, parameters, options = CALLS[name]
    given = arrays()
    options = {key: given[word] for key, word in options.items()}
    extra = [options.pop("extra")] if "extra" in options else []
    if axis != -1:
        parameters = {**parameters, "axis": axis}
    call = lm.get(loss, reduction=reduction, **parameters).value_and_gradient
    results = []
    for first, second in (dtypes, (np.float32, np.float32)):
        p, t = given[prediction].astype(first), given[target]
        t = t if t.dtype.kind == "i" else t.astype(second)
        if axis != -1:  # in memory, too
            p, t = p.T.copy(), t if t.ndim == 1 else t.T.copy()
        results.append(call(p, t, *extra, **options))
    return results


def assert_rounded(found: tuple[Any, Any], wide: tuple[Any, Any]) -> None:
    np.testing.assert_allclose(found[0], wide[0], rtol=2e-6, atol=1e-6)
    assert type(found[0]) is type(wide[0])
    assert np.asarray(found[0]).dtype == np.asarray(wide[0]).dtype
    assert found[1].dtype == np.float16
    steps = np.abs(wide[1]) * 2.0**-10 + 2.0**-24  # one, for both roundings may lie on different sides of a tie
    assert (np.abs(found[1].astype(np.float64) - wide[1]) <= steps).all()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", CALLS)
def test_half_precision_is_float32_rounded(name: str, reduction: str) -> None:
    found, wide = both(name, reduction, (np.float16, np.float16))
    assert_rounded(found, wide)


@pytest.mark.parametrize("name", ["labels", "labels, weight", "dense", "dense, mask", "distillation"])
def test_classes_on_the_first_axis(name: str) -> None:
    found, wide = both(name, "mean", (np.float16, np.float16), axis=0)
    assert found[1].shape == (CLASSES, ROWS)
    assert_rounded(found, wide)


@pytest.mark.parametrize("name", ["dense", "distances", "distances, weight", "distillation"])
def test_a_wider_target_keeps_its_digits(name: str) -> None:
    assert_rounded(*both(name, "mean", (np.float16, np.float32)))
    (value, gradient), (wide, slopes) = both(name, "mean", (np.float32, np.float16))
    assert value == pytest.approx(wide, rel=1e-6)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-9)
    (value, gradient), _ = both(name, "mean", (np.float16, np.float64))
    assert value == pytest.approx(wide, rel=1e-6)
    assert gradient.dtype == np.float16


def test_nothing_under_a_mask_is_looked_at() -> None:
    given = arrays()
    logits, labels, mask = given["logits"], given["labels"], given["mask"]
    for target in (labels, given["probabilities"]):
        wanted = lm.SoftmaxCrossEntropy().value_and_gradient(logits, target, mask=mask)
        bad = np.where(mask[:, None], logits, np.float16(np.nan))
        odd = np.where(mask.reshape((-1,) + (1,) * (target.ndim - 1)), target, target.dtype.type(-100))
        found = lm.SoftmaxCrossEntropy().value_and_gradient(bad, odd, mask=mask)
        assert found[0] == wanted[0]
        np.testing.assert_array_equal(found[1], wanted[1])


def test_errors_name_the_argument() -> None:
    given = arrays()
    logits, rows = given["logits"], given["probabilities"].copy()
    rows[20, 3] = -0.5
    with pytest.raises(lm.errors.LabelError, match=r"its row 20 holds -0\.5"):
        lm.SoftmaxCrossEntropy().value_and_gradient(logits, rows)
    logits[30, 2] = np.nan
    for loss, target in ((lm.SoftmaxCrossEntropy(), given["labels"]), (lm.Huber(), given["other"])):
        with pytest.raises(lm.errors.DomainError, match=r"prediction is NaN at position \(30, 2\)"):
            loss.value_and_gradient(logits, target)


@pytest.mark.skipif(not native.has_native(), reason="no native core")
@pytest.mark.parametrize("name", ["labels, weight", "dense", "distillation, mask", "distances", "distances, weight"])
def test_the_kernel_reads_float16(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watch(module: Any, function: str, at: int) -> None:
        run = getattr(module, function)

        def record(*positional: Any, **named: Any) -> Any:
            seen.append(positional[at].dtype)
            return run(*positional, **named)

        monkeypatch.setattr(module, function, record)

    watch(native, "softmax_cross_entropy", 0)
    watch(row_pairs, "run", 2)
    watch(elementwise, "run", 2)
    watch(elementwise, "total", 3)
    both(name, "mean", (np.float16, np.float16))
    assert seen == [np.float16, np.float32]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_rounded_as_numpy_rounds(dtype: Any, rng: np.random.Generator) -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float64)
    with np.errstate(all="ignore"):
        ties = (every[:-1] + every[1:]) / 2
        near = [np.nextafter(ties.astype(dtype), dtype(side)) for side in (-np.inf, np.inf)]
        drawn = rng.integers(0, 2**32, 100_000, dtype=np.uint32).view(np.float32)
        for x in (every, ties, *near, drawn, drawn.reshape(100, -1).T[::3], drawn[:0], drawn[0], drawn[:1].reshape(())):
            x = np.asarray(x, dtype) if isinstance(x, np.ndarray) else dtype(x)
            found, wanted = XP.cast(x, np.float16), x.astype(np.float16)
            assert type(found) is type(wanted)
            np.testing.assert_array_equal(found, wanted)
            np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))
