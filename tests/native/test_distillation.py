"""The public losses on NumPy reach the native kernels of dense targets and distillation, and give the same numbers."""

import numpy as np
import pytest

import lossmith as lm
from lossmith import native
from lossmith.core import compute
from lossmith.losses import find
from lossmith.native import row_pairs

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

LOSSES = [
    ("softmax_cross_entropy", {"label_smoothing": 0.1, "class_weight": np.linspace(0.5, 2.0, 70)}),
    ("softmax_cross_entropy", {"z_loss": 1e-3}),
    ("distillation_kl", {"temperature": 4.0}),
    ("distillation_jsd", {"beta": 0.3}),
    ("distillation_total_variation", {"temperature": 0.5}),
]


@pytest.fixture
def counted(monkeypatch):
    """The calls of the kernel."""
    calls = []

    class Counting:
        def __getattr__(self, name):
            if name == "row_pairs":
                calls.append(name)
            return getattr(native._core, name)

    monkeypatch.setattr(row_pairs, "_core", Counting())
    return calls


def arrays(name, shape=(3, 5, 70), dtype=np.float64):
    rng = np.random.default_rng(0)
    prediction, target = rng.normal(size=(2, *shape))
    if name == "softmax_cross_entropy":
        target = np.exp(target) / np.exp(target).sum(axis=-1, keepdims=True)
    return prediction.astype(dtype), target.astype(dtype)


def judge(name, prediction, target, parameters, **options):
    """The same by the formula alone."""
    parameters = find(name).resolve(parameters)
    return compute.call(find(name), prediction, target, parameters=parameters, kernels=False, **options)


@pytest.mark.parametrize(("name", "parameters"), LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "total"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_the_public_functions_give_what_the_formula_gives(name, parameters, reduction, weighted, masked, counted):
    prediction, target = arrays(name)
    options = {"reduction": reduction}
    if weighted:
        options["weight"] = np.array([1.0, 0.0, 2.0])
    if masked:
        options["mask"] = np.arange(15).reshape(3, 5) % 4 != 1
        prediction[0, 1], target[0, 1] = np.nan, np.nan
    value = getattr(lm, name)(prediction, target, **parameters, **options)
    assert len(counted) == 1
    np.testing.assert_allclose(value, judge(name, prediction, target, parameters, **options), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("name", "parameters"), LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradients_are_those_of_finite_differences(name, parameters, reduction, counted):
    prediction, target = arrays(name, (2, 3, 70))
    weight = np.array([1.0, 0.5])
    loss = getattr(lm, find(name).object_name)(**parameters, reduction=reduction)
    value, gradient = loss.value_and_gradient(prediction, target, weight=weight)
    assert counted
    direction = np.random.default_rng(1).normal(size=prediction.shape)
    step = 1e-5
    ahead, behind = (
        judge(name, prediction + sign * step * direction, target, parameters, weight=weight, reduction=reduction)
        for sign in (1, -1)
    )
    np.testing.assert_allclose((gradient * direction).sum(), (ahead - behind) / (2 * step), rtol=1e-6)
    np.testing.assert_allclose(value, judge(name, prediction, target, parameters, weight=weight, reduction=reduction))


@pytest.mark.parametrize(("name", "parameters"), LOSSES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_half_precision_and_other_axes(name, parameters, dtype, counted):
    prediction, target = arrays(name, (4, 70, 3), dtype)
    if name == "softmax_cross_entropy":
        target = np.moveaxis(arrays(name, (4, 3, 70), dtype)[1], -1, 1)
    value, gradient = getattr(lm, find(name).object_name)(**parameters, axis=1).value_and_gradient(prediction, target)
    assert counted
    assert gradient.dtype == dtype
    assert gradient.shape == prediction.shape
    expected = judge(name, prediction.astype(float), target.astype(float), parameters, axis=1, check="none")
    np.testing.assert_allclose(value, expected, rtol=2e-6)


def test_a_teacher_like_the_student_costs_nothing():
    logits = np.random.default_rng(0).normal(size=(6, 100)).astype(np.float32)
    for name in ("distillation_kl", "distillation_total_variation", "distillation_jsd"):
        value, gradient = getattr(lm, find(name).object_name)().value_and_gradient(logits, logits.copy())
        assert abs(value) < 1e-6
        assert float(np.abs(gradient).max()) <= (1e-8 if name == "distillation_jsd" else 0)  # equal products cancel


@pytest.mark.parametrize("classes", [8, 100, 3000])
def test_logits_may_be_shifted_and_temperatures_extreme(classes):
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(2, 5, classes))
    for temperature in (1e-3, 0.3, 7.0, 1e6):
        parameters = {"temperature": temperature}
        moved = lm.distillation_kl(student + 1000.0, teacher - 500.0, **parameters, reduction="none")
        expected = judge("distillation_kl", student, teacher, parameters, reduction="none")
        np.testing.assert_allclose(moved, expected, rtol=1e-7, atol=1e-7 * temperature)


def test_a_bad_class_weight_is_refused_in_words():
    prediction, target = arrays("softmax_cross_entropy", (2, 4))
    with pytest.raises(lm.InputError, match="class_weight"):
        lm.softmax_cross_entropy(prediction, target, class_weight=[1.0, -1.0, 1.0, 1.0])
