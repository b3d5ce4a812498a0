"""What a column is taken for, with which certainty, what is refused, and how to say otherwise."""

from __future__ import annotations

import datetime
import json

import numpy as np
import pytest

import lossmith as lm
from frameworks import Backend
from lossmith.understanding.choosing.readings import TASKS

from . import targets
from .targets import TARGETS

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("name", TARGETS)
def test_each_kind_has_its_task_and_loss(name: str) -> None:
    target, task, loss = TARGETS[name]
    choice = lm.choose(target)
    assert (choice.task, choice.first.loss) == (task, loss)
    assert choice.reading.certainty in ("certain", "likely", "a guess")
    assert 1 <= len(choice.suggestions) <= 3
    assert len({s.loss for s in choice.suggestions}) == len(choice.suggestions)
    assert task not in [other.task for other in choice.others]


@pytest.mark.parametrize("name", TARGETS)
def test_each_reading_can_be_asked_for(name: str) -> None:
    """The task that was found, and all that it may be instead, are options."""
    target = TARGETS[name][0]
    found = lm.choose(target)
    for reading in (found.reading, *found.others):
        asked = lm.choose(target, task=reading.task)
        assert (asked.task, asked.reading.certainty, asked.others) == (reading.task, "given", ())
    assert lm.choose(target, task=found.task).suggestions == found.suggestions


@pytest.mark.parametrize(
    ("target", "task", "certainty", "others"),
    [
        ([0, 1, 1, 0], "binary", "certain", []),
        ([True, False], "binary", "certain", []),
        (["True", "False", "false"], "binary", "certain", []),
        (["a", "b"], "binary", "certain", []),
        ([0, 255] * 5, "binary", "likely", ["regression"]),
        ([0.3, 0.7] * 5, "binary", "a guess", ["regression"]),
        ([0, 1, 2] * 9, "multiclass", "likely", ["counts", "ordinal"]),
        (list(range(10)) * 9, "multiclass", "a guess", ["counts", "ordinal"]),
        (list(range(26)) * 9, "multiclass", "a guess", ["counts", "regression"]),
        ([-1, 0, 1] * 9, "multiclass", "a guess", ["ordinal", "regression"]),
        ([1, 2, 3, 4, 5] * 9, "ordinal", "a guess", ["multiclass", "counts"]),
        ([2, 4, 8] * 20, "multiclass", "a guess", ["regression"]),
        (RNG.integers(-100, 100, 200), "regression", "likely", []),
        (RNG.permutation(np.arange(18, 90).repeat(3)), "regression", "likely", ["counts"]),
        (RNG.poisson(1.5, 300), "counts", "a guess", ["multiclass", "ordinal"]),
        (RNG.poisson(40, 300) + (np.arange(300) % 3 - 1), "regression", "likely", ["counts"]),
        (RNG.negative_binomial(1, 0.02, 300), "counts", "likely", ["regression"]),
        (np.exp(RNG.normal(9, 0.8, 300)).astype(int), "positive", "likely", ["regression", "counts"]),
        (RNG.uniform(0.3, 0.5, 99), "proportion", "a guess", ["regression"]),
        (RNG.uniform(3, 97, 99), "regression", "likely", ["percentage"]),
        (RNG.uniform(20, 97, 99), "regression", "likely", ["positive"]),
        (np.append(RNG.normal(40, 9, 99), 0.0), "regression", "likely", ["nonnegative", "percentage"]),
        (RNG.normal(0, 1, 99), "regression", "certain", []),
        (["low", "high", "medium"] * 9, "ordinal", "likely", ["multiclass"]),
        (["XL", "m", "S"] * 9, "ordinal", "likely", ["multiclass"]),
        (["cat", "dog", "owl", "ape"] * 9, "multiclass", "likely", []),
        (["cat", "dog", "owl", "none"] * 10, "multiclass", "certain", []),
        (np.eye(4)[[0, 1, 2, 3, 3]], "multiclass", "certain", []),
        ([[0.2, 0.3], [0.9, 0.4]], "multilabel", "likely", ["regression"]),
    ],
)
def test_what_a_column_may_be(target: object, task: str, certainty: str, others: list[str]) -> None:
    choice = lm.choose(target)
    assert (choice.task, choice.reading.certainty, [o.task for o in choice.others]) == (task, certainty, others)


