"""Losses that learn from preferences: which of two answers of a language model is better, or whether one is good.

All take log-probabilities of whole answers, summed over tokens unless a loss says averaged; none sees tokens.
"""

from __future__ import annotations

from typing import Any

from .definition import Advice, Loss, Parameter, Reference, register
from .domain import REAL, SIGNS, Domain
from .pairs import surprise, surprise_curvature, surprise_slope

ANSWERS = Domain(role="values", high=0.0, length=2)  # log-probabilities of [chosen, rejected]; they need not sum to 1
ANSWER = Domain(role="values", high=0.0)
UNSURE = Domain(role="values", high=0.0, high_included=False, neutral=-1.0)  # probability 1 has infinite odds

_RAFAILOV = Reference(
    text="R. Rafailov et al. (2023). Direct preference optimization: your language model is secretly a reward model",
    link="https://arxiv.org/abs/2305.18290",
)
_MITCHELL = Reference(
    text="E. Mitchell (2023). A note on DPO with noisy preferences", link="https://ericmitchell.ai/cdpo.pdf"
)
_AZAR = Reference(
    text="M. G. Azar et al. (2024). A general theoretical paradigm to understand learning from human preferences",
    link="https://arxiv.org/abs/2310.12036",
)
_MENG = Reference(
    text="Y. Meng, M. Xia, D. Chen (2024). SimPO: simple preference optimization with a reference-free reward",
    link="https://arxiv.org/abs/2405.14734",
)
_HONG = Reference(
    text="J. Hong, N. Lee, J. Thorne (2024). ORPO: monolithic preference optimization without reference model",
    link="https://arxiv.org/abs/2403.07691",
)
_ETHAYARAJH = Reference(
    text="K. Ethayarajh et al. (2024). KTO: model alignment as prospect theoretic optimization",
    link="https://arxiv.org/abs/2402.01306",
)
_BRADLEY = Reference(
    text="R. A. Bradley, M. E. Terry (1952). Rank analysis of incomplete block designs. Biometrika 39",
    link="https://doi.org/10.1093/biomet/39.3-4.324",
)
_COIN = "ln 2 = 0.693 is a model that cannot tell the two apart"


def _strength(default: float, meaning: str) -> Parameter:
    return Parameter(name="beta", default=default, low=0.0, low_included=False, meaning=meaning)


def _lead(prediction: Any, target: Any) -> Any:
    """How much more than the reference the policy prefers the chosen answer, in nats."""
    ratio = prediction - target
    return ratio[..., 0] - ratio[..., 1]


def _both_ways(xp: Any, slope: Any) -> Any:
    """The gradient of a function of the lead with respect to [chosen, rejected]."""
    return xp.stack([slope, -slope])


def _dpo(xp: Any, prediction: Any, target: Any, *, beta: float, label_smoothing: float) -> Any:
    gap = beta * _lead(prediction, target)
    return (1 - label_smoothing) * surprise(xp, gap) + label_smoothing * surprise(xp, -gap)


def _dpo_gradient(xp: Any, prediction: Any, target: Any, *, beta: float, label_smoothing: float) -> Any:
    gap = beta * _lead(prediction, target)
    slope = (1 - label_smoothing) * surprise_slope(xp, gap) - label_smoothing * surprise_slope(xp, -gap)
    return _both_ways(xp, beta * slope)


