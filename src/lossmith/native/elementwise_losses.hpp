// The elementwise losses by name. Generated from the definitions by `python -m lossmith.native.emit`; do not edit.
//
// q: the parameters, as doubles, in the order of the definition (NaN for None, 0 or 1 for a switch); u: what all
// elements share, computed from them.
#pragma once

#include <cmath>

namespace lossmith {

constexpr int most_parameters = 4, most_shared_numbers = 9;

struct ElementwiseLoss {
  const char *name, *parameters, *extra;      // parameters: their names, with commas between; extra: "" for none
  int (*formula)(const double *q, double *u); // returns the number of the formula and fills u
};

namespace formulas {

// squared_error(p, t)
inline int squared_error([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 0;
}

// absolute_error(p, t)
inline int absolute_error([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 1;
}

// huber(p, t, delta = q[0])
inline int huber([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = q[0];
  u[1] = 0.5 * q[0];
  u[2] = -q[0];
  return 2;
}

// log_cosh(p, t)
inline int log_cosh([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 3;
}

// squared_logarithmic_error(p, t)
inline int squared_logarithmic_error([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 4;
}

// absolute_percentage_error(p, t, epsilon = q[0])
inline int absolute_percentage_error([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = q[0];
  return 5;
}

// poisson(p, t, epsilon = q[0], full = q[1])
inline int poisson([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  if (q[1] != 0) {
    u[0] = q[0];
    return 6;
  }
  u[0] = q[0];
  return 7;
}

// poisson_log_rate(p, t, full = q[0])
inline int poisson_log_rate([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  if (q[0] != 0) {
    return 8;
  }
  return 9;
}

// sigmoid_cross_entropy(p, t, pos_weight = q[0], label_smoothing = q[1])
inline int sigmoid_cross_entropy([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  if (q[1] != 0.0) {
    u[0] = 1.0 - q[1];
    u[1] = q[1] / 2.0;
    u[2] = q[0];
    return 10;
  }
  u[0] = q[0];
  return 11;
}

// binary_cross_entropy(p, t, pos_weight = q[0], label_smoothing = q[1], epsilon = q[2])
inline int binary_cross_entropy([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  if (q[1] != 0.0 && q[2] != 0.0) {
    u[0] = q[2];
    u[1] = 1.0 - q[2];
    u[2] = 1.0 - q[1];
    u[3] = q[1] / 2.0;
    u[4] = q[0];
    return 12;
  }
  if (q[1] != 0.0) {
    u[0] = 1.0 - q[1];
    u[1] = q[1] / 2.0;
    u[2] = q[0];
    return 13;
  }
  if (q[2] != 0.0) {
    u[0] = q[2];
    u[1] = 1.0 - q[2];
    u[2] = q[0];
    return 14;
  }
  u[0] = q[0];
  return 15;
}

// hinge(p, t)
inline int hinge([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 16;
}

// squared_hinge(p, t)
inline int squared_hinge([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 17;
}

// sigmoid_focal(p, t, gamma = q[0], alpha = q[1], label_smoothing = q[2])
inline int sigmoid_focal([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  if (std::isnan(q[1]) && q[2] != 0.0) {
    u[0] = 1.0 - q[2];
    u[1] = q[2] / 2.0;
    u[2] = q[0];
    u[3] = q[0] * std::pow(1e-12, (q[0] - 1.0));
    return 18;
  }
  if (std::isnan(q[1])) {
    u[0] = q[0];
    u[1] = q[0] * std::pow(1e-12, (q[0] - 1.0));
    return 19;
  }
  if (q[2] != 0.0) {
    u[0] = 1.0 - q[2];
    u[1] = q[2] / 2.0;
    u[2] = q[0];
    u[3] = q[0] * std::pow(1e-12, (q[0] - 1.0));
    u[4] = q[1];
    u[5] = 1.0 - q[1];
    return 20;
  }
  u[0] = q[0];
  u[1] = q[0] * std::pow(1e-12, (q[0] - 1.0));
  u[2] = q[1];
  u[3] = 1.0 - q[1];
  return 21;
}

// binary_focal(p, t, gamma = q[0], alpha = q[1], label_smoothing = q[2], epsilon = q[3])
inline int binary_focal([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  if (std::isnan(q[1]) && q[2] != 0.0 && q[3] != 0.0) {
    u[0] = 1.0 - q[2];
    u[1] = q[2] / 2.0;
    u[2] = q[0];
    u[3] = q[3];
    u[4] = 1.0 - q[3];
    u[5] = q[0] - 1.0;
    u[6] = q[0] * std::pow(1e-12, (q[0] - 1.0));
    return 22;
  }
  if (std::isnan(q[1]) && q[2] != 0.0) {
    u[0] = 1.0 - q[2];
    u[1] = q[2] / 2.0;
    u[2] = q[0];
    u[3] = q[0] - 1.0;
    u[4] = q[0] * std::pow(1e-12, (q[0] - 1.0));
    return 23;
  }
  if (std::isnan(q[1]) && q[3] != 0.0) {
    u[0] = q[0];
    u[1] = q[3];
    u[2] = 1.0 - q[3];
    u[3] = q[0] - 1.0;
    u[4] = q[0] * std::pow(1e-12, (q[0] - 1.0));
    return 24;
  }
  if (std::isnan(q[1])) {
    u[0] = q[0];
    u[1] = q[0] - 1.0;
    u[2] = q[0] * std::pow(1e-12, (q[0] - 1.0));
    return 25;
  }
  if (q[2] != 0.0 && q[3] != 0.0) {
    u[0] = q[3];
    u[1] = 1.0 - q[3];
    u[2] = 1.0 - q[2];
    u[3] = q[2] / 2.0;
    u[4] = q[0];
    u[5] = q[0] - 1.0;
    u[6] = q[0] * std::pow(1e-12, (q[0] - 1.0));
    u[7] = q[1];
    u[8] = 1.0 - q[1];
    return 26;
  }
  if (q[2] != 0.0) {
    u[0] = 1.0 - q[2];
    u[1] = q[2] / 2.0;
    u[2] = q[0];
    u[3] = q[0] - 1.0;
    u[4] = q[0] * std::pow(1e-12, (q[0] - 1.0));
    u[5] = q[1];
    u[6] = 1.0 - q[1];
    return 27;
  }
  if (q[3] != 0.0) {
    u[0] = q[3];
    u[1] = 1.0 - q[3];
    u[2] = q[0];
    u[3] = q[0] - 1.0;
    u[4] = q[0] * std::pow(1e-12, (q[0] - 1.0));
    u[5] = q[1];
    u[6] = 1.0 - q[1];
    return 28;
  }
  u[0] = q[0];
  u[1] = q[0] - 1.0;
  u[2] = q[0] * std::pow(1e-12, (q[0] - 1.0));
  u[3] = q[1];
  u[4] = 1.0 - q[1];
  return 29;
}

// asymmetric(p, t, gamma_positive = q[0], gamma_negative = q[1], clip = q[2])
inline int asymmetric([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  if (q[2] != 0.0) {
    u[0] = q[0];
    u[1] = q[2];
    u[2] = q[1];
    u[3] = q[1] - 1.0;
    u[4] = q[0] * std::pow(1e-12, (q[0] - 1.0));
    u[5] = q[1] * std::pow(1e-12, (q[1] - 1.0));
    return 30;
  }
  u[0] = q[0];
  u[1] = q[1];
  u[2] = q[0] * std::pow(1e-12, (q[0] - 1.0));
  u[3] = q[1] * std::pow(1e-12, (q[1] - 1.0));
  return 31;
}

// soft_margin(p, t)
inline int soft_margin([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 32;
}

// exponential(p, t)
inline int exponential([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 33;
}

// perceptron(p, t)
inline int perceptron([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 34;
}

// hinge_embedding(p, t, margin = q[0])
inline int hinge_embedding([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = q[0];
  return 35;
}

// margin_ranking(p, t, other = e, margin = q[0])
inline int margin_ranking([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = q[0];
  return 36;
}

// bayesian_personalised_ranking(p, t)
inline int bayesian_personalised_ranking([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 37;
}

// simpo(p, t, beta = q[0], gamma = q[1])
inline int simpo([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = q[0];
  u[1] = q[1];
  return 38;
}

// orpo_odds_ratio(p, t)
inline int orpo_odds_ratio([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 39;
}

// kto(p, t, beta = q[0], reference_point = q[1], desirable_weight = q[2], undesirable_weight = q[3])
inline int kto([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = -q[0];
  u[1] = q[1];
  u[2] = q[0];
  u[3] = q[2];
  u[4] = q[3];
  return 40;
}

// bradley_terry(p, t, margin = q[0])
inline int bradley_terry([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = q[0];
  return 41;
}

// quantile(p, t, level = q[0])
inline int quantile([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = q[0];
  u[1] = 1.0 - q[0];
  return 42;
}

// expectile(p, t, level = q[0])
inline int expectile([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = q[0];
  u[1] = 1.0 - q[0];
  u[2] = 2.0 * (1.0 - q[0]);
  u[3] = 2.0 * q[0];
  return 43;
}

// pseudo_huber(p, t, delta = q[0])
inline int pseudo_huber([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = q[0];
  u[1] = q[0] * q[0];
  return 44;
}

// charbonnier(p, t, epsilon = q[0])
inline int charbonnier([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = q[0];
  return 45;
}

// cauchy(p, t, scale = q[0])
inline int cauchy([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = 1.4142135623730951 * q[0];
  u[1] = 2.0 / (1.4142135623730951 * q[0]);
  return 46;
}

// geman_mcclure(p, t, scale = q[0])
inline int geman_mcclure([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = 2.0 * q[0];
  u[1] = 2.0 / q[0];
  return 47;
}

// welsch(p, t, scale = q[0])
inline int welsch([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = q[0];
  return 48;
}

// tukey_biweight(p, t, c = q[0])
inline int tukey_biweight([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = q[0];
  u[1] = (q[0] * q[0]) / 6.0;
  return 49;
}

// general_robust(p, t, alpha = q[0], scale = q[1])
inline int general_robust([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  if (q[0] == 2.0) {
    u[0] = q[1];
    return 50;
  }
  if (q[0] == 1.0) {
    u[0] = q[1];
    return 51;
  }
  if (q[0] == 0.0) {
    u[0] = 1.4142135623730951 * q[1];
    u[1] = 2.0 / (1.4142135623730951 * q[1]);
    return 52;
  }
  if (q[0] < -1e+16) {
    u[0] = q[1];
    return 53;
  }
  if (q[0] > 1e+16) {
    u[0] = q[1];
    return 54;
  }
  if (q[0] > 1.0 && q[0] < 0.0) {
    u[0] = q[1];
    u[1] = std::sqrt(std::fabs((q[0] - 2.0)));
    u[2] = (0.5 * q[0]) - 1.0;
    u[3] = std::fabs((q[0] - 2.0));
    u[4] = q[0];
    return 55;
  }
  if (q[0] > 1.0) {
    u[0] = q[1];
    u[1] = std::sqrt(std::fabs((q[0] - 2.0)));
    u[2] = (0.5 * q[0]) - 1.0;
    u[3] = std::fabs((q[0] - 2.0));
    u[4] = q[0];
    return 56;
  }
  if (std::fabs(q[0]) > 0.0001 && q[0] < 0.0) {
    u[0] = q[1];
    u[1] = std::sqrt(std::fabs((q[0] - 2.0)));
    u[2] = 0.5 * q[0];
    u[3] = (q[0] - 2.0) / q[0];
    u[4] = std::fabs((q[0] - 2.0)) / q[0];
    u[5] = std::sqrt(std::fabs((q[0] - 2.0))) / q[1];
    return 57;
  }
  if (std::fabs(q[0]) > 0.0001) {
    u[0] = q[1];
    u[1] = std::sqrt(std::fabs((q[0] - 2.0)));
    u[2] = 0.5 * q[0];
    u[3] = std::fabs((q[0] - 2.0)) / q[0];
    u[4] = std::sqrt(std::fabs((q[0] - 2.0))) / q[1];
    return 58;
  }
  if (q[0] < 0.0) {
    u[0] = q[1];
    u[1] = std::sqrt(std::fabs((q[0] - 2.0)));
    u[2] = 0.5 * q[0];
    u[3] = (q[0] - 2.0) / q[0];
    u[4] = 0.5 * std::fabs((q[0] - 2.0));
    u[5] = std::sqrt(std::fabs((q[0] - 2.0))) / q[1];
    return 59;
  }
  u[0] = q[1];
  u[1] = std::sqrt(std::fabs((q[0] - 2.0)));
  u[2] = 0.5 * q[0];
  u[3] = 0.5 * std::fabs((q[0] - 2.0));
  u[4] = std::sqrt(std::fabs((q[0] - 2.0))) / q[1];
  return 60;
}

// gaussian_nll(p, t, variance = e, epsilon = q[0], full = q[1])
inline int gaussian_nll([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  if (q[1] != 0) {
    u[0] = q[0];
    return 61;
  }
  u[0] = q[0];
  return 62;
}

// laplace_nll(p, t, scale = e)
inline int laplace_nll([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 63;
}

// student_t_nll(p, t, scale = e, df = q[0])
inline int student_t_nll([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = std::pow(q[0], 0.5);
  u[1] = (0.5 * std::log((3.141592653589793 * q[0]))) - ((((((((((((((0.5 * std::log((8.0 + (0.5 * q[0])))) + (-0.125 / std::pow((8.0 + (0.5 * q[0])), 1.0))) + (0.005208333333333333 / std::pow((8.0 + (0.5 * q[0])), 3.0))) + (-0.0015625 / std::pow((8.0 + (0.5 * q[0])), 5.0))) + (0.0011858258928571428 / std::pow((8.0 + (0.5 * q[0])), 7.0))) + (-0.001681857638888889 / std::pow((8.0 + (0.5 * q[0])), 9.0))) + std::log(((0.0 + (0.5 * q[0])) / (0.5 + (0.0 + (0.5 * q[0])))))) + std::log(((1.0 + (0.5 * q[0])) / (0.5 + (1.0 + (0.5 * q[0])))))) + std::log(((2.0 + (0.5 * q[0])) / (0.5 + (2.0 + (0.5 * q[0])))))) + std::log(((3.0 + (0.5 * q[0])) / (0.5 + (3.0 + (0.5 * q[0])))))) + std::log(((4.0 + (0.5 * q[0])) / (0.5 + (4.0 + (0.5 * q[0])))))) + std::log(((5.0 + (0.5 * q[0])) / (0.5 + (5.0 + (0.5 * q[0])))))) + std::log(((6.0 + (0.5 * q[0])) / (0.5 + (6.0 + (0.5 * q[0])))))) + std::log(((7.0 + (0.5 * q[0])) / (0.5 + (7.0 + (0.5 * q[0]))))));
  u[2] = 0.5 * (1.0 + q[0]);
  u[3] = 1.0 + q[0];
  return 64;
}

// log_normal_nll(p, t, scale = e)
inline int log_normal_nll([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 65;
}

// gamma_nll(p, t)
inline int gamma_nll([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 66;
}

// gamma_log_mean(p, t)
inline int gamma_log_mean([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  return 67;
}

// tweedie(p, t, power = q[0])
inline int tweedie([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = 2.0 - q[0];
  u[1] = 1.0 - q[0];
  u[2] = q[0] - 1.0;
  return 68;
}

// tweedie_log_mean(p, t, power = q[0])
inline int tweedie_log_mean([[maybe_unused]] const double *q, [[maybe_unused]] double *u) {
  u[0] = 2.0 - q[0];
  u[1] = 1.0 - q[0];
  u[2] = q[0] - 1.0;
  return 69;
}

} // namespace formulas

constexpr ElementwiseLoss elementwise_losses[] = {
    {"squared_error", "", "", formulas::squared_error},
    {"absolute_error", "", "", formulas::absolute_error},
    {"huber", "delta", "", formulas::huber},
    {"log_cosh", "", "", formulas::log_cosh},
    {"squared_logarithmic_error", "", "", formulas::squared_logarithmic_error},
    {"absolute_percentage_error", "epsilon", "", formulas::absolute_percentage_error},
    {"poisson", "epsilon,full", "", formulas::poisson},
    {"poisson_log_rate", "full", "", formulas::poisson_log_rate},
    {"sigmoid_cross_entropy", "pos_weight,label_smoothing", "", formulas::sigmoid_cross_entropy},
    {"binary_cross_entropy", "pos_weight,label_smoothing,epsilon", "", formulas::binary_cross_entropy},
    {"hinge", "", "", formulas::hinge},
    {"squared_hinge", "", "", formulas::squared_hinge},
    {"sigmoid_focal", "gamma,alpha,label_smoothing", "", formulas::sigmoid_focal},
    {"binary_focal", "gamma,alpha,label_smoothing,epsilon", "", formulas::binary_focal},
    {"asymmetric", "gamma_positive,gamma_negative,clip", "", formulas::asymmetric},
    {"soft_margin", "", "", formulas::soft_margin},
    {"exponential", "", "", formulas::exponential},
    {"perceptron", "", "", formulas::perceptron},
    {"hinge_embedding", "margin", "", formulas::hinge_embedding},
    {"margin_ranking", "margin", "other", formulas::margin_ranking},
    {"bayesian_personalised_ranking", "", "", formulas::bayesian_personalised_ranking},
    {"simpo", "beta,gamma", "", formulas::simpo},
    {"orpo_odds_ratio", "", "", formulas::orpo_odds_ratio},
    {"kto", "beta,reference_point,desirable_weight,undesirable_weight", "", formulas::kto},
    {"bradley_terry", "margin", "", formulas::bradley_terry},
    {"quantile", "level", "", formulas::quantile},
    {"expectile", "level", "", formulas::expectile},
    {"pseudo_huber", "delta", "", formulas::pseudo_huber},
    {"charbonnier", "epsilon", "", formulas::charbonnier},
    {"cauchy", "scale", "", formulas::cauchy},
    {"geman_mcclure", "scale", "", formulas::geman_mcclure},
    {"welsch", "scale", "", formulas::welsch},
    {"tukey_biweight", "c", "", formulas::tukey_biweight},
    {"general_robust", "alpha,scale", "", formulas::general_robust},
    {"gaussian_nll", "epsilon,full", "variance", formulas::gaussian_nll},
    {"laplace_nll", "", "scale", formulas::laplace_nll},
    {"student_t_nll", "df", "scale", formulas::student_t_nll},
    {"log_normal_nll", "", "scale", formulas::log_normal_nll},
    {"gamma_nll", "", "", formulas::gamma_nll},
    {"gamma_log_mean", "", "", formulas::gamma_log_mean},
    {"tweedie", "power", "", formulas::tweedie},
    {"tweedie_log_mean", "power", "", formulas::tweedie_log_mean},
};

} // namespace lossmith
