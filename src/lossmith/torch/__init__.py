"""The PyTorch face: ``torch.nn``'s loss modules by their own names, arguments, defaults and results.

>>> import torch
>>> import lossmith.torch as lt
>>> logits = torch.tensor([[2.0, 0.5, -1.0]], requires_grad=True)
>>> loss = lt.CrossEntropyLoss(label_smoothing=0.1)(logits, torch.tensor([0]))
>>> loss.backward()

Each module is a subclass of PyTorch's own, so ``isinstance`` checks, ``state_dict``, ``.to(device)`` and pickles hold.
What differs from PyTorch is better on purpose and listed here:

- Shapes that would broadcast ((N,) against (N, 1)) are an error with the fix in its text, not a warning or silence.
- Labels may have any integer dtype; one out of range is an error on the CPU, and NaN for its row on a device.
- Half precision is computed and averaged in float32, and reductions return float32; ``reduction="none"`` keeps the
  input's dtype.
- ``BCEWithLogitsLoss`` is 0, not NaN, for a certain and right logit of ±inf, and a masked class (logit -inf) costs
  nothing with dense targets.
- A NaN in an ignored row does not reach its gradient.
- ``CTCLoss`` checks its targets (PyTorch reads foreign memory), normalises its rows (PyTorch's loss turns negative on
  logits), and an infinite loss has gradient 0 (PyTorch: NaN).
- ``LinearCrossEntropyLoss`` with ``options=`` takes smoothing and dense targets too, and differentiates twice.
- ``BCELoss`` has the true slope 1 at probability 0 for target 0 (PyTorch: 0).

``Doctor``, ``LightningDoctor`` and ``HuggingFaceDoctor`` watch a training: docs/guide/doctor.md.

``metrics`` has metrics with a state, as torchmetrics users know them: docs/guide/evaluation.md.

``merge_states`` and ``keep_once`` evaluate over the ranks of ``torch.distributed``: docs/guide/evaluation.md.

Losses that PyTorch lacks work on tensors through their objects: ``lossmith.LogCosh()(prediction, target)``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import functional
from .modules import (
    BCELoss,
    BCEWithLogitsLoss,
    CosineEmbeddingLoss,
    CrossEntropyLoss,
    CTCLoss,
    GaussianNLLLoss,
    HingeEmbeddingLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    LinearCrossEntropyLoss,
    MarginRankingLoss,
    MSELoss,
    MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    NLLLoss,
    PoissonNLLLoss,
    SmoothL1Loss,
    SoftMarginLoss,
    TripletMarginLoss,
    TripletMarginWithDistanceLoss,
)

if TYPE_CHECKING:
    from . import metrics as metrics
    from .doctor import Doctor as Doctor
    from .evaluation import keep_once as keep_once
    from .evaluation import merge_states as merge_states
    from .huggingface import HuggingFaceDoctor as HuggingFaceDoctor
    from .lightning import LightningDoctor as LightningDoctor

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "LinearCrossEntropyLoss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
    "functional",
]


def __getattr__(name: str) -> Any:
    if name == "Doctor":  # no losses, and loaded when asked for: two of them need packages of their own
        from .doctor import Doctor

        return Doctor
    if name == "LightningDoctor":
        from .lightning import LightningDoctor

        return LightningDoctor
    if name == "HuggingFaceDoctor":
        from .huggingface import HuggingFaceDoctor

        return HuggingFaceDoctor
    if name in ("keep_once", "merge_states"):
        from . import evaluation

        return getattr(evaluation, name)
    if name == "metrics":
        return import_module(f"{__name__}.metrics")
    raise AttributeError(f"module 'lossmith.torch' has no attribute {name!r}")
