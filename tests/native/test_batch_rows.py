"""The kernel of losses whose rows compare with each other, against their definitions, for NumPy and PyTorch."""

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith import InputError, ShapeError, native
from lossmith.arrays import load
from lossmith.core import compute, kernel
from lossmith.core.contrastive_kernel import FORMULAS
from lossmith.losses import find
from lossmith.native import batch_rows

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

XP = load("numpy")
CASES = {
    "nt_xent": ("nt_xent", {"temperature": 0.3}),
    "products": ("nt_xent", {"temperature": 2.0, "normalise": False}),
    "supcon": ("supervised_contrastive", {}),
    "siglip": ("siglip", {"scale": 4.0, "bias": -2.0}),
    "hard": ("triplet_hard", {"margin": 0.5}),
    "soft": ("triplet_hard", {"soft": True, "distance": "squared"}),
    "semi_hard": ("triplet_semi_hard", {}),
    "squared": ("triplet_semi_hard", {"distance": "squared", "margin": 0.25}),
}
EVERY_CASE = pytest.mark.parametrize("case", CASES)
SETTINGS = {"triplet_hard": {"margin": 0.5, "soft": False}, "triplet_semi_hard": {"margin": 0.5}}
# Rows and groups: lanes and their ends, a group of its own for each row, one group for all, groups of many rows.
SIZES = [(1, 1), (2, 2), (7, 3), (33, 33), (40, 1), (75, 9), (130, 64), (700, 2)]


def batch(name, rows, groups, dtype=np.float64, ties=False, seed=0):
    """Predictions and targets; with ``ties`` many distances are the same, and some are 0."""
    rng = np.random.default_rng(seed)
    p = rng.normal(size=(rows, 5))
    p = np.round(p) if ties else p
    return p.astype(dtype), rng.normal(size=(rows, 5)).astype(dtype) if name == "siglip" else rng.integers(
        0, groups, rows
    )


def matrix_of(name, rows, groups, dtype=np.float64, ties=False):
    """A matrix as a loss takes it, and groups."""
    rng = np.random.default_rng(rows)
    x = np.abs(rng.normal(size=(rows, rows))) if "triplet" in name else 4 * rng.normal(size=(rows, rows))
    x = np.round(2 * x) if ties else x
    return x.astype(dtype), None if name == "siglip" else rng.integers(-5, groups - 5, rows)


def definition(name, matrix, groups, present=None, **settings):
    inside = None if present is None else present.astype(matrix.dtype)
    with np.errstate(all="ignore"):
        return FORMULAS[name](XP, matrix.astype(np.float64), groups, inside, **settings)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values_of_matrices(dtype, name):
    settings = SETTINGS.get(name, {})
    for rows, groups in SIZES:
        for ties in (False, True):
            matrix, numbers = matrix_of(name, rows, groups, dtype, ties)
            present = None if ties else np.arange(rows) % 4 != 1
            values, slope = batch_rows.run(name, matrix, numbers, present, settings=settings)
            expected = definition(name, matrix, numbers, present, **settings)
            if present is not None:
                expected[~present] = 0.0
                assert not slope[~present].any()
                assert not slope[:, ~present].any()
            eps = float(np.finfo(dtype).eps)
            np.testing.assert_allclose(values, expected, rtol=32 * eps, atol=16 * eps, err_msg=f"{rows}, {groups}")
            alone, nothing = batch_rows.run(name, matrix, numbers, present, settings=settings, gradient=False)
            assert nothing is None
            np.testing.assert_array_equal(alone, values)


@pytest.mark.parametrize("name", ["nt_xent", "supervised_contrastive", "siglip", "triplet_hard"])
def test_gradients_of_matrices_by_differences(name):
    settings = {"margin": 0.5, "soft": True} if "triplet" in name else {}
    matrix, numbers = matrix_of(name, 9, 3)
    scale = np.linspace(-1.0, 2.0, 9)
    _, slope = batch_rows.run(name, matrix, numbers, scale=scale, settings=settings)
    for i, j in np.ndindex(*matrix.shape):
        moved = []
        for step in (1e-6, -1e-6):
            other = matrix.copy()
            other[i, j] += step
            moved.append(batch_rows.run(name, other, numbers, settings=settings, gradient=False)[0] @ scale)
        assert slope[i, j] == pytest.approx((moved[0] - moved[1]) / 2e-6, abs=1e-7)


