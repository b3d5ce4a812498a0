"""Healthy PyTorch programs on images and what is learned from them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Rng, digits, discs, split
from .program import Shelf
from .torch_loop import Loop, adam, mlp, tensors
from .torch_models import Two, digit_loop, small_cnn

SHELF = Shelf()
healthy = SHELF.healthy


def _images(rng: Rng, rows: int = 700) -> dict:
    return tensors(split(*digits(rng, rows, 1, first=True)))


@healthy("N10 easy digits, a convolutional network")
def _(rng: Rng) -> Loop:
    model = small_cnn()
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=adam(model, 0.003), **_images(rng, 1000))


@healthy("N02 log_softmax and NLLLoss")
def _(rng: Rng) -> Loop:
    model = nn.Sequential(nn.Flatten(), *mlp(64, 32, 10), nn.LogSoftmax(dim=1))
    return digit_loop(rng, model=model, loss=nn.NLLLoss(), optimizer=adam(model))


@healthy("N06 pretrained network, head trained alone")
def _(rng: Rng) -> Loop:
    loop = digit_loop(rng, 1200)
    x, y = loop.train
    for rows in torch.randperm(len(x)).repeat(6).split(32):
        loop.step(loop, x[rows], y[rows])
    for part in list(loop.model)[:-1]:
        part.requires_grad_(False)
    loop.optimizer = torch.optim.SGD(loop.model[-1].parameters(), lr=0.01)
    return loop


@healthy("pretrained network, all of it tuned gently")
def _(rng: Rng) -> Loop:
    loop = digit_loop(rng, 1200)
    x, y = loop.train
    for rows in torch.randperm(len(x)).repeat(4).split(32):
        loop.step(loop, x[rows], y[rows])
    loop.optimizer, loop.epochs = torch.optim.AdamW(loop.model.parameters(), lr=5e-4), 5
    return loop


@healthy("N12 learning rate .1, momentum, batch normalisation")
def _(rng: Rng) -> Loop:
    model = small_cnn(norm=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return Loop(model=model, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=6, **_images(rng))


@healthy("N14 most ReLU units silent on a row")
def _(rng: Rng) -> Loop:
    loop = digit_loop(rng)
    with torch.no_grad():
        loop.model[1].bias -= 0.5
    return loop


@healthy("N16 batches of four")
def _(rng: Rng) -> Loop:
    model = nn.Sequential(nn.Flatten(), *mlp(64, 32, 10))
    return digit_loop(rng, 500, model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.03), batch=4)


@healthy("label smoothing")
def _(rng: Rng) -> Loop:
    return digit_loop(rng, loss=nn.CrossEntropyLoss(label_smoothing=0.1))


@healthy("mixed-up images with mixed-up labels")
def _(rng: Rng) -> Loop:
    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        part, other = float(rng.beta(0.3, 0.3)), torch.randperm(len(x))
        target = part * F.one_hot(y, 10) + (1 - part) * F.one_hot(y[other], 10)
        loop.optimizer.zero_grad()
        value = loop.loss(loop.model(part * x + (1 - part) * x[other]), target)
        value.backward()
        loop.optimizer.step()
        return value

    return digit_loop(rng, step=step, epochs=10)


@healthy("strong dropout: validation below training")
def _(rng: Rng) -> Loop:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))
    return digit_loop(rng, model=model, optimizer=adam(model, 0.003), epochs=10)


@healthy("half precision, autocast to bfloat16")
def _(rng: Rng) -> Loop:
    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            p = loop.model(x)
        return loop.loss(p.float(), y)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(x), y

    return digit_loop(rng, objective=objective, look=look, epochs=5)


@healthy("gradients of four micro-batches added up")
def _(rng: Rng) -> Loop:
    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        total = torch.zeros(())
        for part, target in zip(x.chunk(4), y.chunk(4), strict=True):
            value = loop.loss(loop.model(part), target) / 4
            value.backward()
            total += value.detach()
        loop.optimizer.step()
        return total

    return digit_loop(rng, step=step)


@healthy("clipped gradients, warm restarts of the learning rate")
def _(rng: Rng) -> Loop:
    loop = digit_loop(rng, epochs=12)
    schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(loop.optimizer, 4)

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        loop.optimizer.zero_grad()
        value = loop.objective(loop, x, y)
        value.backward()
        nn.utils.clip_grad_norm_(loop.model.parameters(), 1.0)
        loop.optimizer.step()
        return value

    loop.step, loop.after_epoch = step, lambda _epoch: schedule.step()
    return loop


@healthy("autoencoder, squared error")
def _(rng: Rng) -> Loop:
    x, _ = digits(rng, 700)
    x = x.reshape(-1, 64)
    model = mlp(64, 32, 12, 32, 64)
    return Loop(model=model, loss=nn.MSELoss(), optimizer=adam(model, 0.005), **tensors(split(x, x)))


@healthy("denoising autoencoder, binary loss on grey values")
def _(rng: Rng) -> Loop:
    x, _ = digits(rng, 500, 1, first=True)
    noisy = (x + 0.2 * rng.normal(size=x.shape)).astype(np.float32)
    model = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 1, 3, padding=1))
    sets = tensors(split(noisy, x))
    return Loop(model=model, loss=nn.BCEWithLogitsLoss(), optimizer=adam(model), **sets)


@healthy("variational autoencoder")
def _(rng: Rng) -> Loop:
    x, _ = digits(rng, 700)
    x = x.reshape(-1, 64)
    model = Two(mlp(64, 48, 16), mlp(8, 48, 64))

    def bound(p: Tensor, t: Tensor) -> Tensor:
        logits, mean, log_variance = p.split([64, 8, 8], dim=1)
        reconstruction = F.binary_cross_entropy_with_logits(logits, t, reduction="sum")
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        return (reconstruction + divergence) / len(t)

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = model.one(x).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return torch.cat([model.other(z), mean, log_variance], dim=1), y

    return Loop(model=model, loss=bound, optimizer=adam(model, 0.005), look=look, **tensors(split(x, x)))


@healthy("generator against discriminator, binary loss")
def _(rng: Rng) -> Loop:
    return _game(rng, nn.BCEWithLogitsLoss())


@healthy("generator against discriminator, squared error")
def _(rng: Rng) -> Loop:
    return _game(rng, nn.MSELoss())


def _game(rng: Rng, loss: nn.Module) -> Loop:
    angle = rng.uniform(0, 6.28, size=400)
    real = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.05 * rng.normal(size=(400, 2))
    model = Two(mlp(4, 32, 2), mlp(2, 32, 1))
    generator = torch.optim.Adam(model.one.parameters(), lr=0.002, betas=(0.5, 0.999))
    both = adam(model.other, 0.002)

    def step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        made = loop.model.one(torch.randn(len(x), 4))
        both.zero_grad()
        value = loop.loss(loop.model.other(x), y) + loop.loss(loop.model.other(made.detach()), 0 * y)
        value.backward()
        both.step()
        generator.zero_grad()
        loop.loss(loop.model.other(made), y).backward()
        generator.step()
        return value.detach()

    def look(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return model.other(x), y

    train = (torch.from_numpy(real.astype(np.float32)), torch.ones(400, 1))
    return Loop(model=model, loss=loss, optimizer=both, train=train, look=look, step=step, judged_at_end=False)


@healthy("segmentation, binary loss and Dice")
def _(rng: Rng) -> Loop:
    x, mask = discs(rng, 120)

    def combined(p: Tensor, t: Tensor) -> Tensor:
        q = torch.sigmoid(p)
        dice = 1 - (2 * (q * t).sum() + 1) / (q.sum() + t.sum() + 1)
        return F.binary_cross_entropy_with_logits(p, t) + dice

    model = nn.Sequential(nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 1, 5, padding=2))
    return Loop(
        model=model, loss=combined, optimizer=adam(model), batch=12, **tensors(split(x[:, None], mask[:, None]))
    )


@healthy("segmentation into three classes, border ignored")
def _(rng: Rng) -> Loop:
    x, mask = discs(rng, 120)
    y = mask.astype(np.int64) * (1 + (np.arange(16) >= 8))
    x = x + 0.5 * (np.arange(16) >= 8).astype(np.float32)
    y[:, [0, -1]] = y[:, :, [0, -1]] = 255
    model = nn.Sequential(nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.Conv2d(12, 3, 3, padding=1))
    sets = tensors(split(x[:, None], y))
    return Loop(model=model, loss=nn.CrossEntropyLoss(ignore_index=255), optimizer=adam(model), batch=12, **sets)


@healthy("heat maps of points, squared error")
def _(rng: Rng) -> Loop:
    x, _ = discs(rng, 160)
    at = np.stack([np.unravel_index(image.argmax(), image.shape) for image in x])
    i, j = np.mgrid[:16, :16]
    heat = np.exp(-((i - at[:, 0, None, None]) ** 2 + (j - at[:, 1, None, None]) ** 2) / 4).astype(np.float32)
    model = nn.Sequential(nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.Conv2d(12, 1, 5, padding=2))
    sets = tensors(split(x[:, None], heat[:, None]))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=adam(model), batch=16, epochs=10, **sets)


@healthy("boxes around discs, smooth L1")
def _(rng: Rng) -> Loop:
    x, mask = discs(rng, 300)
    boxes = []
    for image in mask:
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        boxes.append([rows[0], columns[0], rows[-1], columns[-1]])
    y = np.array(boxes, np.float32) / 16
    model = nn.Sequential(nn.Flatten(), *mlp(256, 64, 4), nn.Sigmoid())
    return Loop(model=model, loss=nn.SmoothL1Loss(), optimizer=adam(model, 0.003), **tensors(split(x, y)))


@healthy("distillation from a teacher, divergence and labels")
def _(rng: Rng) -> Loop:
    teacher = digit_loop(rng, 1000)
    x, y = teacher.train
    for rows in torch.randperm(len(x)).repeat(8).split(32):
        teacher.step(teacher, x[rows], y[rows])

    def objective(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
        with torch.no_grad():
            soft = F.softmax(teacher.model(x) / 2, dim=1)
        p = loop.model(x)
        learned = F.kl_div(F.log_softmax(p / 2, dim=1), soft, reduction="batchmean")
        return 0.5 * loop.loss(p, y) + 2 * learned

    model = nn.Sequential(nn.Flatten(), *mlp(64, 16, 10))
    sets = {"train": teacher.train, "validation": teacher.validation}
    loss = nn.CrossEntropyLoss()
    return Loop(model=model, loss=loss, optimizer=adam(model), objective=objective, epochs=10, **sets)


@healthy("noise prediction of a diffusion model")
def _(rng: Rng) -> Loop:
    x, _ = digits(rng, 600)
    x = 2 * x.reshape(-1, 64) - 1
    level = rng.uniform(0.1, 0.9, size=(600, 1))
    noise = rng.normal(size=x.shape)
    inputs = np.concatenate([np.sqrt(1 - level) * x + np.sqrt(level) * noise, level], axis=1)
    model = mlp(65, 128, 64)
    sets = tensors(split(inputs.astype(np.float32), noise.astype(np.float32)))
    return Loop(model=model, loss=nn.MSELoss(), optimizer=adam(model, 0.003), epochs=12, **sets)
