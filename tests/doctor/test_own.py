"""Losses of the user's own, recognised by what PyTorch's graph shows or by their values; and where predictions lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from frameworks import require
from lossmith.doctor import check
from lossmith.doctor.alike import alike

torch = require("torch")
F = torch.nn.functional
nn = torch.nn
from lossmith.doctor.origin import origin  # noqa: E402 - after the line that skips where PyTorch is absent
from lossmith.doctor.traced import traced  # noqa: E402
from lossmith.torch import Doctor  # noqa: E402

G = torch.Generator().manual_seed(1)
X = torch.randn(128, 6, generator=G)
KIND, YES, NUMBER = X[:, :4].argmax(1), (X[:, 0] > 0).float(), 3 * X[:, :1] - X[:, 1:2]
Z = torch.randn(128, 4, generator=G)


def by_hand(p: Any, t: Any) -> Any:
    """Binary cross-entropy of a column beside a row, written out."""
    p = p.squeeze(-1)
    return -(t * torch.log(p + 1e-8) + (1 - t) * torch.log(1 - p + 1e-8)).mean()


def cross_entropy_by_hand(p: Any, t: Any) -> Any:
    return -torch.log(torch.softmax(p, 1)[torch.arange(len(t)), t] + 1e-9).mean()


class Wrapped(nn.Module):
    """A loss module of the user's own that forgets the logarithm."""

    def forward(self, p: Any, t: Any) -> Any:
        return F.nll_loss(torch.softmax(p, 1), t)


def linear(x: Any) -> Any:
    return x


