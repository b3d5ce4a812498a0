"""The doctor beside a PyTorch loop: it finds what is wrong and changes not one bit of the training."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frameworks import require
from lossmith.errors import InputError, MisuseError

torch = require("torch")
from lossmith.torch import Doctor  # noqa: E402 - after the line that skips where PyTorch is absent
from lossmith.torch.samples import Samples  # noqa: E402

nn = torch.nn


def data(rows: int = 192) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(rows, 10, generator=generator)
    return x, x[:, :4].argmax(1)


def network(*last: Any, first: Any = None) -> Any:
    torch.manual_seed(0)
    return nn.Sequential(
        *([] if first is None else [first]),
        nn.Linear(10, 24),
        nn.BatchNorm1d(24),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(24, 4),
        *last,
    )


def train(
    model: Any,
    doctor: Any = None,
    *,
    loss: Any = None,
    optimizer: Any = None,
    epochs: int = 5,
    reset: bool = True,
    sign: float = 1.0,
    evaluate: Callable[[Any], None] | None = None,
) -> None:
    """Run the plain loop that everybody writes."""
    x, y = data()
    for _ in range(epochs):
        for rows in torch.randperm(128).split(16):
            if reset:
                optimizer.zero_grad()
            (sign * loss(model(x[rows]), y[rows])).backward()
            optimizer.step()
        if evaluate is not None:
            evaluate(model)


def evaluated(loss: Any) -> Callable[[Any], None]:
    x, y = data()

    def evaluate(model: Any) -> None:
        model.eval()
        with torch.no_grad():
            loss(model(x[128:]), y[128:])
        model.train()

    return evaluate


def watched(model: Any = None, watch: bool = True, *, lr: float = 1e-2, **how: Any) -> tuple[Any, Any]:
    """Train with or without the doctor; return it, or None, and all that the training leaves."""
    model = network() if model is None else model
    loss = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    doctor = Doctor(model, loss, optimizer, say=lambda text: None) if watch else contextlib.nullcontext()
    with doctor:
        train(model, loss=loss, optimizer=optimizer, evaluate=evaluated(loss), **how)
    left = [*model.state_dict().values(), *(p.grad for p in model.parameters() if p.grad is not None)]
    left += [v for s in optimizer.state.values() for v in s.values() if isinstance(v, torch.Tensor)]
    return doctor, [*left, torch.random.get_rng_state()]


def test_training_is_the_same_bit_for_bit() -> None:
    """With dropout, batch normalisation, evaluations, and past the step from which activations are looked at."""
    _, without = watched(watch=False, epochs=18)
    doctor, beside = watched(epochs=18)
    assert doctor.watch.steps == 144
    assert len(without) == len(beside)
    assert all(torch.equal(a, b) for a, b in zip(without, beside, strict=True))


def test_healthy_training_is_left_in_peace_and_without_hooks() -> None:
    model = network()
    doctor, _ = watched(model, epochs=20)
    assert doctor.findings.codes == ()
    assert doctor.findings.broken == ()
    assert not any(m._forward_hooks for m in model.modules())
    assert doctor.history is not None
    assert doctor.history.epochs == 20
    assert len(doctor.history.train) == len(doctor.history.validation) == 20
    assert doctor.verdict.validation > 0


def test_softmax_before_the_loss_is_found_in_the_first_batch() -> None:
    said: list[str] = []
    model, loss = network(nn.Softmax(dim=1)), nn.CrossEntropyLoss()
    with Doctor(model, loss, say=said.append) as doctor:
        loss(model(data()[0]), data()[1])
        assert doctor.findings.codes == ("OUT02",)
        assert len(said) == 1
    assert said[0].startswith("lossmith doctor, first batch: OUT02 error")


@pytest.mark.parametrize(
    ("how", "code"), [({"reset": False, "lr": 1e-3}, "OPT10"), ({"sign": -1.0, "epochs": 9}, "OPT09")]
)
def test_faults_of_the_loop_are_found(how: dict, code: str) -> None:
    doctor, _ = watched(**how)
    assert code in doctor.findings.codes
    assert doctor.findings.broken == ()


def test_accumulation_and_a_reset_between_loss_and_backward_are_no_missing_reset() -> None:
    x, y = data()
    model, loss = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        for step in range(40):
            for part in (slice(0, 16), slice(16, 32)):
                value = loss(model(x[part]), y[part])
                if part.start == 0 and step % 2:
                    optimizer.zero_grad(set_to_none=False)
                value.backward()
            optimizer.step()
            if step % 2 == 0:
                optimizer.zero_grad()
    assert doctor.findings.codes == ()


def hand_written(doctor: Any, model: Any, optimizer: Any, steps: int, lost_from: int = 1 << 30) -> list[float]:
    """Train by a loss that is shown to the doctor, or that it sees itself; return what it was."""
    x, y = data()
    values = []
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        rows = torch.arange(16) + step % 100
        value = doctor._loss(model(x[rows]) + (torch.nan if step >= lost_from else 0.0), y[rows])
        if not doctor.sees_losses:
            doctor.step(value)
        value.backward()
        if step < lost_from:
            optimizer.step()
        values.append(float(value.detach()))
    return values


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), nn.functional.cross_entropy])
def test_every_loss_counts_though_most_steps_are_not_looked_at(loss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    seen = Doctor._seen
    monkeypatch.setattr(Doctor, "_seen", lambda self, *a: (looks.append(self._calls), seen(self, *a))[1])
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        values = hand_written(doctor, model, optimizer, 150)
        doctor.epoch()
    assert doctor.watch.steps == 150
    assert doctor.history.train.values[0] == pytest.approx(sum(values) / 150)
    assert looks == [*range(25), *range(31, 150, 32)]


def test_without_an_optimiser_nothing_hangs_on_the_gradients() -> None:
    model, loss = network(), nn.CrossEntropyLoss()
    with Doctor(model, loss, say=lambda text: None) as doctor:
        for _ in range(40):
            value = loss(model(data()[0]), data()[1])
            assert not value._backward_hooks
            value.backward()
    assert doctor.watch.steps == 40
    assert doctor._gradients.facts() is None


def test_a_loss_that_is_lost_between_two_looks_is_named_with_its_step() -> None:
    model, loss = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    said: list[str] = []
    with Doctor(model, loss, optimizer, say=said.append) as doctor:
        hand_written(doctor, model, optimizer, 110, lost_from=101)
        doctor.epoch()
    assert "NUM01 error · The training loss is NaN or infinite from step 101 on." in said[0]


def test_evaluation_mode_between_two_looks_is_noticed() -> None:
    model, loss = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        hand_written(doctor, model, optimizer, 100)
        model.eval()
        hand_written(doctor, model, optimizer, 30)
        assert doctor._gradients.facts().asleep == 30
        model.train()
        hand_written(doctor, model, optimizer, 3)
        assert doctor._gradients.facts().asleep == 0
    assert doctor.watch.steps == 103


def test_optimiser_of_another_model_is_found() -> None:
    x, y = data()
    model, loss = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network().parameters(), lr=0.01)
    said: list[str] = []
    with Doctor(model, loss, optimizer, say=said.append) as doctor:
        for _ in range(25):
            loss(model(x), y).backward()
            optimizer.step()
            model.zero_grad()
            assert "OPT11" in doctor.findings.codes  # from the first step on
    assert said[0].startswith("lossmith doctor, step 1: OPT11 error")
    assert "the optimiser has none of them" in str(doctor.findings)


def test_training_that_stays_in_evaluation_mode_is_found() -> None:
    model, loss = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        train(model, loss=loss, optimizer=optimizer, evaluate=lambda m: m.eval())
    assert doctor.findings.codes == ("OPT14",)


def test_evaluation_in_training_mode_is_found() -> None:
    x, y = data()
    model, loss = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())

    def evaluate(model: Any) -> None:
        with torch.no_grad():
            loss(model(x[128:]), y[128:])

    with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        train(model, loss=loss, optimizer=optimizer, evaluate=evaluate)
    assert doctor.findings.codes == ("OPT14",)


def test_equal_start_is_found() -> None:
    model = network()
    for p in model.parameters():
        nn.init.constant_(p, 0.1)
    with Doctor(model, nn.CrossEntropyLoss(), say=lambda text: None) as doctor:
        assert doctor.findings.codes == ("INIT02",)  # before the first step
    doctor, _ = watched(model)
    assert "INIT02" in doctor.findings.codes


def test_dead_units_are_found() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 4))
    nn.init.constant_(model[0].bias, -50.0)
    doctor, _ = watched(model, epochs=34)
    found = {f.code: f for f in doctor.findings}
    assert "24 of the 24 units of 1 (relu)" in found["ACT02"].evidence
    assert found["ACT02"].severity == "warning"


@pytest.mark.parametrize(("dead", "found"), [(13, True), (12, False)])
def test_units_are_dead_only_if_most_are(dead: int, found: bool) -> None:
    """A layer half of whose units were above 0 is not looked at any longer."""
    torch.manual_seed(0)
    layer = nn.Linear(10, 24)
    nn.init.constant_(layer.bias[:dead], -50.0)
    model = nn.Sequential(layer, nn.ReLU(), nn.Linear(24, 4))
    doctor, _ = watched(model, epochs=34)
    assert ("ACT02" in doctor.findings.codes) is found


def test_functions_are_shown_by_hand() -> None:
    x, y = data()
    model = network(nn.Softmax(dim=1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Doctor(model, nn.functional.cross_entropy, optimizer, say=lambda text: None) as doctor:
        for e in range(3):
            p = model(x)
            value = nn.functional.cross_entropy(p, y)
            doctor.step(value, prediction=p, target=y, inputs=x)
            value.backward()
            optimizer.step()
            optimizer.zero_grad()
            doctor.epoch(train=value, validation=2.0 + e, accuracy=0.1)
        with pytest.raises(InputError, match="the loss is of shape \\(4,\\); expected a scalar tensor"):
            doctor.step(torch.ones(4))
        with pytest.raises(InputError, match="the loss is of float"):
            doctor.step(1.5)
    assert doctor.findings.codes == ("OUT02",)
    assert doctor.history.validation.values.tolist() == [2.0, 3.0, 4.0]
    assert doctor.watch.steps == 3


def test_strict_stops_the_training_and_takes_the_hooks_off() -> None:
    model, loss = network(nn.Softmax(dim=1)), nn.CrossEntropyLoss()
    with pytest.raises(MisuseError, match="OUT02"), Doctor(model, loss, strict=True, say=lambda text: None):
        loss(model(data()[0]), data()[1])
    assert not loss._forward_hooks
    assert not model._forward_hooks


def test_history_is_written(tmp_path: Path) -> None:
    loss, model = nn.CrossEntropyLoss(), network()
    optimizer = torch.optim.Adam(model.parameters())
    with Doctor(model, loss, optimizer, file=tmp_path / "h.json", say=lambda text: None):
        train(model, loss=loss, optimizer=optimizer, evaluate=evaluated(loss), epochs=3)
    rows = json.loads((tmp_path / "h.json").read_text())["history"]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert all(row["loss"] > 0 and row["val_loss"] > 0 for row in rows)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ({"model": 3}, "model is int; expected a torch.nn.Module"),
        ({"model": None, "optimizer": 3}, "optimizer is int; expected a torch.optim.Optimizer"),
        ({"model": None, "loss": 3}, "loss is 3"),
    ],
)
def test_bad_arguments_are_named(call: dict, text: str) -> None:
    with pytest.raises(InputError, match=text):
        Doctor(**call)


def accumulated(share: Callable[[Any], float], *, ignored: bool = True, reduction: str = "mean") -> Any:
    """Train on pairs of micro-batches, of which the second one has hardly a label; return the doctor."""
    x, y = data()
    model, loss = network(), nn.CrossEntropyLoss(reduction=reduction)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        for first in range(0, 160, 16):
            optimizer.zero_grad()
            for rows in (slice(first, first + 8), slice(first + 8, first + 16)):
                labels = y[rows].clone()
                labels[2 if rows.start % 16 else 7 :] = -100 if ignored else 0
                (share(labels) * loss(model(x[rows]), labels)).backward()
            optimizer.step()
    return doctor


def test_micro_batches_of_unequal_size_are_found_where_their_means_are_averaged() -> None:
    averaged = accumulated(lambda y: 0.5)
    (one,) = [f for f in averaged.findings if f.code == "OUT18"]
    assert one.numbers["updates"] == 10
    assert one.numbers["moved"] == pytest.approx(abs(7 / 9 - 1 / 2))
    assert "counted 3.5 times" in one.evidence
    assert "OUT18" not in accumulated(lambda y: int((y != -100).sum()) / 9).findings.codes
    assert "OUT18" not in accumulated(lambda y: 0.5, ignored=False).findings.codes
    assert "OUT18" not in accumulated(lambda y: 1 / 9, reduction="sum").findings.codes


def test_heads_that_share_a_loss_are_no_micro_batches() -> None:
    x, y = data()
    model, loss = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        for _ in range(12):
            optimizer.zero_grad()
            p = model(x)
            (loss(p[:150], y[:150]) + loss(p[150:], y[150:])).backward()
            optimizer.step()
    assert "OUT18" not in doctor.findings.codes


def test_weight_decay_that_leaves_nothing_is_found_and_decoupled_one_left_alone() -> None:
    def codes(optimizer: Any, **how: float) -> tuple[str, ...]:
        model, loss = network(), nn.CrossEntropyLoss()
        fit = optimizer(model.parameters(), lr=0.01, **how)
        with Doctor(model, loss, fit, say=lambda text: None) as doctor:
            train(model, loss=loss, optimizer=fit, epochs=60)
        return doctor.findings.codes

    assert "OPT12" in codes(torch.optim.Adam, weight_decay=1.0)
    assert "OPT12" not in codes(torch.optim.Adam, weight_decay=1e-3)
    assert "OPT12" not in codes(torch.optim.AdamW, weight_decay=1.0)


def test_wrong_labels_show_in_the_evaluation() -> None:
    torch.manual_seed(0)
    x = torch.randn(1600, 10)
    y = x[:, :6].argmax(1)
    wrong = torch.rand(1600) < 0.2
    y = torch.where(wrong, (y + torch.randint(1, 6, (1600,))) % 6, y)
    model, loss = nn.Sequential(nn.Linear(10, 6)), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        for _ in range(6):
            for rows in torch.randperm(800).split(32):
                optimizer.zero_grad()
                loss(model(x[rows]), y[rows]).backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                for rows in torch.arange(800, 1600).split(100):
                    loss(model(x[rows]), y[rows])
            model.train()
    (one,) = [f for f in doctor.findings if f.code == "DATA07"]
    assert abs(one.numbers["part"] - 0.2) < 0.06


@pytest.mark.parametrize("how", ["frozen", "left out", "trained"])
def test_a_head_on_features_that_are_kept_has_no_start_to_spoil(how: str) -> None:
    """INIT01: the features of a random network that is not trained have the scale that they have."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(10, 64), nn.ReLU())
    with torch.no_grad():
        body[0].weight.mul_(60)
    body.requires_grad_(how != "frozen")
    model = nn.Sequential(body, nn.Linear(64, 4))
    optimizer = torch.optim.SGD((model[1] if how == "left out" else model).parameters(), lr=1e-4)
    loss = nn.CrossEntropyLoss()
    with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        train(model, doctor, loss=loss, optimizer=optimizer, epochs=1)
    found = {f.code: f.severity for f in doctor.findings}
    assert found["INIT01"] == ("warning" if how == "trained" else "note")


