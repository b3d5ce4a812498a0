"""Healthy PyTorch programs kept aside until the third recorded run, written without sight of the doctor."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from sklearn import datasets
from torch import Tensor, nn

from .data import Array, Rng, digits, scaled, split
from .program import Shelf
from .torch_loop import Loop, mlp, tensors

SHELF = Shelf()
healthy = SHELF.healthy


def _gratings(rng: Rng, rows: int, noise: float, size: int = 10) -> tuple[Array, Array]:
    """Return noisy stripes (N, 1, size, size), and which of four ways they run."""
    way = rng.integers(0, 4, size=rows)
    angle, phase = (way * np.pi / 4)[:, None, None], rng.uniform(0, 6.28, size=(rows, 1, 1))
    i, j = np.mgrid[:size, :size]
    image = np.sin(1.3 * (i * np.cos(angle) + j * np.sin(angle)) + phase)
    return (image + noise * rng.normal(size=image.shape)).astype(np.float32)[:, None], way


class Dice(nn.Module):
    """Throws (N, T), padded with 0, to logits of the face that comes most often; attention does not see the padding."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.tokens = nn.Embedding(7, width, padding_idx=0)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.1, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 6)

    def forward(self, throws: Tensor) -> Tensor:
        padding = throws == 0
        states = self.encoder(self.tokens(throws), src_key_padding_mask=padding)
        kept = (~padding).unsqueeze(-1)
        return self.head((states * kept).sum(dim=1) / kept.sum(dim=1))


@healthy("fresh: transformer, padding masked, warm-up and cosine, clipped")
def _(rng: Rng) -> Loop:
    loaded = rng.dirichlet(np.ones(6), size=700).cumsum(axis=1)
    throws = 1 + (loaded[:, None, :] < rng.random((700, 14, 1))).sum(axis=2).clip(max=5)
    throws[np.arange(14) >= rng.integers(7, 15, size=(700, 1))] = 0
    most = np.stack([(throws == face).sum(axis=1) for face in range(1, 7)], axis=1).argmax(axis=1)
    model = Dice()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    warm, steps = 15, 90

    def rate(n: int) -> float:
        return (n + 1) / warm if n < warm else 0.5 * (1 + math.cos(math.pi * min(1, (n - warm) / (steps - warm))))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad(set_to_none=True)
        value = loop.objective(loop, x, y)
        value.backward()
        nn.utils.clip_grad_norm_(loop.model.parameters(), 1.0)
        loop.optimizer.step()
        schedule.step()
        return value

    more = {"step": step, "epochs": 6, "batch": 35}
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, **more, **tensors(split(throws, most)))


