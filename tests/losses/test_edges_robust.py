"""Robust losses, likelihoods and divergences where formulas break: ties, zeros, infinities, tiny and huge numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import lossmith as lm
from frameworks import Backend
from losses.cases import PLACES
from losses.oracles import ORACLES
from lossmith.arrays import composite, load
from lossmith.losses import constants

INF, NAN = math.inf, math.nan
TOLERANCE = {"float64": 3e-13, "float32": 6e-6}
SIZES = (0.0, 1e-30, 1e-10, 1e-3, 0.3, 1.0, 7.0, 1e3, 1e9, 1e18, 1e30)
ERRORS = tuple(sign * size for size in SIZES for sign in (1, -1))
SMALL = tuple(e for e in ERRORS if abs(e) < 1e15)  # where the value is a square, float32 ends at 1e19

# (loss, parameters, rows of prediction and target and extras)
EXACT: list[tuple[str, dict[str, Any], list[tuple]]] = [
    ("pseudo_huber", {}, [(e, 0) for e in ERRORS]),
    ("pseudo_huber", {"delta": 100.0}, [(e, 0) for e in ERRORS]),
    ("charbonnier", {}, [(e, 0) for e in ERRORS]),
    ("cauchy", {"scale": 0.5}, [(e, 0) for e in ERRORS]),
    ("geman_mcclure", {"scale": 0.5}, [(e, 0) for e in ERRORS]),
    ("welsch", {"scale": 0.5}, [(e, 0) for e in ERRORS]),
    ("tukey_biweight", {}, [(e, 0) for e in (*ERRORS, 4.5)]),
    ("expectile", {"level": 0.1}, [(e, 0) for e in SMALL if e]),
    *(("general_robust", {"alpha": a}, [(e, 0) for e in ERRORS]) for a in (0.0, 1.0, -2.0, -1e15, -INF)),
    *(("general_robust", {"alpha": a}, [(e, 0) for e in ERRORS]) for a in (0.5, 1e-5, -1e-5, 1e-30, -1e-12, 0.01)),
    *(("general_robust", {"alpha": a}, [(e, 0) for e in SMALL]) for a in (2.0, 1.5, 2 - 1e-15, 2 + 1e-15, 1.0001)),
    ("general_robust", {"alpha": 4.0}, [(e, 0) for e in ERRORS if abs(e) < 1e9]),
    *(("general_robust", {"alpha": a}, [(e, 0) for e in ERRORS if abs(e) < 9]) for a in (INF, 1e12)),
    ("gaussian_nll", {}, [(1e15, 0, 1e28), (1e-3, 0, 1e-5), (0, 0, 1e-7), (3, 1, 2), (1e-4, 0, 1e-9)]),
    ("laplace_nll", {}, [(1e30, 0, 1e28), (1e-30, 0, 1e-28), (3, 1, 2)]),
    ("student_t_nll", {}, [(e, 0, s) for e in ERRORS for s in (0.01, 1.0, 50.0)]),
    ("student_t_nll", {"df": 1e9}, [(e, 0, 1) for e in (0.0, 1e-3, 2.0, -40.0)]),
    ("student_t_nll", {"df": 1e-3}, [(e, 0, 1) for e in (0.0, 1e-3, 2.0, -40.0)]),
    ("log_normal_nll", {}, [(1, 1e-30, 2), (1, 1e30, 2), (0, 1, 1e-3)]),
    ("gamma_nll", {}, [(1e-15, 2e-15), (1e-15, 1e3), (1e30, 1), (3, 1e-30), (1.5, 1)]),
    ("gamma_log_mean", {}, [(-30, 1e-10), (50, 2), (0, 1e-30), (-5, 3)]),
    ("tweedie", {}, [(1e-30, 0), (1e-10, 0), (1e10, 3), (1e-3, 2), (1e30, 0), (2, 2.5)]),
    ("tweedie_log_mean", {}, [(-200, 0), (-60, 0), (-3, 2), (20, 3), (0, 0)]),
    ("negative_binomial_nll", {}, [(m, t) for m in (1e-6, 0.7, 30, 3e6) for t in (0, 0.5, 1, 3, 40, 1e6)]),
    (
        "negative_binomial_nll",
        {"dispersion": 1e-9},
        [(m, t) for m in (0.7, 30, 3e4) for t in (0, 0.5, 1, 3, 40, 1e4)],
    ),
    ("negative_binomial_nll", {"dispersion": 1e4}, [(m, t) for m in (1e-3, 30, 3e4) for t in (0, 0.5, 3, 1e4)]),
    ("crps_gaussian", {}, [(e, 0, s) for e in ERRORS for s in (0.01, 1.0, 50.0)]),
    ("crps_gaussian", {}, [(1e-20, 0, 1e-18), (1e20, 0, 1e22)]),
]


def call(backend: Backend, name: str, arrays: list[np.ndarray], parameters: dict[str, Any], dtype: str) -> tuple:
    """Values, closed-form gradient and, where there is one, the gradient by autodiff."""
    given = [backend.asarray(x, dtype) for x in arrays]
    function, made = getattr(lm, name), getattr(lm, lm.get(name).definition.object_name)(reduction="sum", **parameters)
    values = backend.to_numpy(function(*given, reduction="none", **parameters))
    slopes = [backend.to_numpy(made.value_and_gradient(*given)[1])]
    if backend.differentiates:
        summed = backend.value_and_grad(lambda x: function(x, *given[1:], reduction="sum", **parameters), given[0])
        slopes.append(backend.to_numpy(summed[1]))
    return values, slopes, [backend.to_numpy(x) for x in given]


@pytest.mark.parametrize(("backend", "dtype"), PLACES, indirect=["backend"])
@pytest.mark.parametrize(("name", "parameters", "rows"), EXACT, ids=lambda x: str(x)[:40])
def test_exact_everywhere(backend: Backend, name: str, parameters: dict, rows: list[tuple], dtype: str) -> None:
    with backend.session(dtype):
        values, slopes, rounded = call(
            backend, name, [np.array(x, float) for x in zip(*rows, strict=True)], parameters, dtype
        )
    wanted = [
        exact(name, *row, parameters={**lm.get(name).definition.defaults, **parameters})
        for row in zip(*rounded, strict=True)
    ]
    wanted = list(zip(*wanted, strict=True))
    np.testing.assert_allclose(values, wanted[0], rtol=TOLERANCE[dtype], atol=1e-36)
    for slope in slopes:
        np.testing.assert_allclose(slope, wanted[1], rtol=TOLERANCE[dtype], atol=1e-36)


def exact(name: str, p: float, *rest: float, parameters: dict[str, Any]) -> tuple[float, float]:
    """Value and slope of one number; 250 digits leave room for any size of it."""
    with mp.workdps(250):
        numbers = {k: mpf(v) if isinstance(v, float) else v for k, v in parameters.items()}
        step, others = mpf(10) ** -60, [mpf(float(x)) for x in rest]
        low, middle, high = (ORACLES[name](mpf(float(p)) + k * step, *others, **numbers) for k in (-1, 0, 1))
        return float(middle), float((high - low) / (2 * step))


# (loss, parameters, (prediction, target, *extras), value, gradient)
TABLE: list[tuple[str, dict[str, Any], tuple, float, Any]] = [
    ("quantile", {"level": 0.25}, (3, 3), 0, 0),
    ("quantile", {"level": 0.25}, (INF, 3), INF, 0.75),
    ("quantile", {"level": 0.25}, (-INF, 3), INF, -0.25),
    ("expectile", {"level": 0.25}, (3, 3), 0, 0),
    ("pseudo_huber", {"delta": 2.0}, (INF, 0), INF, 2),
    ("charbonnier", {}, (-INF, 0), INF, -1),
    ("cauchy", {}, (INF, 0), INF, 0),
    ("cauchy", {}, (0, -INF), INF, 0),
    ("geman_mcclure", {}, (-INF, 0), 2, 0),
    ("welsch", {}, (INF, 0), 1, 0),
    ("tukey_biweight", {"c": 3.0}, (-INF, 0), 1.5, 0),
    ("tukey_biweight", {"c": 3.0}, (3, 0), 1.5, 0),
    ("general_robust", {"alpha": 1.0}, (-INF, 0), INF, -1),
    ("general_robust", {"alpha": 0.0}, (INF, 0), INF, 0),
    ("general_robust", {"alpha": -2.0}, (INF, 0), 2, 0),
    ("general_robust", {"alpha": -1e-5}, (INF, 0), 200001, 0),
    ("general_robust", {"alpha": 0.5}, (INF, 0), INF, 0),
    ("general_robust", {"alpha": -INF}, (INF, 0), 1, 0),
    ("laplace_nll", {}, (3, 3, 0.5), 0, 0),
    ("laplace_nll", {}, (INF, 3, 0.5), INF, 2),
    ("student_t_nll", {}, (INF, 3, 0.5), INF, 0),
    ("gaussian_nll", {}, (2, 3, 1e-12), 0.5 * (math.log(1e-6) + 1e6), -1e6),
    ("crps_gaussian", {}, (INF, 3, 0.5), INF, 1),
    ("crps_gaussian", {}, (3, INF, 0.5), INF, -1),
    ("gamma_nll", {}, (INF, 3), INF, 0),
    ("multi_quantile", {}, ([3, 3, 3], 3), 0, [0, 0, 0]),
    ("crps_ensemble", {}, ([3, 3, 3], 3), 0, [0, 0, 0]),
    ("crps_ensemble", {"fair": True}, ([1, 1, 4], 1), 0, [1 / 6, 1 / 6, 0]),
    ("crps_ensemble", {"fair": True}, ([4], 1), 3, [1]),
    ("crps_ensemble", {}, ([4], 1), 3, [1]),
    ("jensen_shannon", {}, ([0, 1], [1, 0]), math.log(2), [-50.5, 0.5 * math.log(2)]),
    ("jensen_shannon", {}, ([0, 1], [0, 1]), 0, [0.5 * math.log(2), 0]),
    ("jensen_shannon", {"beta": 0.9}, ([0.25, 0.75], [0.25, 0.75]), 0, [0, 0]),
    ("total_variation", {}, ([0, 1], [1, 0]), 1, [-0.5, 0.5]),
    ("total_variation", {}, ([0, 1], [0, 1]), 0, [0, 0]),
    ("reverse_kl_divergence", {}, ([0.5, 0.5], [0, 1]), math.log(0.5) + 50, [math.log(0.5) + 101, math.log(0.5) + 1]),
    ("reverse_kl_divergence", {}, ([0, 1], [0.5, 0.5]), math.log(2), [math.log(2) - 100, math.log(2) + 1]),
    ("reverse_kl_divergence", {}, ([0, 1], [0, 1]), 0, [0, 1]),
    ("generalised_kl", {}, ([0, 3], [2, 0]), 201, [1 - 1e12, 1]),
    ("generalised_kl", {}, ([0, 3], [0, 3]), 0, [1, 0]),
    ("generalised_kl", {}, ([1e6, 1], [1e-38, 1]), 1e6, [1, 0]),
]


@pytest.mark.parametrize(("backend", "dtype"), PLACES, indirect=["backend"])
@pytest.mark.parametrize(("name", "parameters", "row", "value", "gradient"), TABLE, ids=lambda x: str(x)[:30])
def test_edges(
    backend: Backend, name: str, parameters: dict, row: tuple, value: Any, gradient: Any, dtype: str
) -> None:
    with backend.session(dtype):
        values, slopes, _ = call(backend, name, [np.array([x], float) for x in row], parameters, dtype)
    tolerance = {"rtol": 4 * TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    np.testing.assert_allclose(values, [value], **tolerance)
    for slope in slopes:
        np.testing.assert_allclose(slope, [gradient], **tolerance)


@pytest.mark.parametrize("name", ["jensen_shannon", "generalised_kl"])
@pytest.mark.parametrize("step", [1e-1, 1e-2, 1e-3, 1e-5])
def test_divergence_of_neighbours_keeps_its_digits(backend: Backend, name: str, step: float) -> None:
    target = np.array([0.1, 0.2, 0.7])
    moved = target * (1 + step * np.array([1, -1, 1 / 7]))
    with backend.session("float32"):
        values, _, (p, t) = call(backend, name, [moved[None], target[None]], {}, "float32")
    with mp.workdps(60):
        full = {k: mpf(v) for k, v in lm.get(name).definition.defaults.items()}
        exact = ORACLES[name]([mpf(float(x)) for x in p[0]], [mpf(float(x)) for x in t[0]], **full)
    assert values[0] == pytest.approx(float(exact), rel=3e-6)


BEST = {
    "quantile": {"level": 0.3},
    "expectile": {"level": 0.8},
    "pseudo_huber": {"delta": 0.5},
    "charbonnier": {"epsilon": 0.1},
    "gamma_nll": {},
    "gamma_log_mean": {},
    "tweedie": {"power": 1.3},
    "tweedie_log_mean": {"power": 1.7},
    "negative_binomial_nll": {"dispersion": 0.7},
    "reverse_kl_divergence": {},
    "generalised_kl": {},
}


@pytest.mark.parametrize("name", BEST)
def test_no_other_constant_scores_better(name: str) -> None:
    loss, rng = lm.get(name).definition, np.random.default_rng(3)
    target, weight = loss.target.sample(rng, (9, 3)), rng.uniform(0.1, 2.0, 9)
    parameters = {**loss.defaults, **BEST[name]}
    assert loss.best_constant
    best = loss.best_constant(target, weight, **parameters)

    def total(constant: np.ndarray) -> Any:
        rows = np.broadcast_to(constant, target.shape)
        return getattr(lm, name)(rows, target, weight=weight, reduction="sum", **parameters)

    lowest = total(best)
    for direction in (*np.eye(3), *-np.eye(3)):
        for size in (1e-3, 1e-2, 0.1):
            if loss.prediction.role == "distribution":
                moved = best * np.exp(size * direction)
                moved /= moved.sum()
            else:
                moved = best + size * direction * np.abs(best)
            assert total(moved) >= lowest - 1e-12 * abs(lowest)


def test_every_best_constant_of_the_family_is_tested() -> None:
    family = {name for name, *_ in (*EXACT, *TABLE)} | set(BEST)
    assert {n for n in family if lm.get(n).definition.best_constant} == set(BEST)


def test_weighted_quantile_is_one_of_the_targets() -> None:
    target = np.array([5.0, 1.0, 3.0, 2.0, 4.0])
    assert constants.quantile(target, np.ones(5), level=0.5) == 3
    assert constants.quantile(target, np.ones(5), level=0.95) == 5
    assert constants.quantile(target, np.ones(5), level=0.01) == 1
    assert constants.quantile(target, np.array([0.0, 8.0, 1.0, 0.5, 0.5]), level=0.75) == 1


def test_the_search_for_a_constant_stops_when_nothing_moves() -> None:
    calls = []

    def gradient(xp: Any, prediction: Any, target: Any) -> Any:
        calls.append(1)
        return prediction - target

    assert constants.convex(gradient)(np.array([2.0, 2.0]), np.ones(2)) == 2
    assert len(calls) <= 2
    assert constants.convex(gradient)(np.array([1.0, 2.0]), np.ones(2)) == pytest.approx(1.5, abs=1e-15)
    assert len(calls) < 64


@pytest.mark.parametrize("level", [0.0, 1.0, 5.0, NAN])
def test_levels_lie_between_0_and_1(level: float) -> None:
    with pytest.raises(lm.InputError):
        lm.multi_quantile([[1.0, 2.0]], [1.0], levels=[0.5, level])


def test_a_shape_that_would_want_a_gradient_is_refused() -> None:
    with pytest.raises(lm.InputError, match="plain number"):
        lm.general_robust([1.0], [2.0], alpha=np.array(0.5))


def test_many_levels_come_near_the_crps() -> None:
    rng = np.random.default_rng(0)
    members = np.sort(rng.normal(size=(1, 400)))
    assert 2 * lm.multi_quantile(members, [0.3]) == pytest.approx(lm.crps_ensemble(members, [0.3]), rel=0.01)


def test_negative_binomial_of_large_counts_keeps_its_digits_under_torch_float32() -> None:
    torch = pytest.importorskip("torch")
    p, t = torch.tensor([1e6, 1.2e6]), torch.tensor([1e6, 1e6])
    got = lm.negative_binomial_nll(p, t, reduction="none", dispersion=1e-6)
    with mp.workdps(60):
        alpha = mpf(1e-6)
        exact = [float(ORACLES["negative_binomial_nll"](mpf(float(a)), mpf(10**6), alpha)) for a in p]
    np.testing.assert_allclose(got.numpy(), exact, rtol=2e-5)


OPERATIONS = {
    "erf": (lambda xp, x: xp.erf(x), mp.erf, [-INF, -6, -1, -1e-20, 0, 0.3, 2, INF]),
    "lgamma": (lambda xp, x: xp.lgamma(x), mp.loggamma, [1e-30, 0.1, 0.5, 1, 1.5, 2, 7, 1e3, 1e30]),
    "stirling_error": (
        composite.stirling_error,
        lambda x: mp.loggamma(x) - (x - 0.5) * mp.log(x) + x - mp.log(2 * mp.pi) / 2,
        [1e-3, 0.5, 3, 9.9, 10, 100, 1e9],
    ),
    "log1p_square": (composite.log1p_square, lambda x: mp.log(1 + x * x), [0, 1e-15, -1, 1e9, -1e12, 1e30]),
    "over_one_plus_square": (composite.over_one_plus_square, lambda x: x / (1 + x * x), [0, 1e-30, -1, 1, 1e9, -1e30]),
    "root_gap": (composite.root_gap, lambda x: mp.sqrt(1 + x * x) - 1, [0, 1e-15, -1, 1e9, -1e12, 1e30]),
    "entropy_gap": (
        lambda xp, x: composite.entropy_gap(xp, x, x - 1),
        lambda x: x * mp.log(x) - x + 1 if x else mpf(1),
        [0, 0.01, 0.79, 0.81, 0.9375, 1, 1.0625, 1.19, 1.21, 1e10],
    ),
}


@pytest.mark.parametrize(("backend", "dtype"), PLACES, indirect=["backend"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(backend: Backend, name: str, dtype: str) -> None:
    operation, exact, points = OPERATIONS[name]
    with backend.session(dtype), np.errstate(all="ignore"), mp.workdps(60):
        x = backend.asarray(np.array(points, float), dtype)
        wanted = [float(exact(mpf(float(v)))) for v in backend.to_numpy(x)]
        result = operation(load(backend.name), x)
        assert backend.dtype_name(result) == dtype
        atol = 1e-12 if dtype == "float64" else 3e-6
        np.testing.assert_allclose(
            backend.to_numpy(result), wanted, rtol=3e-6 if dtype == "float32" else 1e-13, atol=atol
        )
        edge = backend.to_numpy(load(backend.name).lgamma(backend.asarray(np.array([0.0, INF, -1.5, NAN]), dtype)))
        np.testing.assert_array_equal(edge, [INF, INF, NAN, NAN])