@pytest.mark.parametrize(
    ("name", "target", "task"),
    [
        ("humidity_pct", RNG.uniform(20, 97, 99), "percentage"),
        ("humidity (%)", RNG.integers(20, 97, 99), "percentage"),
        ("n_visits", list(range(10)) * 9, "counts"),
        ("stars", [0, 1, 2, 3, 4] * 9, "ordinal"),
        ("species", [1, 2, 3] * 9, "multiclass"),
        ("wine quality", [3, 4, 5, 6, 7, 8] * 9, "ordinal"),
        ("rank", RNG.permutation(np.arange(1000).repeat(2)), "counts"),  # too many for grades
        ("click_count", [0, 1] * 9, "binary"),  # certain, whatever the name
        ("kind", RNG.normal(0, 1, 99), "regression"),  # cannot be
    ],
)
def test_a_name_decides_between_readings(name: str, target: object, task: str) -> None:
    pandas = pytest.importorskip("pandas")
    choice = lm.choose(pandas.Series(target, name=name))
    assert (choice.name, choice.task) == (name, task)
    told = name in ("humidity_pct", "humidity (%)", "n_visits", "stars", "species", "wine quality")
    assert choice.reading.why.endswith(", and its name says so") == told


def test_many_classes_take_little_memory() -> None:
    """50,000 classes squared would be 20 GB."""
    choice = lm.choose(RNG.permutation(np.arange(50_000).repeat(2)), task="multiclass")
    assert (choice.first.units, choice.first.expected[1].value) == (50_000, pytest.approx(np.log(50_000)))
    assert [s.loss for s in choice.suggestions] == ["softmax_cross_entropy", "categorical_cross_entropy"]


# --- what it is made of ----------------------------------------------------------------------------------------------
def test_any_frameworks_arrays(backend: Backend) -> None:
    assert lm.choose(backend.asarray(targets.CLASSES)) == lm.choose(targets.CLASSES)


def test_columns_of_data_frames() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "words": ["x", None, "y", "x"] * 10,
            "categories": pandas.Categorical(["u", "v", "u", "w"] * 10),
            "integers": pandas.array([1, None, 0, 1] * 10, dtype="Int64"),
            "booleans": pandas.array([True, None, False, True] * 10, dtype="boolean"),
            "floats": [0.5, np.nan, -1.5, 2.0] * 10,
        }
    )
    found = {name: (lm.choose(frame[name]).task, lm.choose(frame[name]).missing) for name in frame}
    assert found == {
        "words": ("binary", 10),
        "categories": ("multiclass", 0),
        "integers": ("binary", 10),
        "booleans": ("binary", 10),
        "floats": ("regression", 10),
    }
    both = lm.choose(frame[["integers", "floats"]])
    assert (both.task, both.missing, both.rows) == ("regression", 10, 40)
    with pytest.raises(lm.InputError, match="datetimes holds dates or times"):
        lm.choose(pandas.Series(pandas.date_range("2024", periods=40), name="datetimes"))


@pytest.mark.parametrize(
    "target",
    [
        [0, None, 1, 1, None],
        [0.0, np.nan, 1.0, 1.0, np.nan],
        ["0", "", "1", "1", "NA"],
        np.array(["no", None, "yes", "yes", float("nan")], object),
        [b"no", None, b"yes", b"yes", None],
    ],
)
def test_missing_values_are_counted_and_left_out(target: object) -> None:
    choice = lm.choose(target)
    assert (choice.task, choice.rows, choice.missing) == ("binary", 5, 2)
    assert choice.first.expected[1].value == pytest.approx(-(np.log(2 / 3) * 2 + np.log(1 / 3)) / 3)
    assert choice.notes[0].startswith("2 rows of 5 (40.0 %) had no value and did not count here. One NaN makes")
    assert "target: 5 rows, 2 of them without a value" in str(choice)


