"""What a definition says of itself is true: its examples, docstrings, domains and best constants."""

from __future__ import annotations

import doctest
import inspect
from typing import Any

import numpy as np
import pytest

import lossmith as lm
from losses.cases import CASES, PLAIN, Case
from lossmith.losses import Domain, Loss, definition

LOSSES = pytest.mark.parametrize("loss", lm.losses(), ids=lambda loss: loss.name)


@LOSSES
def test_docstrings_run_and_name_every_argument(loss: Loss) -> None:
    for thing in (getattr(lm, loss.name), getattr(lm, loss.object_name)):
        tests = doctest.DocTestFinder().find(thing, loss.name, globs={})
        results = [doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test) for test in tests]
        assert sum(r.failed for r in results) == 0
        assert thing.__name__ != loss.name or sum(r.attempted for r in results) >= 2
        for name in inspect.signature(thing).parameters:
            assert f"    {name}: " in thing.__doc__, name
        assert thing.__module__ == "lossmith"


@LOSSES
def test_signatures_hold_the_defaults(loss: Loss) -> None:
    signature = inspect.signature(getattr(lm, loss.name))
    assert list(signature.parameters)[:2] == ["prediction", "target"]
    for name, default in loss.defaults.items():
        assert signature.parameters[name].default == default
        assert inspect.signature(getattr(lm, loss.object_name)).parameters[name].default == default
    assert ("axis" in signature.parameters) == loss.class_axis


@LOSSES
def test_examples_are_true_to_six_digits(loss: Loss) -> None:
    prediction, target, value = loss.example
    extras = loss.example_extras
    assert round(getattr(lm, loss.name)(prediction, target, **extras), 6) == value
    assert round(lm.get(loss.name)(np.asarray(prediction), np.asarray(target), *extras.values()), 6) == value


@LOSSES
def test_every_name_finds_the_loss(loss: Loss) -> None:
    for name in (loss.name, loss.object_name, *loss.aliases):
        for spelled in (name, name.upper(), name.replace("_", "-"), name.replace("_", " ").title()):
            assert lm.get(spelled).definition is loss
    assert getattr(lm, loss.name).definition is loss


def test_names_are_unique() -> None:
    taken = lm.losses()[0].name
    with pytest.raises(ValueError, match="names squared_error already"):
        definition.register(Case(lm.losses()[1]).loss.__class__(**{**_fields(lm.losses()[1]), "aliases": (taken,)}))
    assert lm.get(taken).definition is lm.losses()[0]


def _fields(loss: Loss) -> dict[str, Any]:
    return {k: getattr(loss, k) for k in inspect.signature(Loss).parameters}


@LOSSES
def test_words_are_there(loss: Loss) -> None:
    assert loss.summary.endswith(".")
    assert loss.formula
    assert loss.gradient_formula
    assert loss.references
    assert all(r.link.startswith("https://") and r.text for r in loss.references)
    assert loss.advice.use
    assert loss.advice.avoid
    assert loss.advice.good_value
    assert all(p.meaning.endswith(".") for p in loss.parameters)
    assert repr(loss).startswith(f"<loss {loss.name}")


DOMAINS = {f"{loss.name} {side}": getattr(loss, side) for loss in lm.losses() for side in ("prediction", "target")}


@pytest.mark.parametrize("name", DOMAINS)
def test_samples_are_valid_and_differ(name: str) -> None:
    domain: Domain = DOMAINS[name]
    x = domain.sample(np.random.default_rng(0), (50, 4))
    assert x.shape == (50, 4)
    integers = domain.role in ("groups", "tokens")
    assert x.dtype == (np.int64 if integers else np.float64)
    assert not domain.violations(x).any()
    assert len(np.unique(x)) >= (2 if integers or domain.role in ("signs", "flags", "ranks", "times") else 100)
    if domain.role == "distribution":
        np.testing.assert_allclose(x.sum(-1), 1)
    if domain.role == "log_probabilities":
        np.testing.assert_allclose(np.exp(x).sum(-1), 1)
    assert domain.describe()
    other = domain.sample(np.random.default_rng(1), (50, 4))
    assert (x != other).any() or domain.role == "groups"  # always the same, so that each has a positive


@pytest.mark.parametrize("case", PLAIN, ids=str)
def test_samples_pass_the_check(case: Case) -> None:
    for seed in range(5):
        assert np.isfinite(case.function(*case.draw(seed, (20, 5)), **case.settings))


CONSTANT = [c for c in CASES if c.loss.best_constant and c.axis == -1 and c.form != "dense"]


@pytest.mark.parametrize("case", CONSTANT, ids=str)
def test_no_constant_scores_better_than_the_best(case: Case) -> None:
    """Smoothing, clipping and factors move the optimum, so only what the parameters leave alone is held to it."""
    rng = np.random.default_rng(9)
    _, target = case.draw(2, (30, 3))
    if case.form == "labels":
        target = np.eye(3)[target]
    weight = rng.random(30) + 0.1
    best = case.loss.best_constant(target, weight, **case.full)
    if case.parameters.keys() & {"label_smoothing", "class_weight", "pos_weight", "epsilon"}:
        pytest.skip("the yardstick is the constant of the plain loss")

    def score(constant: np.ndarray) -> float:
        rows = np.broadcast_to(constant, target.shape)
        return case.function(rows, target, weight=weight, **case.parameters)

    role, least = case.loss.prediction.role, score(best)
    for _ in range(60):
        moved = best + rng.normal(size=best.shape) * rng.choice([1e-3, 0.03, 0.3])
        if role == "distribution":
            moved = np.maximum(moved, 1e-6) / np.maximum(moved, 1e-6).sum()
        elif role == "log_probabilities":
            moved = moved - np.log(np.exp(moved).sum())
        elif np.isfinite(case.loss.prediction.low):
            moved = np.clip(moved, case.loss.prediction.low + 1e-6, case.loss.prediction.high)
        assert score(moved) >= least - 1e-9 * abs(least)
