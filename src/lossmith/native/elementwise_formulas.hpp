// The elementwise losses on lanes. Generated from the definitions by `python -m lossmith.native.emit`; do not edit.
//
// p: prediction, t: target, e: the extra array of a loss that has one; u: the numbers that all elements share, which
// are in elementwise_losses.hpp.
#pragma once

#include "elementwise_math.hpp"

// Not every formula reads all of its arguments.
#define LOSSMITH_BOTH \
  LOSSMITH_INLINE static void both([[maybe_unused]] const T *u, [[maybe_unused]] V p, [[maybe_unused]] V t, \
                                   [[maybe_unused]] V e, V &value, V &gradient)

namespace lossmith {
namespace formulas {

template <typename T> LOSSMITH_INLINE Lanes<T> all(T x) { return broadcast<T>(x); }

// squared_error(p, t)
template <typename T> struct SquaredError {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = p - t;
    value = x0 * x0;
    gradient = x0 * all(T(2.0));
  }
};

// absolute_error(p, t)
template <typename T> struct AbsoluteError {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = p - t;
    value = magnitude<T>(x0);
    gradient = sign<T>(x0);
  }
};

// huber(p, t, delta = q[0])
template <typename T> struct Huber {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = p - t;
    const V x1 = magnitude<T>(x0);
    const V x2 = at_most<T>(x1, all(u[0]));
    const V x3 = (x1 <= all(u[0])) ? (x2 * (x2 * all(T(0.5)))) : (all(u[0]) * (x1 - all(u[1])));
    value = x3;
    const V x5 = at_most<T>(at_least<T>(x0, all(u[2])), all(u[0]));
    gradient = x5;
  }
};

// log_cosh(p, t)
template <typename T> struct LogCosh {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = p - t;
    const V x1 = magnitude<T>(x0);
    const V x2 = hyperbolic_tangent<T>(x0);
    const V x3 = at_least<T>(x2, all(T(-0.7615941559557649)));
    const V x4 = at_most<T>(x3, all(T(0.7615941559557649)));
    const V x5 = log_one_plus_near<T>(x4 * (-x4)) * all(T(-0.5));
    const V x6 = at_least<T>(x1, all(T(1.0)));
    const V x7 = log_one_plus_near<T>(exponential<T>(x6 * all(T(-2.0))));
    const V x8 = (x1 < all(T(1.0))) ? x5 : ((x6 + x7) - all(T(0.6931471805599453)));
    value = x8;
    gradient = x2;
  }
};

// squared_logarithmic_error(p, t)
template <typename T> struct SquaredLogarithmicError {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = log_one_plus<T>(p) - log_one_plus<T>(t);
    value = x0 * x0;
    gradient = (x0 * all(T(2.0))) / (p + all(T(1.0)));
  }
};

// absolute_percentage_error(p, t, epsilon = q[0])
template <typename T> struct AbsolutePercentageError {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = p - t;
    const V x1 = at_least<T>(magnitude<T>(t), all(u[0]));
    const V x2 = (magnitude<T>(x0) / x1) * all(T(100.0));
    value = x2;
    gradient = all(T(100.0)) * (sign<T>(x0) / x1);
  }
};

// poisson(p, t, epsilon = q[0], full = q[1])
template <typename T> struct Poisson0 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const auto m0 = t == all(T(0.0));
    const V x1 = p + all(u[0]);
    const auto m2 = x1 == all(T(0.0));
    const auto m3 = magnitude<T>(x1) == all(T(infinity<double>));
    const V x4 = logarithm<T>((m0 & (m2 | m3)) ? all(T(1.0)) : x1);
    const V x5 = at_least<T>(t, all(T(1.0)));
    const V x6 = logarithm<T>(x5 * all(T(6.283185307179586)));
    const V x7 = ((x5 * logarithm<T>(x5)) - x5) + (x6 * all(T(0.5)));
    const V x8 = (p - (t * x4)) + ((t > all(T(1.0))) ? x7 : all(T(0.0)));
    value = x8;
    const V x10 = all(T(1.0)) - (t / ((m0 & m2) ? all(T(1.0)) : x1));
    gradient = x10;
  }
};
template <typename T> struct Poisson1 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const auto m0 = t == all(T(0.0));
    const V x1 = p + all(u[0]);
    const auto m2 = x1 == all(T(0.0));
    const auto m3 = magnitude<T>(x1) == all(T(infinity<double>));
    const V x4 = logarithm<T>((m0 & (m2 | m3)) ? all(T(1.0)) : x1);
    value = p - (t * x4);
    const V x6 = all(T(1.0)) - (t / ((m0 & m2) ? all(T(1.0)) : x1));
    gradient = x6;
  }
};

// poisson_log_rate(p, t, full = q[0])
template <typename T> struct PoissonLogRate0 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = exponential<T>(p);
    const auto m1 = magnitude<T>(p) == all(T(infinity<double>));
    const V x2 = ((t == all(T(0.0))) & m1) ? all(T(0.0)) : p;
    const V x3 = at_least<T>(t, all(T(1.0)));
    const V x4 = logarithm<T>(x3 * all(T(6.283185307179586)));
    const V x5 = ((x3 * logarithm<T>(x3)) - x3) + (x4 * all(T(0.5)));
    const V x6 = (x0 - (t * x2)) + ((t > all(T(1.0))) ? x5 : all(T(0.0)));
    value = x6;
    gradient = x0 - t;
  }
};
template <typename T> struct PoissonLogRate1 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = exponential<T>(p);
    const auto m1 = magnitude<T>(p) == all(T(infinity<double>));
    const V x2 = ((t == all(T(0.0))) & m1) ? all(T(0.0)) : p;
    value = x0 - (t * x2);
    gradient = x0 - t;
  }
};

// sigmoid_cross_entropy(p, t, pos_weight = q[0], label_smoothing = q[1])
template <typename T> struct SigmoidCrossEntropy0 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = -p;
    const V x2 = exponential<T>(-magnitude<T>(p));
    const V x3 = log_one_plus_near<T>(x2);
    const V x4 = at_least<T>(x1, all(T(0.0))) + x3;
    const auto m5 = magnitude<T>(x4) == all(T(infinity<double>));
    const V x6 = ((x0 == all(T(0.0))) & m5) ? all(T(0.0)) : x4;
    const V x7 = all(T(1.0)) - x0;
    const V x8 = x3 + at_least<T>(p, all(T(0.0)));
    const auto m9 = magnitude<T>(x8) == all(T(infinity<double>));
    const V x10 = ((x7 == all(T(0.0))) & m9) ? all(T(0.0)) : x8;
    value = ((x0 * x6) * all(u[2])) + (x7 * x10);
    const V x12 = all(T(1.0)) / (x2 + all(T(1.0)));
    const V x13 = x2 * x12;
    const V x14 = (x0 * all(u[2])) * ((x1 >= all(T(0.0))) ? x12 : x13);
    const V x15 = (x7 * ((p >= all(T(0.0))) ? x12 : x13)) - x14;
    gradient = x15;
  }
};
template <typename T> struct SigmoidCrossEntropy1 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = -p;
    const V x1 = exponential<T>(-magnitude<T>(p));
    const V x2 = log_one_plus_near<T>(x1);
    const V x3 = at_least<T>(x0, all(T(0.0))) + x2;
    const auto m4 = magnitude<T>(x3) == all(T(infinity<double>));
    const V x5 = (m4 & (t == all(T(0.0)))) ? all(T(0.0)) : x3;
    const V x6 = all(T(1.0)) - t;
    const V x7 = x2 + at_least<T>(p, all(T(0.0)));
    const auto m8 = magnitude<T>(x7) == all(T(infinity<double>));
    const V x9 = (m8 & (x6 == all(T(0.0)))) ? all(T(0.0)) : x7;
    value = (all(u[0]) * (t * x5)) + (x6 * x9);
    const V x11 = all(T(1.0)) / (x1 + all(T(1.0)));
    const V x12 = x1 * x11;
    const V x13 = ((x0 >= all(T(0.0))) ? x11 : x12) * (t * all(u[0]));
    const V x14 = (((p >= all(T(0.0))) ? x11 : x12) * x6) - x13;
    gradient = x14;
  }
};