def test_rows_with_one_missing_value_of_several_are_left_out() -> None:
    choice = lm.choose([[1.0, np.nan], [2.0, 5.0], [3.0, 1.0], [0.5, 2.0]])
    assert (choice.rows, choice.missing) == (4, 1)


def test_minus_100_beside_classes_is_no_label() -> None:
    choice = lm.choose([0, 2, 1, -100, 1, -100, 0, 2])
    assert (choice.task, choice.rows, choice.missing) == ("multiclass", 8, 2)
    assert choice.suggestions == lm.choose([0, 2, 1, 1, 0, 2]).suggestions
    assert "-100 in 2 rows of 'target' read as no label" in choice.assumptions[0]
    assert lm.choose(["1", "-100", "2", "3", "1", "2"]).missing == 1  # a CSV's column, classes from 1


@pytest.mark.parametrize("target", [[-100, 3, 8, 20, 31, 4], [-100, 0, 0], [-100, -1, 0, 1, 1]])
def test_minus_100_among_numbers_is_a_number(target: list[int]) -> None:
    choice = lm.choose(target, task="regression")
    assert choice.missing == 0
    assert not any("no label" in said for said in choice.assumptions)


def test_numbers_written_as_text() -> None:
    assert lm.choose(list("01011")).suggestions == lm.choose([0, 1, 0, 1, 1]).suggestions
    comma = lm.choose(["0,5", "1,25", "-3,5", "2"])
    assert comma.suggestions == lm.choose([0.5, 1.25, -3.5, 2]).suggestions
    assert comma.assumptions == ("Decimal commas in 'target': 0,5 read as 0.5; decimal= (--decimal) says otherwise.",)
    assert "Decimal commas" in str(comma).partition("Read as")[0]
    thousands = lm.choose(["1,234", "2,500", "3,001"], decimal=".", task="regression")
    assert thousands.suggestions == lm.choose([1234, 2500, 3001], task="regression").suggestions
    with pytest.raises(lm.InputError, match=r"decimal is ';'; expected '.' or ','"):
        lm.choose(["1", "2"], decimal=";")


# --- the positive class ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("target", "positive", "line"),
    [
        (["no", "yes"], None, "y = (y == 'yes').astype(\"float32\")"),
        (["fraud", "legitimate"], None, "y = (y == 'fraud').astype(\"float32\")"),
        (["a", "b"], None, "y = (y == 'b').astype(\"float32\")"),
        (["a", "b"], "a", "y = (y == 'a').astype(\"float32\")"),
        ([1, 2], None, 'y = (y == 2).astype("float32")'),
        ([1, 2], 1, 'y = (y == 1).astype("float32")'),
        ([0, 1], None, 'y = y.astype("float32")'),
        ([0, 1], "0", 'y = (y == 0).astype("float32")'),
        ([-1, 1], None, 'y = (y == 1).astype("float32")'),
        ([[1, 0], [0, 1]], None, 'y = y[:, 1].astype("float32")'),
        ([[1, 0], [0, 1]], "0", 'y = y[:, 0].astype("float32")'),
        ([True, False], "False", 'y = (np.char.lower(np.asarray(y, dtype=str)) == "false").astype("float32")'),
    ],
)
def test_which_class_counts_as_yes(target: list, positive: object, line: str) -> None:
    choice = lm.choose(target, positive=positive)
    assert choice.first.prepare == line
    scope = {"np": np, "y": np.asarray(target)}
    exec(line, scope)
    assert sorted(scope["y"].tolist()) == [0.0, 1.0]
    assert scope["y"].dtype == np.float32


def test_booleans_may_come_as_words() -> None:
    scope = {"np": np, "y": np.array(["True", "False", "true"])}
    exec(lm.choose([True, False]).first.prepare, scope)
    assert scope["y"].tolist() == [1, 0, 1]


