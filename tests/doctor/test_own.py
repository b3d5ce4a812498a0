"""Losses of the user's own, recognised by what PyTorch's graph shows or by their values; and where predictions lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from frameworks import require
from lossmith.doctor import check
from lossmith.doctor.alike import alike
from lossmith.doctor.loss import recognise

torch = require("torch")
F = torch.nn.functional
nn = torch.nn
from lossmith.doctor.origin import origin  # noqa: E402 - after the line that skips where PyTorch is absent
from lossmith.doctor.own import by_call  # noqa: E402 - likewise
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


def distilled(logarithm: bool) -> Callable[[Any, Any], Any]:
    """A student's loss at temperature two: of logarithms, as it should be, or of probabilities."""

    def loss(p: Any, t: Any) -> Any:
        student = F.log_softmax(p / 2, dim=1) if logarithm else F.softmax(p / 2, dim=1)
        return 4 * F.kl_div(student, F.softmax(t / 2, dim=1), reduction="batchmean")

    return loss


def masked_divergence(p: Any, t: Any) -> Any:
    return (F.kl_div(p.softmax(1), t.softmax(1), reduction="none") * (t[:, :1] > 0)).sum() / len(t)


def connectionist(logarithm: bool) -> Callable[[Any, Any], Any]:
    """Connectionist temporal classification of predictions (N, T, K) as they are, or after a softmax's logarithm."""

    def loss(p: Any, t: Any) -> Any:
        p = p.log_softmax(2) if logarithm else p
        return F.ctc_loss(p.transpose(0, 1), t, torch.full((len(p),), p.shape[1]), torch.full((len(p),), t.shape[1]))

    return loss


def in_steps(z: Any) -> Any:
    return z.reshape(16, 8, 4)


def of_what_was_watched(p: Any, t: Any) -> Any:
    event, watched = t.unbind(1)
    return F.binary_cross_entropy_with_logits(p, event, weight=watched, reduction="sum") / len(t)


WATCHED = torch.stack([(Z.flip(1) > 0) & (Z > -1), Z > -1], dim=1).float()
SYMBOLS = (KIND % 3 + 1).reshape(16, 8)[:, :3]

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
    (of_what_was_watched, linear, WATCHED, ""),  # hands on half of its target
    (distilled(False), linear, Z.flip(0), "OUT11"),
    (distilled(True), linear, Z.flip(0), ""),
    (masked_divergence, linear, Z.flip(0), "OUT11"),
    (connectionist(False), in_steps, SYMBOLS, "OUT11"),
    (connectionist(True), in_steps, SYMBOLS, ""),
    (lambda p, t: F.gaussian_nll_loss(p[:, :1], t, p[:, 1:2].exp()), linear, NUMBER[:, 0], "LAB01"),
    (lambda p, t: F.gaussian_nll_loss(p[:, 0], t, p[:, 1].exp()), linear, NUMBER[:, 0], ""),
    (lambda p, t: F.poisson_nll_loss(F.softplus(p[:, 0]), t), linear, YES, "OUT08"),
    (lambda p, t: F.poisson_nll_loss(F.softplus(p[:, 0]), t, log_input=False), linear, YES, ""),
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
        for _ in range(3):
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


def test_a_function_that_takes_its_target_apart_is_read_in_every_batch() -> None:
    both = torch.cat([YES[:, None], X], dim=1)
    model, said = nn.Linear(6, 1), []
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    loss = lambda p, t: F.binary_cross_entropy_with_logits(p, t[:, :1])  # noqa: E731 - the way users write it
    with Doctor(model, loss, optimizer, say=said.append) as doctor:
        for _ in range(40):
            optimizer.zero_grad()
            p = model(X)
            value = loss(p, both)
            doctor.step(value, prediction=p, target=both)
            value.backward()
            optimizer.step()
    assert doctor.findings.broken == ()
    assert "prediction (128, 1), target (128, 1)" in doctor.findings.seen


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
    assert len(calls) == 3  # for it hands on another prediction, which the target may have had a part in
    assert "INIT01" in check(noisy, 30 * z, KIND, stage="start").codes
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