// binary_cross_entropy(p, t, pos_weight = q[0], label_smoothing = q[1], epsilon = q[2])
template <typename T> struct BinaryCrossEntropy0 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = x0 * all(u[2]);
    const V x2 = at_most<T>(at_least<T>(p, all(u[3])), all(u[4]));
    const auto m3 = x2 > all(T(1e-12));
    const V x4 = at_least<T>(logarithm<T>(x2), all(T(-100.0)));
    const V x5 = m3 ? logarithm<T>(m3 ? x2 : all(T(1.0))) : (x4 + ((x2 - x2) / all(T(1e-12))));
    const V x6 = all(T(1.0)) - x0;
    const V x7 = all(T(1.0)) - x2;
    const auto m8 = x7 > all(T(1e-12));
    const V x9 = at_least<T>(logarithm<T>(x7), all(T(-100.0)));
    const V x10 = m8 ? logarithm<T>(m8 ? x7 : all(T(1.0))) : (x9 + ((x7 - x7) / all(T(1e-12))));
    value = -((x1 * x5) + (x6 * x10));
    const V x12 = at_least<T>(all(T(1.0)) - p, all(T(1e-12)));
    const V x13 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x14 = (x6 * (all(T(1.0)) / x12)) - (x1 * x13);
    const V x15 = ((p < all(u[3])) | (p > all(u[4]))) ? all(T(0.0)) : x14;
    gradient = x15;
  }
};
template <typename T> struct BinaryCrossEntropy1 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = x0 * all(u[2]);
    const auto m2 = p > all(T(1e-12));
    const V x3 = at_least<T>(logarithm<T>(p), all(T(-100.0)));
    const V x4 = m2 ? logarithm<T>(m2 ? p : all(T(1.0))) : (x3 + ((p - p) / all(T(1e-12))));
    const V x5 = all(T(1.0)) - x0;
    const V x6 = all(T(1.0)) - p;
    const auto m7 = x6 > all(T(1e-12));
    const V x8 = at_least<T>(logarithm<T>(x6), all(T(-100.0)));
    const V x9 = m7 ? logarithm<T>(m7 ? x6 : all(T(1.0))) : (x8 + ((x6 - x6) / all(T(1e-12))));
    value = -((x1 * x4) + (x5 * x9));
    const V x11 = all(T(1.0)) / at_least<T>(x6, all(T(1e-12)));
    const V x12 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    gradient = (x5 * x11) - (x1 * x12);
  }
};
template <typename T> struct BinaryCrossEntropy2 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = at_most<T>(at_least<T>(p, all(u[0])), all(u[1]));
    const auto m1 = x0 > all(T(1e-12));
    const V x2 = at_least<T>(logarithm<T>(x0), all(T(-100.0)));
    const V x3 = m1 ? logarithm<T>(m1 ? x0 : all(T(1.0))) : (x2 + ((x0 - x0) / all(T(1e-12))));
    const V x4 = t * all(u[2]);
    const V x5 = all(T(1.0)) - x0;
    const auto m6 = x5 > all(T(1e-12));
    const V x7 = at_least<T>(logarithm<T>(x5), all(T(-100.0)));
    const V x8 = m6 ? logarithm<T>(m6 ? x5 : all(T(1.0))) : (x7 + ((x5 - x5) / all(T(1e-12))));
    const V x9 = all(T(1.0)) - t;
    value = -((x3 * x4) + (x8 * x9));
    const V x11 = at_least<T>(all(T(1.0)) - p, all(T(1e-12)));
    const V x12 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x13 = ((all(T(1.0)) / x11) * x9) - (x12 * x4);
    const V x14 = ((p < all(u[0])) | (p > all(u[1]))) ? all(T(0.0)) : x13;
    gradient = x14;
  }
};
template <typename T> struct BinaryCrossEntropy3 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const auto m0 = p > all(T(1e-12));
    const V x1 = at_least<T>(logarithm<T>(p), all(T(-100.0)));
    const V x2 = m0 ? logarithm<T>(m0 ? p : all(T(1.0))) : (x1 + ((p - p) / all(T(1e-12))));
    const V x3 = t * all(u[0]);
    const V x4 = all(T(1.0)) - p;
    const auto m5 = x4 > all(T(1e-12));
    const V x6 = at_least<T>(logarithm<T>(x4), all(T(-100.0)));
    const V x7 = m5 ? logarithm<T>(m5 ? x4 : all(T(1.0))) : (x6 + ((x4 - x4) / all(T(1e-12))));
    const V x8 = all(T(1.0)) - t;
    value = -((x2 * x3) + (x7 * x8));
    const V x10 = all(T(1.0)) / at_least<T>(x4, all(T(1e-12)));
    const V x11 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    gradient = (x10 * x8) - (x11 * x3);
  }
};

// hinge(p, t)
template <typename T> struct Hinge {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = all(T(1.0)) - (p * t);
    value = at_least<T>(x0, all(T(0.0)));
    const V x2 = (x0 > all(T(0.0))) ? (-t) : (t * all(T(0.0)));
    gradient = (x0 != x0) ? x0 : x2;
  }
};

// squared_hinge(p, t)
template <typename T> struct SquaredHinge {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = at_least<T>(all(T(1.0)) - (p * t), all(T(0.0)));
    value = x0 * x0;
    gradient = x0 * (t * all(T(-2.0)));
  }
};

// sigmoid_focal(p, t, gamma = q[0], alpha = q[1], label_smoothing = q[2])
template <typename T> struct SigmoidFocal0 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = -p;
    const V x2 = exponential<T>(-magnitude<T>(p));
    const V x3 = all(T(1.0)) / (x2 + all(T(1.0)));
    const V x4 = x2 * x3;
    const V x5 = (x1 >= all(T(0.0))) ? x3 : x4;
    const V x6 = x0 * x5;
    const V x7 = (p >= all(T(0.0))) ? x3 : x4;
    const V x8 = all(T(1.0)) - x0;
    const V x9 = x7 * x8;
    const V x10 = x6 + x9;
    const auto m11 = x10 > all(T(1e-12));
    const V x12 = power<T>((m11 ? x10 : all(T(1.0))), u[2]);
    const V x13 = power<T>(x10, u[2]) + ((x10 - x10) * all(u[3]));
    const V x14 = m11 ? x12 : x13;
    const V x15 = log_one_plus_near<T>(x2);
    const V x16 = at_least<T>(x1, all(T(0.0))) + x15;
    const auto m17 = magnitude<T>(x16) == all(T(infinity<double>));
    const V x18 = ((x0 == all(T(0.0))) & m17) ? all(T(0.0)) : x16;
    const V x19 = x15 + at_least<T>(p, all(T(0.0)));
    const auto m20 = magnitude<T>(x19) == all(T(infinity<double>));
    const V x21 = ((x8 == all(T(0.0))) & m20) ? all(T(0.0)) : x19;
    const V x22 = (x0 * x18) + (x8 * x21);
    const auto m23 = magnitude<T>(x22) == all(T(infinity<double>));
    const V x24 = ((x14 == all(T(0.0))) & m23) ? all(T(0.0)) : x22;
    value = x14 * x24;
    const V x26 = x7 * (all(T(1.0)) - (x0 * all(T(2.0))));
    const V x27 = x5 * x26;
    const auto m28 = (x27 == all(T(0.0))) & (x10 == all(T(0.0)));
    const V x29 = x27 / (m28 ? all(T(1.0)) : x10);
    const V x30 = (m23 & (x29 == all(T(0.0)))) ? all(T(0.0)) : x22;
    const V x31 = x14 * (((x29 * x30) * all(u[2])) + (x9 - x6));
    gradient = x31;
  }
};
template <typename T> struct SigmoidFocal1 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = -p;
    const V x1 = exponential<T>(-magnitude<T>(p));
    const V x2 = all(T(1.0)) / (x1 + all(T(1.0)));
    const V x3 = x1 * x2;
    const V x4 = (x0 >= all(T(0.0))) ? x2 : x3;
    const V x5 = t * x4;
    const V x6 = (p >= all(T(0.0))) ? x2 : x3;
    const V x7 = all(T(1.0)) - t;
    const V x8 = x6 * x7;
    const V x9 = x5 + x8;
    const auto m10 = x9 > all(T(1e-12));
    const V x11 = power<T>(x9, u[0]) + (all(u[1]) * (x9 - x9));
    const V x12 = m10 ? power<T>((m10 ? x9 : all(T(1.0))), u[0]) : x11;
    const V x13 = log_one_plus_near<T>(x1);
    const V x14 = at_least<T>(x0, all(T(0.0))) + x13;
    const auto m15 = magnitude<T>(x14) == all(T(infinity<double>));
    const V x16 = (m15 & (t == all(T(0.0)))) ? all(T(0.0)) : x14;
    const V x17 = x13 + at_least<T>(p, all(T(0.0)));
    const auto m18 = magnitude<T>(x17) == all(T(infinity<double>));
    const V x19 = (m18 & (x7 == all(T(0.0)))) ? all(T(0.0)) : x17;
    const V x20 = (t * x16) + (x7 * x19);
    const auto m21 = magnitude<T>(x20) == all(T(infinity<double>));
    const V x22 = ((x12 == all(T(0.0))) & m21) ? all(T(0.0)) : x20;
    value = x12 * x22;
    const V x24 = x4 * (x6 * (all(T(1.0)) - (t * all(T(2.0)))));
    const auto m25 = (x24 == all(T(0.0))) & (x9 == all(T(0.0)));
    const V x26 = x24 / (m25 ? all(T(1.0)) : x9);
    const V x27 = (m21 & (x26 == all(T(0.0)))) ? all(T(0.0)) : x20;
    const V x28 = x12 * ((all(u[0]) * (x26 * x27)) + (x8 - x5));
    gradient = x28;
  }
};
template <typename T> struct SigmoidFocal2 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = -p;
    const V x2 = exponential<T>(-magnitude<T>(p));
    const V x3 = all(T(1.0)) / (x2 + all(T(1.0)));
    const V x4 = x2 * x3;
    const V x5 = (x1 >= all(T(0.0))) ? x3 : x4;
    const V x6 = x0 * x5;
    const V x7 = (p >= all(T(0.0))) ? x3 : x4;
    const V x8 = all(T(1.0)) - x0;
    const V x9 = x7 * x8;
    const V x10 = x6 + x9;
    const auto m11 = x10 > all(T(1e-12));
    const V x12 = power<T>((m11 ? x10 : all(T(1.0))), u[2]);
    const V x13 = power<T>(x10, u[2]) + ((x10 - x10) * all(u[3]));
    const V x14 = m11 ? x12 : x13;
    const V x15 = log_one_plus_near<T>(x2);
    const V x16 = at_least<T>(x1, all(T(0.0))) + x15;
    const auto m17 = magnitude<T>(x16) == all(T(infinity<double>));
    const V x18 = ((x0 == all(T(0.0))) & m17) ? all(T(0.0)) : x16;
    const V x19 = x15 + at_least<T>(p, all(T(0.0)));
    const auto m20 = magnitude<T>(x19) == all(T(infinity<double>));
    const V x21 = ((x8 == all(T(0.0))) & m20) ? all(T(0.0)) : x19;
    const V x22 = (x0 * x18) + (x8 * x21);
    const auto m23 = magnitude<T>(x22) == all(T(infinity<double>));
    const V x24 = ((x14 == all(T(0.0))) & m23) ? all(T(0.0)) : x22;
    const V x25 = (x0 * all(u[4])) + (x8 * all(u[5]));
    value = (x14 * x24) * x25;
    const V x27 = x7 * (all(T(1.0)) - (x0 * all(T(2.0))));
    const V x28 = x5 * x27;
    const auto m29 = (x28 == all(T(0.0))) & (x10 == all(T(0.0)));
    const V x30 = x28 / (m29 ? all(T(1.0)) : x10);
    const V x31 = (m23 & (x30 == all(T(0.0)))) ? all(T(0.0)) : x22;
    const V x32 = (((x30 * x31) * all(u[2])) + (x9 - x6)) * (x14 * x25);
    gradient = x32;
  }
};
template <typename T> struct SigmoidFocal3 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = -p;
    const V x1 = exponential<T>(-magnitude<T>(p));
    const V x2 = all(T(1.0)) / (x1 + all(T(1.0)));
    const V x3 = x1 * x2;
    const V x4 = (x0 >= all(T(0.0))) ? x2 : x3;
    const V x5 = t * x4;
    const V x6 = (p >= all(T(0.0))) ? x2 : x3;
    const V x7 = all(T(1.0)) - t;
    const V x8 = x6 * x7;
    const V x9 = x5 + x8;
    const auto m10 = x9 > all(T(1e-12));
    const V x11 = power<T>(x9, u[0]) + (all(u[1]) * (x9 - x9));
    const V x12 = m10 ? power<T>((m10 ? x9 : all(T(1.0))), u[0]) : x11;
    const V x13 = log_one_plus_near<T>(x1);
    const V x14 = at_least<T>(x0, all(T(0.0))) + x13;
    const auto m15 = magnitude<T>(x14) == all(T(infinity<double>));
    const V x16 = (m15 & (t == all(T(0.0)))) ? all(T(0.0)) : x14;
    const V x17 = x13 + at_least<T>(p, all(T(0.0)));
    const auto m18 = magnitude<T>(x17) == all(T(infinity<double>));
    const V x19 = (m18 & (x7 == all(T(0.0)))) ? all(T(0.0)) : x17;
    const V x20 = (t * x16) + (x7 * x19);
    const auto m21 = magnitude<T>(x20) == all(T(infinity<double>));
    const V x22 = ((x12 == all(T(0.0))) & m21) ? all(T(0.0)) : x20;
    const V x23 = (t * all(u[2])) + (x7 * all(u[3]));
    value = (x12 * x22) * x23;
    const V x25 = x4 * (x6 * (all(T(1.0)) - (t * all(T(2.0)))));
    const auto m26 = (x25 == all(T(0.0))) & (x9 == all(T(0.0)));
    const V x27 = x25 / (m26 ? all(T(1.0)) : x9);
    const V x28 = (m21 & (x27 == all(T(0.0)))) ? all(T(0.0)) : x20;
    const V x29 = ((all(u[0]) * (x27 * x28)) + (x8 - x5)) * (x12 * x23);
    gradient = x29;
  }
};