OWN: list[tuple[Any, Callable[[Any], Any], Any, str]] = [
    (lambda p, t: F.cross_entropy(torch.softmax(p, 1), t), linear, KIND, "OUT02"),
    (cross_entropy_by_hand, lambda z: z.softmax(1), KIND, "OUT02"),
    (lambda p, t: F.binary_cross_entropy_with_logits(p.sigmoid()[:, 0], t), linear, YES, "OUT02"),
    (lambda p, t: F.binary_cross_entropy_with_logits(p[:, 0], t), linear, YES + 1, "LAB04"),
    (by_hand, lambda z: z[:, :1].softmax(1), YES, "OUT01"),
    (lambda p, t: F.mse_loss(p, t), lambda z: z[:, :1], NUMBER[:, 0], "LAB01"),
    (lambda p, t: ((p - t) ** 2).mean(), lambda z: z[:, :1], NUMBER[:, 0], "LAB01"),
    (lambda p, t: torch.sqrt(((p - t) ** 2).mean()), lambda z: z[:, :1].sigmoid(), NUMBER, "OUT07"),
    (lambda p, t: -F.cross_entropy(p, t), linear, KIND, "OPT09"),
    (lambda p, t: torch.clamp(1 - p[:, 0] * t, min=0).mean(), linear, YES, ""),  # hands on another prediction
    (lambda p, t: torch.clamp(1 - p * t, min=0).mean(), lambda z: z[:, :1], YES[:, None], "LAB04"),
    (lambda p, t: F.kl_div(p, t, reduction="batchmean"), linear, F.one_hot(KIND, 4) * 0.9 + 0.025, "OUT11"),
    (Wrapped(), linear, KIND, "OUT11"),
    (lambda p, t: F.cross_entropy(p, t) + 0.01 * p.square().mean(), lambda z: z.softmax(1), KIND, "OUT02"),
    (by_hand, lambda z: z[:, :1].sigmoid(), YES, ""),
    (cross_entropy_by_hand, linear, KIND, ""),
    (lambda p, t: F.mse_loss(p[:, :1].squeeze(1), t), linear, NUMBER[:, 0], ""),
    (lambda p, t: ((p[:, 0] - t).abs() ** 1.5).mean(), lambda z: z[:, :1], NUMBER[:, 0], ""),
]


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("case", range(len(OWN)))
def test_a_loss_of_ones_own_is_judged_by_check_and_beside_the_training(case: int) -> None:
    loss, head, target, owed = OWN[case]
    expected = (owed,) if owed else ()
    assert (
        tuple(f.code for f in check(loss, head(Z.clone().requires_grad_()), target) if f.severity != "note") == expected
    )
    model = nn.Linear(6, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        for _ in range(2):
            optimizer.zero_grad()
            p = head(model(X))
            value = loss(p, target)
            if not isinstance(loss, nn.Module):
                doctor.step(value, prediction=p, target=target, inputs=X)
            value.backward()
            optimizer.step()
    found = doctor.findings
    assert found.broken == ()
    assert tuple(f.code for f in found if f.severity == "error" and f.code != "OPT11") == expected


def test_a_loss_that_is_not_given_is_read_behind_its_value() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Softmax(dim=1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with Doctor(model, None, optimizer, say=lambda text: None) as doctor:
        for _ in range(3):
            optimizer.zero_grad()
            value = F.cross_entropy(model(X), KIND)
            doctor.step(value)
            value.backward()
            optimizer.step()
    assert doctor.findings.codes[0] == "OUT02"
    assert "nn.CrossEntropyLoss, prediction (128, 4), target (128,)" in doctor.findings.seen


def test_each_of_several_losses_behind_a_sum_is_judged_and_one_side_of_a_game_is_not() -> None:
    model = nn.Linear(6, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with Doctor(model, None, optimizer, say=lambda text: None) as doctor:
        out = model(X)
        value = F.cross_entropy(out[:, :4].softmax(1), KIND) + F.mse_loss(out[:, 4:].tanh(), NUMBER)
        doctor.step(value)
        value.backward()
        optimizer.step()
    assert {(f.code, f.where) for f in doctor.findings.errors} == {
        ("OUT02", "nn.CrossEntropyLoss, loss 1 of 2"),
        ("OUT07", "nn.MSELoss, loss 2 of 2"),
    }
    with Doctor(model, None, optimizer, say=lambda text: None) as doctor:
        p = model(X).sigmoid()[:, 0]
        doctor.step(F.binary_cross_entropy(p, torch.ones(128)) + F.binary_cross_entropy(p, torch.zeros(128)))
    assert doctor.findings.codes == ()


def test_masks_and_weights_above_a_loss() -> None:
    target = torch.where(YES > 0, NUMBER[:, 0], torch.full((128,), float("nan")))
    z = Z[:, 0].clone().requires_grad_()
    assert traced(F.mse_loss(z, target, reduction="none")[YES > 0].mean()) == []
    weighed = traced((F.cross_entropy(Z.clone().requires_grad_(), KIND, reduction="none") * YES).sum() / YES.sum())
    assert len(weighed) == 1
    assert weighed[0].weight is YES or torch.equal(weighed[0].weight, YES)
    losses = F.cross_entropy(Z.clone().requires_grad_(), KIND, reduction="none")
    (focal,) = traced(((1 - torch.exp(-losses)) ** 2 * losses).mean())
    assert focal.loss.uneven
    (weighed,) = traced(F.binary_cross_entropy_with_logits(z, YES, weight=YES))
    assert torch.equal(weighed.weight, YES)
    assert weighed.loss.weights == {}
    value = F.mse_loss(z, NUMBER[:, 0])
    value.backward()
    assert traced(value) == []


def test_what_the_user_gave_stays_as_it_was() -> None:
    calls, state = [], torch.get_rng_state()
    z = Z.clone().requires_grad_()

    def noisy(p: Any, t: Any) -> Any:
        calls.append(1)
        return F.cross_entropy(p + torch.randn_like(p), t)

    check(noisy, z, KIND)
    assert len(calls) == 1
    assert z.grad is None
    assert torch.equal(torch.get_rng_state(), state)

    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, p: Any, t: Any) -> Any:
            self.seen += 1
            return F.cross_entropy(p, t)

    counting = Counting()
    check(counting, z, KIND)
    assert counting.seen == 0


def _cosine(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return (p * t).sum(1) / np.linalg.norm(p, axis=1) / np.linalg.norm(t, axis=1)


@pytest.mark.parametrize(
    ("value", "name", "negated"),
    [
        (lambda p, t: np.mean((p - t) ** 2), "squared_error", False),
        (lambda p, t: np.mean((p - t) ** 2, axis=1), "squared_error", False),
        (lambda p, t: (p - t) ** 2 / 2, "squared_error", False),
        (lambda p, t: -np.abs(p - t).sum(), "absolute_error", True),
        (lambda p, t: -_cosine(p, t).mean(), "cosine_similarity", False),
        (lambda p, t: 1 - _cosine(p, t), "cosine_similarity", False),
        (lambda p, t: _cosine(p, t), "cosine_similarity", True),
        (lambda p, t: 1 + _cosine(p, t).mean(), "cosine_similarity", True),
        (lambda p, t: _cosine(p, t).mean() ** 2, None, False),
        (lambda p, t: np.mean(np.abs(p - t) ** 1.7), None, False),
        (lambda p, t: 0.0, None, False),
        (lambda p, t: np.nan, None, False),
    ],
)
def test_values_tell_a_loss(value: Callable[[Any, Any], Any], name: str | None, negated: bool) -> None:
    rng = np.random.default_rng(3)
    p, t = rng.normal(size=(16, 3)), rng.normal(size=(16, 3))
    found = alike(np.asarray(value(p, t)), p, t, "own", "keras")
    assert (None if found is None or found.definition is None else found.definition.name) == name
    assert found is None or found.negated == negated
    assert alike(np.asarray(value(p[:2], t[:2])), p[:2], t[:2], "own", "keras") is None  # six numbers are too few


@pytest.mark.parametrize(
    ("head", "bounds"),
    [
        (lambda z: 2 * z.sigmoid() - 1, (-1, 1)),
        (lambda z: 5 - 10 * z.tanh(), (-5, 15)),
        (lambda z: z.clamp(min=0) + 3, (3, np.inf)),
        (lambda z: -(z**2), (-np.inf, 0)),
        (lambda z: F.hardtanh(z).flatten(), (-1, 1)),
        (lambda z: z.sigmoid() * torch.tensor([1.0, 2.0, 3.0, 4.0]), None),
        (lambda z: z.sigmoid() * z, None),
        (lambda z: z**3, None),
    ],
)
def test_what_a_prediction_can_reach(head: Callable[[Any], Any], bounds: tuple[float, float] | None) -> None:
    assert origin(head(Z.clone().requires_grad_()), None).reach == (None if bounds is None else pytest.approx(bounds))


def test_a_column_of_a_softmax_is_a_probability() -> None:
    column = Z.clone().requires_grad_().softmax(1)[:, 1]
    assert origin(column, None).activation == "sigmoid"
    assert check("nn.BCEWithLogitsLoss", column, YES).codes == ("OUT02",)
    assert check("nn.BCELoss", Z.clone().requires_grad_().softmax(1)[:, 1:2], YES[:, None]).codes == ()


def test_a_reshape_where_a_transpose_belongs() -> None:
    steps = torch.randn(16, 5, 3, generator=G).requires_grad_()
    labels = torch.randint(0, 3, (16, 5), generator=G)
    assert check("nn.CrossEntropyLoss", steps.reshape(16, 3, 5), labels).codes == ("OUT14",)
    assert check("nn.CrossEntropyLoss", steps.transpose(1, 2), labels).codes == ()
    assert check("nn.CrossEntropyLoss", steps.view(-1, 3), labels.view(-1)).codes == ()
    swapped = torch.randn(16, 3, 5, generator=G).requires_grad_()
    assert check("nn.CrossEntropyLoss", swapped.reshape(-1, 3), labels.view(-1)).codes == ("OUT14",)
    flat = torch.randn(16, 15, generator=G).requires_grad_()
    assert check("nn.CrossEntropyLoss", flat.view(-1, 3), labels.view(-1)).codes == ()


def test_arguments_in_the_wrong_order_show_in_the_graph() -> None:
    rate = Z[:, 0].clone().requires_grad_().exp()
    counts = torch.poisson(rate.detach(), generator=G)
    assert check("nn.PoissonNLLLoss", counts, rate.log()).codes == ("OUT13",)
    assert check("nn.MSELoss", counts, rate).codes == ()  # which is the same either way


def test_a_rate_in_place_of_its_logarithm() -> None:
    rate = Z[:, 0].clone().requires_grad_().exp()
    counts = torch.poisson(rate.detach(), generator=G)
    assert check("nn.PoissonNLLLoss", rate, counts).codes == ("OUT08",)
    assert check(nn.PoissonNLLLoss(log_input=False), rate, counts).codes == ()


def test_the_learning_rate_that_leads_nowhere_and_the_one_that_dies_away() -> None:
    def codes(rate: float, factor: float) -> tuple[str, ...]:
        torch.manual_seed(0)
        model, loss = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1)), nn.MSELoss()
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
            for step in range(160):
                rows = slice(32 * (step % 4), 32 * (step % 4) + 32)
                optimizer.zero_grad()
                loss(model(X[rows]), NUMBER[rows]).backward()
                optimizer.step()
                optimizer.param_groups[0]["lr"] *= factor
        assert doctor.findings.broken == ()
        return tuple(f.code for f in doctor.findings if f.severity != "note")

    assert codes(1e-7, 1.0) == ("OPT06",)
    assert codes(0.02, 0.3) == ("OPT11",)
    assert codes(0.02, 0.99) == ()


def test_classes_by_their_numbers() -> None:
    p = torch.randn(120, 1, generator=G)
    assert check("nn.MSELoss", p, (torch.arange(120) % 3).float()[:, None]).codes == ("OUT09",)
    assert check("nn.L1Loss", p, (torch.arange(120) % 5 + 1).float()[:, None]).codes == ()  # stars
    counts = torch.tensor([0.0] * 60 + [1.0] * 35 + [2.0] * 18 + [3.0] * 7)[:, None]
    assert check("nn.MSELoss", p, counts).codes == ()


def test_counts_beside_a_divergence_and_a_set_that_was_not_scaled() -> None:
    p = Z.softmax(1)
    votes = np.random.default_rng(0).multinomial(9, [0.4, 0.3, 0.2, 0.1], size=128).astype(np.float32)
    (finding,) = check("nn.KLDivLoss", p.log(), torch.from_numpy(votes))
    assert (finding.code, finding.severity) == ("LAB05", "error")
    assert [
        f.severity for f in check("nn.CrossEntropyLoss", p.log(), torch.from_numpy(votes)) if f.code == "LAB05"
    ] == ["warning"]
    raw = np.random.default_rng(0).uniform(size=(200, 5))
    ready = (raw - raw.mean()) / raw.std()
    for validation, found in ((raw[100:], ("DATA03",)), (ready[100:], ())):
        assert check(None, None, None, ready[:100], validation=(validation, None)).codes == found


def test_the_loss_of_a_game_that_comes_back_is_no_divergence() -> None:
    curve = {"loss": [1.4, 0.9, 0.45, 0.6, 0.9, 1.2, 1.4, 1.39, 1.41]}
    assert "OPT03" not in check(None, history=curve).codes
    assert "OPT03" in check("nn.MSELoss", history=curve).codes


def test_rows_against_each_other_may_start_far_above_a_guess() -> None:
    z = 20 * torch.randn(32, 32, generator=G)
    assert check("nn.CrossEntropyLoss", z, torch.arange(32), stage="start").codes == ()
    assert check("nn.CrossEntropyLoss", z, torch.arange(32) % 16, stage="start").codes == ("INIT01",)