dpo = register(
    Loss(
        name="dpo",
        object_name="DPO",
        aliases=("direct_preference_optimization", "cdpo"),
        title="Direct preference optimization (DPO)",
        summary="Surprise, in nats, that the chosen answer beats the rejected one, by how the policy left a reference.",
        task="preference",
        layout="row",
        value=_dpo,
        gradient=_dpo_gradient,
        prediction=ANSWERS,
        target=ANSWERS,
        parameters=(
            _strength(0.1, "How dear it is to leave the reference: lower lets the policy go farther."),
            Parameter(
                name="label_smoothing",
                default=0.0,
                low=0.0,
                high=0.5,
                meaning="Share of preferences that are taken to be the wrong way round.",
            ),
        ),
        formula=r"-(1 - \alpha) \log \sigma(\beta h) - \alpha \log \sigma(-\beta h), "
        r"\quad h = (p_1 - t_1) - (p_2 - t_2)",
        gradient_formula=r"\beta (\alpha \sigma(\beta h) - (1 - \alpha) \sigma(-\beta h)) (1, -1)",
        example=([[-10.0, -14.0]], [[-12.0, -13.0]], 0.554355),
        advice=Advice(
            use="Pairs of answers with a preference, and a frozen copy of the model to start from. Prediction and "
            "target are rows [chosen, rejected] of summed log-probabilities: of the policy, and of the reference.",
            avoid="Preferences are almost certain: it pushes without end (ipo stops). There is no room for a reference "
            "model: simpo, orpo_odds_ratio.",
            good_value=f"{_COIN}, and where training starts. Watch the share of pairs with a positive lead as well.",
            pitfalls=(
                "The probability of the chosen answer often falls too, only slower than that of the rejected one.",
                "Log-probabilities are sums over the answer's tokens, without the prompt's; averages change beta.",
            ),
        ),
        references=(_RAFAILOV, _MITCHELL),
    )
)


def _ipo(xp: Any, prediction: Any, target: Any, *, beta: float) -> Any:
    off = _lead(prediction, target) - 1 / (2 * beta)
    return off * off


def _ipo_gradient(xp: Any, prediction: Any, target: Any, *, beta: float) -> Any:
    return _both_ways(xp, 2 * (_lead(prediction, target) - 1 / (2 * beta)))


ipo = register(
    Loss(
        name="ipo",
        object_name="IPO",
        aliases=("identity_preference_optimization",),
        title="Identity preference optimization (IPO)",
        summary="Squared difference between the policy's lead over its reference, in nats, and 1 / (2β).",
        task="preference",
        layout="row",
        value=_ipo,
        gradient=_ipo_gradient,
        prediction=ANSWERS,
        target=ANSWERS,
        parameters=(_strength(0.1, "How dear it is to leave the reference: the lead wanted is 1 / (2 beta) nats."),),
        formula=r"{(h - \frac{1}{2 \beta})}^2, \quad h = (p_1 - t_1) - (p_2 - t_2)",
        gradient_formula=r"2 (h - \frac{1}{2 \beta}) (1, -1)",
        example=([[-10.0, -14.0]], [[-12.0, -13.0]], 4.0),
        advice=Advice(
            use="As dpo, where preferences are sure or few, and dpo runs away from the reference.",
            avoid="The strength of preferences differs much between pairs: all are pulled to one lead.",
            good_value="1 / (4 beta²), 25 for beta = 0.1, is where training starts; 0 is every pair at that lead.",
            pitfalls=(
                "TRL averages log-probabilities over tokens for this loss: the lead wanted is then per token.",
                "Values are not comparable between settings of beta.",
            ),
        ),
        references=(_AZAR,),
    )
)


def _simpo(xp: Any, prediction: Any, target: Any, *, beta: float, gamma: float) -> Any:
    return surprise(xp, beta * (prediction - target) - gamma)


def _simpo_gradient(xp: Any, prediction: Any, target: Any, *, beta: float, gamma: float) -> Any:
    return beta * surprise_slope(xp, beta * (prediction - target) - gamma)


def _simpo_hessian(xp: Any, prediction: Any, target: Any, *, beta: float, gamma: float) -> Any:
    return beta * beta * surprise_curvature(xp, beta * (prediction - target) - gamma)