# --- weights ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("counts", "advice"), [([50, 50], "not needed"), ([74, 26], "not needed"), ([75, 25], "optional"),
                           ([90, 10], "optional"), ([91, 9], "worth a try"), ([9, 91], "worth a try")],
)  # fmt: skip
def test_when_weights_are_advised(counts: list[int], advice: str) -> None:
    two = lm.choose(np.repeat([0, 1], counts)).first.weights
    several = lm.choose(np.repeat(["a", "b", "c"], [*counts, max(counts)])).first.weights
    labels = lm.choose(np.stack([np.repeat([0, 1], counts), np.arange(100) % 2], axis=1)).first.weights
    assert two is not None and several is not None and labels is not None
    assert two.advice == several.advice == labels.advice == advice
    assert bool(two.code) == bool(two.not_if) == (advice != "not needed")


def test_classes_without_rows() -> None:
    choice = lm.choose(np.eye(4, dtype=int)[np.repeat([0, 2, 3], [40, 12, 8])])
    weights = choice.first.weights
    assert weights is not None
    assert weights.class_weight == {0: 60 / 120, 1: 1.0, 2: 60 / 36, 3: 60 / 24}
    assert weights.why == "the rarest class has 13.3 % of the rows, the most frequent 5 times as many"
    assert "No row is of '1': leave such classes out, or find rows of them." in choice.notes
    assert choice.first.expected[1].value == pytest.approx(-sum(p * np.log(p) for p in (40 / 60, 12 / 60, 8 / 60)))


# --- refusals --------------------------------------------------------------------------------------------------------
DAYS = [f"2024-{m:02}-{d:02}" for m in (1, 2, 3) for d in range(1, 29)]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([], "target has no rows"),
        ([None, None], "target has no values: all of its 2 rows are missing"),
        ([[np.nan, 1.0]], "target has no row in which every column has a value"),
        ([3, 3, 3], r"target is 3 in all 3 rows: there is nothing to learn; is it the right column\?"),
        (["a"], "target is 'a' in its only row: there is nothing to learn"),
        ([2.5, None, 2.5], "target is 2.5 in all 2 rows"),
        ([True, True], "target is True in all 2 rows"),
        ([1.0, np.inf], "target is inf at position 1; no loss takes an infinite target"),
        (DAYS, r"target holds dates \('2024-01-01'\), which are no target; predict a number .*task= \(--task\)"),
        ([f"{d}.1.2024" for d in range(1, 29)], "target holds dates"),
        ([datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)], r"dates or times \(2024-01-01\)"),
        (np.array(DAYS, "datetime64[D]"), r"dates or times \(2024-01-01\)"),
        ([int(day.replace("-", "")) for day in DAYS], r"dates written as numbers \(20240101\)"),
        (np.arange(5, 105), "row numbers or keys: it holds every number from 5 to 104 once; if it is a target"),
        (RNG.permutation(100), "it holds every number from 0 to 99 once"),
        (np.cumsum(RNG.integers(1, 9, 50)), "it rises from row to row and no value comes twice"),
        (-np.cumsum(RNG.integers(1, 9, 50)), "it falls from row to row and no value comes twice"),
        ([f"user {i}" for i in range(50)], r"50 different words in 50 rows \('user 0', 'user 1', …\), as keys are"),
        ([f"text {i % 30}" for i in range(50)], "30 different words in 50 rows .*as keys and free text are"),
        ([[1.0, 2.0], [1.0, 2.0]], r"target is \(1, 2\) in all 2 rows"),
        ([{}, {"a": 1}], "target holds dict; expected numbers, words or booleans"),
        ([1j, 2j], "target has dtype complex128"),
        (np.zeros((2, 2, 2)), r"target has shape \(2, 2, 2\); expected \(N,\), or \(N, K\)"),
        (5, r"target has shape \(\)"),
        ([["a", "b"], ["c", "d"]], r"column '0' holds text \('a'\); several columns must hold numbers"),
        (["0.5", "0.25", "abc", "1"], "position 2: column 'target' holds 'abc'; expected a number"),
        (["1,234", "2,500"], "which is 1.234 with a decimal comma and 1234 without"),
        (None, "target is None; expected an array, a list or a column of a data frame"),
    ],
)
def test_what_is_refused(target: object, message: str) -> None:
    with pytest.raises((lm.InputError, lm.DataError), match=message):
        lm.choose(target)