// binary_focal(p, t, gamma = q[0], alpha = q[1], label_smoothing = q[2], epsilon = q[3])
template <typename T> struct BinaryFocal0 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = all(T(1.0)) - p;
    const V x2 = all(T(1.0)) - x0;
    const V x3 = (x0 * x1) + (p * x2);
    const auto m4 = x3 > all(T(1e-12));
    const V x5 = power<T>(x3, u[2]) + ((x3 - x3) * all(u[3]));
    const V x6 = m4 ? power<T>((m4 ? x3 : all(T(1.0))), u[2]) : x5;
    const V x7 = at_most<T>(at_least<T>(p, all(u[4])), all(u[5]));
    const auto m8 = x7 > all(T(1e-12));
    const V x9 = at_least<T>(logarithm<T>(x7), all(T(-100.0)));
    const V x10 = m8 ? logarithm<T>(m8 ? x7 : all(T(1.0))) : (x9 + ((x7 - x7) / all(T(1e-12))));
    const V x11 = all(T(1.0)) - x7;
    const auto m12 = x11 > all(T(1e-12));
    const V x13 = at_least<T>(logarithm<T>(x11), all(T(-100.0)));
    const V x14 = m12 ? logarithm<T>(m12 ? x11 : all(T(1.0))) : (x13 + ((x11 - x11) / all(T(1e-12))));
    const V x15 = -((x0 * x10) + (x2 * x14));
    value = x6 * x15;
    const V x17 = power<T>(at_least<T>(x3, all(T(1e-12))), u[6]);
    const V x18 = (x17 * all(u[2])) * (all(T(1.0)) - (x0 * all(T(2.0))));
    const V x19 = all(T(1.0)) / at_least<T>(x1, all(T(1e-12)));
    const V x20 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x21 = ((p < all(u[4])) | (p > all(u[5]))) ? all(T(0.0)) : ((x2 * x19) - (x0 * x20));
    gradient = (x15 * x18) + (x6 * x21);
  }
};
template <typename T> struct BinaryFocal1 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = all(T(1.0)) - p;
    const V x2 = all(T(1.0)) - x0;
    const V x3 = (x0 * x1) + (p * x2);
    const auto m4 = x3 > all(T(1e-12));
    const V x5 = power<T>(x3, u[2]) + ((x3 - x3) * all(u[3]));
    const V x6 = m4 ? power<T>((m4 ? x3 : all(T(1.0))), u[2]) : x5;
    const auto m7 = p > all(T(1e-12));
    const V x8 = at_least<T>(logarithm<T>(p), all(T(-100.0)));
    const V x9 = m7 ? logarithm<T>(m7 ? p : all(T(1.0))) : (x8 + ((p - p) / all(T(1e-12))));
    const auto m10 = x1 > all(T(1e-12));
    const V x11 = at_least<T>(logarithm<T>(x1), all(T(-100.0)));
    const V x12 = m10 ? logarithm<T>(m10 ? x1 : all(T(1.0))) : (x11 + ((x1 - x1) / all(T(1e-12))));
    const V x13 = -((x0 * x9) + (x2 * x12));
    value = x6 * x13;
    const V x15 = power<T>(at_least<T>(x3, all(T(1e-12))), u[4]);
    const V x16 = (x15 * all(u[2])) * (all(T(1.0)) - (x0 * all(T(2.0))));
    const V x17 = all(T(1.0)) / at_least<T>(x1, all(T(1e-12)));
    const V x18 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x19 = (x16 * x13) + (x6 * ((x2 * x17) - (x0 * x18)));
    gradient = x19;
  }
};
template <typename T> struct BinaryFocal2 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = all(T(1.0)) - p;
    const V x1 = all(T(1.0)) - t;
    const V x2 = (t * x0) + (p * x1);
    const auto m3 = x2 > all(T(1e-12));
    const V x4 = power<T>(x2, u[0]) + (all(u[1]) * (x2 - x2));
    const V x5 = m3 ? power<T>((m3 ? x2 : all(T(1.0))), u[0]) : x4;
    const V x6 = at_most<T>(at_least<T>(p, all(u[2])), all(u[3]));
    const auto m7 = x6 > all(T(1e-12));
    const V x8 = at_least<T>(logarithm<T>(x6), all(T(-100.0)));
    const V x9 = m7 ? logarithm<T>(m7 ? x6 : all(T(1.0))) : (x8 + ((x6 - x6) / all(T(1e-12))));
    const V x10 = all(T(1.0)) - x6;
    const auto m11 = x10 > all(T(1e-12));
    const V x12 = at_least<T>(logarithm<T>(x10), all(T(-100.0)));
    const V x13 = m11 ? logarithm<T>(m11 ? x10 : all(T(1.0))) : (x12 + ((x10 - x10) / all(T(1e-12))));
    const V x14 = -((t * x9) + (x13 * x1));
    value = x5 * x14;
    const V x16 = power<T>(at_least<T>(x2, all(T(1e-12))), u[4]);
    const V x17 = (all(u[0]) * x16) * (all(T(1.0)) - (t * all(T(2.0))));
    const V x18 = all(T(1.0)) / at_least<T>(x0, all(T(1e-12)));
    const V x19 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x20 = ((p < all(u[2])) | (p > all(u[3]))) ? all(T(0.0)) : ((x18 * x1) - (t * x19));
    gradient = (x14 * x17) + (x5 * x20);
  }
};
template <typename T> struct BinaryFocal3 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = all(T(1.0)) - p;
    const V x1 = all(T(1.0)) - t;
    const V x2 = (t * x0) + (p * x1);
    const auto m3 = x2 > all(T(1e-12));
    const V x4 = power<T>(x2, u[0]) + (all(u[1]) * (x2 - x2));
    const V x5 = m3 ? power<T>((m3 ? x2 : all(T(1.0))), u[0]) : x4;
    const auto m6 = p > all(T(1e-12));
    const V x7 = at_least<T>(logarithm<T>(p), all(T(-100.0)));
    const V x8 = m6 ? logarithm<T>(m6 ? p : all(T(1.0))) : (x7 + ((p - p) / all(T(1e-12))));
    const auto m9 = x0 > all(T(1e-12));
    const V x10 = at_least<T>(logarithm<T>(x0), all(T(-100.0)));
    const V x11 = m9 ? logarithm<T>(m9 ? x0 : all(T(1.0))) : (x10 + ((x0 - x0) / all(T(1e-12))));
    const V x12 = -((t * x8) + (x11 * x1));
    value = x5 * x12;
    const V x14 = power<T>(at_least<T>(x2, all(T(1e-12))), u[2]);
    const V x15 = (all(u[0]) * x14) * (all(T(1.0)) - (t * all(T(2.0))));
    const V x16 = all(T(1.0)) / at_least<T>(x0, all(T(1e-12)));
    const V x17 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x18 = (x15 * x12) + (x5 * ((x16 * x1) - (t * x17)));
    gradient = x18;
  }
};
template <typename T> struct BinaryFocal4 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = at_most<T>(at_least<T>(p, all(u[2])), all(u[3]));
    const auto m2 = x1 > all(T(1e-12));
    const V x3 = at_least<T>(logarithm<T>(x1), all(T(-100.0)));
    const V x4 = m2 ? logarithm<T>(m2 ? x1 : all(T(1.0))) : (x3 + ((x1 - x1) / all(T(1e-12))));
    const V x5 = all(T(1.0)) - x0;
    const V x6 = all(T(1.0)) - x1;
    const auto m7 = x6 > all(T(1e-12));
    const V x8 = at_least<T>(logarithm<T>(x6), all(T(-100.0)));
    const V x9 = m7 ? logarithm<T>(m7 ? x6 : all(T(1.0))) : (x8 + ((x6 - x6) / all(T(1e-12))));
    const V x10 = -((x0 * x4) + (x5 * x9));
    const V x11 = all(T(1.0)) - p;
    const V x12 = (x0 * x11) + (p * x5);
    const auto m13 = x12 > all(T(1e-12));
    const V x14 = power<T>((m13 ? x12 : all(T(1.0))), u[4]);
    const V x15 = power<T>(x12, u[4]) + ((x12 - x12) * all(u[5]));
    const V x16 = m13 ? x14 : x15;
    const V x17 = (x0 * all(u[6])) + (x5 * all(u[7]));
    value = x10 * (x16 * x17);
    const V x19 = power<T>(at_least<T>(x12, all(T(1e-12))), u[8]);
    const V x20 = (x19 * all(u[4])) * (all(T(1.0)) - (x0 * all(T(2.0))));
    const V x21 = all(T(1.0)) / at_least<T>(x11, all(T(1e-12)));
    const V x22 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x23 = ((p < all(u[2])) | (p > all(u[3]))) ? all(T(0.0)) : ((x5 * x21) - (x0 * x22));
    gradient = ((x10 * x20) + (x16 * x23)) * x17;
  }
};
template <typename T> struct BinaryFocal5 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const auto m1 = p > all(T(1e-12));
    const V x2 = at_least<T>(logarithm<T>(p), all(T(-100.0)));
    const V x3 = m1 ? logarithm<T>(m1 ? p : all(T(1.0))) : (x2 + ((p - p) / all(T(1e-12))));
    const V x4 = all(T(1.0)) - x0;
    const V x5 = all(T(1.0)) - p;
    const auto m6 = x5 > all(T(1e-12));
    const V x7 = at_least<T>(logarithm<T>(x5), all(T(-100.0)));
    const V x8 = m6 ? logarithm<T>(m6 ? x5 : all(T(1.0))) : (x7 + ((x5 - x5) / all(T(1e-12))));
    const V x9 = -((x0 * x3) + (x4 * x8));
    const V x10 = (x0 * x5) + (p * x4);
    const auto m11 = x10 > all(T(1e-12));
    const V x12 = power<T>((m11 ? x10 : all(T(1.0))), u[2]);
    const V x13 = power<T>(x10, u[2]) + ((x10 - x10) * all(u[3]));
    const V x14 = m11 ? x12 : x13;
    const V x15 = (x0 * all(u[4])) + (x4 * all(u[5]));
    value = x9 * (x14 * x15);
    const V x17 = power<T>(at_least<T>(x10, all(T(1e-12))), u[6]);
    const V x18 = (x17 * all(u[2])) * (all(T(1.0)) - (x0 * all(T(2.0))));
    const V x19 = all(T(1.0)) / at_least<T>(x5, all(T(1e-12)));
    const V x20 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x21 = (x18 * x9) + (x14 * ((x4 * x19) - (x0 * x20)));
    gradient = x21 * x15;
  }
};
template <typename T> struct BinaryFocal6 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = at_most<T>(at_least<T>(p, all(u[0])), all(u[1]));
    const auto m1 = x0 > all(T(1e-12));
    const V x2 = at_least<T>(logarithm<T>(x0), all(T(-100.0)));
    const V x3 = m1 ? logarithm<T>(m1 ? x0 : all(T(1.0))) : (x2 + ((x0 - x0) / all(T(1e-12))));
    const V x4 = all(T(1.0)) - x0;
    const auto m5 = x4 > all(T(1e-12));
    const V x6 = at_least<T>(logarithm<T>(x4), all(T(-100.0)));
    const V x7 = m5 ? logarithm<T>(m5 ? x4 : all(T(1.0))) : (x6 + ((x4 - x4) / all(T(1e-12))));
    const V x8 = all(T(1.0)) - t;
    const V x9 = -((t * x3) + (x7 * x8));
    const V x10 = all(T(1.0)) - p;
    const V x11 = (t * x10) + (p * x8);
    const auto m12 = x11 > all(T(1e-12));
    const V x13 = power<T>((m12 ? x11 : all(T(1.0))), u[2]);
    const V x14 = power<T>(x11, u[2]) + (all(u[3]) * (x11 - x11));
    const V x15 = m12 ? x13 : x14;
    const V x16 = (t * all(u[4])) + (x8 * all(u[5]));
    value = x9 * (x15 * x16);
    const V x18 = power<T>(at_least<T>(x11, all(T(1e-12))), u[6]);
    const V x19 = (all(u[2]) * x18) * (all(T(1.0)) - (t * all(T(2.0))));
    const V x20 = all(T(1.0)) / at_least<T>(x10, all(T(1e-12)));
    const V x21 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x22 = ((p < all(u[0])) | (p > all(u[1]))) ? all(T(0.0)) : ((x20 * x8) - (t * x21));
    gradient = ((x9 * x19) + (x15 * x22)) * x16;
  }
};
template <typename T> struct BinaryFocal7 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const auto m0 = p > all(T(1e-12));
    const V x1 = at_least<T>(logarithm<T>(p), all(T(-100.0)));
    const V x2 = m0 ? logarithm<T>(m0 ? p : all(T(1.0))) : (x1 + ((p - p) / all(T(1e-12))));
    const V x3 = all(T(1.0)) - p;
    const auto m4 = x3 > all(T(1e-12));
    const V x5 = at_least<T>(logarithm<T>(x3), all(T(-100.0)));
    const V x6 = m4 ? logarithm<T>(m4 ? x3 : all(T(1.0))) : (x5 + ((x3 - x3) / all(T(1e-12))));
    const V x7 = all(T(1.0)) - t;
    const V x8 = -((t * x2) + (x6 * x7));
    const V x9 = (t * x3) + (p * x7);
    const auto m10 = x9 > all(T(1e-12));
    const V x11 = power<T>(x9, u[0]) + (all(u[1]) * (x9 - x9));
    const V x12 = m10 ? power<T>((m10 ? x9 : all(T(1.0))), u[0]) : x11;
    const V x13 = (t * all(u[2])) + (x7 * all(u[3]));
    value = x8 * (x12 * x13);
    const V x15 = power<T>(at_least<T>(x9, all(T(1e-12))), u[4]);
    const V x16 = (all(u[0]) * x15) * (all(T(1.0)) - (t * all(T(2.0))));
    const V x17 = all(T(1.0)) / at_least<T>(x3, all(T(1e-12)));
    const V x18 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x19 = (x16 * x8) + (x12 * ((x17 * x7) - (t * x18)));
    gradient = x19 * x13;
  }
};