simpo = register(
    Loss(
        name="simpo",
        object_name="SimPO",
        aliases=("simple_preference_optimization",),
        title="Simple preference optimization (SimPO)",
        summary="Surprise, in nats, that the chosen answer (prediction) beats the rejected one (target) by a margin.",
        task="preference",
        layout="element",
        value=_simpo,
        gradient=_simpo_gradient,
        hessian=_simpo_hessian,
        prediction=ANSWER,
        target=ANSWER,
        parameters=(
            _strength(2.0, "Scale of the rewards, which are log-probabilities per token."),
            Parameter(
                name="gamma",
                default=1.0,
                low=0.0,
                meaning="Margin between the rewards beta * p; the same as simpo_gamma in TRL.",
            ),
        ),
        formula=r"-\log \sigma(\beta (p - t) - \gamma)",
        gradient_formula=r"-\beta \sigma(\gamma - \beta (p - t))",
        example=([-0.5, -1.2], [-1.5, -1.0], 0.96684),
        advice=Advice(
            use="Preferences without a reference model. Prediction and target are log-probabilities averaged over the "
            "tokens of the chosen and of the rejected answer.",
            avoid="The policy must stay near its start: nothing here holds it (dpo does).",
            good_value="log(1 + exp(gamma)), 1.313 for gamma = 1, is a model that cannot tell the two apart.",
            pitfalls=(
                "Sums instead of averages make long answers rule.",
                "The target is the model's own output too: let gradients flow through both.",
            ),
        ),
        references=(_MENG,),
    )
)


def _log_odds(xp: Any, x: Any) -> Any:
    """``log(p / (1 - p))`` of ``x = log p`` below 0, exact near both ends."""
    near = x > -0.6931471805599453
    safe_near = xp.where(near, x, xp.zeros_like(x) - 1)
    safe_far = xp.where(near, xp.zeros_like(x) - 1, x)
    return x - xp.where(near, xp.log(-xp.expm1(safe_near)), xp.log1p(-xp.exp(safe_far)))


def _orpo(xp: Any, prediction: Any, target: Any) -> Any:
    return surprise(xp, _log_odds(xp, prediction) - _log_odds(xp, target))


def _orpo_gradient(xp: Any, prediction: Any, target: Any) -> Any:
    gap = _log_odds(xp, prediction) - _log_odds(xp, target)
    return -surprise_slope(xp, gap) / xp.expm1(prediction)


orpo_odds_ratio = register(
    Loss(
        name="orpo_odds_ratio",
        object_name="ORPOOddsRatio",
        aliases=("orpo", "odds_ratio"),
        title="Odds-ratio preference (ORPO)",
        summary="Surprise, in nats, that the chosen answer's odds (prediction) beat the rejected one's (target).",
        task="preference",
        layout="element",
        value=_orpo,
        gradient=_orpo_gradient,
        prediction=UNSURE,
        target=UNSURE,
        formula=r"-\log \sigma(\log \frac{e^p}{1 - e^p} - \log \frac{e^t}{1 - e^t})",
        gradient_formula=r"-\frac{1}{1 - e^p} \sigma(\log \frac{e^t}{1 - e^t} - \log \frac{e^p}{1 - e^p})",
        example=([-0.5, -1.2], [-1.5, -1.0], 0.512691),
        advice=Advice(
            use="As the second term of ORPO: cross-entropy on the chosen answer plus lambda (0.1) times this. "
            "Prediction and target are log-probabilities averaged over the tokens of the chosen and of the rejected "
            "answer.",
            avoid="Alone: nothing makes the chosen answer likely.",
            good_value=f"{_COIN}.",
            pitfalls=(
                "This is the odds-ratio term alone, without the cross-entropy and without lambda (TRL: beta).",
                "Summed log-probabilities make the odds vanish: give averages, which are below 0.",
            ),
        ),
        references=(_HONG,),
    )
)


def _kto_weight(xp: Any, target: Any, desirable_weight: float, undesirable_weight: float) -> Any:
    ones = xp.zeros_like(target) + 1
    return xp.where(target > 0, desirable_weight * ones, undesirable_weight * ones)


def _kto(
    xp: Any,
    prediction: Any,
    target: Any,
    *,
    beta: float,
    reference_point: float,
    desirable_weight: float,
    undesirable_weight: float,
) -> Any:
    weight = _kto_weight(xp, target, desirable_weight, undesirable_weight)
    return weight * xp.sigmoid(-beta * target * (prediction - reference_point))


def _kto_gradient(
    xp: Any,
    prediction: Any,
    target: Any,
    *,
    beta: float,
    reference_point: float,
    desirable_weight: float,
    undesirable_weight: float,
) -> Any:
    weight = _kto_weight(xp, target, desirable_weight, undesirable_weight)
    return -weight * beta * target * surprise_curvature(xp, beta * (prediction - reference_point))