def test_a_name_tells_keys_and_times() -> None:
    pandas = pytest.importorskip("pandas")
    keys = RNG.permutation(10 ** np.arange(2, 8)[:, None] + np.arange(9)).ravel()
    with pytest.raises(
        lm.InputError, match="customer_id looks like row numbers or keys: no value comes twice, and its"
    ):
        lm.choose(pandas.Series(keys, name="customer_id"))
    assert lm.choose(pandas.Series(keys, name="income")).task != ""
    with pytest.raises(lm.InputError, match=r"event_time holds times \(17\d+\), which are no target"):
        lm.choose(pandas.Series(1_700_000_000 + RNG.permutation(99) ** 2, name="event_time"))


def test_a_task_overrules_what_is_no_target() -> None:
    assert lm.choose(np.arange(5, 105), task="regression").first.loss == "squared_error"
    assert lm.choose([f"user {i}" for i in range(50)], task="multiclass").first.units == 50
    with pytest.raises(lm.InputError, match="there is nothing to learn"):
        lm.choose([3, 3, 3], task="regression")


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ([0, 1], {"task": "binry"}, "no task named 'binry'; did you mean 'binary'"),
        ([0, 1, 2], {"task": "binary"}, "target cannot be binary: that takes two different values, and it holds 3"),
        ([0.5, 1, 2], {"task": "multiclass"}, "cannot be multiclass: that takes whole numbers or words, and it holds"),
        ([0.5, 1, 2], {"task": "ordinal"}, "cannot be ordinal: that takes 3 to 200 different whole numbers or words"),
        ([0, 1], {"task": "ordinal"}, "cannot be ordinal"),
        (range(201), {"task": "ordinal"}, "it holds 201 different values between 0 and 200"),
        (
            [-1, 1, 2],
            {"task": "counts"},
            "takes whole numbers from 0 on, and it holds 3 different values between -1 and",
        ),
        ([0, 1.5, 2], {"task": "positive"}, r"takes numbers above 0 \(nonnegative takes 0, too\)"),
        ([-1, 1.5, 2], {"task": "nonnegative"}, "takes numbers from 0 on"),
        ([0.5, 1.5], {"task": "proportion"}, r"takes numbers in \[0, 1\]"),
        ([0.5, 101], {"task": "percentage"}, r"takes numbers in \[0, 100\]"),
        (["a", "b", "c"], {"task": "regression"}, r"target holds words \('a'\); regression needs numbers"),
        ([0, 1], {"task": "multilabel"}, "target has 1 column; multilabel needs several"),
        ([[0, 1], [1, 1]], {"task": "counts"}, "target has 2 columns; counts needs one"),
        ([[0, 1], [1, 1]], {"task": "multiclass"}, "target has 2 columns; multiclass needs one"),
        ([[0.5, 1.2], [1, 1]], {"task": "multilabel"}, "cannot be multilabel: that takes 0 and 1, or probabilities"),
        ([[0.5, 0.2], [1, 1]], {"task": "distribution"}, "takes rows of probabilities that sum to 1"),
        (["a", "b"], {"positive": "c"}, "positive is 'c'; expected 'a' or 'b'"),
        (["a", "b", "c"], {"positive": "c"}, "but target was read as multiclass; only binary has a positive class"),
    ],
)
def test_wishes_that_cannot_be_met(target: object, options: dict, message: str) -> None:
    with pytest.raises(lm.LossmithError, match=message):
        lm.choose(target, **options)


