"""The modules: PyTorch's own classes with ``forward`` replaced; see the package's docstring for what differs."""

from __future__ import annotations

from typing import Any

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


class CTCLoss(nn.CTCLoss):
    """``torch.nn.CTCLoss``: connectionist temporal classification."""

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor) -> Tensor:
        """Return the loss of log-probabilities (T, N, C), targets (N, S) or one after the other, and their lengths."""
        return F.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            blank=self.blank,
            reduction=self.reduction,
            zero_infinity=self.zero_infinity,
        )


_Linear: Any = getattr(nn, "LinearCrossEntropyLoss", nn.Module)  # new in PyTorch 2.13


class LinearCrossEntropyLoss(_Linear):
    """``torch.nn.LinearCrossEntropyLoss``: the last linear layer and the softmax cross-entropy in one."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of features (N, F) and class indices (N,) or dense rows."""
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, -1),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
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


class NLLLoss(nn.NLLLoss):
    """``torch.nn.NLLLoss``: negative log-likelihood of log-probabilities, classes on axis 1."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of log-probabilities (C,), (N, C) or (N, C, …) and class indices without the class axis."""
        return F.nll_loss(input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class GaussianNLLLoss(nn.GaussianNLLLoss):
    """``torch.nn.GaussianNLLLoss``: Gaussian negative log-likelihood."""

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        """Return the loss of means, targets of the same shape, and variances."""
        return F.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)


class SoftMarginLoss(nn.SoftMarginLoss):
    """``torch.nn.SoftMarginLoss``: logistic loss with targets -1 and +1."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of scores and signs, both of any one shape."""
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class HingeEmbeddingLoss(nn.HingeEmbeddingLoss):
    """``torch.nn.HingeEmbeddingLoss``: distances pulled in or pushed beyond the margin."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of distances and signs, both of any one shape."""
        return F.hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


class MarginRankingLoss(nn.MarginRankingLoss):
    """``torch.nn.MarginRankingLoss``: one score above the other by the margin."""

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """Return the loss of two scores and signs, all of any one shape."""
        return F.margin_ranking_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(nn.CosineEmbeddingLoss):
    """``torch.nn.CosineEmbeddingLoss``: vectors turned together or apart."""

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """Return the loss of vectors (N, D) or (D,) and signs (N,) or ()."""
        return F.cosine_embedding_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class TripletMarginLoss(nn.TripletMarginLoss):
    """``torch.nn.TripletMarginLoss``: the positive nearer than the negative by the margin."""

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Return the loss of three sets of vectors, all (N, D) or (D,)."""
        return F.triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


class TripletMarginWithDistanceLoss(nn.TripletMarginWithDistanceLoss):
    """``torch.nn.TripletMarginWithDistanceLoss``: the same with any distance."""

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Return the loss of three sets of vectors, all of one shape."""
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


class MultiMarginLoss(nn.MultiMarginLoss):
    """``torch.nn.MultiMarginLoss``: every other class below the true one by the margin."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of scores (N, C) or (C,) and class indices (N,) or ()."""
        return F.multi_margin_loss(
            input, target, p=self.p, margin=self.margin, weight=self.weight, reduction=self.reduction
        )


class MultiLabelMarginLoss(nn.MultiLabelMarginLoss):
    """``torch.nn.MultiLabelMarginLoss``: every label above every other class by 1."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of scores and lists of class indices ended by -1, both (N, C) or (C,)."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(nn.MultiLabelSoftMarginLoss):
    """``torch.nn.MultiLabelSoftMarginLoss``: sigmoid cross-entropy averaged over the classes."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of logits and targets in [0, 1], both (N, C) or (C,)."""
        return F.multilabel_soft_margin_loss(input, target, weight=self.weight, reduction=self.reduction)