// asymmetric(p, t, gamma_positive = q[0], gamma_negative = q[1], clip = q[2])
template <typename T> struct Asymmetric0 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = -p;
    const V x1 = exponential<T>(-magnitude<T>(p));
    const V x2 = all(T(1.0)) / (x1 + all(T(1.0)));
    const V x3 = x1 * x2;
    const V x4 = (x0 >= all(T(0.0))) ? x2 : x3;
    const auto m5 = x4 > all(T(1e-12));
    const V x6 = power<T>(x4, u[0]) + ((x4 - x4) * all(u[1]));
    const V x7 = m5 ? power<T>((m5 ? x4 : all(T(1.0))), u[0]) : x6;
    const V x8 = at_least<T>(x0, all(T(0.0))) + log_one_plus_near<T>(x1);
    const auto m9 = magnitude<T>(x8) == all(T(infinity<double>));
    const V x10 = ((x7 == all(T(0.0))) & m9) ? all(T(0.0)) : x8;
    const V x11 = x7 * x10;
    const auto m12 = magnitude<T>(x11) == all(T(infinity<double>));
    const V x13 = ((t == all(T(0.0))) & m12) ? all(T(0.0)) : x11;
    const V x14 = all(T(1.0)) - t;
    const V x15 = (p >= all(T(0.0))) ? x2 : x3;
    const auto m16 = x15 <= all(u[2]);
    const V x17 = m16 ? all(T(0.0)) : (x15 - all(u[2]));
    const auto m18 = x17 > all(T(1e-12));
    const V x19 = power<T>((m18 ? x17 : all(T(1.0))), u[3]);
    const V x20 = power<T>(x17, u[3]) + ((x17 - x17) * all(u[4]));
    const V x21 = m18 ? x19 : x20;
    const V x22 = m16 ? all(T(1.0)) : at_most<T>(all(u[2]) + x4, all(T(1.0)));
    const V x23 = logarithm<T>(x22);
    const V x24 = (-x21) * x23;
    const auto m25 = magnitude<T>(x24) == all(T(infinity<double>));
    const V x26 = ((x14 == all(T(0.0))) & m25) ? all(T(0.0)) : x24;
    value = (t * x13) + (x14 * x26);
    const V x28 = power<T>(at_least<T>(x17, all(T(1e-12))), u[5]);
    const V x29 = (x21 / x22) - (x23 * (x28 * all(u[3])));
    const V x30 = x14 * (m16 ? all(T(0.0)) : (x29 * (x15 * x4)));
    const V x31 = (m9 & (x15 == all(T(0.0)))) ? all(T(0.0)) : x8;
    const V x32 = t * (x7 * (x4 + ((x15 * x31) * all(u[0]))));
    gradient = x30 - x32;
  }
};
template <typename T> struct Asymmetric1 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = -p;
    const V x1 = exponential<T>(-magnitude<T>(p));
    const V x2 = all(T(1.0)) / (x1 + all(T(1.0)));
    const V x3 = x1 * x2;
    const V x4 = (x0 >= all(T(0.0))) ? x2 : x3;
    const auto m5 = x4 > all(T(1e-12));
    const V x6 = power<T>(x4, u[0]) + ((x4 - x4) * all(u[1]));
    const V x7 = m5 ? power<T>((m5 ? x4 : all(T(1.0))), u[0]) : x6;
    const V x8 = log_one_plus_near<T>(x1);
    const V x9 = at_least<T>(x0, all(T(0.0))) + x8;
    const auto m10 = magnitude<T>(x9) == all(T(infinity<double>));
    const V x11 = ((x7 == all(T(0.0))) & m10) ? all(T(0.0)) : x9;
    const V x12 = x7 * x11;
    const auto m13 = magnitude<T>(x12) == all(T(infinity<double>));
    const V x14 = ((t == all(T(0.0))) & m13) ? all(T(0.0)) : x12;
    const V x15 = all(T(1.0)) - t;
    const V x16 = (p >= all(T(0.0))) ? x2 : x3;
    const auto m17 = x16 > all(T(1e-12));
    const V x18 = power<T>((m17 ? x16 : all(T(1.0))), u[2]);
    const V x19 = power<T>(x16, u[2]) + (all(u[3]) * (x16 - x16));
    const V x20 = m17 ? x18 : x19;
    const V x21 = x8 + at_least<T>(p, all(T(0.0)));
    const auto m22 = magnitude<T>(x21) == all(T(infinity<double>));
    const V x23 = ((x20 == all(T(0.0))) & m22) ? all(T(0.0)) : x21;
    const V x24 = x20 * x23;
    const auto m25 = magnitude<T>(x24) == all(T(infinity<double>));
    const V x26 = ((x15 == all(T(0.0))) & m25) ? all(T(0.0)) : x24;
    value = (t * x14) + (x15 * x26);
    const V x28 = (m22 & (x4 == all(T(0.0)))) ? all(T(0.0)) : x21;
    const V x29 = x15 * (x20 * (x16 + (all(u[2]) * (x4 * x28))));
    const V x30 = (m10 & (x16 == all(T(0.0)))) ? all(T(0.0)) : x9;
    const V x31 = t * (x7 * (x4 + ((x16 * x30) * all(u[0]))));
    gradient = x29 - x31;
  }
};

