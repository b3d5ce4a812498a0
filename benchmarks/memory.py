"""The most memory that loss and gradient take on top of the logits, each contender in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

SHAPE = (1_024, 32_000)
CONTENDERS = ("lossmith torch", "torch eager")

# Three steps, as in training: what is kept from one for the next counts, too.
_PROGRAM = """
import resource, sys
import torch
import lossmith.torch
module = lossmith.torch if sys.argv[1] == "lossmith torch" else torch.nn
rows, classes = int(sys.argv[2]), int(sys.argv[3])
x, y = torch.randn(rows, classes).requires_grad_(), torch.randint(0, classes, (rows,))
small = torch.randn(4, 8).requires_grad_()
module.CrossEntropyLoss()(small, torch.zeros(4, dtype=torch.int64)).backward()  # what is loaded at the first call
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(3):
    x.grad = None
    module.CrossEntropyLoss()(x, y).backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def measure() -> Iterator[dict[str, object]]:
    """Yield the megabytes of each contender, and how many times ours that is."""
    taken: dict[str, float] = {}
    for name in CONTENDERS:
        command = [sys.executable, "-c", _PROGRAM, name, *map(str, SHAPE)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        taken[name] = int(done.stdout) / 1024
        yield {
            "work": "softmax_cross_entropy, labels, peak memory beside the logits",
            "shape": "x".join(map(str, SHAPE)),
            "dtype": "float32",
            "contender": name,
            "megabytes": round(taken[name], 1),
            "times_ours": round(taken[name] / taken[CONTENDERS[0]], 2),
        }
