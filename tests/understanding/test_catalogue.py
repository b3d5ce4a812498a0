"""The list of losses, narrowed down."""

from __future__ import annotations

import pytest

import lossmith as lm
from lossmith.understanding import catalogue
from lossmith.understanding.catalogue import TASKS, entry


def names(**wanted: str) -> list[str]:
    return [loss.name for loss in catalogue(**wanted)]


def test_everything_is_listed_in_order() -> None:
    assert catalogue() == lm.losses()


def test_every_task_of_a_definition_can_be_asked_for() -> None:
    assert {loss.task for loss in lm.losses()} <= set(TASKS)
    for task in TASKS:
        assert names(task=task) == [loss.name for loss in lm.losses() if loss.task == task]


def test_task_and_face_narrow_together() -> None:
    assert names(task="regression", face="optax") == ["squared_error", "huber", "log_cosh"]
    assert names(task="boxes", face="keras") == []
    assert "welsch" not in names(face="torch")


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("BCEWithLogitsLoss", ["sigmoid_cross_entropy"]),
        ("bce with logits", ["sigmoid_cross_entropy"]),
        ("mean-squared-error", ["squared_error"]),
        ("SparseCategoricalCrossentropy", ["softmax_cross_entropy", "categorical_cross_entropy"]),
        ("smooth_l1_loss", ["huber"]),
        ("negative binomial", ["negative_binomial_nll"]),
        ("grades severities", ["coral"]),  # said of it, not in a name
    ],
)
def test_search_knows_names_of_frameworks_and_purposes(search: str, found: list[str]) -> None:
    assert names(search=search)[: len(found)] == found


def test_names_come_before_what_is_said() -> None:
    found = names(search="huber")
    assert found[:2] == ["huber", "pseudo_huber"]
    assert found == [name for name in found if "huber" in name] + [name for name in found if "huber" not in name]
    assert names(search="poisson nll")[0] == "poisson"  # an alias, before what merely has it in its name


def test_bad_wishes() -> None:
    with pytest.raises(lm.UnknownNameError, match="no task named 'binry'; did you mean 'binary'"):
        catalogue(task="binry")
    with pytest.raises(lm.UnknownNameError, match="no face named 'tourch'; did you mean 'torch'"):
        catalogue(face="tourch")
    with pytest.raises(lm.UnknownNameError, match="no loss named 'hubre'; did you mean 'huber'"):
        catalogue(search="hubre")


def test_entry_is_plain_data() -> None:
    assert entry(lm.losses()[0]) == {
        "name": "squared_error",
        "object_name": "SquaredError",
        "title": "Squared error",
        "task": "regression",
        "summary": lm.losses()[0].summary,
        "aliases": list(lm.losses()[0].aliases),
        "faces": {
            "torch": ["MSELoss", "functional.mse_loss"],
            "keras": ["MeanSquaredError", "mean_squared_error"],
            "jax": ["squared_error", "l2_loss"],
            "optax": ["squared_error", "l2_loss"],
        },
    }
