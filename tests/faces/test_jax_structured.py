"""optax's losses of regions, batches and sequences: values and gradients of the JAX face against optax."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from frameworks import require
from lossmith import InputError, LabelError, ShapeError

jax = require("jax")
optax = require("optax")

import jax.numpy as jnp  # noqa: E402

import lossmith.jax as lj  # noqa: E402

rng = np.random.default_rng(3)
logits = rng.normal(size=(2, 3, 4, 3)).astype("float32")
targets = np.eye(3, dtype="float32")[rng.integers(0, 3, (2, 3, 4))]
flags = (rng.uniform(size=(2, 5)) < 0.5).astype("float32")
scores = rng.normal(size=(2, 5)).astype("float32")
steps = rng.normal(size=(3, 6, 5)).astype("float32")
tokens = np.array([[1, 2, 0], [3, 3, 1], [4, 0, 0]])
step_pad = np.array([[0] * 6, [0] * 6, [0] * 4 + [1] * 2], "float32")
token_pad = np.array([[0, 0, 1], [0, 0, 0], [0, 1, 1]], "float32")
vectors, groups = rng.normal(size=(8, 4)).astype("float32"), np.array([0, 0, 1, 1, 2, 2, 0, 3])
probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
CASES: dict[str, tuple[str, Any, tuple, dict[str, Any]]] = {
    "dice": ("dice_loss", logits, (targets,), {}),
    "dice weighted": ("dice_loss", logits, (targets,), {"class_weights": np.array([1.0, 2.0, 0.5]), "smooth": 0.1}),
    "dice each": ("dice_loss", logits, (targets,), {"reduction": "none", "ignore_background": True}),
    "dice tversky": ("dice_loss", logits, (targets,), {"alpha": 0.3, "beta": 0.7, "reduction": "sum"}),
    "dice probabilities": ("dice_loss", probabilities, (targets,), {"apply_softmax": False, "reduction": "none"}),
    "dice axis": ("dice_loss", logits, (targets,), {"axis": (1, 2)}),
    "dice one class": ("dice_loss", logits[..., :1], (targets[..., 0],), {}),
    "binary dice": ("binary_dice_loss", scores, (flags,), {}),
    "binary dice smooth": ("binary_dice_loss", scores[..., None], (flags[..., None],), {"smooth": 0.01}),
    "generalized dice": ("multiclass_generalized_dice_loss", logits, (targets,), {}),
    "generalized dice foreground": (
        "multiclass_generalized_dice_loss",
        logits,
        (targets,),
        {"ignore_background": True, "smooth": 0.5},
    ),
    "ctc": ("ctc_loss", steps, (step_pad, tokens, token_pad), {}),
    "ctc blank": ("ctc_loss", steps, (step_pad, tokens % 4, token_pad), {"blank_id": 4}),
    "ntxent": ("ntxent", vectors, (groups,), {}),
    "ntxent warm": ("ntxent", vectors, (groups, 0.5), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_value_and_gradient_are_optaxs(case: str) -> None:
    name, x, rest, options = CASES[case]
    results = []
    for module in (lj, optax.losses):
        loss = getattr(module, name)

        def total(x: Any, loss: Any = loss) -> Any:
            values = loss(x, *rest, **options)
            return jnp.sum(values), values

        both = jax.value_and_grad(total, has_aux=True)
        if options.get("apply_softmax", True):  # optax looks at the sums of probabilities, which a trace cannot
            both = jax.jit(both)
        (_, values), slope = both(jnp.asarray(x))
        results.append((np.asarray(values), np.asarray(slope)))
    for got, want in zip(*results, strict=True):
        np.testing.assert_allclose(got, want, rtol=5e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES.values()}))
def test_signatures_are_optaxs(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(m, name)).parameters.values() for m in (lj, optax.losses))
    assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in theirs]


def test_where_optax_is_wrong_or_silent() -> None:
    alone = np.arange(8)
    assert np.isnan(optax.losses.ntxent(vectors, alone))
    assert float(lj.ntxent(vectors, alone)) == 0
    impossible = np.array([[1, 1, 1], [2, 2, 2], [1, 2, 3]])
    values = lj.ctc_loss(steps[:, :3], step_pad[:, :3], impossible, 0 * token_pad)
    np.testing.assert_allclose(values[:2], 1e5)
    with pytest.raises(LabelError, match="token 6"):
        lj.ctc_loss(steps, step_pad, tokens + 5, token_pad)
    with pytest.raises(ShapeError, match=r"expected \(N, …, C\) for both"):
        lj.dice_loss(logits, targets[:, :2])
    with pytest.raises(InputError, match="axis is 3"):
        lj.dice_loss(logits, targets, axis=3)
    with pytest.raises(InputError, match="reduction is 'max'"):
        lj.dice_loss(logits, targets, reduction="max")