// soft_margin(p, t)
template <typename T> struct SoftMargin {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = -t;
    const V x1 = p * x0;
    const V x2 = exponential<T>(-magnitude<T>(x1));
    const V x3 = at_least<T>(x1, all(T(0.0))) + log_one_plus_near<T>(x2);
    value = x3;
    const V x5 = all(T(1.0)) / (x2 + all(T(1.0)));
    const V x6 = x0 * ((x1 >= all(T(0.0))) ? x5 : (x2 * x5));
    gradient = x6;
  }
};

// exponential(p, t)
template <typename T> struct Exponential {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = -t;
    const V x1 = exponential<T>(p * x0);
    value = x1;
    gradient = x0 * x1;
  }
};

// perceptron(p, t)
template <typename T> struct Perceptron {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = -t;
    const V x1 = p * x0;
    value = at_least<T>(x1, all(T(0.0)));
    const V x3 = (x1 != x1) ? x1 : ((x1 > all(T(0.0))) ? x0 : all(T(0.0)));
    gradient = x3;
  }
};

// hinge_embedding(p, t, margin = q[0])
template <typename T> struct HingeEmbedding {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = t + all(T(1.0));
    const auto m1 = magnitude<T>(p) == all(T(infinity<double>));
    const V x2 = ((x0 == all(T(0.0))) & m1) ? all(T(0.0)) : p;
    const V x3 = all(T(1.0)) - t;
    const V x4 = at_least<T>(all(u[0]) - p, all(T(0.0)));
    const auto m5 = magnitude<T>(x4) == all(T(infinity<double>));
    const V x6 = ((x3 == all(T(0.0))) & m5) ? all(T(0.0)) : x4;
    value = ((x0 * x2) + (x3 * x6)) / all(T(2.0));
    const V x8 = (p < all(u[0])) ? all(T(1.0)) : all(T(0.0));
    const V x9 = (p != p) ? p : ((x0 - (x3 * x8)) / all(T(2.0)));
    gradient = x9;
  }
};

// margin_ranking(p, t, other = e, margin = q[0])
template <typename T> struct MarginRanking {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = all(u[0]) - (t * (p - e));
    value = at_least<T>(x0, all(T(0.0)));
    const V x2 = (x0 >= all(T(0.0))) ? all(T(1.0)) : all(T(0.0));
    gradient = (-t) * ((x0 != x0) ? x0 : x2);
  }
};

// bayesian_personalised_ranking(p, t)
template <typename T> struct BayesianPersonalisedRanking {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = p - t;
    const V x1 = -x0;
    const V x2 = exponential<T>(-magnitude<T>(x0));
    const V x3 = at_least<T>(x1, all(T(0.0))) + log_one_plus_near<T>(x2);
    value = x3;
    const V x5 = all(T(1.0)) / (x2 + all(T(1.0)));
    const V x6 = -((x1 >= all(T(0.0))) ? x5 : (x2 * x5));
    gradient = x6;
  }
};

// simpo(p, t, beta = q[0], gamma = q[1])
template <typename T> struct SimPO {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = ((p - t) * all(u[0])) - all(u[1]);
    const V x1 = -x0;
    const V x2 = exponential<T>(-magnitude<T>(x0));
    const V x3 = at_least<T>(x1, all(T(0.0))) + log_one_plus_near<T>(x2);
    value = x3;
    const V x5 = all(T(1.0)) / (x2 + all(T(1.0)));
    const V x6 = -((x1 >= all(T(0.0))) ? x5 : (x2 * x5));
    gradient = all(u[0]) * x6;
  }
};

// orpo_odds_ratio(p, t)
template <typename T> struct ORPOOddsRatio {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const auto m0 = p > all(T(-0.6931471805599453));
    const V x1 = all(T(0.0)) - all(T(1.0));
    const V x2 = logarithm<T>(-exponential_minus_one<T>(m0 ? p : x1));
    const V x3 = log_one_plus<T>(-exponential<T>(m0 ? x1 : p));
    const auto m4 = t > all(T(-0.6931471805599453));
    const V x5 = logarithm<T>(-exponential_minus_one<T>(m4 ? t : x1));
    const V x6 = log_one_plus<T>(-exponential<T>(m4 ? x1 : t));
    const V x7 = (p - (m0 ? x2 : x3)) - (t - (m4 ? x5 : x6));
    const V x8 = -x7;
    const V x9 = exponential<T>(-magnitude<T>(x7));
    const V x10 = at_least<T>(x8, all(T(0.0))) + log_one_plus_near<T>(x9);
    value = x10;
    const V x12 = all(T(1.0)) / (all(T(1.0)) + x9);
    const V x13 = ((x8 >= all(T(0.0))) ? x12 : (x9 * x12)) / exponential_minus_one<T>(p);
    gradient = x13;
  }
};