@EVERY_CASE
@pytest.mark.parametrize("per_call", ["plain", "masked"])
def test_numpy(per_call, case, monkeypatch):
    """Values and gradients with respect to the vectors; with ties the gradient goes where the definition has it go."""
    name, settings = CASES[case]
    calls, run = [], batch_rows.run
    monkeypatch.setattr(batch_rows, "run", lambda *a, **k: calls.append(k["gradient"]) or run(*a, **k))
    # In whole numbers the sums of squares are exact, and so are the ties. A group of more than 256 is sorted.
    for rows, groups, ties in ((75, 9, False), (75, 9, True), (600, 2, True)):
        p, t = batch(name, rows, groups, ties=ties)
        options = {}
        if per_call == "masked":
            options = {"mask": np.arange(rows) % 5 != 2, "weight": np.linspace(0.5, 2.0, rows)}
            p[~options["mask"]] = np.nan
        for reduction in ("mean", "none"):
            loss = lm.get(name, reduction=reduction, **settings)
            value, gradient = loss.value_and_gradient(p, t, **options)
            np.testing.assert_array_equal(loss(p, t, **options), value)
            with monkeypatch.context() as without:
                without.setattr(kernel, "find", lambda *a: None)
                expected, slopes = loss.value_and_gradient(p, t, **options)
            np.testing.assert_allclose(value, expected, rtol=1e-11, atol=1e-12)
            np.testing.assert_allclose(gradient, slopes, rtol=1e-8, atol=1e-11 * max(np.abs(slopes).max(), 1))
    assert calls == [True, False] * 6


@EVERY_CASE
def test_few_rows_and_half_precision(case, monkeypatch):
    name, settings = CASES[case]
    loss = lm.get(name, **settings)
    for rows, dtype in ((4, np.float32), (5, np.float16)):
        p, t = batch(name, rows, 2, dtype)
        t = t if name == "siglip" else np.arange(rows) // 2
        value, gradient = loss.value_and_gradient(p, t)
        with monkeypatch.context() as without:
            without.setattr(kernel, "find", lambda *a: None)
            expected, slopes = loss.value_and_gradient(p, t)
        assert gradient.dtype == dtype
        assert value == pytest.approx(expected, rel=1e-5, abs=1e-6)
        np.testing.assert_allclose(gradient, slopes, atol=4e-3 if dtype == np.float16 else 2e-5)
    p, t = batch(name, 6, 2, np.longdouble)
    assert np.isfinite(loss(p, t if name == "siglip" else np.arange(6) // 2))
    none = batch(name, 0, 1)
    assert loss.value_and_gradient(*none)[0] == 0
    if name != "siglip":
        with pytest.raises(InputError, match="no two rows belong together"):
            loss(np.zeros((2, 5)), np.arange(2))
        with pytest.raises(ShapeError, match="target"):
            loss(np.zeros((2, 5)), np.zeros(3, np.int64))


@pytest.mark.parametrize("name", FORMULAS)
def test_nan_stays_in_its_row_and_what_is_not_there_is_not_read(name):
    matrix, numbers = matrix_of(name, 20, 3)
    settings, present = SETTINGS.get(name, {}), np.arange(20) != 4
    healthy = batch_rows.run(name, matrix, numbers, present, settings=settings)
    matrix[:, 4] = matrix[4] = np.nan
    hidden = batch_rows.run(name, matrix, numbers, present, settings=settings)
    for mine, other in zip(hidden, healthy, strict=True):
        np.testing.assert_array_equal(mine, other)
    matrix[7, 8] = np.nan  # a negative, or a positive
    if name != "siglip":
        matrix[7, 7] = np.nan  # the row itself, which nobody compares
    values, slope = batch_rows.run(name, matrix, numbers, present, settings=settings)
    assert np.isnan(values[7])
    assert np.isnan(slope[7]).any()
    others = np.arange(20) != 7
    np.testing.assert_array_equal(values[others], healthy[0][others])
    np.testing.assert_array_equal(slope[others], healthy[1][others])


@pytest.mark.parametrize("name", FORMULAS)
def test_threads_and_neighbours_change_no_bit(name):
    matrix, numbers = matrix_of(name, 400, 9, np.float32)
    settings = SETTINGS.get(name, {})
    ours = batch_rows.run(name, matrix, numbers, settings=settings)
    for mine, other in zip(ours, batch_rows.run(name, matrix, numbers, settings=settings, executor=0), strict=True):
        np.testing.assert_array_equal(mine, other)
    changed = matrix.copy()
    changed[1::2] = 0.0
    for mine, other in zip(ours, batch_rows.run(name, changed, numbers, settings=settings), strict=True):
        np.testing.assert_array_equal(mine[::2], other[::2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"matrix": lambda x: x[:3]}, "expected a square C-contiguous one"),
        ({"matrix": lambda x: x.T}, "np.ascontiguousarray.matrix, np.float32"),
        ({"matrix": lambda x: x.astype(np.float16)}, "of float32 or float64"),
        (
            {"groups": lambda x: x.astype(np.int32)},
            r"groups is an array .* int32; expected a C-contiguous one of int64",
        ),
        ({"groups": lambda x: x[:2]}, "with 4 elements"),
        ({"present": lambda x: x.astype(float)}, r"present is an array .* float64; .* of bool"),
        ({"groups": lambda _: None}, "the loss needs groups"),
    ],
)
def test_arrays_that_do_not_fit(change, message):
    arrays = {"matrix": np.eye(4), "groups": np.arange(4), "present": np.ones(4, bool)}
    arrays.update({name: function(arrays[name]) for name, function in change.items()})
    with pytest.raises(ValueError, match=message):
        batch_rows.run("nt_xent", *arrays.values())