def _kto_hessian(
    xp: Any,
    prediction: Any,
    target: Any,
    *,
    beta: float,
    reference_point: float,
    desirable_weight: float,
    undesirable_weight: float,
) -> Any:
    weight = _kto_weight(xp, target, desirable_weight, undesirable_weight)
    ahead = beta * (prediction - reference_point)
    bend = surprise_curvature(xp, ahead) * (xp.sigmoid(-ahead) - xp.sigmoid(ahead))
    return -weight * beta * beta * target * bend


def _kto_factor(name: str, what: str) -> Parameter:
    return Parameter(name=name, default=1.0, low=0.0, meaning=f"Factor on {what} answers; it balances rare ones.")


kto = register(
    Loss(
        name="kto",
        object_name="KTO",
        aliases=("kahneman_tversky_optimization",),
        title="Kahneman-Tversky optimization (KTO)",
        summary="One minus the value of an answer: a good one above the reference point, or a bad one below, is cheap.",
        task="preference",
        layout="element",
        value=_kto,
        gradient=_kto_gradient,
        hessian=_kto_hessian,
        prediction=REAL,
        target=SIGNS,
        parameters=(
            _strength(0.1, "How dear it is to leave the reference: lower lets the policy go farther."),
            Parameter(
                name="reference_point",
                default=0.0,
                low=0.0,
                meaning="Mean log-ratio on mismatched answers (an estimate of the KL divergence), 0 or more; a "
                "constant, so detach it.",
            ),
            _kto_factor("desirable_weight", "desirable"),
            _kto_factor("undesirable_weight", "undesirable"),
        ),
        formula=r"w \sigma(-\beta t (p - r))",
        gradient_formula=r"-w \beta t \sigma(\beta (p - r)) \sigma(-\beta (p - r))",
        example=([2.0, -1.0], [1.0, -1.0], 0.462593),
        advice=Advice(
            use="Single answers are marked good (+1) or bad (-1), without pairs. The prediction is the policy's summed "
            "log-probability minus the reference model's.",
            avoid="You have pairs: dpo learns more from each.",
            good_value="Half the mean weight is where training starts; 0 is perfect, and the weight is the worst.",
            pitfalls=(
                "Far from the reference point the gradient vanishes, for hopeless answers as for good ones.",
                "Give the rarer kind the larger weight: weight times count within 1 : 1 to 4 : 3.",
            ),
        ),
        references=(_ETHAYARAJH,),
    )
)


def _bradley_terry(xp: Any, prediction: Any, target: Any, *, margin: float) -> Any:
    return surprise(xp, prediction - target - margin)


def _bradley_terry_gradient(xp: Any, prediction: Any, target: Any, *, margin: float) -> Any:
    return surprise_slope(xp, prediction - target - margin)


def _bradley_terry_hessian(xp: Any, prediction: Any, target: Any, *, margin: float) -> Any:
    return surprise_curvature(xp, prediction - target - margin)


bradley_terry = register(
    Loss(
        name="bradley_terry",
        object_name="BradleyTerry",
        aliases=("reward_model", "pairwise_logistic"),
        title="Bradley-Terry",
        summary="Surprise, in nats, that the chosen answer's reward (prediction) beats the rejected one's (target).",
        task="preference",
        layout="element",
        value=_bradley_terry,
        gradient=_bradley_terry_gradient,
        hessian=_bradley_terry_hessian,
        prediction=REAL,
        target=REAL,
        parameters=(Parameter(name="margin", default=0.0, meaning="By how much the chosen reward should be higher."),),
        formula=r"-\log \sigma(p - t - m)",
        gradient_formula=r"-\sigma(m + t - p)",
        example=([2.0, 0.5], [1.0, 1.0], 0.643669),
        advice=Advice(
            use="Training a reward model, or rating players, from comparisons of two.",
            avoid="Draws are common, or comparisons are not consistent with one scale.",
            good_value=f"{_COIN}; exp(-loss) is the typical probability that the chosen one wins.",
            pitfalls=(
                "Rewards are fixed up to a constant only: centre them if their level matters.",
                "For a margin per pair add it to the target.",
            ),
        ),
        references=(_BRADLEY,),
    )
)