// kto(p, t, beta = q[0], reference_point = q[1], desirable_weight = q[2], undesirable_weight = q[3])
template <typename T> struct KTO {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (t > all(T(0.0))) ? (all(T(1.0)) * all(u[0])) : (all(T(1.0)) * all(u[1]));
    const V x1 = p - all(u[3]);
    const V x2 = (t * all(u[2])) * x1;
    const V x3 = exponential<T>(-magnitude<T>(x2));
    const V x4 = all(T(1.0)) / (all(T(1.0)) + x3);
    const V x5 = x0 * ((x2 >= all(T(0.0))) ? x4 : (x3 * x4));
    value = x5;
    const V x7 = x1 * all(u[4]);
    const V x8 = exponential<T>(-magnitude<T>(x7));
    const V x9 = all(T(1.0)) / (all(T(1.0)) + x8);
    const V x10 = x8 * x9;
    const V x11 = ((x7 >= all(T(0.0))) ? x9 : x10) * (((-x7) >= all(T(0.0))) ? x9 : x10);
    gradient = (t * ((-x0) * all(u[4]))) * x11;
  }
};

// bradley_terry(p, t, margin = q[0])
template <typename T> struct BradleyTerry {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) - all(u[0]);
    const V x1 = -x0;
    const V x2 = exponential<T>(-magnitude<T>(x0));
    const V x3 = at_least<T>(x1, all(T(0.0))) + log_one_plus_near<T>(x2);
    value = x3;
    const V x5 = all(T(1.0)) / (x2 + all(T(1.0)));
    const V x6 = -((x1 >= all(T(0.0))) ? x5 : (x2 * x5));
    gradient = x6;
  }
};

// quantile(p, t, level = q[0])
template <typename T> struct Quantile {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = p - t;
    const V x1 = at_least<T>(-x0, all(T(0.0))) * all(u[0]);
    const V x2 = at_least<T>(x0, all(T(0.0))) * all(u[1]);
    value = x1 + x2;
    const V x4 = sign<T>(x0);
    const V x5 = all(u[1]) * at_least<T>(x4, all(T(0.0)));
    const V x6 = all(u[0]) * at_least<T>(-x4, all(T(0.0)));
    gradient = x5 - x6;
  }
};

// expectile(p, t, level = q[0])
template <typename T> struct Expectile {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = p - t;
    const V x1 = at_least<T>(-x0, all(T(0.0)));
    const V x2 = at_least<T>(x0, all(T(0.0)));
    const V x3 = (x1 * (x1 * all(u[0]))) + (x2 * (x2 * all(u[1])));
    value = x3;
    gradient = (x2 * all(u[2])) - (x1 * all(u[3]));
  }
};

// pseudo_huber(p, t, delta = q[0])
template <typename T> struct PseudoHuber {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = magnitude<T>(x0);
    const V x2 = at_most<T>(at_least<T>(x0, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x3 = x2 * x2;
    const V x4 = square_root<T>(x3 + all(T(1.0)));
    const V x5 = (x1 < all(T(1000000000.0))) ? (x3 / (all(T(1.0)) + x4)) : (x1 - all(T(1.0)));
    value = x5 * all(u[1]);
    gradient = all(u[0]) * (x2 / x4);
  }
};

// charbonnier(p, t, epsilon = q[0])
template <typename T> struct Charbonnier {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = magnitude<T>(x0);
    const V x2 = at_most<T>(at_least<T>(x0, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x3 = x2 * x2;
    const V x4 = square_root<T>(x3 + all(T(1.0)));
    const V x5 = (x1 < all(T(1000000000.0))) ? (x3 / (all(T(1.0)) + x4)) : (x1 - all(T(1.0)));
    value = all(u[0]) * x5;
    gradient = x2 / x4;
  }
};

// cauchy(p, t, scale = q[0])
template <typename T> struct Cauchy {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = magnitude<T>(x0);
    const V x2 = at_most<T>(at_least<T>(x0, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x3 = logarithm<T>(at_least<T>(x1, all(T(1000000000.0))));
    const V x4 = (x1 < all(T(1000000000.0))) ? log_one_plus<T>(x2 * x2) : (x3 * all(T(2.0)));
    value = x4;
    const auto m6 = x1 < all(T(1.0));
    const V x7 = at_most<T>(at_least<T>(x0, all(T(-1.0))), all(T(1.0)));
    const V x8 = m6 ? all(T(1.0)) : x0;
    const V x9 = all(T(1.0)) / (x8 + (all(T(1.0)) / x8));
    const V x10 = m6 ? (x7 / (all(T(1.0)) + (x7 * x7))) : x9;
    gradient = x10 * all(u[1]);
  }
};

// geman_mcclure(p, t, scale = q[0])
template <typename T> struct GemanMcClure {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const auto m1 = magnitude<T>(x0) < all(T(1.0));
    const V x2 = at_most<T>(at_least<T>(x0, all(T(-1.0))), all(T(1.0)));
    const V x3 = x2 * x2;
    const V x4 = (x3 * all(T(2.0))) / (all(T(1.0)) + x3);
    const V x5 = all(T(1.0)) / (m1 ? all(T(1.0)) : x0);
    const V x6 = all(T(2.0)) / (all(T(1.0)) + (x5 * x5));
    value = m1 ? x4 : x6;
    const V x8 = at_most<T>(at_least<T>(x0, all(T(-1e+18))), all(T(1e+18)));
    const V x9 = all(T(1.0)) / (all(T(1.0)) + (x8 * x8));
    gradient = x9 * (x9 * (x8 * all(u[1])));
  }
};

// welsch(p, t, scale = q[0])
template <typename T> struct Welsch {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = at_least<T>((p - t) / all(u[0]), all(T(-100.0)));
    const V x1 = at_most<T>(x0, all(T(100.0)));
    const V x2 = x1 * (x1 * all(T(-0.5)));
    const auto m3 = x2 < all(T(-0.5));
    const V x4 = exponential<T>(m3 ? x2 : all(T(0.0))) - all(T(1.0));
    const V x5 = exponential_minus_one<T>(m3 ? all(T(0.0)) : x2);
    value = -(m3 ? x4 : x5);
    gradient = (x1 * exponential<T>(x2)) / all(u[0]);
  }
};

// tukey_biweight(p, t, c = q[0])
template <typename T> struct TukeyBiweight {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = at_least<T>((p - t) / all(u[0]), all(T(-1.0)));
    const V x1 = at_most<T>(x0, all(T(1.0)));
    const V x2 = x1 * x1;
    const V x3 = (all(T(3.0)) - (x2 * all(T(3.0)))) + (x2 * x2);
    const V x4 = all(T(1.0)) - x2;
    const V x5 = (x2 < all(T(0.5))) ? (x2 * x3) : (all(T(1.0)) - (x4 * (x4 * x4)));
    value = x5 * all(u[1]);
    gradient = x4 * (x4 * (all(u[0]) * x1));
  }
};

