"""The modules: PyTorch's own classes with ``forward`` replaced; see the package's docstring for what differs."""

from __future__ import annotations

from torch import Tensor, nn

from . import functional as F


class MSELoss(nn.MSELoss):
    """``torch.nn.MSELoss``: squared error."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of ``input`` and ``target``, both of any one shape."""
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(nn.L1Loss):
    """``torch.nn.L1Loss``: absolute error."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of ``input`` and ``target``, both of any one shape."""
        return F.l1_loss(input, target, reduction=self.reduction)


class HuberLoss(nn.HuberLoss):
    """``torch.nn.HuberLoss``: Huber with ``delta``."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of ``input`` and ``target``, both of any one shape."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class SmoothL1Loss(nn.SmoothL1Loss):
    """``torch.nn.SmoothL1Loss``: Huber divided by ``beta``; the absolute error for ``beta=0``."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of ``input`` and ``target``, both of any one shape."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class PoissonNLLLoss(nn.PoissonNLLLoss):
    """``torch.nn.PoissonNLLLoss``: Poisson, by default on the log-rate."""

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of the log-rate (or rate) and the counts, both of any one shape."""
        return F.poisson_nll_loss(
            log_input, target, log_input=self.log_input, full=self.full, eps=self.eps, reduction=self.reduction
        )


class BCELoss(nn.BCELoss):
    """``torch.nn.BCELoss``: binary cross-entropy on probabilities."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of probabilities and targets in [0, 1], both of any one shape."""
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(nn.BCEWithLogitsLoss):
    """``torch.nn.BCEWithLogitsLoss``: sigmoid cross-entropy."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of logits and targets in [0, 1], both of any one shape."""
        return F.binary_cross_entropy_with_logits(
            input, target, weight=self.weight, pos_weight=self.pos_weight, reduction=self.reduction
        )


class CrossEntropyLoss(nn.CrossEntropyLoss):
    """``torch.nn.CrossEntropyLoss``: softmax cross-entropy, classes on axis 1."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of logits (C,), (N, C) or (N, C, …) and class indices without the class axis, or rows."""
        return F.cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class KLDivLoss(nn.KLDivLoss):
    """``torch.nn.KLDivLoss``: Kullback-Leibler divergence on log-probabilities."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of log-probabilities and probabilities (or their logarithms), both of any one shape."""
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)
