"""PyTorch: ``nn.Sequential``, Adam, and a plain loop with ``lossmith.torch.CrossEntropyLoss``."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import lossmith.torch as lt

from .digits import CLASSES, Digits, EpochReport

EPOCHS, BATCH = 30, 32


def train(digits: Digits, report: EpochReport, seed: int = 0) -> np.ndarray:
    """Train, call ``report`` after each epoch, and return the test images' class probabilities (N, 10)."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, CLASSES))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loss = lt.CrossEntropyLoss()
    images, labels, watch_images, watch_labels, test_images = (
        torch.from_numpy(x) for x in (*digits.train, *digits.validation, digits.test.images)
    )
    for _ in range(EPOCHS):
        seen = 0.0
        for batch in torch.randperm(len(labels)).split(BATCH):
            optimizer.zero_grad()
            value = loss(model(images[batch]), labels[batch])
            value.backward()
            optimizer.step()
            seen += value.item() * len(batch)
        with torch.no_grad():
            logits = model(watch_images)
            right = (logits.argmax(-1) == watch_labels).float().mean()
            watched = {"val_loss": loss(logits, watch_labels).item(), "val_accuracy": right.item()}
        report({"loss": seen / len(labels), **watched})
    with torch.no_grad():
        return model(test_images).softmax(-1).double().numpy()