# PyTorch


@EVERY_CASE
@pytest.mark.parametrize("per_call", ["plain", "masked"])
def test_autograd(per_call, case, monkeypatch):
    """Gradients of predictions, targets and a learned number, with any cotangent."""
    torch = require("torch")
    from lossmith.torch import batch_rows as module

    name, settings = CASES[case]
    loss, calls, run = find(name), [], module._Matrix._kernel
    monkeypatch.setattr(module._Matrix, "_kernel", lambda self, *a: calls.append(a[0] is not None) or run(self, *a))
    learned = next((k for k in ("temperature", "scale") if k in loss.defaults), None)
    options = {"mask": torch.arange(75) % 5 != 2, "weight": torch.linspace(0.5, 2.0, 75).double()}
    options = options if per_call == "masked" else {}

    def both(kernels, reduction):
        p, t = (torch.tensor(x) for x in batch(name, 75, 9))
        wanted = [p.requires_grad_()] + ([t.requires_grad_()] if name == "siglip" else [])
        parameters = loss.resolve(settings)
        if learned:
            wanted.append(torch.tensor(parameters[learned], dtype=torch.float64, requires_grad=True))
            parameters[learned] = wanted[-1]
        value = compute.call(loss, p, t, parameters=parameters, kernels=kernels, reduction=reduction, **options)
        slope = torch.linspace(0.5, 2.0, 75).double() if reduction == "none" else torch.tensor(3.0).double()
        return value.detach(), *torch.autograd.grad(value, wanted, slope)

    for reduction in ("mean", "none"):
        for mine, other in zip(both(True, reduction), both(False, reduction), strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-8, atol=1e-11)
    assert calls == [True, False, True]


@EVERY_CASE
def test_tensors_once_and_twice(case):
    torch = require("torch")
    name, settings = CASES[case]
    loss = lm.get(name, **settings)
    p, t = batch(name, 12, 3)
    value, gradient = loss.value_and_gradient(torch.tensor(p, requires_grad=True), torch.tensor(t))
    expected, slopes = loss.value_and_gradient(p, t)
    assert not value.requires_grad
    assert value.item() == pytest.approx(expected, rel=1e-11)
    np.testing.assert_allclose(gradient.numpy(), slopes, rtol=1e-8, atol=1e-12)
    x = torch.tensor(p[:6], requires_grad=True)
    goal = torch.tensor(t[:6]) if name == "siglip" else torch.arange(6) // 2
    assert torch.autograd.gradgradcheck(lambda x: loss(x, goal), (x,), atol=1e-4)


def test_tensors_that_stay_with_the_formula(monkeypatch):
    torch = require("torch")
    from lossmith.torch import batch_rows as module

    monkeypatch.setattr(module, "_KINDS", dict.fromkeys(module._KINDS))
    p, t = (torch.tensor(x) for x in batch("nt_xent", 12, 3))
    mapped = torch.func.vmap(lambda x: lm.nt_xent(x, t))(torch.stack([p, 2 * p]))
    assert mapped[0].item() == pytest.approx(mapped[1].item())
    margin = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    lm.triplet_hard(p, t, margin=margin).backward()
    assert margin.grad is not None


def test_a_graph_is_walked_again_and_with_other_cotangents():
    """A second backward pass, another cotangent than was expected, and what wants no gradient."""
    torch = require("torch")
    p, t = (torch.tensor(x) for x in batch("siglip", 40, 1))
    groups, scale = torch.arange(40) // 4, torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    for name, target in (("clip", t), ("nt_xent", groups), ("triplet_hard", groups)):
        x = p.clone().requires_grad_()
        value = lm.get(name, reduction="sum")(x, target)
        once = torch.autograd.grad(value, x, retain_graph=True)[0]
        torch.testing.assert_close(torch.autograd.grad(value, x)[0], once, rtol=0, atol=0)
        rows = lm.get(name, reduction="none")(x, target)
        slope = torch.autograd.grad(rows, x, torch.linspace(-1, 1, 40).double(), retain_graph=True)[0]
        assert not torch.allclose(slope, once)
        torch.testing.assert_close(torch.autograd.grad(rows, x, torch.ones(40).double())[0], once, rtol=0, atol=0)
    loss = lm.get("clip", scale=scale)
    value = loss(p, t)  # nothing but the scale learns
    assert torch.autograd.grad(value, scale)[0].shape == ()
    assert loss.value_and_gradient(p, t)[0] == value


