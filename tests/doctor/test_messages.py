"""The text and the numbers of findings: what somebody reads who has the fault."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import lossmith as lm
from lossmith.doctor import Finding, Findings, check, rule

from .programs import log_softmax, sigmoid, softmax

RNG = np.random.default_rng(3)
Z = RNG.normal(size=(128, 10))
Y = RNG.integers(0, 10, size=128)


def only(found: Findings) -> Finding:
    """Return the one finding that there is."""
    assert len(found) == 1, found.codes
    return found[0]


def test_softmax_into_logits_names_floor_and_value() -> None:
    f = only(check("nn.CrossEntropyLoss", softmax(Z), Y))
    now = lm.softmax_cross_entropy(softmax(Z), Y)
    assert f.what == "Softmax output is fed to a loss that applies softmax itself."
    assert f"cannot go below 1.461 (now {now:.4g})" in f.why
    assert f.numbers["floor"] == pytest.approx(math.log(1 + 9 / math.e))
    assert f.fix == "delete the last nn.Softmax / nn.Sigmoid: return logits from forward()"


def test_floor_is_the_loss_of_perfect_probabilities() -> None:
    for classes in (2, 10, 1000):
        perfect = np.eye(classes)[:32]
        f = check("lm.softmax_cross_entropy", np.tile(perfect, (20, 1)), np.arange(20 * len(perfect)) % len(perfect))
        assert f[0].code == "OUT02"
        assert f[0].numbers["floor"] == pytest.approx(lm.softmax_cross_entropy(perfect, np.arange(len(perfect))))


def test_log_probabilities_are_a_note() -> None:
    f = only(check("nn.CrossEntropyLoss", log_softmax(Z), Y))
    assert (f.code, f.severity) == ("OUT02", "note")
    assert f.why.startswith("Harmless")


def test_clipped_share_is_counted() -> None:
    z = Z[:, :1]
    f = only(check("keras.losses.BinaryCrossentropy", z, (Y > 4).astype(float)[:, None]))
    outside = float(np.mean((z < 0) | (z > 1)))
    assert f.code == "OUT03"
    assert f.numbers["outside"] == pytest.approx(outside)
    assert f"{100 * outside:.3g} % of them outside [0, 1]" in f.evidence
    assert "from_logits=True" in f.fix


def test_unreachable_targets_quote_both_errors() -> None:
    t = np.linspace(3, 103, 128)
    f = only(check("mse", sigmoid(Z[:, 0]), t, activation="sigmoid"))
    assert f.what == "100 % of the targets lie outside what sigmoid can produce (0 … 1)."
    assert f.numbers["reachable"] == pytest.approx(np.mean((t - 1) ** 2))
    assert f.numbers["variance"] == pytest.approx(t.var())


def test_broadcast_quotes_both_values() -> None:
    p = Z[:64, :1]
    t = p[:, 0] + 0.1
    f = only(check("nn.MSELoss", p, t))
    assert f.what == "prediction (64, 1) and target (64,) broadcast to (64, 64)."
    assert f"is {np.mean((p - t) ** 2):.4g} so; element by element it is 0.01." in f.evidence
    assert f.fix == "loss(prediction.squeeze(1), target)"


def test_off_by_one_and_unknown_labels() -> None:
    assert only(check("nn.CrossEntropyLoss", Z, Y + 1)).fix == "the labels count from 1: target - 1"
    y = np.where(Y == 3, 255, Y)
    assert "ignore_index=255" in only(check("nn.CrossEntropyLoss", Z, y)).fix


def test_labels_for_a_binary_loss() -> None:
    f = only(check("nn.BCEWithLogitsLoss", Z[:, 0], Y.astype(float)))
    assert f.what == "nn.BCEWithLogitsLoss takes targets between 0 and 1, and gets 10 different whole numbers."
    assert "has no lower bound" in f.evidence
    assert f.fix == "10 outputs and the categorical cross-entropy"
    assert only(check("nn.BCEWithLogitsLoss", Z[:, 0], np.sign(Z[:, 1]))).fix == "(target + 1) / 2"
    assert only(check("nn.BCEWithLogitsLoss", Z[:, 0], 255.0 * (Y > 4))).fix == "target / 255"


def test_class_instead_of_object() -> None:
    f = only(check(lm.SquaredError))
    assert (f.code, f.severity, f.fix) == ("OUT12", "error", "lossmith.SquaredError()")


def test_class_weights() -> None:
    assert check(lm.SoftmaxCrossEntropy(class_weight=np.ones(3)), Z, Y).codes == ("OUT19",)
    assert check(lm.SoftmaxCrossEntropy(class_weight=np.ones(10)), Z, Y).codes == ()
    uneven = np.array([1e-6, *[1.0] * 9])
    assert "1e+06 times" in only(check(lm.SoftmaxCrossEntropy(class_weight=uneven), Z, Y)).what


def test_all_labels_ignored() -> None:
    f = only(check("nn.CrossEntropyLoss", Z, np.full(128, -100)))
    assert (f.code, f.what) == ("OUT17", "Every label of this batch is ignored.")


def test_position_of_the_first_nan() -> None:
    t = Z.copy()
    t[5, 2] = np.nan
    f = only(check("nn.MSELoss", Z, t))
    assert f.evidence == "1 of 1280 values; the first one is at row 5, position (2,)."


def test_text_of_a_finding_has_four_parts() -> None:
    f = only(check("nn.CrossEntropyLoss", softmax(Z), Y))
    lines = str(f).splitlines()
    assert lines[0] == f"OUT02 error · {f.what}"
    assert f"  Fix: {f.fix}" in lines
    assert lines[-1] == '  [certain · lossmith explain OUT02 · ignore=["OUT02"]]'
    assert max(map(len, str(f).splitlines())) <= 100


def test_json_holds_everything() -> None:
    found = check("nn.CrossEntropyLoss", softmax(Z), Y)
    read = json.loads(found.to_json())
    assert read["schema"] == 1
    assert read["findings"][0]["numbers"]["classes"] == 10
    assert set(read["findings"][0]) == {
        *("code", "severity", "certainty", "what", "evidence", "why", "fix", "where", "numbers", "consequences")
    }
    assert json.loads(rule("OUT02").finding(evidence="", value=math.inf).to_json())["numbers"] == {"value": None}


def test_place_in_the_source_stands_in_the_headline() -> None:
    f = rule("OUT12").finding(evidence="criterion = nn.CrossEntropyLoss", framework="torch", where="train.py:41")
    assert f.headline.startswith("OUT12 error · train.py:41: ")
    assert "nn.CrossEntropyLoss()" in f.fix


def test_findings_count_by_severity() -> None:
    found = check("nn.CrossEntropyLoss", softmax(Z), Y + 1)
    assert found.codes == ("OUT02", "LAB03")
    assert found.summary == "2 errors."
    assert check("nn.CrossEntropyLoss", Z, Y).summary == "Nothing found."