// general_robust(p, t, alpha = q[0], scale = q[1])
template <typename T> struct GeneralRobust0 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    value = x0 * (x0 * all(T(0.5)));
    gradient = x0 / all(u[0]);
  }
};
template <typename T> struct GeneralRobust1 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = magnitude<T>(x0);
    const V x2 = at_most<T>(at_least<T>(x0, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x3 = x2 * x2;
    const V x4 = square_root<T>(x3 + all(T(1.0)));
    const V x5 = (x1 < all(T(1000000000.0))) ? (x3 / (all(T(1.0)) + x4)) : (x1 - all(T(1.0)));
    value = x5;
    gradient = (x2 / x4) / all(u[0]);
  }
};
template <typename T> struct GeneralRobust2 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = magnitude<T>(x0);
    const V x2 = at_most<T>(at_least<T>(x0, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x3 = logarithm<T>(at_least<T>(x1, all(T(1000000000.0))));
    const V x4 = (x1 < all(T(1000000000.0))) ? log_one_plus<T>(x2 * x2) : (x3 * all(T(2.0)));
    value = x4;
    const auto m6 = x1 < all(T(1.0));
    const V x7 = at_most<T>(at_least<T>(x0, all(T(-1.0))), all(T(1.0)));
    const V x8 = m6 ? all(T(1.0)) : x0;
    const V x9 = all(T(1.0)) / (x8 + (all(T(1.0)) / x8));
    const V x10 = m6 ? (x7 / (all(T(1.0)) + (x7 * x7))) : x9;
    gradient = x10 * all(u[1]);
  }
};
template <typename T> struct GeneralRobust3 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = at_least<T>((p - t) / all(u[0]), all(T(-100.0)));
    const V x1 = at_most<T>(x0, all(T(100.0)));
    const V x2 = x1 * (x1 * all(T(-0.5)));
    const auto m3 = x2 < all(T(-0.5));
    const V x4 = exponential<T>(m3 ? x2 : all(T(0.0))) - all(T(1.0));
    const V x5 = exponential_minus_one<T>(m3 ? all(T(0.0)) : x2);
    value = -(m3 ? x4 : x5);
    gradient = (x1 * exponential<T>(x2)) / all(u[0]);
  }
};
template <typename T> struct GeneralRobust4 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = x0 * (x0 * all(T(0.5)));
    value = exponential_minus_one<T>(x1);
    gradient = (x0 * exponential<T>(x1)) / all(u[0]);
  }
};
template <typename T> struct GeneralRobust5 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = magnitude<T>(x0);
    const auto m2 = x1 == all(T(infinity<double>));
    const V x3 = m2 ? all(T(1.0)) : x0;
    const V x4 = x3 / all(u[1]);
    const V x5 = magnitude<T>(x4);
    const V x6 = at_most<T>(at_least<T>(x4, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x7 = logarithm<T>(at_least<T>(x5, all(T(1000000000.0))));
    const V x8 = (x5 < all(T(1000000000.0))) ? log_one_plus<T>(x6 * x6) : (all(T(2.0)) * x7);
    const V x9 = x8 * all(u[2]);
    const V x10 = exponential_minus_one<T>(x9) * all(u[3]);
    const V x11 = (x10 + (x3 * (x3 * exponential<T>(x9)))) / all(u[4]);
    value = m2 ? x1 : x11;
    const V x13 = m2 ? all(T(0.0)) : x0;
    const V x14 = x13 / all(u[1]);
    const V x15 = magnitude<T>(x14);
    const V x16 = at_most<T>(at_least<T>(x14, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x17 = logarithm<T>(at_least<T>(x15, all(T(1000000000.0))));
    const V x18 = (x15 < all(T(1000000000.0))) ? log_one_plus<T>(x16 * x16) : (all(T(2.0)) * x17);
    const V x19 = m2 ? x0 : (x13 * exponential<T>(all(u[2]) * x18));
    gradient = x19 / all(u[0]);
  }
};
template <typename T> struct GeneralRobust6 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = magnitude<T>(x0);
    const auto m2 = x1 == all(T(infinity<double>));
    const V x3 = m2 ? all(T(1.0)) : x0;
    const V x4 = x3 / all(u[1]);
    const V x5 = magnitude<T>(x4);
    const V x6 = at_most<T>(at_least<T>(x4, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x7 = logarithm<T>(at_least<T>(x5, all(T(1000000000.0))));
    const V x8 = (x5 < all(T(1000000000.0))) ? log_one_plus<T>(x6 * x6) : (all(T(2.0)) * x7);
    const V x9 = x8 * all(u[2]);
    const V x10 = exponential_minus_one<T>(x9) * all(u[3]);
    const V x11 = (x10 + (x3 * (x3 * exponential<T>(x9)))) / all(u[4]);
    value = m2 ? x1 : x11;
    const V x13 = m2 ? all(T(0.0)) : x0;
    const V x14 = x13 / all(u[1]);
    const V x15 = magnitude<T>(x14);
    const V x16 = at_most<T>(at_least<T>(x14, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x17 = logarithm<T>(at_least<T>(x15, all(T(1000000000.0))));
    const V x18 = (x15 < all(T(1000000000.0))) ? log_one_plus<T>(x16 * x16) : (all(T(2.0)) * x17);
    const V x19 = m2 ? x0 : (x13 * exponential<T>(all(u[2]) * x18));
    gradient = x19 / all(u[0]);
  }
};
template <typename T> struct GeneralRobust7 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const auto m1 = magnitude<T>(x0) == all(T(infinity<double>));
    const V x2 = (m1 ? all(T(1.0)) : x0) / all(u[2]);
    const V x3 = magnitude<T>(x2);
    const V x4 = at_most<T>(at_least<T>(x2, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x5 = logarithm<T>(at_least<T>(x3, all(T(1000000000.0))));
    const V x6 = (x3 < all(T(1000000000.0))) ? log_one_plus<T>(x4 * x4) : (all(T(2.0)) * x5);
    const V x7 = x6 * all(u[3]);
    const auto m8 = x7 < all(T(-0.5));
    const V x9 = exponential<T>(m8 ? x7 : all(T(0.0))) - all(T(1.0));
    const V x10 = exponential_minus_one<T>(m8 ? all(T(0.0)) : x7);
    const V x11 = m1 ? all(u[1]) : ((m8 ? x9 : x10) * all(u[4]));
    value = x11;
    const V x13 = (m1 ? all(T(0.0)) : x0) / all(u[2]);
    const V x14 = magnitude<T>(x13);
    const auto m15 = x14 < all(T(1.0));
    const V x16 = at_most<T>(at_least<T>(x13, all(T(-1.0))), all(T(1.0)));
    const V x17 = m15 ? all(T(1.0)) : x13;
    const V x18 = all(T(1.0)) / (x17 + (all(T(1.0)) / x17));
    const V x19 = m15 ? (x16 / (all(T(1.0)) + (x16 * x16))) : x18;
    const V x20 = at_most<T>(at_least<T>(x13, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x21 = logarithm<T>(at_least<T>(x14, all(T(1000000000.0))));
    const V x22 = (x14 < all(T(1000000000.0))) ? log_one_plus<T>(x20 * x20) : (all(T(2.0)) * x21);
    const V x23 = (x19 * all(u[5])) * exponential<T>(x22 * all(u[3]));
    gradient = x23;
  }
};
template <typename T> struct GeneralRobust8 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const auto m1 = magnitude<T>(x0) == all(T(infinity<double>));
    const V x2 = (m1 ? all(T(1.0)) : x0) / all(u[1]);
    const V x3 = magnitude<T>(x2);
    const V x4 = at_most<T>(at_least<T>(x2, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x5 = logarithm<T>(at_least<T>(x3, all(T(1000000000.0))));
    const V x6 = (x3 < all(T(1000000000.0))) ? log_one_plus<T>(x4 * x4) : (all(T(2.0)) * x5);
    const V x7 = x6 * all(u[2]);
    const auto m8 = x7 < all(T(-0.5));
    const V x9 = exponential<T>(m8 ? x7 : all(T(0.0))) - all(T(1.0));
    const V x10 = exponential_minus_one<T>(m8 ? all(T(0.0)) : x7);
    const V x11 = m1 ? all(T(infinity<double>)) : ((m8 ? x9 : x10) * all(u[3]));
    value = x11;
    const V x13 = (m1 ? all(T(0.0)) : x0) / all(u[1]);
    const V x14 = magnitude<T>(x13);
    const auto m15 = x14 < all(T(1.0));
    const V x16 = at_most<T>(at_least<T>(x13, all(T(-1.0))), all(T(1.0)));
    const V x17 = m15 ? all(T(1.0)) : x13;
    const V x18 = all(T(1.0)) / (x17 + (all(T(1.0)) / x17));
    const V x19 = m15 ? (x16 / (all(T(1.0)) + (x16 * x16))) : x18;
    const V x20 = at_most<T>(at_least<T>(x13, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x21 = logarithm<T>(at_least<T>(x14, all(T(1000000000.0))));
    const V x22 = (x14 < all(T(1000000000.0))) ? log_one_plus<T>(x20 * x20) : (all(T(2.0)) * x21);
    const V x23 = (x19 * all(u[4])) * exponential<T>(x22 * all(u[2]));
    gradient = x23;
  }
};
template <typename T> struct GeneralRobust9 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const auto m1 = magnitude<T>(x0) == all(T(infinity<double>));
    const V x2 = (m1 ? all(T(1.0)) : x0) / all(u[2]);
    const V x3 = magnitude<T>(x2);
    const V x4 = at_most<T>(at_least<T>(x2, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x5 = logarithm<T>(at_least<T>(x3, all(T(1000000000.0))));
    const V x6 = (x3 < all(T(1000000000.0))) ? log_one_plus<T>(x4 * x4) : (all(T(2.0)) * x5);
    const V x7 = x6 * all(u[3]);
    const V x8 = (all(T(1.0)) + (x7 / all(T(6.0)))) * (x7 / all(T(5.0)));
    const V x9 = (all(T(1.0)) + x8) * (x7 / all(T(4.0)));
    const V x10 = (all(T(1.0)) + x9) * (x7 / all(T(3.0)));
    const V x11 = (all(T(1.0)) + x10) * (x7 / all(T(2.0)));
    const V x12 = m1 ? all(u[1]) : ((all(T(1.0)) + x11) * (x6 * all(u[4])));
    value = x12;
    const V x14 = (m1 ? all(T(0.0)) : x0) / all(u[2]);
    const V x15 = magnitude<T>(x14);
    const auto m16 = x15 < all(T(1.0));
    const V x17 = at_most<T>(at_least<T>(x14, all(T(-1.0))), all(T(1.0)));
    const V x18 = m16 ? all(T(1.0)) : x14;
    const V x19 = all(T(1.0)) / (x18 + (all(T(1.0)) / x18));
    const V x20 = m16 ? (x17 / (all(T(1.0)) + (x17 * x17))) : x19;
    const V x21 = at_most<T>(at_least<T>(x14, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x22 = logarithm<T>(at_least<T>(x15, all(T(1000000000.0))));
    const V x23 = (x15 < all(T(1000000000.0))) ? log_one_plus<T>(x21 * x21) : (all(T(2.0)) * x22);
    const V x24 = (x20 * all(u[5])) * exponential<T>(x23 * all(u[3]));
    gradient = x24;
  }
};
template <typename T> struct GeneralRobust10 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const auto m1 = magnitude<T>(x0) == all(T(infinity<double>));
    const V x2 = (m1 ? all(T(1.0)) : x0) / all(u[1]);
    const V x3 = magnitude<T>(x2);
    const V x4 = at_most<T>(at_least<T>(x2, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x5 = logarithm<T>(at_least<T>(x3, all(T(1000000000.0))));
    const V x6 = (x3 < all(T(1000000000.0))) ? log_one_plus<T>(x4 * x4) : (all(T(2.0)) * x5);
    const V x7 = x6 * all(u[2]);
    const V x8 = (all(T(1.0)) + (x7 / all(T(6.0)))) * (x7 / all(T(5.0)));
    const V x9 = (all(T(1.0)) + x8) * (x7 / all(T(4.0)));
    const V x10 = (all(T(1.0)) + x9) * (x7 / all(T(3.0)));
    const V x11 = (all(T(1.0)) + x10) * (x7 / all(T(2.0)));
    const V x12 = m1 ? all(T(infinity<double>)) : ((all(T(1.0)) + x11) * (x6 * all(u[3])));
    value = x12;
    const V x14 = (m1 ? all(T(0.0)) : x0) / all(u[1]);
    const V x15 = magnitude<T>(x14);
    const auto m16 = x15 < all(T(1.0));
    const V x17 = at_most<T>(at_least<T>(x14, all(T(-1.0))), all(T(1.0)));
    const V x18 = m16 ? all(T(1.0)) : x14;
    const V x19 = all(T(1.0)) / (x18 + (all(T(1.0)) / x18));
    const V x20 = m16 ? (x17 / (all(T(1.0)) + (x17 * x17))) : x19;
    const V x21 = at_most<T>(at_least<T>(x14, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x22 = logarithm<T>(at_least<T>(x15, all(T(1000000000.0))));
    const V x23 = (x15 < all(T(1000000000.0))) ? log_one_plus<T>(x21 * x21) : (all(T(2.0)) * x22);
    const V x24 = (x20 * all(u[4])) * exponential<T>(x23 * all(u[2]));
    gradient = x24;
  }
};

// gaussian_nll(p, t, variance = e, epsilon = q[0], full = q[1])
template <typename T> struct GaussianNLL0 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = at_least<T>(e, all(u[0]));
    const V x1 = p - t;
    const V x2 = x1 / x0;
    const V x3 = (logarithm<T>(x0) + (x1 * x2)) * all(T(0.5));
    value = x3 + all(T(0.9189385332046727));
    gradient = x2;
  }
};
template <typename T> struct GaussianNLL1 {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = at_least<T>(e, all(u[0]));
    const V x1 = p - t;
    const V x2 = x1 / x0;
    const V x3 = (logarithm<T>(x0) + (x1 * x2)) * all(T(0.5));
    value = x3;
    gradient = x2;
  }
};

// laplace_nll(p, t, scale = e)
template <typename T> struct LaplaceNLL {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = logarithm<T>(e) + all(T(0.6931471805599453));
    const V x1 = p - t;
    value = x0 + (magnitude<T>(x1) / e);
    gradient = sign<T>(x1) / e;
  }
};

// student_t_nll(p, t, scale = e, df = q[0])
template <typename T> struct StudentTNLL {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = p - t;
    const V x1 = (x0 / e) / all(u[1]);
    const V x2 = magnitude<T>(x1);
    const V x3 = at_most<T>(at_least<T>(x1, all(T(-1000000000.0))), all(T(1000000000.0)));
    const V x4 = logarithm<T>(at_least<T>(x2, all(T(1000000000.0))));
    const V x5 = (x2 < all(T(1000000000.0))) ? log_one_plus<T>(x3 * x3) : (x4 * all(T(2.0)));
    const V x6 = (logarithm<T>(e) + all(u[0])) + (x5 * all(u[2]));
    value = x6;
    const V x8 = e * all(u[1]);
    const V x9 = x0 / x8;
    const auto m10 = magnitude<T>(x9) < all(T(1.0));
    const V x11 = at_most<T>(at_least<T>(x9, all(T(-1.0))), all(T(1.0)));
    const V x12 = m10 ? all(T(1.0)) : x9;
    const V x13 = all(T(1.0)) / (x12 + (all(T(1.0)) / x12));
    const V x14 = m10 ? (x11 / (all(T(1.0)) + (x11 * x11))) : x13;
    gradient = (x14 / x8) * all(u[3]);
  }
};

// log_normal_nll(p, t, scale = e)
template <typename T> struct LogNormalNLL {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = logarithm<T>(t);
    const V x1 = (p - x0) / e;
    const V x2 = (x1 * (x1 * all(T(0.5)))) + all(T(0.9189385332046727));
    value = (x0 + logarithm<T>(e)) + x2;
    gradient = x1 / e;
  }
};

// gamma_nll(p, t)
template <typename T> struct GammaNLL {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = t / p;
    value = logarithm<T>(p) + x0;
    gradient = (all(T(1.0)) - x0) / p;
  }
};

// gamma_log_mean(p, t)
template <typename T> struct GammaLogMean {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = t * exponential<T>(-p);
    value = p + x0;
    gradient = all(T(1.0)) - x0;
  }
};

// tweedie(p, t, power = q[0])
template <typename T> struct Tweedie {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = logarithm<T>(p);
    const V x1 = exponential<T>(x0 * all(u[0])) / all(u[0]);
    const V x2 = ((t == all(T(0.0))) ? all(T(0.0)) : x0) * all(u[1]);
    const V x3 = x1 + ((t * exponential<T>(x2)) / all(u[2]));
    value = x3;
    const V x5 = (all(T(1.0)) - (t / p)) * exponential<T>(x0 * all(u[1]));
    gradient = x5;
  }
};

// tweedie_log_mean(p, t, power = q[0])
template <typename T> struct TweedieLogMean {
  using V = Lanes<T>;
  LOSSMITH_BOTH {
    const V x0 = exponential<T>(p * all(u[0]));
    const V x1 = ((t == all(T(0.0))) ? all(T(0.0)) : p) * all(u[1]);
    const V x2 = exponential<T>(x1);
    const V x3 = (x0 / all(u[0])) + ((t * x2) / all(u[2]));
    value = x3;
    gradient = x0 + (x2 * (-t));
  }
};

} // namespace formulas

#undef LOSSMITH_BOTH

#define LOSSMITH_FORMULAS(F) \
  F(SquaredError) \
  F(AbsoluteError) \
  F(Huber) \
  F(LogCosh) \
  F(SquaredLogarithmicError) \
  F(AbsolutePercentageError) \
  F(Poisson0) \
  F(Poisson1) \
  F(PoissonLogRate0) \
  F(PoissonLogRate1) \
  F(SigmoidCrossEntropy0) \
  F(SigmoidCrossEntropy1) \
  F(BinaryCrossEntropy0) \
  F(BinaryCrossEntropy1) \
  F(BinaryCrossEntropy2) \
  F(BinaryCrossEntropy3) \
  F(Hinge) \
  F(SquaredHinge) \
  F(SigmoidFocal0) \
  F(SigmoidFocal1) \
  F(SigmoidFocal2) \
  F(SigmoidFocal3) \
  F(BinaryFocal0) \
  F(BinaryFocal1) \
  F(BinaryFocal2) \
  F(BinaryFocal3) \
  F(BinaryFocal4) \
  F(BinaryFocal5) \
  F(BinaryFocal6) \
  F(BinaryFocal7) \
  F(Asymmetric0) \
  F(Asymmetric1) \
  F(SoftMargin) \
  F(Exponential) \
  F(Perceptron) \
  F(HingeEmbedding) \
  F(MarginRanking) \
  F(BayesianPersonalisedRanking) \
  F(SimPO) \
  F(ORPOOddsRatio) \
  F(KTO) \
  F(BradleyTerry) \
  F(Quantile) \
  F(Expectile) \
  F(PseudoHuber) \
  F(Charbonnier) \
  F(Cauchy) \
  F(GemanMcClure) \
  F(Welsch) \
  F(TukeyBiweight) \
  F(GeneralRobust0) \
  F(GeneralRobust1) \
  F(GeneralRobust2) \
  F(GeneralRobust3) \
  F(GeneralRobust4) \
  F(GeneralRobust5) \
  F(GeneralRobust6) \
  F(GeneralRobust7) \
  F(GeneralRobust8) \
  F(GeneralRobust9) \
  F(GeneralRobust10) \
  F(GaussianNLL0) \
  F(GaussianNLL1) \
  F(LaplaceNLL) \
  F(StudentTNLL) \
  F(LogNormalNLL) \
  F(GammaNLL) \
  F(GammaLogMean) \
  F(Tweedie) \
  F(TweedieLogMean)

} // namespace lossmith