# --- the result ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", TARGETS)
def test_json_and_text(name: str) -> None:
    choice = lm.choose(TARGETS[name][0])
    data = json.loads(choice.to_json(), parse_constant=pytest.fail)
    assert data["schema"] == 1
    assert data["reading"]["task"] == choice.task
    assert [s["loss"] for s in data["suggestions"]] == [s.loss for s in choice.suggestions]
    assert set(data["suggestions"][0]["code"]) == {"keras", "torch", "jax"}
    text = choice.to_text(80)
    code = {line for s in choice.suggestions for lines in s.code.values() for line in lines}
    code |= {s.prepare for s in choice.suggestions}
    code |= {line for s in choice.suggestions if s.weights for line in s.weights.code.values()}
    long = [line for line in text.splitlines() if len(line) > 80]
    assert all(any(c in line for c in code) for line in long)
    assert repr(choice) == f"<choice for target ({choice.task}, {choice.reading.certainty}): {choice.first.loss}>"


def test_every_task_is_covered() -> None:
    assert {task for _, task, _ in TARGETS.values()} == set(TASKS)


def test_text_in_full() -> None:
    assert lm.choose(targets.YES).to_text(90) == TEXT


TEXT = """\
target: 60 rows
Read as binary (certain): it holds two words; task= (--task) says otherwise.

Take Sigmoid cross-entropy (sigmoid_cross_entropy)
  Why         one yes or no per row: the surprise at the answer, exact for any logit
  Last layer  1 unit, no activation: a logit
  Labels      0 and 1 as floats: 'no' → 0, 'yes' → 1; positive= (--positive) says
              otherwise
              y = (y == 'yes').astype("float32")
  Expect      0.6931, ln 2: outputs near 0, as a new model gives
              0.5433, H(prior): always answering the share of 'yes', 23.3 %: what the
              model must beat
  Keras       import keras, lossmith.keras as lk
              model.add(keras.layers.Dense(1))
              model.compile(optimizer="adam", loss=lk.BinaryCrossentropy(from_logits=True))
  PyTorch     import torch, lossmith.torch as lt
              last = torch.nn.Linear(width, 1)
              out = last(hidden).squeeze(-1)
              loss = lt.BCEWithLogitsLoss()(out, torch.as_tensor(y))
  JAX         import lossmith.jax as lj
              out = (hidden @ w + b)[:, 0]  # w: (width, 1), b: (1,)
              loss = lj.sigmoid_binary_cross_entropy(out, y, reduction="mean")
  Weights     optional: the rarer class has 23.3 % of the rows, the other 3.286 times as
              many
              class_weight {0: 0.6522, 1: 2.143}, pos_weight 3.286
              Not if you use the probabilities: pos_weight multiplies their odds by 3.286.
              Without weights, a yes from 23.3 % on instead of 50.0 % decides the same.
              model.fit(x, y, class_weight={0: 0.652174, 1: 2.14286})  # Keras
              loss = lt.BCEWithLogitsLoss(pos_weight=torch.tensor(3.28571))(out, torch.as_tensor(y))  # PyTorch
              loss = lj.sigmoid_binary_cross_entropy(out, y, pos_weight=3.28571, reduction="mean")  # JAX

Or Binary cross-entropy (binary_cross_entropy)
  Why         the same numbers, if the last layer has to give probabilities; less exact
              where these come near 0 or 1
  Last layer  1 unit, sigmoid: a probability
  Expect      0.6931, ln 2: outputs near 0.5
              0.5433, H(prior): always answering the share of 'yes', 23.3 %: what the
              model must beat
  Keras       import keras, lossmith.keras as lk
              model.add(keras.layers.Dense(1, activation="sigmoid"))
              model.compile(optimizer="adam", loss=lk.BinaryCrossentropy())
  PyTorch     import torch, lossmith.torch as lt
              last = torch.nn.Linear(width, 1)
              out = torch.sigmoid(last(hidden).squeeze(-1))
              loss = lt.BCELoss()(out, torch.as_tensor(y))
  JAX         import jax, lossmith.jax as lj
              out = jax.nn.sigmoid((hidden @ w + b)[:, 0])  # w: (width, 1), b: (1,)
              loss = lj.binary_cross_entropy(out, y, reduction="mean")

In these lines hidden, (N, width), is what the last layer gets, and y the target as its
line makes it; those of Keras end a Sequential model.
"""