class Variational(nn.Module):
    """Images to their reconstruction, mean and log-variance, side by side in (N, 100 + 4 + 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(100, 64), nn.Tanh(), nn.Linear(64, 8))
        self.decoder = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 100))

    def forward(self, x: Tensor) -> Tensor:
        mean, spread = self.encoder(x).chunk(2, dim=-1)
        z = mean + torch.exp(0.5 * spread) * torch.randn_like(spread) if self.training else mean
        return torch.cat([self.decoder(z), mean, spread], dim=-1)


@healthy("fresh: variational autoencoder, divergence weighed in slowly")
def _(rng: Rng) -> Loop:
    x, _ = _gratings(rng, 800, noise=0.4)
    beta = {"now": 0.0}

    def bound(p: Tensor, t: Tensor) -> Tensor:
        image, mean, spread = p.split([100, 4, 4], dim=-1)
        error = 0.5 * (image - t.flatten(1)).square().sum(dim=-1)
        divergence = 0.5 * (mean.square() + spread.exp() - 1 - spread).sum(dim=-1)
        return (error + beta["now"] * divergence).mean()

    def anneal(epoch: int) -> None:
        beta["now"] = min(1.0, (epoch + 1) / 8)

    model = Variational()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return Loop(model=model, loss=bound, optimizer=optimizer, epochs=16, after_epoch=anneal, **tensors(split(x, x)))


@healthy("fresh: generator against discriminator, hinge, two moons")
def _(rng: Rng) -> Loop:
    x, _ = datasets.make_moons(640, noise=0.05, random_state=int(rng.integers(2**31)))
    real = torch.from_numpy(scaled(x))
    generator = mlp(6, 48, 48, 2, activation=nn.ELU)
    critic = nn.Sequential(nn.utils.spectral_norm(nn.Linear(2, 48)), nn.LeakyReLU(0.2),
                           nn.utils.spectral_norm(nn.Linear(48, 48)), nn.LeakyReLU(0.2), nn.Linear(48, 1))  # fmt: skip
    slow = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.9))
    fast = torch.optim.Adam(critic.parameters(), lr=3e-3, betas=(0.0, 0.9))

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        made = generator(torch.randn(len(x), 6))
        value = F.relu(1 - critic(x)).mean() + F.relu(1 + critic(made.detach())).mean()
        if loop.doctor is not None:
            loop.doctor.step(value)
        fast.zero_grad()
        value.backward()
        fast.step()
        slow.zero_grad()
        (-critic(made)).mean().backward()
        slow.step()
        return value

    model, train = nn.ModuleDict({"generator": generator, "critic": critic}), (real, torch.zeros(len(real)))
    more = {"look": None, "step": step, "judged_at_end": False, "epochs": 10}
    return Loop(model=model, loss=None, optimizer=fast, train=train, **more)


@healthy("fresh: prototypes of classes, distances as logits")
def _(rng: Rng) -> Loop:
    y = rng.integers(0, 5, size=800)
    at = 2 * np.pi * (y + 0.35 * rng.normal(size=800)) / 5
    x = np.stack([np.cos(at), np.sin(at), np.cos(2 * at), *rng.normal(size=(3, 800))], axis=1).astype(np.float32)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        z, half = model(x), len(x) // 2
        member = F.one_hot(y[:half], 5).float()
        prototypes = member.T @ z[:half] / member.sum(dim=0).clamp(min=1)[:, None]
        return -torch.cdist(z[half:], prototypes).square(), y[half:]

    model = nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, 8))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    more = {"look": look, "epochs": 8, "batch": 60}
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, **more, **tensors(split(x, y)))


@healthy("fresh: survival in ten intervals, some censored")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(1600, 6)).astype(np.float32)
    chance = 1 / (1 + np.exp(2 - x[:, 0] + 0.6 * x[:, 1] * x[:, 2]))
    died, left = rng.geometric(chance) - 1, rng.integers(2, 14, size=1600)
    interval = np.arange(10)
    watched = interval <= np.minimum(died, left)[:, None]
    event = (interval == died[:, None]) & watched
    y = np.stack([event, watched], axis=1).astype(np.float32)

    def hazard(logits: Tensor, y: Tensor) -> Tensor:
        event, watched = y.unbind(dim=1)
        return F.binary_cross_entropy_with_logits(logits, event, weight=watched, reduction="sum") / len(y)

    model = nn.Sequential(nn.Linear(6, 32), nn.SELU(), nn.AlphaDropout(0.1), nn.Linear(32, 10))
    optimizer = torch.optim.NAdam(model.parameters(), lr=3e-3)
    return Loop(model=model, loss=hazard, optimizer=optimizer, epochs=8, batch=64, **tensors(split(x, y)))


@healthy("fresh: orders of eight documents, likelihood of Plackett and Luce")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(500, 8, 5)).astype(np.float32)
    relevance = np.tanh(x @ rng.normal(size=(5, 2))).sum(axis=2) + 0.2 * rng.normal(size=(500, 8))

    def likelihood(scores: Tensor, relevance: Tensor) -> Tensor:
        ranked = scores.gather(1, relevance.argsort(dim=1, descending=True))
        rest = ranked.flip(1).logcumsumexp(dim=1).flip(1)
        return (rest - ranked).sum(dim=1).mean()

    model = nn.Sequential(nn.Linear(5, 24), nn.Tanh(), nn.Linear(24, 1), nn.Flatten(1))
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.03)
    sets = tensors(split(x, relevance.astype(np.float32)))
    return Loop(model=model, loss=likelihood, optimizer=optimizer, epochs=10, batch=20, **sets)


@healthy("fresh: stripes, bfloat16, two micro-batches, clipped, averaged weights")
def _(rng: Rng) -> Loop:
    x, y = _gratings(rng, 720, noise=0.9)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 5, bias=False), nn.GroupNorm(3, 12), nn.SiLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(48, 4),
    )  # fmt: skip
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.95))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(x).float(), y

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        total = torch.zeros(())
        for rows in torch.arange(len(x)).chunk(2):
            value = loop.objective(loop, x[rows], y[rows]) / 2
            value.backward()
            total += value.detach()
        nn.utils.clip_grad_norm_(loop.model.parameters(), 2.0)
        loop.optimizer.step()
        average.update_parameters(loop.model)
        return total

    more = {"look": look, "step": step, "epochs": 6, "batch": 40}
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, **more, **tensors(split(x, y)))


@healthy("fresh: a twentieth of the variance can be explained")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(2400, 5)).astype(np.float32)
    y = 0.25 * x[:, :1] + rng.standard_t(6, size=(2400, 1))
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-3)
    sets = tensors(split(x, scaled(y)))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, epochs=8, batch=60, **sets)


@healthy("fresh: twenty-four rows, ridge, all at once")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(24, 3)).astype(np.float32)
    y = (x @ np.array([[1.0], [-0.5], [0.3]]) + 0.3 * rng.normal(size=(24, 1))).astype(np.float32)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.02)
    train = (torch.from_numpy(x), torch.from_numpy(y))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=optimizer, train=train, epochs=40, batch=24)


class Adapted(nn.Module):
    """A frozen linear layer beside a product of low rank, which starts at nought."""

    def __init__(self, base: nn.Linear, rank: int = 4) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + x @ self.down.T @ self.up.T


@healthy("fresh: frozen network, adapters of low rank from nought")
def _(rng: Rng) -> Loop:
    x, y = digits(rng, 1500)
    x, turned, y = torch.from_numpy(x), np.rot90(x, axes=(1, 2)).copy(), torch.from_numpy(y)
    model = nn.Sequential(nn.Flatten(), *mlp(64, 64, 64, 10))
    teach = torch.optim.Adam(model.parameters(), lr=5e-3)
    for rows in torch.randperm(600).repeat(4).split(60):
        teach.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        teach.step()
    adapted = nn.Sequential(*(Adapted(part) if isinstance(part, nn.Linear) else part for part in model))
    optimizer = torch.optim.AdamW([p for p in adapted.parameters() if p.requires_grad], lr=0.01, weight_decay=0.0)
    sets = tensors(split(turned[600:], y.numpy()[600:]))
    return Loop(model=adapted, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=10, **sets)


class Graph(nn.Module):
    """Numbers of nodes (N,) to logits, by two graph convolutions over the whole graph."""

    def __init__(self, edges: Array, features: Array, outputs: int) -> None:
        super().__init__()
        a = torch.from_numpy(edges) + torch.eye(len(edges))
        root = a.sum(dim=1).rsqrt()
        self.register_buffer("a", root[:, None] * a * root)
        self.register_buffer("features", torch.from_numpy(features))
        self.one, self.two = nn.Linear(features.shape[1], 16), nn.Linear(16, outputs)

    def forward(self, nodes: Tensor) -> Tensor:
        h = F.dropout(F.relu(self.a @ self.one(self.features)), 0.3, self.training)
        return (self.a @ self.two(h))[nodes]


@healthy("fresh: graph convolutions, a third of the nodes labelled")
def _(rng: Rng) -> Loop:
    group = rng.integers(0, 3, size=240)
    close = rng.random((240, 240)) < np.where(group[:, None] == group, 0.08, 0.01)
    edges = (np.triu(close, 1) | np.triu(close, 1).T).astype(np.float32)
    features = (0.6 * rng.normal(size=(3, 8))[group] + rng.normal(size=(240, 8))).astype(np.float32)
    model = Graph(edges, features, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=5e-3)
    nodes = torch.from_numpy(rng.permutation(240))
    labels = torch.from_numpy(group)[nodes]
    sets = {"train": (nodes[:80], labels[:80]), "validation": (nodes[80:], labels[80:])}
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=30, batch=80, **sets)


@healthy("fresh: negative binomial counts with exposure")
def _(rng: Rng) -> Loop:
    x, exposure = rng.normal(size=(900, 5)), rng.uniform(0.2, 3.0, size=900)
    mean = exposure * np.exp(0.5 * x[:, 0] - 0.5 * np.abs(x[:, 1]) + 0.8)
    counts = rng.poisson(rng.gamma(2.0, mean / 2.0)).astype(np.float32)
    x = np.concatenate([x, np.log(exposure)[:, None]], axis=1).astype(np.float32)

    def likelihood(p: Tensor, t: Tensor) -> Tensor:
        shape = F.softplus(p[:, 1]) + 1e-3
        of = torch.distributions.NegativeBinomial(total_count=shape, logits=p[:, 0] - shape.log())
        return -of.log_prob(t).mean()

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return torch.stack([model(x[:, :5])[:, 0] + x[:, 5], model(x[:, :5])[:, 1]], dim=1), y

    model = nn.Sequential(nn.Linear(5, 32), nn.Softplus(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return Loop(model=model, loss=likelihood, optimizer=optimizer, look=look, epochs=10, **tensors(split(x, counts)))


def _adjusted(prior: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    def loss(logits: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(logits + prior, y)

    return loss


@healthy("fresh: a long tail of classes, logits adjusted by their shares")
def _(rng: Rng) -> Loop:
    shares = np.array([0.6, 0.22, 0.1, 0.05, 0.03])
    y = rng.choice(5, p=shares, size=1500)
    x = (1.6 * rng.normal(size=(5, 10))[y] + rng.normal(size=(1500, 10))).astype(np.float32)
    model = mlp(10, 32, 5, activation=nn.Mish)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loss = _adjusted(torch.from_numpy(np.log(shares)).float())
    return Loop(model=model, loss=loss, optimizer=optimizer, batch=50, **tensors(split(x, y)))


@healthy("fresh: rare labels, asymmetric loss")
def _(rng: Rng) -> Loop:
    x = rng.normal(size=(900, 12)).astype(np.float32)
    y = (x @ rng.normal(size=(12, 10)) / 12**0.5 + 0.3 * rng.normal(size=(900, 10)) > 1.4).astype(np.float32)

    def asymmetric(logits: Tensor, y: Tensor) -> Tensor:
        q = torch.sigmoid(logits)
        below = (q - 0.05).clamp(min=0)
        positive = y * (1 - q) * F.logsigmoid(logits)
        negative = (1 - y) * below**4 * torch.log1p(-below.clamp(max=1 - 1e-6))
        return -(positive + negative).sum(dim=1).mean()

    model = mlp(12, 48, 10)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    return Loop(model=model, loss=asymmetric, optimizer=optimizer, epochs=10, **tensors(split(x, y)))


@healthy("fresh: a generator by the mean discrepancy of kernels")
def _(rng: Rng) -> Loop:
    at = rng.integers(0, 4, size=600)
    x = np.array([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])[at] + 0.15 * rng.normal(size=(600, 2))

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        d = (a[:, None] - b).square().sum(dim=-1)
        return torch.stack([torch.exp(-d / (2 * s**2)) for s in (0.3, 1.0, 2.0)]).sum(dim=0)

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        made = loop.model(torch.randn(len(x), 4))
        return kernel(made, made).mean() + kernel(x, x).mean() - 2 * kernel(made, x).mean()

    model = mlp(4, 48, 48, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    rows = torch.from_numpy(x.astype(np.float32))
    more = {"look": None, "objective": objective, "epochs": 10, "batch": 60}
    return Loop(model=model, loss=None, optimizer=optimizer, train=(rows, rows), **more)


class Student(nn.Module):
    """Eight features and their classes; what the teacher's features are compared with is a projection."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(13, 8), nn.ReLU())
        self.head, self.projection = nn.Linear(8, 3), nn.Linear(8, 64)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


@healthy("fresh: a student that imitates features and learns labels")
def _(rng: Rng) -> Loop:
    x, y = datasets.load_wine(return_X_y=True)
    order = rng.permutation(len(x))
    x, y = torch.from_numpy(scaled(x[order])), torch.from_numpy(y[order])
    teacher, model = mlp(13, 64, 3), Student()
    teach = torch.optim.Adam(teacher.parameters(), lr=0.01, weight_decay=1e-3)
    for _ in range(40):
        teach.zero_grad()
        F.cross_entropy(teacher(x[:120]), y[:120]).backward()
        teach.step()
    teacher.requires_grad_(False)

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        features = model.body(x)
        hint = F.mse_loss(model.projection(features), teacher[:2](x))
        return loop.loss(model.head(features), y) + 0.5 * hint

    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    sets = {"train": (x[:120], y[:120]), "validation": (x[120:], y[120:])}
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, objective=objective, batch=20, **sets)
