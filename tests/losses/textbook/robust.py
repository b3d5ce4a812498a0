"""Regression, likelihoods and divergences: the textbook formulas."""

from __future__ import annotations

import math

from mpmath import mp, mpf


def quantile(p, t, level):
    return max(level * (t - p), (level - 1) * (t - p))


def multi_quantile(p, t, levels):
    q = len(p)
    levels = [mpf(i + 1) / (q + 1) for i in range(q)] if levels is None else [mpf(x) for x in levels]
    return sum(quantile(x, t, level) for x, level in zip(p, levels, strict=True)) / q


def expectile(p, t, level):
    return (level if t > p else 1 - level) * (t - p) ** 2


def pseudo_huber(p, t, delta):
    return delta**2 * (mp.sqrt(1 + ((p - t) / delta) ** 2) - 1)


def charbonnier(p, t, epsilon):
    return mp.sqrt((p - t) ** 2 + epsilon**2) - epsilon


def cauchy(p, t, scale):
    return mp.log(1 + ((p - t) / scale) ** 2 / 2)


def geman_mcclure(p, t, scale):
    z = ((p - t) / scale) ** 2
    return 2 * z / (z + 4)


def welsch(p, t, scale):
    return 1 - mp.exp(-(((p - t) / scale) ** 2) / 2)


def tukey_biweight(p, t, c):
    return c**2 / 6 * (1 - (1 - min(mpf(1), ((p - t) / c) ** 2)) ** 3)


def general_robust(p, t, alpha, scale):
    z = ((p - t) / scale) ** 2
    if alpha == 2:
        return z / 2
    if alpha == 0:
        return mp.log(z / 2 + 1)
    if mp.isinf(alpha):
        return 1 - mp.exp(-z / 2) if alpha < 0 else mp.exp(z / 2) - 1
    with mp.workdps(mp.dps + 40):  # the difference to 1 is small beside a shape of 1e12
        b = abs(alpha - 2)
        return b / alpha * ((z / b + 1) ** (alpha / 2) - 1)


def gaussian_nll(p, t, variance, epsilon, full):
    v = max(variance, mpf(epsilon))
    return (mp.log(v) + (p - t) ** 2 / v) / 2 + (mp.log(2 * mp.pi) / 2 if full else 0)


def laplace_nll(p, t, scale):
    return mp.log(2 * scale) + abs(p - t) / scale


def student_t_nll(p, t, scale, df):
    z = (p - t) / scale
    density = mp.gamma((df + 1) / 2) / mp.gamma(df / 2) / mp.sqrt(df * mp.pi) / scale
    return -mp.log(density * (1 + z * z / df) ** (-(df + 1) / 2))


def log_normal_nll(p, t, scale):
    return -mp.log(mp.npdf(mp.log(t), p, scale) / t)


def gamma_nll(p, t):
    return mp.log(p) + t / p


def gamma_log_mean(p, t):
    return gamma_nll(mp.exp(p), t)


def tweedie(p, t, power):
    return p ** (2 - power) / (2 - power) - t * p ** (1 - power) / (1 - power)


def tweedie_log_mean(p, t, power):
    return tweedie(mp.exp(p), t, power)


def negative_binomial_nll(p, t, dispersion):
    r = 1 / mpf(dispersion)
    counts = mp.loggamma(t + 1) + mp.loggamma(r) - mp.loggamma(t + r)
    return counts - r * mp.log(r / (r + p)) - t * mp.log(p / (r + p))


def crps_gaussian(p, t, scale):
    z = (t - p) / scale
    return scale * (z * (2 * mp.ncdf(z) - 1) + 2 * mp.npdf(z) - 1 / mp.sqrt(mp.pi))


def crps_ensemble(p, t, fair):
    m = len(p)
    pairs = sum(abs(a - b) for a in p for b in p) / (m * (m - 1) if fair else m * m)
    return sum(abs(a - t) for a in p) / m - pairs / 2


def jensen_shannon(p, t, beta):
    mixed = [beta * b + (1 - beta) * a for a, b in zip(p, t, strict=True)]
    of_target = sum(b * mp.log(b / m) for b, m in zip(t, mixed, strict=True) if b)
    return beta * of_target + (1 - beta) * sum(a * mp.log(a / m) for a, m in zip(p, mixed, strict=True) if a)


def total_variation(p, t):
    return sum(abs(a - b) for a, b in zip(p, t, strict=True)) / 2


def reverse_kl_divergence(p, t):
    return sum(a * mp.log(a / b) for a, b in zip(p, t, strict=True))


def generalised_kl(p, t):
    return sum((b * mp.log(b / a) if b else 0) - b + a for a, b in zip(p, t, strict=True))


ELEMENT = (
    quantile,
    expectile,
    pseudo_huber,
    charbonnier,
    cauchy,
    geman_mcclure,
    welsch,
    tukey_biweight,
    general_robust,
    gaussian_nll,
    laplace_nll,
    student_t_nll,
    log_normal_nll,
    gamma_nll,
    gamma_log_mean,
    tweedie,
    tweedie_log_mean,
    negative_binomial_nll,
    crps_gaussian,
)
ROW = (multi_quantile, crps_ensemble, jensen_shannon, total_variation, reverse_kl_divergence, generalised_kl)
WEIGHTED = ()
_SHAPES = (2.0, 0.0, -math.inf, math.inf, 1.5, 1e-7, -1e-7, 2 - 1e-9, 2 + 1e-9, -2.0, 0.5, 3.0, -1e12)
GRID: dict[str, list[dict]] = {
    "quantile": [{"level": 0.1}, {"level": 0.95}],
    "multi_quantile": [{"levels": (0.125, 0.5, 0.75)}],
    "expectile": [{"level": 0.1}, {"level": 0.95}],
    "pseudo_huber": [{"delta": 0.25}, {"delta": 2.5}],
    "charbonnier": [{"epsilon": 0.5}, {"epsilon": 1e-9}],
    "cauchy": [{"scale": 0.25}, {"scale": 2.5}],
    "geman_mcclure": [{"scale": 0.25}, {"scale": 2.5}],
    "welsch": [{"scale": 0.75}, {"scale": 2.5}],
    "tukey_biweight": [{"c": 1.5}],
    "general_robust": [*({"alpha": a} for a in _SHAPES), {"alpha": -0.5, "scale": 2.5}],
    "gaussian_nll": [{"full": True}, {"epsilon": 1.5}],
    "student_t_nll": [{"df": 0.5}, {"df": 1.0}, {"df": 1e4}],
    "tweedie": [{"power": 1.1}, {"power": 1.9}],
    "tweedie_log_mean": [{"power": 1.1}, {"power": 1.9}],
    "negative_binomial_nll": [{"dispersion": 0.01}, {"dispersion": 7.5}],
    "crps_ensemble": [{"fair": True}],
    "jensen_shannon": [{"beta": 0.1}, {"beta": 0.9}],
}