def test_samples_follow_parameters_to_other_memory() -> None:
    parts = [nn.Parameter(torch.arange(12.0).reshape(4, 3)), nn.Parameter(torch.arange(6.0).reshape(2, 3).t())]
    samples = Samples(parts[:1], 5)
    assert samples.read().tolist() == [0, 1, 2, 3, 4]
    with torch.no_grad():
        parts[0].add_(1)
    assert samples.read().tolist() == [1, 2, 3, 4, 5]
    parts[0].data = torch.zeros(4, 3, dtype=torch.float64)
    assert samples.read().tolist() == [0] * 5
    both = Samples(parts, 4)  # the second one's memory is in no order: of it the first row is read
    assert both.sizes == [4, 2]
    with torch.no_grad():
        parts[1].add_(1)
    assert both.read().tolist() == [0, 0, 0, 0, 1, 4]
    assert Samples((), 4).read().numel() == 0


@pytest.mark.parametrize("frozen", [False, True])
def test_a_model_of_which_all_is_frozen_is_found_before_backward_refuses(frozen: bool) -> None:
    model = network()
    for parameter in (model if frozen else model[0]).parameters():
        parameter.requires_grad = False
    x, y = data()
    loss, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())
    doctor = Doctor(model, loss, optimizer, say=lambda text: None)
    refused = pytest.raises(RuntimeError, match="does not require grad") if frozen else contextlib.nullcontext()
    with doctor, refused:
        loss(model(x), y).backward()
    assert [(f.code, f.severity) for f in doctor.findings] == ([("OPT11", "error")] if frozen else [])


