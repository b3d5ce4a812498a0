"""Look-alikes: healthy models that resemble faulty ones, beside the faulty ones themselves."""

from __future__ import annotations

import numpy as np
import pytest

import lossmith as lm
from frameworks import require
from lossmith.doctor import check
from lossmith.doctor.finding import Findings
from lossmith.doctor.loss import LossFacts, recognise

from .programs import softmax

SEVERITIES = ("error", "warning", "note")


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def severity(found: Findings, code: str) -> str | None:
    return next((f.severity for f in found if f.code == code), None)


def logits_of_sure_model(sharper: float, rows: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Return logits (N, 3) and labels drawn from the softmax of the same logits at another temperature."""
    draws = rng()
    z = draws.normal(size=(rows, 3))
    y = np.array([draws.choice(3, p=row) for row in softmax(z)])
    return sharper * z, y


def weighted(**settings: object) -> LossFacts:
    torch = require("torch")
    facts = recognise(torch.nn.CrossEntropyLoss(**settings))
    assert facts is not None
    return facts


def test_too_sure_is_a_warning_and_too_timid_a_note() -> None:
    for sharper, expected in ((3.0, "warning"), (0.3, "note"), (1.0, None)):
        z, y = logits_of_sure_model(sharper)
        assert severity(check("nn.CrossEntropyLoss", z, y, stage="finished"), "GEN07") == expected


@pytest.mark.parametrize("setting", ["label_smoothing", "weight", "rows", "focal"])
def test_losses_that_bend_probabilities_on_purpose_are_not_blamed_for_it(setting: str) -> None:
    z, y = logits_of_sure_model(3.0)
    rows = np.where(y == 0, 1.0, 2.0) if setting == "rows" else None
    if setting == "focal":
        loss: object = "lm.softmax_focal"
    elif setting == "rows":
        loss = "nn.CrossEntropyLoss"
    elif setting == "weight":
        loss = weighted(weight=require("torch").tensor([1.0, 2.0, 3.0]))
    else:
        loss = weighted(label_smoothing=0.1)
    found = [f for f in check(loss, z, y, weight=rows, stage="finished") if f.code == "GEN07"]
    assert [f.severity for f in found] == ["note"]
    assert "on purpose" in found[0].why


def test_a_class_that_is_seen_but_never_likeliest_is_a_note() -> None:
    draws = rng()
    group = draws.integers(0, 2, size=2000)
    chances = np.array([[0.6, 0.05, 0.35], [0.05, 0.6, 0.35]])[group]
    y = np.array([draws.choice(3, p=row) for row in chances])
    call = {"loss": "lm.categorical_cross_entropy", "target": y, "stage": "finished"}
    assert severity(check(prediction=chances, **call), "PRED03") == "note"
    blind = np.array([[0.72, 0.14, 0.14], [0.14, 0.72, 0.14]])[group]
    assert severity(check(prediction=blind, **call), "PRED03") == "warning"


def test_weighted_losses_are_not_compared_with_an_unweighted_constant() -> None:
    torch = require("torch")
    draws = rng()
    y = (draws.random(600) < 0.05).astype(np.float32)
    z = 0.5 + 2 * y + draws.normal(size=600)  # found, at the price of false alarms, as the weight asks for
    plain, weighted = torch.nn.BCEWithLogitsLoss(), torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor([19.0]))
    assert severity(check(plain, z, y, stage="finished"), "OPT02") == "warning"
    assert severity(check(weighted, z, y, stage="finished"), "OPT02") is None


def test_a_weak_signal_on_few_rows_is_no_training_that_learned_nothing() -> None:
    """A twentieth of the variance can be explained, and is, by predictions that chance alone might make as good."""
    found = {"weak": 0, "none": 0}
    for seed in range(20):
        draws = np.random.default_rng(seed)
        x = draws.normal(size=300)
        t = 0.05**0.5 * x + 0.95**0.5 * draws.normal(size=300)
        for name, p in (("weak", 0.05**0.5 * x), ("none", 0.05 * draws.normal(size=300))):
            found[name] += "OPT02" in check("nn.MSELoss", p, t, stage="finished").codes
    assert found["weak"] <= 1
    assert found["none"] >= 19


def test_one_equal_row_of_few_is_a_note_and_many_are_an_error() -> None:
    x = rng().normal(size=(120, 4))
    for shared, expected in ((1, "note"), (12, "error")):
        validation = np.concatenate([x[:shared], rng().normal(size=(40 - shared, 4)) + 9])
        assert severity(check(None, None, None, x, validation=(validation, None)), "DATA06") == expected


def test_rows_of_shares_without_predictions_are_no_continuous_labels() -> None:
    shares = rng().dirichlet(np.ones(5), size=64)
    assert check("kl_divergence", None, shares) == []
    assert check("sparse_categorical_crossentropy", None, rng().normal(size=64)).codes == ("OUT10",)


@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_a_relu_in_front_of_the_last_softmax(framework: str) -> None:
    y = np.arange(64) % 4
    p = rng().dirichlet(np.ones(4), size=64)
    for rectified in (True, False):
        model, loss = keras_chain(rectified) if framework == "keras" else torch_chain(rectified)
        found = check(loss, p, y, None, model)
        assert severity(found, "OUT08") == ("warning" if rectified else None)


def keras_chain(rectified: bool) -> tuple[object, str]:
    keras = require("keras")
    layers = keras.layers
    parts = [layers.Conv2D(4, 3, activation="relu" if rectified else None), layers.GlobalAveragePooling2D()]
    return keras.Sequential([keras.Input((8, 8, 1)), *parts, layers.Softmax()]), "sparse_categorical_crossentropy"


def torch_chain(rectified: bool) -> tuple[object, str]:
    nn = require("torch").nn
    parts = [nn.Linear(8, 4), *([nn.ReLU()] if rectified else [nn.BatchNorm1d(4)]), nn.Softmax(dim=1)]
    return nn.Sequential(*parts), "lm.categorical_cross_entropy"


def test_a_linear_layer_between_relu_and_softmax_is_healthy() -> None:
    nn = require("torch").nn
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4), nn.Softmax(dim=1))
    p = rng().dirichlet(np.ones(4), size=64)
    assert check("lm.categorical_cross_entropy", p, np.arange(64) % 4, None, model) == []


@pytest.mark.parametrize(
    ("root", "consequence"), [("OUT06", "LAB02"), ("OUT07", "PRED01"), ("LAB02", "PRED01"), ("LAB02", "OPT02")]
)
def test_causes_stand_for_their_consequences(root: str, consequence: str) -> None:
    x = rng().normal(size=(64, 1))
    calls = {
        "OUT06": {
            "loss": "categorical_crossentropy",
            "prediction": 1 / (1 + np.exp(-x)),
            "target": np.arange(64)[:, None] % 3,
        },
        "OUT07": {"loss": "mse", "prediction": 0 * x, "target": x, "activation": "relu", "stage": "finished"},
        "LAB02": {
            "loss": "sparse_categorical_crossentropy",
            "prediction": np.tile([[0.99, 0.01]], (64, 1)),
            "target": np.arange(64) % 2 / 255,
            "stage": "finished",
        },
    }
    found = check(**calls[root])
    assert root in found.codes and consequence not in found.codes


def test_a_loss_that_creeps_down_evenly_is_a_low_learning_rate() -> None:
    epochs = np.arange(15)
    jitter = 1e-4 * rng().normal(size=15)
    creeping, done = 0.73 - 0.003 * epochs + jitter, 0.5 + 0.23 * np.exp(-epochs / 3) + jitter
    flat = 0.69 + 20 * jitter
    for losses, expected in ((creeping, ("OPT06",)), (done, ()), (flat, ()), (creeping[:8], ())):
        assert check(None, history=list(losses)).codes == expected


def test_a_game_of_two_networks_is_no_fault() -> None:
    torch = require("torch")
    lossmith_torch = require("lossmith.torch")
    torch.manual_seed(0)
    maker, judge = torch.nn.Linear(4, 2), torch.nn.Linear(2, 1)
    model = torch.nn.Sequential(maker, judge)
    loss, one, other = torch.nn.MSELoss(), torch.optim.Adam(judge.parameters()), torch.optim.Adam(maker.parameters())
    yes, no = torch.ones(32, 1), torch.zeros(32, 1)
    with lossmith_torch.Doctor(model, loss, one, say=lambda text: None) as doctor:
        for _ in range(40):
            made = maker(torch.randn(32, 4))
            one.zero_grad()
            (loss(judge(torch.randn(32, 2) + 3), yes) + loss(judge(made.detach()), no)).backward()
            one.step()
            other.zero_grad()
            loss(judge(made), yes).backward()
            other.step()
    assert [f for f in doctor.findings if f.severity != "note"] == []


def test_the_second_of_a_pair_is_no_target() -> None:
    torch = require("torch")
    lossmith_torch = require("lossmith.torch")
    torch.manual_seed(0)
    model, loss = torch.nn.Linear(4, 3), torch.nn.CosineEmbeddingLoss()
    optimizer, same = torch.optim.Adam(model.parameters()), torch.tensor([1, -1]).repeat(16)
    with lossmith_torch.Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        for _ in range(12):
            optimizer.zero_grad()
            loss(model(torch.randn(32, 4)), model(torch.randn(32, 4)), same).backward()
            optimizer.step()
    assert doctor.findings == []


def test_logits_that_tanh_bounds_have_a_floor_and_scores_of_a_hinge_may_be_bounded() -> None:
    bounded = np.tanh(rng().normal(size=(64, 5)))
    labels = np.arange(64) % 5
    found = check("nn.CrossEntropyLoss", bounded, labels, activation="tanh")
    assert [(f.code, f.severity) for f in found] == [("OUT08", "warning")]
    best = np.where(np.arange(5) == labels[:, None], 1.0, -1.0)
    assert found[0].numbers["floor"] == pytest.approx(lm.softmax_cross_entropy(best, labels))
    signs = np.where(rng().random(64) < 0.5, -1.0, 1.0)
    found = check("nn.BCEWithLogitsLoss", bounded[:, 0], (signs + 1) / 2, activation="tanh")
    assert found.codes == ("OUT08",)
    assert found[0].numbers["floor"] == pytest.approx(lm.sigmoid_cross_entropy(signs, (signs + 1) / 2))
    assert "OUT08" not in check("keras.losses.Hinge", bounded[:, 0], signs, activation="tanh").codes
    assert "OUT08" not in check("nn.CrossEntropyLoss", 10 * bounded, labels, activation="tanh").codes  # scaled after it


def test_weights_of_positives_that_count_alone() -> None:
    torch = require("torch")
    z, t = torch.randn(64, generator=torch.Generator().manual_seed(0)), torch.arange(64) % 2 * 1.0
    for weight, expected in ((1e5, "warning"), (50.0, None)):
        loss = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(weight))
        assert severity(check(loss, z, t), "OUT19") == expected


def test_floating_indices_are_an_error_of_torch_alone() -> None:
    logits, labels = rng().normal(size=(64, 5)), np.arange(64) % 5
    assert severity(check("nn.CrossEntropyLoss", logits, labels.astype(float)), "LAB02") == "error"
    assert severity(check("nn.CrossEntropyLoss", logits, labels), "LAB02") is None
    keras = "keras.losses.SparseCategoricalCrossentropy"
    assert severity(check(keras, np.abs(logits), labels.astype(float)), "LAB02") is None


def test_the_graph_tells_the_last_operation_of_any_model() -> None:
    torch = require("torch")

    class Own(torch.nn.Module):
        def forward(self, x: object) -> object:
            return torch.sigmoid(x).squeeze(-1)

    x = torch.linspace(-2, 2, 64)[:, None].requires_grad_()
    target = torch.tanh(x.detach()[:, 0])
    (found,) = [f for f in check(torch.nn.MSELoss(), Own()(x), target, model=Own()) if f.code == "OUT07"]
    assert (found.severity, found.certainty) == ("error", "certain")
    assert "OUT07" not in check(torch.nn.MSELoss(), x.squeeze(-1), target, model=Own()).codes


def test_dropped_logits_show_themselves() -> None:
    draws = rng()
    z, y = draws.normal(size=(200, 3)), draws.integers(0, 3, 200)
    dropped = np.where(draws.uniform(size=z.shape) < 0.3, 0, z / 0.7)
    assert severity(check("nn.CrossEntropyLoss", dropped, y), "OUT16") == "warning"
    for zeros in (draws.uniform(size=200) < 0.3)[:, None], np.arange(3) == 1:  # padded rows, a class of its own
        assert "OUT16" not in check("nn.CrossEntropyLoss", np.where(zeros, 0, z), y).codes


def test_softmax_over_steps_is_seen_in_rows_that_were_flattened() -> None:
    z, y = rng().normal(size=(21, 8, 4)), rng().integers(0, 4, 168)
    wrong, right = (np.log(np.apply_along_axis(softmax, axis, z)) for axis in (1, 2))
    found = check("nn.NLLLoss", wrong.reshape(-1, 4), y)
    assert found.codes[0] == "OUT14" and "every 8 rows" in found[0].what and "OUT11" not in found.codes
    assert not {"OUT14", "OUT11"} & set(check("nn.NLLLoss", right.reshape(-1, 4), y).codes)


def test_a_column_of_indices_for_torch() -> None:
    z, y = rng().normal(size=(64, 5)), rng().integers(0, 5, size=(64, 1))
    (found,) = [f for f in check("nn.CrossEntropyLoss", z, y) if f.code == "LAB02"]
    assert found.fix == "target.squeeze(1)" and "(N, 1)" in found.what
    assert "LAB02" not in check("keras.losses.SparseCategoricalCrossentropy", softmax(z), y).codes


def test_a_loss_of_ones_own_may_leave_nan_out() -> None:
    t = np.where(rng().uniform(size=(64, 2)) < 0.2, np.nan, 1.0)

    def masked(prediction: np.ndarray, target: np.ndarray) -> float:
        return float(np.nanmean((prediction - target) ** 2))

    p = rng().normal(size=(64, 2))
    assert severity(check(masked, p, t), "LAB06") == "note"
    assert severity(check("nn.MSELoss", p, t), "LAB06") == "error"


def test_shares_of_classes_leave_out_what_is_ignored() -> None:
    y = rng().integers(0, 4, 400)
    some = np.where(rng().uniform(size=400) < 0.8, -100, y)
    assert "DATA05" not in check("nn.CrossEntropyLoss", None, some, validation=(None, y)).codes
    assert "DATA05" in check("nn.CrossEntropyLoss", None, y % 2, validation=(None, y)).codes


def test_a_loss_that_is_0_all_along_has_a_verdict() -> None:
    assert check("nn.CrossEntropyLoss", history={"loss": [0.0] * 3, "val_loss": [0.0] * 3}).verdict