def test_one_number_that_agrees_by_chance_tells_no_loss() -> None:
    """Hundreds of values are tried, so that one of them is hit now and then; half of the rows do not hit it again."""
    torch.manual_seed(0)
    z, t = torch.randn(40, 1), torch.rand(40, 1).round()
    chance = F.binary_cross_entropy_with_logits(z, t).item()
    assert alike(np.array(chance), z.numpy(), t.numpy(), "mine", "torch") is not None
    for loss, known in (
        (lambda p, t: 0 * p.sum() + chance, False),
        (lambda p, t: (F.softplus(p) - p * t).mean(), True),
    ):
        assert (by_call(loss, recognise(loss, keras=False), z, t, keras=False) is not None) is known


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


def test_cosines_are_multiplied_by_the_temperature() -> None:
    one, other = (F.normalize(z.clone().requires_grad_(), dim=1) for z in (Z[:40], Z[40:80]))
    pairs = torch.arange(40)
    (found,) = check("nn.CrossEntropyLoss", one @ other.T * 0.1, pairs).warnings
    assert found.code == "OUT08"
    assert found.what.startswith("Logits lie between -0.1 and 0.1")
    scale = torch.zeros((), requires_grad=True)
    for right in (one @ other.T / 0.1, one @ other.T / 0.5, one @ other.T * scale.exp() * 0.1, Z[:40] @ Z[40:80].T / 9):
        assert "OUT08" not in check("nn.CrossEntropyLoss", right, pairs).codes


def dice(p: Any, t: Any) -> Any:
    p, t = p.sigmoid().flatten(1), t.flatten(1)
    return ((2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)).mean()


def dice_of_squares(p: Any, t: Any) -> Any:
    p = p.softmax(1)
    return (2 * (p * t).sum((2, 3)) / ((p * p).sum((2, 3)) + t.sum((2, 3)) + 1e-6)).mean()


def jaccard(p: Any, t: Any) -> Any:
    p = p.sigmoid()
    both = (p * t).sum()
    return both / (p.sum() + t.sum() - both + 1e-7)


@pytest.mark.parametrize("overlap", [dice, dice_of_squares, jaccard])
def test_an_overlap_is_minimised_in_place_of_what_it_lacks_to_one(overlap: Callable[[Any, Any], Any]) -> None:
    z = torch.randn(8, 2, 6, 6, generator=G)
    mask = (torch.randn(8, 2, 6, 6, generator=G) > 0.4).float()
    (found,) = check(overlap, z, mask).errors
    assert found.code == "OPT09"
    assert "coefficient is minimised" in found.what
    for right in (lambda p, t: 1 - overlap(p, t), lambda p, t: -overlap(p, t), lambda p, t: -overlap(p, t).log()):
        assert check(right, z, mask).codes == ()
    # of the same value on this batch, and another one on half of it
    number = float(overlap(z, mask))
    assert check(lambda p, t: p.mean() * 0 + number + (len(p) < 8) * 0.01, z, mask).codes == ()


@pytest.mark.parametrize("bias", [True, False])
def test_classes_on_the_last_axis_where_no_shape_tells(bias: bool) -> None:
    head = nn.Linear(5, 6, bias=bias)
    labels = KIND[:96].reshape(16, 6)
    for z in (torch.randn(16, 6, 5, generator=G), torch.randn(16, 5, 6, generator=G).transpose(1, 2).requires_grad_()):
        assert check("nn.CrossEntropyLoss", head(z), labels).codes == ("OUT14",)
        assert check("nn.CrossEntropyLoss", head(z).movedim(-1, 1), labels).codes == ()
        assert check("nn.CrossEntropyLoss", head(z).flatten(0, 1), labels.flatten()).codes == ()
        soft = F.one_hot(labels, 6).movedim(-1, 1).float()
        assert check("nn.CrossEntropyLoss", head(z).movedim(-1, 1), soft).codes == ()
    images = nn.Conv1d(5, 6, 1)(torch.randn(16, 5, 6, generator=G))
    assert check("nn.CrossEntropyLoss", images, labels).codes == ()
    wide = nn.Linear(5, 7, bias=bias)(torch.randn(16, 6, 5, generator=G))
    assert check("nn.CrossEntropyLoss", wide, KIND[:112].reshape(16, 7)).codes == ()  # classes first, seven steps


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