class Kept(nn.Module):
    """Layers in a container of any kind."""

    def __init__(self, container: Callable[[Any], Any]) -> None:
        super().__init__()
        self.inner = container([nn.Linear(10, 10), nn.Linear(10, 10)])
        self.head = nn.Linear(10, 4)

    def forward(self, x: Any) -> Any:
        for layer in self.inner.values() if isinstance(self.inner, dict) else self.inner:
            x = torch.tanh(layer(x))
        return self.head(x)


def frozen_list(layers: list[Any]) -> list[Any]:
    return [layer.requires_grad_(False) for layer in layers]


@pytest.mark.parametrize(
    ("container", "given", "found"),
    [
        (list, False, True),
        (lambda layers: dict(enumerate(layers)), False, True),
        (nn.ModuleList, False, False),
        (frozen_list, False, False),  # a network that is hidden on purpose
        (list, True, False),  # the optimiser got them by hand
    ],
)
def test_layers_in_a_plain_list_are_found(container: Callable[[Any], Any], given: bool, found: bool) -> None:
    torch.manual_seed(0)
    model, (x, y) = Kept(container), data()
    more = [p for layer in model.inner for p in layer.parameters()] if given else []
    loss, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam([*model.parameters(), *more], lr=1e-2)
    with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        for _ in range(30):
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
    assert [(f.code, f.severity) for f in doctor.findings] == ([("OPT11", "warning")] if found else [])
    assert not found or "inner.0.weight" in doctor.findings[0].evidence


def test_a_first_step_that_leads_far_away_is_named_though_the_loss_falls_since() -> None:
    """Epochs only fall: the jump lies between the first two steps of the first one."""
    x, _ = data()
    model, loss = nn.Linear(10, 1), nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        for step in range(120):
            optimizer.zero_grad()
            value = loss(model(x), x[:, :1])
            value.backward()
            optimizer.param_groups[0]["lr"] = 1e6 if step == 0 else 1e-3
            optimizer.step()
            if step % 20 == 19:
                doctor.epoch()
    assert doctor.history.train.values[-1] < doctor.history.train.values[0]
    assert ("OPT03", "error") in [(f.code, f.severity) for f in doctor.findings]
