"""A PyTorch program: model, loss, optimiser, data and a loop of one's own; runs it and asks the doctor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import lossmith.torch as lt
from lossmith.doctor import check

from .judge import Opinion


def _output(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return model(x), y


def _compare(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
    prediction, target = loop.look(loop.model, x, y)
    value = loop.loss(prediction, target)
    if loop.doctor is not None and not isinstance(loop.loss, nn.Module):  # calls of a module are seen by themselves
        loop.doctor.step(value, prediction=prediction, target=target, inputs=x)
    return value


def _step(loop: Loop, x: Tensor, y: Tensor) -> Tensor:
    loop.optimizer.zero_grad()
    value = loop.objective(loop, x, y)
    if loop.doctor is not None and loop.loss is None:
        loop.doctor.step(value)
    value.backward()
    loop.optimizer.step()
    return value


@dataclass(kw_only=True)
class Loop:
    """What a training loop consists of.

    Attributes:
        model: The module, or a dictionary of modules under one.
        loss: What the program compares with; the doctor is given the same.
        optimizer: The optimiser.
        train: Inputs and target of all rows.
        validation: The same of rows that are not trained on.
        epochs: How often all rows are gone through.
        batch: Rows per step.
        look: Prediction and target as the loss gets them, from model, inputs and target; None where the program has
            no such pair.
        objective: What is minimised, as a scalar.
        step: One step of the training, from the batch; returns the value that is logged.
        after_epoch: Called with the number of the epoch: schedules, target networks.
        judged_at_end: Whether predictions on validation rows mean something (not for a game between two networks).
        doctor: The one that watches, while the loop runs.
    """

    model: nn.Module
    loss: Any
    optimizer: Any
    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor] | None = None
    epochs: int = 8
    batch: int = 32
    look: Callable[[nn.Module, Tensor, Tensor], tuple[Tensor, Tensor]] | None = _output
    objective: Callable[[Loop, Tensor, Tensor], Tensor] = _compare
    step: Callable[[Loop, Tensor, Tensor], Tensor] = _step
    after_epoch: Callable[[int], None] | None = None
    judged_at_end: bool = True
    doctor: lt.Doctor | None = None


def tensors(sets: tuple[Any, Any, tuple[Any, Any]]) -> dict[str, Any]:
    """Return arrays of training and validation as the arguments of a loop."""
    x, y, (xv, yv) = sets
    one, two = (torch.from_numpy(np.ascontiguousarray(a)) for a in (x, y))
    return {"train": (one, two), "validation": tuple(torch.from_numpy(np.ascontiguousarray(a)) for a in (xv, yv))}


def adam(model: nn.Module, rate: float = 0.01, **settings: Any) -> torch.optim.Optimizer:
    """Return Adam over the parameters that learn."""
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=rate, **settings)


def mlp(*sizes: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return a perceptron that ends in a linear layer."""
    parts: list[nn.Module] = []
    for i in range(len(sizes) - 1):
        parts += [nn.Linear(sizes[i], sizes[i + 1]), activation()]
    return nn.Sequential(*parts[:-1])


def examine(loop: Loop, seed: int) -> Opinion:
    """Run the loop and return what the doctor says of it."""
    opinion = Opinion()
    (x, y), batch = loop.train, loop.batch
    if loop.look is not None:
        opinion.ask("batch", lambda: _judge(loop, x[:batch], y[:batch]))
    if loop.validation is not None:
        opinion.ask("data", lambda: check(loop.loss, None, y, x, validation=loop.validation))
    order = torch.Generator().manual_seed(seed)
    history: dict[str, list[float]] = {}
    doctor = lt.Doctor(loop.model, loop.loss, loop.optimizer, say=_silent)
    try:
        with doctor as loop.doctor:
            for epoch in range(loop.epochs):
                _note(history, _epoch(loop, order))
                if loop.validation is None:
                    doctor.epoch()
                if loop.after_epoch is not None:
                    loop.after_epoch(epoch)
    except Exception as error:  # a fault of the program's: PyTorch refuses it
        opinion.raised = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return opinion
    finally:
        loop.doctor = None
        opinion.ask("training", lambda: doctor.findings)
    rows = loop.validation or loop.train
    if loop.look is not None and loop.judged_at_end:
        opinion.ask("end", lambda: _judge(loop, *rows, history=history, stage="finished"))
    else:
        opinion.ask("end", lambda: check(loop.loss, history=history))
    return opinion


def _silent(text: str) -> None:
    """Say nothing: findings are read when the training is over."""


def _judge(loop: Loop, x: Tensor, y: Tensor, **more: Any) -> Any:
    """Look at a batch in evaluation mode, as a person does before training."""
    prediction, target = _quietly(loop, lambda: loop.look(loop.model, x, y))  # pyrefly: ignore
    return check(loop.loss, prediction, target, x, loop.model, **more)


def _quietly(loop: Loop, call: Callable[[], Any]) -> Any:
    mode = loop.model.training
    loop.model.eval()
    with torch.no_grad():
        result = call()
    loop.model.train(mode)
    return result


def _epoch(loop: Loop, order: torch.Generator) -> dict[str, float]:
    """Train one epoch; return its mean loss, and loss and accuracy on validation rows where there are such."""
    x, y = loop.train
    loop.model.train()
    values = []
    for rows in torch.randperm(len(x), generator=order).split(loop.batch):
        if len(rows) == loop.batch or len(x) < loop.batch:
            values.append(float(loop.step(loop, x[rows], y[rows]).detach()))
    found = {"loss": float(np.mean(values))}
    if loop.validation is not None:
        with torch.no_grad():
            found["val_loss"] = _quietly(loop, lambda: float(loop.objective(loop, *loop.validation).detach()))
    return found


def _note(history: dict[str, list[float]], epoch: dict[str, float]) -> None:
    for name, value in epoch.items():
        history.setdefault(name, []).append(value)