def test_odd_lengths_of_vectors():
    """Zero vectors, and lengths whose squares leave float32: directions and gradients stay the definition's."""
    torch = require("torch")
    p = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))
    p[2], p[3], p[4] = 0.0, p[3] * 1e-30, p[4] * 1e30
    for name, t in (("info_nce", p.flip(0)), ("nt_xent", torch.arange(8) // 2)):
        x = p.clone().requires_grad_()
        value = lm.get(name)(x, t)
        value.backward()
        loss, slope = find(name), torch.full((8,), 1 / 8)
        expected = loss.gradient(load("torch"), x.detach(), t, None, slope, **loss.resolve({}))
        assert torch.isfinite(value)
        assert not x.grad[2].any()
        length = p.double().norm(dim=1, keepdim=True)  # times which gradients are of one size
        torch.testing.assert_close(x.grad * length, expected * length, rtol=0.0, atol=2e-6)


# Matrices that are turned, distances, and what pulls vectors apart


def core_call(name, dtype, *arguments, executor=1):
    return getattr(native._core, name)(executor, native.CODES[np.dtype(dtype)], *arguments)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_turned_matrices(dtype):
    rng = np.random.default_rng(0)
    for rows in (1, 3, 8, 31, 32, 33, 77, 300):
        a, b = rng.normal(size=(2, rows, rows)).astype(dtype)
        to = a.copy()
        core_call("turn_matrix", dtype, 0, rows, to, b)
        np.testing.assert_array_equal(to, b.T)
        to = a.copy()
        core_call("turn_matrix", dtype, 1, rows, to, b)
        np.testing.assert_array_equal(to, a + b.T)
        to = a.copy()
        core_call("turn_matrix", dtype, 1, rows, to, to, executor=0)
        np.testing.assert_array_equal(to, a + a.T)
        to = a.copy()
        core_call("turn_matrix", dtype, 2, rows, to, to)
        square = np.arange(rows) // native._core.TURNED_SQUARE
        np.testing.assert_array_equal(to, np.where(square[:, None] < square, a.T, a))
    for what, other in ((3, a), (0, to), (2, a)):
        with pytest.raises(ValueError, match=r"no such way|a copy needs two"):
            core_call("turn_matrix", dtype, what, rows, to, other)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("squared", [False, True])
def test_distances_of_pairs(squared, dtype):
    y = np.random.default_rng(0).normal(size=(70, 5)).astype(dtype)
    y[3], y[4] = y[0], np.nan
    x = y @ y.T
    core_call("pair_distances", dtype, 70, x, np.sum(y * y, axis=1), 3.0, squared)
    exact = 9 * np.sum((y[:, None].astype(float) - y[None]) ** 2, axis=-1)
    exact[[0, 3], [3, 0]] = 0.0  # exactly
    np.testing.assert_allclose(x, exact if squared else np.sqrt(exact), rtol=1e-5 if dtype == np.float32 else 1e-13)
    assert not x[0, [0, 3]].any()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("with_lengths", [False, True])
def test_vectors_pulled_apart(with_lengths, dtype):
    rng = np.random.default_rng(0)
    for rows, features in ((1, 3), (70, 5), (130, 33)):
        slopes = np.where(rng.random((rows, rows)) < 0.03, rng.normal(size=(rows, rows)), 0.0).astype(dtype)
        lengths = np.where(rng.random((rows, rows)) < 0.3, 0.0, rng.random((rows, rows)) + 0.5).astype(dtype)
        y, gradient = rng.normal(size=(rows, features)).astype(dtype), np.full((rows, features), 7, dtype)
        with np.errstate(all="ignore"):
            weights = 2.0 * (np.where(lengths == 0, 0, slopes.astype(float) / lengths) if with_lengths else slopes)
        arrays = slopes, lengths if with_lengths else None, 2.0, y, gradient
        assert core_call("pull_pairs", dtype, rows, features, *arrays)
        expected = weights.sum(1, keepdims=True) * y - weights @ y.astype(float)
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=64 * float(np.finfo(dtype).eps))
        again = np.empty_like(gradient)
        assert core_call("pull_pairs", dtype, rows, features, *arrays[:-1], again, executor=0)
        np.testing.assert_array_equal(again, gradient)
    slopes[0, 1] = np.nan
    assert core_call("pull_pairs", dtype, rows, features, *arrays)
    assert np.isnan(gradient[0]).all() == (not with_lengths or lengths[0, 1] != 0)
    assert not core_call("pull_pairs", dtype, rows, features, np.ones_like(slopes), *arrays[1:])
