"""Pairs, rankings, boxes, preferences and survival at their edges, and beside the functions of torch.nn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from frameworks import Backend, require
from losses.cases import PLACES
from lossmith.arrays import composite, load
from lossmith.core.compute import call, value_and_gradient

INF, NAN = np.inf, np.nan
LN2 = np.log(2)

# name, prediction, target, extras, parameters, value per row, gradient of the sum (None: finite is enough)
EDGES: list[tuple[str, Any, Any, dict, dict, Any, Any]] = [
    ("margin_ranking", [1.0, 1e30], [1.0, -1.0], {"other": [1.0, -1e30]}, {}, [0, 2e30], [-1, 1]),
    ("margin_ranking", [3.0, 3.0], [1.0, 1.0], {"other": [1.0, 1.0 + 1e-3]}, {"margin": 2.0}, [0, 1e-3], [-1, -1]),
    ("cosine_embedding", [[0.0, 0]], [1.0], {"other": [[1.0, 0]]}, {}, [1], [[0, 0]]),
    ("cosine_embedding", [[0.0, 0]], [1.0], {"other": [[0.0, 0]]}, {}, [1], [[0, 0]]),
    ("cosine_embedding", [[0.0, 0]], [-1.0], {"other": [[1.0, 0]]}, {}, [0], [[0, 0]]),
    ("cosine_embedding", [[2.0, 0]], [1.0], {"other": [[0.0, 0]]}, {}, [1], [[0, 0]]),
    ("cosine_embedding", [[0.0, 0]], [1.0], {"other": [[1.0, 0]]}, {"epsilon": 1e-12}, [1], [[-1e6, 0]]),
    ("cosine_embedding", [[1e30, 1e30]], [1.0], {"other": [[1e-30, 0]]}, {}, [1 - np.sqrt(0.5)], [[-0, 0]]),
    (
        "cosine_embedding",
        [[3.0, 4], [3.0, 4]],
        [1.0, -1.0],
        {"other": [[6.0, 8], [-3.0, -4]]},
        {},
        [0, 0],
        [[0, 0]] * 2,
    ),
    ("cosine_embedding", [[2.0, 0]], [-1.0], {"other": [[0.0, 3]]}, {}, [0], [[0, 0.5]]),
    ("contrastive", [[1.0, 2]] * 2, [1.0, 0.0], {"other": [[1.0, 2]] * 2}, {"margin": 3.0}, [0, 4.5], [[0, 0]] * 2),
    ("contrastive", [[3.0, 4]], [0.0], {"other": [[0.0, 0]]}, {"margin": 5.0}, [0], [[0, 0]]),
    ("contrastive", [[1e30, 0]], [0.0], {"other": [[-1e30, 0]]}, {}, [0], [[0, 0]]),
    *(
        ("triplet_margin", [[1.0, 2]], [[1.0, 2]], {"negative": [[1.0, 2]]}, {"epsilon": e, "power": p}, [1], [[0, 0]])
        for p in (1.0, 1.5, 2.0, 3.0, INF)
        for e in (0.0, 1e-6)
    ),
    ("triplet_margin", [[0.0, 0]], [[1.0, 0]], {"negative": [[0.0, 2]]}, {"epsilon": 0.0}, [0], [[-1, 1]]),
    ("triplet_margin", [[0.0, 0]], [[1e30, 0]], {"negative": [[0, 1e-30]]}, {"epsilon": 0.0}, [1e30], [[-1, 1]]),
    (
        "triplet_margin",
        [[0.0, 0]],
        [[2.0, 0]],
        {"negative": [[1.0, 1]]},
        {"epsilon": 0.0, "swap": True},
        [3 - np.sqrt(2)],
        [[-1 + np.sqrt(0.5) / 2, np.sqrt(0.5) / 2]],
    ),
    ("triplet_margin", [[0, 0.0]], [[2, 2.0]], {"negative": [[9, 9.0]]}, {"epsilon": 0, "power": INF}, [0], [[0, 0]]),
    ("bayesian_personalised_ranking", [1.0, 1e4, -1e4], [1.0, -1e4, 1e4], {}, {}, [LN2, 0, 2e4], [-0.5, 0, -1]),
    ("list_net", [[1e30, -1e30, 0.0]], [[1e30, 0.0, 0.0]], {}, {}, [0], [[0, 0, 0]]),
    ("list_net", [[0.0, 0]], [[1.0, -1e30]], {}, {}, [LN2], [[-0.5, 0.5]]),
    ("list_mle", [[0.0, 0, 0]], [[2.0, 1, 1]], {}, {}, [np.log(6)], [[-2 / 3, -1 / 6, 5 / 6]]),
    ("list_mle", [[1e30, -1e30]], [[1.0, 0]], {}, {}, [0], [[0, 0]]),
    ("rank_net", [[1.0, 1, 1]], [[1.0, 0, 0]], {}, {}, [LN2], [[-0.5, 0.25, 0.25]]),
    ("rank_net", [[1e30, -1e30]], [[0.0, 1]], {}, {}, [2e30], [[1, -1]]),
    ("lambda_rank", [[1.0, 1]], [[0.0, 1]], {}, {}, [LN2 * (1 - 1 / np.log2(3))], None),
    ("lambda_rank", [[1.0, 1]], [[0.0, 500.0]], {}, {}, [LN2 * (1 - 1 / np.log2(3))], None),
    ("approx_ndcg", [[1.0, 1]], [[0.0, 1]], {}, {}, [1 - 1 / np.log2(2.5)], None),
    ("approx_ndcg", [[1e30, -1e30]], [[500.0, 0.0]], {}, {}, [0], [[0, 0]]),
    ("approx_ndcg", [[-1e30, 1e30]], [[1.0, 0.0]], {}, {}, [1 - 1 / np.log2(3)], [[0, 0]]),
    ("iou_loss", [[0.0, 0, 1, 1]], [[1.0, 0, 2, 1]], {}, {}, [1], [[0, 0, 0, 0]]),
    ("giou_loss", [[1.0, 1, 1, 1]], [[0.0, 0, 2, 2]], {}, {}, [1], None),
    ("diou_loss", [[1.0, 1, 1, 1]], [[0.0, 0, 2, 2]], {}, {}, [1], None),
    ("ciou_loss", [[1.0, 0, 1, 2]], [[0.0, 0, 2, 2]], {}, {}, [1 + 0.25**2 / 1.25], None),
    ("dpo", [[-1e4, -2e4], [-2e4, -1e4]], [[-1.0, -1.0]] * 2, {}, {"beta": 1.0}, [0, 1e4], [[0, 0], [-1, 1]]),
    ("dpo", [[-1.0, -1]], [[-1.0, -1]], {}, {"label_smoothing": 0.5}, [LN2], [[0, 0]]),
    ("ipo", [[-5.0, -10]], [[-5.0, -5]], {}, {}, [0], [[0, 0]]),
    ("simpo", [-1e4, -1e-4], [-1e-4, -1e4], {}, {"gamma": 0.0}, [2e4 - 2e-4, 0], [-2, 0]),
    (
        "orpo_odds_ratio",
        [-1.0, -1e4, -1e-30],
        [-1.0, -1e-4, -1e4],
        {},
        {},
        [LN2, 1e4 - 1e-4 - np.log(-np.expm1(-1e-4)), 0],
        None,
    ),
    ("bradley_terry", [0.0, 1e4], [0.0, -1e4], {}, {}, [LN2, 0], [-0.5, 0]),
    ("kto", [0.0, 1e6, -1e6, 1e6], [1.0, 1, 1, -1], {}, {}, [0.5, 0, 1, 1], [-0.025, 0, 0, 0]),
    ("discrete_time_survival", [[1e4, -1e4, 0]], [1], {"event": [1.0]}, {}, [2e4], [[1, -1, 0]]),
    ("discrete_time_survival", [[-1e4, 1e4, INF]], [1], {"event": [1.0]}, {}, [0], [[0, 0, 0]]),
    ("discrete_time_survival", [[0.0, 0, 0]], [0], {"event": [0.0]}, {}, [LN2], [[0.5, 0, 0]]),
]
LISTS = ("list_net", "list_mle", "rank_net", "lambda_rank", "approx_ndcg")
BOXES = ("iou_loss", "giou_loss", "diou_loss", "ciou_loss")
for _name in LISTS:  # lists without an order, without items, and with one item
    _extras = {"valid": [[1.0, 1, 1], [0, 0, 0], [0, 1, 0], [1, 1, 0]]}
    _p, _t = [[3.0, 1, 2], [NAN, 1, 2], [5, 1, INF], [1.0, 2, NAN]], [[1.0, 1, 1], [0, 1, 2], [0, 1, 2], [2, 2, 3]]
    EDGES += [(_name, _p, _t, _extras, {}, [0] * 4, [[0] * 3] * 4), (_name, [[7.0]], [[3.0]], {}, {}, [0], [[0]])]
for _name in BOXES:
    _box, _thin = [1.0, 2, 4, 3], [1.0, 2, 1, 3]
    EDGES += [
        (_name, [_box], [_box], {}, {}, [0], [[0] * 4]),
        (_name, [[1e25 * x for x in _box]], [[1e25 * x for x in _box]], {}, {}, [0], [[0] * 4]),
        (_name, [_thin, [1.0, 2, 1, 2]], [_thin, [1.0, 2, 1, 2]], {}, {}, [1, 1], [[0] * 4] * 2),
        (_name, [[1.0, 2, 1, 2], _thin], [_box, [0.0, 0, 9, 9]], {}, {}, None, None),
        (_name, [_box], [[1.0, 2, 1, 2]], {}, {}, None, None),
        (_name, [_box], [[1.0, 2, 1, 2]], {}, {"epsilon": 1e-7}, None, None),
        (_name, [[0.0, 0, 1, 1]], [[1.0, 1, 2, 2]], {}, {}, None, None),
    ]


@pytest.mark.parametrize(("backend", "dtype"), PLACES, indirect=["backend"])
@pytest.mark.parametrize("edge", EDGES, ids=lambda e: f"{e[0]}-{e[1]}")
def test_edges(backend: Backend, edge: tuple, dtype: str) -> None:
    name, prediction, target, extras, parameters, value, gradient = edge
    with backend.session(dtype):
        p = backend.asarray(prediction, dtype)
        t = backend.asarray(np.asarray(target), None if isinstance(target[0], int) else dtype)
        e = {k: backend.asarray(x, dtype) for k, x in extras.items()}
        made = getattr(lm, name)
        loss = made.definition
        options = {"parameters": loss.resolve(parameters), "extras": e, "check": "none"}  # NaN may stand where hidden
        rows = backend.to_numpy(call(loss, p, t, reduction="none", **options))
        slopes = {"closed form": value_and_gradient(loss, p, t, reduction="sum", **options)[1]}
        if backend.differentiates:
            slopes["autodiff"] = backend.value_and_grad(lambda x: call(loss, x, t, reduction="sum", **options), p)[1]
    tolerance = {"rtol": 1e-12, "atol": 1e-12} if dtype == "float64" else {"rtol": 2e-6, "atol": 1e-6}
    assert np.isfinite(rows).all()
    if value is not None:
        np.testing.assert_allclose(rows, value, **tolerance)
    for way, slope in slopes.items():
        assert np.isfinite(backend.to_numpy(slope)).all()
        wanted = backend.to_numpy(slopes["closed form"]) if gradient is None else gradient
        np.testing.assert_allclose(backend.to_numpy(slope), wanted, **tolerance, err_msg=way)


def _vectors(rng: np.random.Generator) -> dict[str, np.ndarray]:
    a, b, c = rng.normal(size=(3, 7, 5))
    b[1] = a[1]  # equal to the anchor
    c[2] = b[2]
    b[3] = 0
    return {"a": a, "b": b, "c": c, "t": np.where(rng.random(7) < 0.5, -1.0, 1.0)}


EPSILON = float(np.float32(1e-12))  # PyTorch's constant is a float32 even in float64


# what is called, ours and PyTorch's own, on vectors a, b, c (7, 5) and signs t (7,)
TORCH: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "MarginRankingLoss()": (
        lambda f, a, b, c, t: lm.margin_ranking(a[:, 0], t, b[:, 0]),
        lambda f, a, b, c, t: f.margin_ranking_loss(a[:, 0], b[:, 0], t),
    ),
    "MarginRankingLoss(margin=0.4)": (
        lambda f, a, b, c, t: lm.margin_ranking(a[:, 0], t, b[:, 0], margin=0.4),
        lambda f, a, b, c, t: f.margin_ranking_loss(a[:, 0], b[:, 0], t, margin=0.4),
    ),
    **{
        f"CosineEmbeddingLoss(margin={m})": (
            lambda f, a, b, c, t, m=m: lm.cosine_embedding(a, t, b, margin=m, epsilon=EPSILON),
            lambda f, a, b, c, t, m=m: f.cosine_embedding_loss(a, b, t, margin=m),
        )
        for m in (0.0, 0.5, -0.5)
    },
    **{
        f"TripletMarginLoss(p={p}, margin={m}, swap={s}, eps={e})": (
            lambda f, a, b, c, t, p=p, m=m, s=s, e=e: lm.triplet_margin(a, b, c, power=p, margin=m, swap=s, epsilon=e),
            lambda f, a, b, c, t, p=p, m=m, s=s, e=e: f.triplet_margin_loss(a, b, c, p=p, margin=m, swap=s, eps=e),
        )
        for p, m, s, e in (
            (2.0, 1.0, False, 1e-6),
            (2.0, 0.3, True, 1e-6),
            (1.0, 2.0, False, 0.0),
            (3.0, 5.0, True, 0.1),
            (1.5, 5.0, False, 1e-6),
            (float("inf"), 5.0, True, 0.0),
        )
    },
    "BPR": (
        lambda f, a, b, c, t: lm.bayesian_personalised_ranking(a, b),
        lambda f, a, b, c, t: -f.logsigmoid(a - b).mean(),
    ),
    "ListNet": (
        lambda f, a, b, c, t: lm.list_net(a, c),
        lambda f, a, b, c, t: f.cross_entropy(a, c.softmax(-1)),
    ),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", TORCH)
def test_same_as_torch(name: str, dtype: str, rng: np.random.Generator) -> None:
    torch = require("torch")
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    given = {k: torch.tensor(x, dtype=getattr(torch, dtype)) for k, x in _vectors(rng).items()}
    results = []
    for function in TORCH[name]:
        arrays = {k: x.clone().requires_grad_(k != "t") for k, x in given.items()}
        value = function(torch.nn.functional, **arrays)
        slopes = torch.autograd.grad(value, [x for k, x in arrays.items() if k != "t"], materialize_grads=True)
        results.append((value, *slopes))
    scale = max(float(x.detach().abs().max()) for x in results[1])  # torch's slope at a zero vector is 1e6
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance * scale)


def test_survival_is_the_running_sum_of_binary_cross_entropies(rng: np.random.Generator) -> None:
    torch = require("torch")
    logits, last = torch.tensor(rng.normal(size=(9, 6))), torch.tensor(rng.integers(0, 6, 9))
    event = torch.tensor(rng.integers(0, 2, 9) * 1.0)
    happened = torch.zeros_like(logits).scatter(1, last[:, None], event[:, None])
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, happened, reduction="none")
    wanted = each.cumsum(1).gather(1, last[:, None])[:, 0]
    torch.testing.assert_close(lm.discrete_time_survival(logits, last, event, reduction="none"), wanted)
    dense = torch.nn.functional.one_hot(last, 6).double()
    torch.testing.assert_close(lm.discrete_time_survival(logits, dense, event, reduction="none"), wanted)


@pytest.mark.parametrize("name", BOXES)
def test_boxes_of_any_size(backend: Backend, name: str) -> None:
    """Areas of 1e-50 and 1e50 do not exist in float32."""
    loss = lm.get(name).definition
    p, t = (loss.prediction.sample(np.random.default_rng(seed), (20, 4)) for seed in (0, 1))
    value, slope = getattr(lm, loss.object_name)().value_and_gradient(p, t)
    for scale in (1e-25, 1e25):
        small, other = (backend.asarray(x * scale, "float32") for x in (p, t))
        got, gradient = getattr(lm, loss.object_name)().value_and_gradient(small, other)
        np.testing.assert_allclose(backend.to_numpy(got), value, rtol=1e-5)
        np.testing.assert_allclose(backend.to_numpy(gradient) * scale, slope, rtol=1e-4, atol=1e-6)
        if backend.differentiates:
            _, gradient = backend.value_and_grad(lambda x, t=other: getattr(lm, name)(x, t), small)
            np.testing.assert_allclose(backend.to_numpy(gradient) * scale, slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", LISTS)
def test_items_that_fill_up_count_nowhere(backend: Backend, name: str, rng: np.random.Generator) -> None:
    made = getattr(lm, lm.get(name).definition.object_name)()
    p, t, valid = rng.normal(size=(3, 6)), rng.integers(0, 4, (3, 6)) * 1.0, np.ones((3, 6))
    t[:, :2] = 0, 1
    wanted, slope = made.value_and_gradient(p, t)
    wide = [np.insert(x, [2, 5, 5], [[fill]], axis=1) for x, fill in ((p, NAN), (t, 0.0), (valid, 0.0))]
    arrays = [backend.asarray(x, "float32") for x in wide]
    value, got = made.value_and_gradient(*arrays)
    np.testing.assert_allclose(backend.to_numpy(value), wanted, rtol=1e-5)
    np.testing.assert_allclose(backend.to_numpy(got), np.insert(slope, [2, 5, 5], 0, axis=1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LISTS)
def test_nan_is_named(name: str) -> None:
    with pytest.raises(lm.DomainError, match=r"target is NaN at position \(0, 1\)"):
        getattr(lm, name)([[1.0, 2.0, 3.0]], [[0.0, NAN, 1.0]])
    with pytest.raises(lm.DomainError, match=r"prediction is NaN at position \(0, 1\)"):
        getattr(lm, name)([[1.0, NAN, 3.0]], [[0.0, 2.0, 1.0]])


@pytest.mark.parametrize("name", [*LISTS, *BOXES, "dpo", "triplet_margin"])
def test_unknown_dimensions(name: str) -> None:
    tf = require("tensorflow")
    loss = lm.get(name).definition
    shape = (3, loss.prediction.length or 5)
    rng = np.random.default_rng(0)
    p, t = (d.sample(rng, shape).astype("float32") for d in (loss.prediction, loss.target))
    extras = [e.domain.sample(rng, shape).astype("float32") for e in loss.extras]
    free = tf.TensorSpec([None, None], tf.float32)
    traced = tf.function(getattr(lm, name), input_signature=[free] * (2 + len(extras)))
    np.testing.assert_allclose(traced(p, t, *extras), getattr(lm, name)(p, t, *extras), rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "arrays", "error", "message"),
    [
        (
            "iou_loss",
            ([[0.0, 0, 1, 1], [2, 0, 1, 1]], [[0.0, 0, 1, 1]] * 2),
            lm.DomainError,
            "prediction row 1 .*x2 < x1",
        ),
        ("giou_loss", ([[0.0, 0, 1, 1]], [[0.0, 3, 1, 1]]), lm.DomainError, r"target row 0 is \(0, 3, 1, 1\).*height"),
        ("ciou_loss", ([[0.0, 0, 1]], [[0.0, 3, 1]]), lm.ShapeError, "rows of 4"),
        ("dpo", ([[0.0, 0, 1]], [[0.0, 3, 1]]), lm.ShapeError, "rows of 2"),
        ("dpo", ([[0.5, -1]], [[-1.0, -1]]), lm.DomainError, r"prediction is 0.5 .*\(-∞, 0\]"),
        ("orpo_odds_ratio", ([-1.0], [0.0]), lm.DomainError, r"target is 0 .*\(-∞, 0\)"),
        ("contrastive", ([[1.0]], [-1.0], [[1.0]]), lm.DomainError, "target is -1 .* 0 or 1"),
        ("contrastive", ([[1.0]], [[1.0]], [[1.0]]), lm.ShapeError, "one per row"),
        ("margin_ranking", ([1.0], [0.0], [1.0]), lm.LabelError, "-1 and"),
        ("cosine_embedding", ([[1.0]], [0.0], [[1.0]]), lm.LabelError, "-1 and"),
        ("kto", ([1.0], [0.0]), lm.LabelError, "2 \\* target - 1"),
        ("triplet_margin", ([[1.0, 2]], [[1.0, 2]], [[1.0]]), lm.ShapeError, "negative has shape"),
        ("rank_net", ([[1.0, 2]], [[1.0, 2]], [[0.5, 1]]), lm.DomainError, "valid is 0.5 .* 0 or 1"),
        ("lambda_rank", ([[1.0, 2]], [[-1.0, 2]]), lm.DomainError, "target is -1"),
        ("discrete_time_survival", ([[1.0, 2]], [2], [1.0]), lm.LabelError, "2"),
        ("discrete_time_survival", ([[1.0, 2]], [1], [2.0]), lm.DomainError, "event is 2"),
    ],
)
def test_bad_input_is_named(name: str, arrays: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        getattr(lm, name)(*arrays)


def test_a_label_out_of_range_is_nan_in_a_graph() -> None:
    jax = require("jax")
    function = jax.jit(lambda p, t, e: lm.discrete_time_survival(p, t, e, reduction="none"))
    got = function(np.zeros((3, 2), "float32"), np.array([2, -1, 1]), np.ones(3, "float32"))
    np.testing.assert_allclose(got, [NAN, NAN, 2 * LN2], rtol=1e-6)


def test_operations(backend: Backend) -> None:
    with backend.session("float64"):
        xp = load(backend.name)
        a, b = (backend.asarray(x, "float64") for x in ([1.0, 2, 5, NAN, 0], [3.0, 2, 4, 1, NAN]))
        shown = {
            "larger": (composite.larger(xp, a, b), [3, 2, 5, NAN, NAN]),
            "smaller": (composite.smaller(xp, a, b), [1, 2, 4, NAN, NAN]),
            "over": (composite.over(xp, a, xp.zeros_like(a)), [0] * 5),
            "positions": (xp.positions(a), [0, 1, 2, 3, 4]),
            "stack": (xp.stack([b, a])[2], [4, 5]),
            "atan2": (xp.atan2(a[:3], b[:3]), np.arctan2([1.0, 2, 5], [3.0, 2, 4])),
        }
        for name, (got, wanted) in shown.items():
            np.testing.assert_array_almost_equal(backend.to_numpy(got), wanted, 15, err_msg=name)
        if backend.differentiates:
            for function in (composite.larger, composite.smaller):
                slope = backend.value_and_grad(lambda x, f=function: xp.total(f(xp, x, b)[:3]), a)[1]
                other = function is composite.smaller
                np.testing.assert_array_equal(
                    backend.to_numpy(slope)[:3], np.array([[0, 0.5, 1], [1, 0.5, 0]])[int(other)]
                )
