"""Modules that several PyTorch programs share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .data import Rng, digits, split
from .torch_loop import Loop, mlp, tensors


class Reader(nn.Module):
    """Embedding, recurrent layer, linear layer; over tokens (N, T)."""

    def __init__(self, words: int, outputs: int, width: int = 16, every: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.recurrent = nn.GRU(width, 2 * width, batch_first=True)
        self.head = nn.Linear(2 * width, outputs)
        self.every = every

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.recurrent(self.embedding(tokens))
        return self.head(states) if self.every else self.head(states.mean(dim=1))


class Transformer(nn.Module):
    """Embedding, places, one layer of attention, linear layer; logits (N, T, K), or (N, K) of the mean."""

    def __init__(self, words: int, outputs: int, length: int, causal: bool = False, every: bool = True) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 24)
        self.places = nn.Parameter(0.1 * torch.randn(length, 24))
        self.layer = nn.TransformerEncoderLayer(24, 4, 48, dropout=0.0, batch_first=True, norm_first=True)
        self.head = nn.Linear(24, outputs)
        self.causal, self.every = causal, every

    def forward(self, tokens: Tensor) -> Tensor:
        mask = torch.ones(2 * [tokens.shape[1]], dtype=torch.bool).triu(1) if self.causal else None
        states = self.layer(self.embedding(tokens) + self.places, src_mask=mask)
        return self.head(states if self.every else states.mean(dim=1))


class Two(nn.Module):
    """Two networks under one roof, for programs whose loop calls them one by one."""

    def __init__(self, one: nn.Module, other: nn.Module) -> None:
        super().__init__()
        self.one, self.other = one, other

    def forward(self, x: Tensor) -> Tensor:
        return self.other(self.one(x))


def small_cnn(outputs: int = 10, norm: bool = False) -> nn.Sequential:
    """Return a convolutional network for images (N, 1, 8, 8)."""
    middle = [nn.BatchNorm2d(12)] if norm else []
    parts = [nn.Conv2d(1, 12, 3, padding=1), *middle, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return nn.Sequential(*parts, nn.Linear(192, 32), nn.ReLU(), nn.Linear(32, outputs))


def digit_loop(rng: Rng, rows: int = 900, **more: Any) -> Loop:
    """Return a perceptron on the digits, trained by SGD, with settings replaced."""
    model = nn.Sequential(nn.Flatten(), *mlp(64, 32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    given = {"model": model, "loss": nn.CrossEntropyLoss(), "optimizer": optimizer}
    return Loop(**{**tensors(split(*digits(rng, rows))), **given, **more})


def by_class(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits of tokens with the classes on axis 1, as PyTorch's cross-entropy takes them."""
    return model(x).movedim(-1, 1), y
