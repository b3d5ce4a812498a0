"""Losses between a student's logits (prediction) and a teacher's (target), both softened by a temperature.

Gradients flow to both; detach the teacher unless it learns too.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays import load
from ..arrays.composite import mul0
from .definition import Advice, Loss, Parameter, Reference, register
from .domain import LOGITS
from .multiclass import through_softmax

_HINTON = Reference(
    text="G. Hinton, O. Vinyals, J. Dean (2015). Distilling the knowledge in a neural network",
    link="https://arxiv.org/abs/1503.02531",
)
_AGARWAL = Reference(
    text="R. Agarwal et al. (2024). On-policy distillation of language models: learning from self-generated mistakes",
    link="https://arxiv.org/abs/2306.13649",
)
_WEN = Reference(
    text="Y. Wen et al. (2023). f-divergence minimization for sequence-level knowledge distillation. ACL",
    link="https://arxiv.org/abs/2307.15190",
)
_TEMPERATURE = Parameter(
    name="temperature",
    default=1.0,
    low=0.0,
    low_included=False,
    meaning="Both logits are divided by it first: above 1 the small probabilities count more.",
)
_LOGITS_PITFALL = "Both arguments are logits: no softmax, no log_softmax before."
_UNSCALED_PITFALL = (
    "It is not multiplied by temperature², as distillation_kl is: at a high temperature its gradient is small."
)


def _distillation_kl(xp: Any, prediction: Any, target: Any, *, temperature: float) -> Any:
    log_p, log_q = xp.log_softmax(prediction / temperature), xp.log_softmax(target / temperature)
    q = xp.softmax(target / temperature)
    ratio = xp.where(q == 0, xp.zeros_like(log_q), log_q - log_p)
    return temperature * temperature * xp.sum(q * ratio, axis=-1)


def _distillation_kl_gradient(xp: Any, prediction: Any, target: Any, *, temperature: float) -> Any:
    return temperature * (xp.softmax(prediction / temperature) - xp.softmax(target / temperature))


def _best_kl(target: np.ndarray, weight: np.ndarray, *, temperature: float = 1.0, **_: Any) -> np.ndarray:
    mean = np.average(load("numpy").softmax(target / temperature), axis=0, weights=weight)
    with np.errstate(divide="ignore"):
        return temperature * np.log(mean)


distillation_kl = register(
    Loss(
        name="distillation_kl",
        object_name="DistillationKL",
        aliases=("knowledge_distillation", "soft_target"),
        title="Distillation by Kullback-Leibler divergence",
        summary="Nats lost by the student's softened distribution against the teacher's, times temperature².",
        task="distribution",
        layout="row",
        value=_distillation_kl,
        gradient=_distillation_kl_gradient,
        prediction=LOGITS,
        target=LOGITS,
        parameters=(_TEMPERATURE,),
        formula=r"T^2 \sum_{c} q_c (\log q_c - \log s_c), \quad q = \operatorname{softmax}(\frac{t}{T}), \quad "
        r"s = \operatorname{softmax}(\frac{z}{T})",
        gradient_formula=r"T (s_c - q_c)",
        best_constant=_best_kl,
        example=([[2.0, 0.5, -1.0]], [[1.0, 1.0, -1.0]], 0.248532),
        advice=Advice(
            use="A small model learns from a large one's logits, mostly beside the cross-entropy with the true labels.",
            avoid="The teacher gives probabilities: take kl_divergence. The student is too small to match every mode: "
            "try distillation_jsd with a large beta.",
            good_value="0 is the teacher itself; at temperature 1 always answering its mean distribution scores the "
            "mutual information of row and class.",
            pitfalls=(
                _LOGITS_PITFALL,
                "The factor temperature² keeps the gradient's size when the temperature changes; values at different "
                "temperatures do not compare.",
            ),
        ),
        references=(_HINTON,),
    )
)


def _log_ratio(xp: Any, prediction: Any, target: Any, temperature: float) -> Any:
    """Log of the student's over the teacher's probability; 0 where both are 0."""
    log_p, log_q = xp.log_softmax(prediction / temperature), xp.log_softmax(target / temperature)
    return xp.where(xp.isinf(log_p) & xp.isinf(log_q), xp.zeros_like(log_p), log_p - log_q)


def _distillation_jsd(xp: Any, prediction: Any, target: Any, *, temperature: float, beta: float) -> Any:
    p, q = xp.softmax(prediction / temperature), xp.softmax(target / temperature)
    ahead = _log_ratio(xp, prediction, target, temperature) + math.log((1 - beta) / beta)
    # log(q / m) and log(p / m) for the mixture m, which itself may be too small for a number
    teacher = -math.log(beta) - xp.softplus(ahead)
    student = -math.log(1 - beta) - xp.softplus(-ahead)
    return xp.sum(beta * mul0(xp, q, teacher) + (1 - beta) * mul0(xp, p, student), axis=-1)


def _distillation_jsd_gradient(xp: Any, prediction: Any, target: Any, *, temperature: float, beta: float) -> Any:
    p = xp.softmax(prediction / temperature)
    ahead = _log_ratio(xp, prediction, target, temperature) + math.log((1 - beta) / beta)
    slope = mul0(xp, p, -math.log(1 - beta) - xp.softplus(-ahead))
    return (1 - beta) / temperature * through_softmax(xp, prediction / temperature, slope)


distillation_jsd = register(
    Loss(
        name="distillation_jsd",
        object_name="DistillationJSD",
        title="Distillation by Jensen-Shannon divergence",
        summary="Nats lost by coding each of student and teacher with their mixture.",
        task="distribution",
        layout="row",
        value=_distillation_jsd,
        gradient=_distillation_jsd_gradient,
        prediction=LOGITS,
        target=LOGITS,
        parameters=(
            _TEMPERATURE,
            Parameter(
                name="beta",
                default=0.5,
                low=0.0,
                high=1.0,
                low_included=False,
                high_included=False,
                meaning="The teacher's share in the mixture: small covers all that the teacher does, large keeps to "
                "what it does most.",
            ),
        ),
        formula=r"\beta \sum_{c} q_c \log \frac{q_c}{m_c} + (1 - \beta) \sum_{c} s_c \log \frac{s_c}{m_c}, \quad "
        r"m = \beta q + (1 - \beta) s, \quad q = \operatorname{softmax}(\frac{t}{T}), \quad "
        r"s = \operatorname{softmax}(\frac{z}{T})",
        gradient_formula=r"\frac{1 - \beta}{T} s_c (\log \frac{s_c}{m_c} - \sum_{k} s_k \log \frac{s_k}{m_k})",
        example=([[2.0, 0.5, -1.0]], [[1.0, 1.0, -1.0]], 0.056353),
        advice=Advice(
            use="A student learns from samples of its own, or from a teacher that it cannot match everywhere: bounded "
            "and defined also where one of them gives probability 0.",
            avoid="The plain case: distillation_kl is simpler.",
            good_value="0 is the teacher itself; at most ln 2 = 0.693 for beta = 0.5.",
            pitfalls=(
                _LOGITS_PITFALL,
                _UNSCALED_PITFALL,
                "Towards beta = 0 and 1 it goes to 0; divided by beta or 1 - beta it goes to KL(teacher || student) or "
                "the reverse.",
            ),
        ),
        references=(_AGARWAL,),
    )
)


def _distillation_tv(xp: Any, prediction: Any, target: Any, *, temperature: float) -> Any:
    return xp.sum(xp.abs0(xp.softmax(prediction / temperature) - xp.softmax(target / temperature)), axis=-1) / 2


def _distillation_tv_gradient(xp: Any, prediction: Any, target: Any, *, temperature: float) -> Any:
    p, q = xp.softmax(prediction / temperature), xp.softmax(target / temperature)
    return through_softmax(xp, prediction / temperature, p * xp.sign0(p - q)) / (2 * temperature)


distillation_total_variation = register(
    Loss(
        name="distillation_total_variation",
        object_name="DistillationTotalVariation",
        aliases=("distillation_tvd",),
        title="Distillation by total variation",
        summary="The probability that student and teacher, coupled as well as possible, choose different classes.",
        task="distribution",
        layout="row",
        value=_distillation_tv,
        gradient=_distillation_tv_gradient,
        prediction=LOGITS,
        target=LOGITS,
        parameters=(_TEMPERATURE,),
        formula=r"\frac{1}{2} \sum_{c} |s_c - q_c|, \quad q = \operatorname{softmax}(\frac{t}{T}), \quad "
        r"s = \operatorname{softmax}(\frac{z}{T})",
        gradient_formula=r"\frac{s_c}{2 T} (g_c - \sum_{k} s_k g_k), \quad g_c = \operatorname{sign}(s_c - q_c)",
        example=([[2.0, 0.5, -1.0]], [[1.0, 1.0, -1.0]], 0.317287),
        advice=Advice(
            use="Draft models for speculative decoding: the acceptance rate is 1 minus this.",
            avoid="The student starts far from the teacher: the gradient vanishes with its probability.",
            good_value="Between 0, the teacher itself, and 1, no class in common.",
            pitfalls=(_LOGITS_PITFALL, _UNSCALED_PITFALL),
        ),
        references=(_WEN,),
    )
)