class Margin:
    """Logits of cosines, made smaller where they are right, at a scale of 30; and the same without a margin."""

    def __init__(self, margin: float) -> None:
        self.margin = margin

    def __call__(self, cosine: Any, kind: Any) -> Any:
        return F.cross_entropy(30 * (cosine - self.margin * F.one_hot(kind, cosine.shape[1])), kind)


@pytest.mark.parametrize(("margin", "found"), [(0.3, False), (0.0, True)])
def test_a_margin_makes_no_probabilities(margin: float, found: bool) -> None:
    cosine, loss = F.normalize(torch.randn(300, 4, generator=G)), Margin(margin)
    kind = torch.randint(0, 4, (300,), generator=G)
    assert ("INIT01" in check(loss, cosine, kind, stage="start").codes) == found
    assert ("GEN07" in check(loss, cosine, kind, stage="finished").codes) == found
    model = nn.Linear(4, 4)
    doctor = Doctor(model, loss, torch.optim.SGD(model.parameters(), lr=0.0), say=lambda text: None)
    with doctor:
        p = F.normalize(model(cosine))
        doctor.step(loss(p, kind), prediction=p, target=kind)
    assert ("INIT01" in doctor.findings.codes) == found


def test_targets_are_those_that_the_loss_compares_with() -> None:
    """A loss that takes the target's logarithm itself is judged against the logarithm."""
    count = torch.poisson(torch.exp(1 + X[:, :1]), generator=G)

    def logarithmic(p: Any, t: Any) -> Any:
        return torch.sqrt(F.mse_loss(p, torch.log1p(t)))

    p = torch.log1p(count) + 0.1 * torch.randn(128, 1, generator=G)
    assert check(logarithmic, p, count, stage="finished").codes == ()
    assert "OPT02" in check(logarithmic, count, count, stage="finished").codes


@pytest.mark.parametrize("size", [3e-6, 1e-2, 1.0])
def test_targets_that_are_tiny_beside_the_outputs(size: float) -> None:
    found = check("nn.MSELoss", Z[:, :1], size * NUMBER, stage="start")
    assert ("tiny" in "".join(f.what for f in found if f.code == "DATA02")) == (size < 1e-3)


@pytest.mark.parametrize(
    ("activation", "spread", "found"), [("Tanh", 1, False), ("Tanh", 99, True), ("ReLU", 99, False)]
)
def test_inputs_that_a_first_layer_cannot_take_in(activation: str, spread: float, found: bool) -> None:
    """Whatever the loss says: behind a tanh the outputs are small."""
    model = nn.Sequential(nn.Linear(6, 8), getattr(nn, activation)(), nn.Linear(8, 1))
    small, inputs = 0.1 * Z[:, :1], spread * X
    assert ("DATA01" in check("nn.MSELoss", small, YES[:, None], inputs, model, stage="start").codes) == found
    assert "DATA01" not in check("nn.MSELoss", small, YES[:, None], inputs, model, stage="finished").codes


@pytest.mark.parametrize(("power", "found"), [(1.0, True), (0.9, True), (0.0, False), (-0.5, False), (-1.0, False)])
def test_class_weights_upside_down(power: float, found: bool) -> None:
    rng = np.random.default_rng(0)
    kind = rng.choice(4, p=[0.6, 0.3, 0.08, 0.02], size=2000)
    shares = torch.tensor(np.bincount(kind) / kind.size)
    z = rng.normal(size=(2000, 4))
    assert ("OUT19" in check(nn.CrossEntropyLoss(weight=5 * shares**power), z, kind).codes) == found
    yes = (rng.random((2000, 2)) < [0.1, 0.3]).astype(float)
    odds = torch.tensor(yes.mean(0) / (1 - yes.mean(0)))
    assert ("OUT19" in check(nn.BCEWithLogitsLoss(pos_weight=odds**power), z[:, :2], yes).codes) == found
    one = nn.BCEWithLogitsLoss(pos_weight=odds[0] ** power)
    assert ("OUT19" in check(one, z[:, 0], yes[:, 0]).codes) == found
    assert "OUT19" not in check(one, z[:50, 0], yes[:50, 0]).codes
