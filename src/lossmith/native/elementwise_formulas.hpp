// The elementwise losses on lanes. Generated from the definitions by `python -m lossmith.native.emit`; do not edit.
//
// p: prediction, t: target, e: the extra array of a loss that has one; u: the numbers that all elements share, which
// are in elementwise_losses.hpp.
//
// A formula has `functions` calls of functions that are long. If it has `stages`, they are called one after the other,
// and each leaves what it computes in k, of which there are `kept` for each element.
#pragma once

#include <cstdint>
#include <type_traits>

#include "elementwise_math.hpp"

// Not every formula reads all of its arguments.
#define LOSSMITH_ARGUMENTS \
  [[maybe_unused]] const T *u, [[maybe_unused]] V p, [[maybe_unused]] V t, [[maybe_unused]] V e, \
      [[maybe_unused]] Kept<T> k
#define LOSSMITH_STAGE(number) \
  template <bool with_gradient> \
  LOSSMITH_INLINE static void stage(std::integral_constant<int, number>, LOSSMITH_ARGUMENTS)
#define LOSSMITH_BOTH LOSSMITH_INLINE static void both(LOSSMITH_ARGUMENTS, V &value, V &gradient)

namespace lossmith {

// The elements that go through all stages before the next ones do.
constexpr std::int64_t elements_per_stage = 256;

// What stages leave for each other: this vector's place in rows of elements_per_stage.
template <typename T> struct Kept {
  T *place;
  LOSSMITH_INLINE Lanes<T> operator[](int row) const { return load(place + row * elements_per_stage); }
  LOSSMITH_INLINE void keep(int row, Lanes<T> x) const { store<T>(place + row * elements_per_stage, x); }
};

namespace formulas {

template <typename T> LOSSMITH_INLINE Lanes<T> all(T x) { return broadcast<T>(x); }

// squared_error(p, t)
template <typename T> struct SquaredError {
  using V = Lanes<T>;
  static constexpr int functions = 0, stages = 0, kept = 0;
  LOSSMITH_BOTH {
    const V x0 = p - t;
    value = x0 * x0;
    gradient = x0 * all(T(2.0));
  }
};

// absolute_error(p, t)
template <typename T> struct AbsoluteError {
  using V = Lanes<T>;
  static constexpr int functions = 0, stages = 0, kept = 0;
  LOSSMITH_BOTH {
    const V x0 = p - t;
    value = magnitude<T>(x0);
    gradient = sign<T>(x0);
  }
};

// huber(p, t, delta = q[0])
template <typename T> struct Huber {
  using V = Lanes<T>;
  static constexpr int functions = 0, stages = 0, kept = 0;
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
  static constexpr int functions = 3, stages = 2, kept = 3;
  LOSSMITH_STAGE(0) {
    const V x0 = p - t;
    k.keep(0, hyperbolic_tangent<T>(x0));
    const V x2 = at_least<T>(magnitude<T>(x0), all(T(1.0)));
    k.keep(1, exponential<T>(x2 * all(T(-2.0))));
  }
  LOSSMITH_STAGE(1) {
    const V x0 = at_least<T>(k[0], all(T(-0.7615941559557649)));
    const V x1 = at_most<T>(x0, all(T(0.7615941559557649)));
    const V x2 = (magnitude<T>(p - t) < all(T(1.0))) ? (x1 * (-x1)) : k[1];
    k.keep(2, log_one_plus_near<T>(x2));
  }
  LOSSMITH_BOTH {
    const V x0 = magnitude<T>(p - t);
    const V x1 = k[2];
    const V x2 = (at_least<T>(x0, all(T(1.0))) + x1) - all(T(0.6931471805599453));
    const V x3 = (x0 < all(T(1.0))) ? (x1 * all(T(-0.5))) : x2;
    value = x3;
    gradient = k[0];
  }
};

// squared_logarithmic_error(p, t)
template <typename T> struct SquaredLogarithmicError {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 1, kept = 2;
  LOSSMITH_STAGE(0) {
    k.keep(0, log_one_plus<T>(p));
    k.keep(1, log_one_plus<T>(t));
  }
  LOSSMITH_BOTH {
    const V x0 = k[0] - k[1];
    value = x0 * x0;
    gradient = (x0 * all(T(2.0))) / (p + all(T(1.0)));
  }
};

// absolute_percentage_error(p, t, epsilon = q[0])
template <typename T> struct AbsolutePercentageError {
  using V = Lanes<T>;
  static constexpr int functions = 0, stages = 0, kept = 0;
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
  static constexpr int functions = 3, stages = 1, kept = 3;
  LOSSMITH_STAGE(0) {
    const V x0 = p + all(u[0]);
    const auto m1 = magnitude<T>(x0) == all(T(infinity<double>));
    const auto m2 = (t == all(T(0.0))) & ((x0 == all(T(0.0))) | m1);
    k.keep(0, logarithm<T>(m2 ? all(T(1.0)) : x0));
    const V x4 = at_least<T>(t, all(T(1.0)));
    k.keep(1, logarithm<T>(x4));
    const V x6 = logarithm<T>(x4 * all(T(6.283185307179586)));
    k.keep(2, x6);
  }
  LOSSMITH_BOTH {
    const V x0 = at_least<T>(t, all(T(1.0)));
    const V x1 = ((x0 * k[1]) - x0) + (k[2] * all(T(0.5)));
    const V x2 = (p - (t * k[0])) + ((t > all(T(1.0))) ? x1 : all(T(0.0)));
    value = x2;
    const V x4 = p + all(u[0]);
    const auto m5 = (t == all(T(0.0))) & (x4 == all(T(0.0)));
    const V x6 = all(T(1.0)) - (t / (m5 ? all(T(1.0)) : x4));
    gradient = x6;
  }
};
template <typename T> struct Poisson1 {
  using V = Lanes<T>;
  static constexpr int functions = 1, stages = 0, kept = 0;
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
  static constexpr int functions = 3, stages = 1, kept = 3;
  LOSSMITH_STAGE(0) {
    k.keep(0, exponential<T>(p));
    const V x1 = at_least<T>(t, all(T(1.0)));
    k.keep(1, logarithm<T>(x1));
    const V x3 = logarithm<T>(x1 * all(T(6.283185307179586)));
    k.keep(2, x3);
  }
  LOSSMITH_BOTH {
    const V x0 = k[0];
    const auto m1 = magnitude<T>(p) == all(T(infinity<double>));
    const V x2 = ((t == all(T(0.0))) & m1) ? all(T(0.0)) : p;
    const V x3 = at_least<T>(t, all(T(1.0)));
    const V x4 = ((x3 * k[1]) - x3) + (k[2] * all(T(0.5)));
    const V x5 = (x0 - (t * x2)) + ((t > all(T(1.0))) ? x4 : all(T(0.0)));
    value = x5;
    gradient = x0 - t;
  }
};
template <typename T> struct PoissonLogRate1 {
  using V = Lanes<T>;
  static constexpr int functions = 1, stages = 0, kept = 0;
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
  static constexpr int functions = 2, stages = 2, kept = 2;
  LOSSMITH_STAGE(0) {
    k.keep(0, exponential<T>(-magnitude<T>(p)));
  }
  LOSSMITH_STAGE(1) {
    k.keep(1, log_one_plus_near<T>(k[0]));
  }
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = -p;
    const V x2 = k[1];
    const V x3 = at_least<T>(x1, all(T(0.0))) + x2;
    const auto m4 = magnitude<T>(x3) == all(T(infinity<double>));
    const V x5 = ((x0 == all(T(0.0))) & m4) ? all(T(0.0)) : x3;
    const V x6 = all(T(1.0)) - x0;
    const V x7 = x2 + at_least<T>(p, all(T(0.0)));
    const auto m8 = magnitude<T>(x7) == all(T(infinity<double>));
    const V x9 = ((x6 == all(T(0.0))) & m8) ? all(T(0.0)) : x7;
    value = ((x0 * x5) * all(u[2])) + (x6 * x9);
    const V x11 = k[0];
    const V x12 = all(T(1.0)) / (x11 + all(T(1.0)));
    const V x13 = x11 * x12;
    const V x14 = (x0 * all(u[2])) * ((x1 >= all(T(0.0))) ? x12 : x13);
    const V x15 = (x6 * ((p >= all(T(0.0))) ? x12 : x13)) - x14;
    gradient = x15;
  }
};
template <typename T> struct SigmoidCrossEntropy1 {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 2, kept = 2;
  LOSSMITH_STAGE(0) {
    k.keep(0, exponential<T>(-magnitude<T>(p)));
  }
  LOSSMITH_STAGE(1) {
    k.keep(1, log_one_plus_near<T>(k[0]));
  }
  LOSSMITH_BOTH {
    const V x0 = -p;
    const V x1 = k[1];
    const V x2 = at_least<T>(x0, all(T(0.0))) + x1;
    const auto m3 = magnitude<T>(x2) == all(T(infinity<double>));
    const V x4 = (m3 & (t == all(T(0.0)))) ? all(T(0.0)) : x2;
    const V x5 = all(T(1.0)) - t;
    const V x6 = x1 + at_least<T>(p, all(T(0.0)));
    const auto m7 = magnitude<T>(x6) == all(T(infinity<double>));
    const V x8 = (m7 & (x5 == all(T(0.0)))) ? all(T(0.0)) : x6;
    value = (all(u[0]) * (t * x4)) + (x5 * x8);
    const V x10 = k[0];
    const V x11 = all(T(1.0)) / (x10 + all(T(1.0)));
    const V x12 = x10 * x11;
    const V x13 = ((x0 >= all(T(0.0))) ? x11 : x12) * (t * all(u[0]));
    const V x14 = (((p >= all(T(0.0))) ? x11 : x12) * x5) - x13;
    gradient = x14;
  }
};

// binary_cross_entropy(p, t, pos_weight = q[0], label_smoothing = q[1], epsilon = q[2])
template <typename T> struct BinaryCrossEntropy0 {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 1, kept = 2;
  LOSSMITH_STAGE(0) {
    const V x0 = at_most<T>(at_least<T>(p, all(u[0])), all(u[1]));
    k.keep(0, logarithm<T>(x0));
    k.keep(1, logarithm<T>(all(T(1.0)) - x0));
  }
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[2])) + all(u[3]);
    const V x1 = x0 * all(u[4]);
    const V x2 = at_most<T>(at_least<T>(p, all(u[0])), all(u[1]));
    const V x3 = k[0];
    const V x4 = at_least<T>(x3, all(T(-100.0))) + ((x2 - x2) / all(T(1e-12)));
    const V x5 = all(T(1.0)) - x0;
    const V x6 = all(T(1.0)) - x2;
    const V x7 = k[1];
    const V x8 = at_least<T>(x7, all(T(-100.0))) + ((x6 - x6) / all(T(1e-12)));
    const V x9 = (x1 * ((x2 > all(T(1e-12))) ? x3 : x4)) + (x5 * ((x6 > all(T(1e-12))) ? x7 : x8));
    value = -x9;
    const V x11 = at_least<T>(all(T(1.0)) - p, all(T(1e-12)));
    const V x12 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x13 = (x5 * (all(T(1.0)) / x11)) - (x1 * x12);
    const V x14 = ((p < all(u[0])) | (p > all(u[1]))) ? all(T(0.0)) : x13;
    gradient = x14;
  }
};
template <typename T> struct BinaryCrossEntropy1 {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 1, kept = 2;
  LOSSMITH_STAGE(0) {
    k.keep(0, logarithm<T>(p));
    k.keep(1, logarithm<T>(all(T(1.0)) - p));
  }
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = x0 * all(u[2]);
    const V x2 = k[0];
    const V x3 = at_least<T>(x2, all(T(-100.0))) + ((p - p) / all(T(1e-12)));
    const V x4 = all(T(1.0)) - x0;
    const V x5 = all(T(1.0)) - p;
    const V x6 = k[1];
    const V x7 = at_least<T>(x6, all(T(-100.0))) + ((x5 - x5) / all(T(1e-12)));
    const V x8 = (x1 * ((p > all(T(1e-12))) ? x2 : x3)) + (x4 * ((x5 > all(T(1e-12))) ? x6 : x7));
    value = -x8;
    const V x10 = all(T(1.0)) / at_least<T>(x5, all(T(1e-12)));
    const V x11 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    gradient = (x4 * x10) - (x1 * x11);
  }
};
template <typename T> struct BinaryCrossEntropy2 {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 1, kept = 2;
  LOSSMITH_STAGE(0) {
    const V x0 = at_most<T>(at_least<T>(p, all(u[0])), all(u[1]));
    k.keep(0, logarithm<T>(x0));
    k.keep(1, logarithm<T>(all(T(1.0)) - x0));
  }
  LOSSMITH_BOTH {
    const V x0 = at_most<T>(at_least<T>(p, all(u[0])), all(u[1]));
    const V x1 = k[0];
    const V x2 = at_least<T>(x1, all(T(-100.0))) + ((x0 - x0) / all(T(1e-12)));
    const V x3 = t * all(u[2]);
    const V x4 = all(T(1.0)) - x0;
    const V x5 = k[1];
    const V x6 = at_least<T>(x5, all(T(-100.0))) + ((x4 - x4) / all(T(1e-12)));
    const V x7 = all(T(1.0)) - t;
    const V x8 = (((x0 > all(T(1e-12))) ? x1 : x2) * x3) + (((x4 > all(T(1e-12))) ? x5 : x6) * x7);
    value = -x8;
    const V x10 = at_least<T>(all(T(1.0)) - p, all(T(1e-12)));
    const V x11 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x12 = ((all(T(1.0)) / x10) * x7) - (x11 * x3);
    const V x13 = ((p < all(u[0])) | (p > all(u[1]))) ? all(T(0.0)) : x12;
    gradient = x13;
  }
};
template <typename T> struct BinaryCrossEntropy3 {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 1, kept = 2;
  LOSSMITH_STAGE(0) {
    k.keep(0, logarithm<T>(p));
    k.keep(1, logarithm<T>(all(T(1.0)) - p));
  }
  LOSSMITH_BOTH {
    const V x0 = k[0];
    const V x1 = at_least<T>(x0, all(T(-100.0))) + ((p - p) / all(T(1e-12)));
    const V x2 = t * all(u[0]);
    const V x3 = all(T(1.0)) - p;
    const V x4 = k[1];
    const V x5 = at_least<T>(x4, all(T(-100.0))) + ((x3 - x3) / all(T(1e-12)));
    const V x6 = all(T(1.0)) - t;
    const V x7 = (((p > all(T(1e-12))) ? x0 : x1) * x2) + (((x3 > all(T(1e-12))) ? x4 : x5) * x6);
    value = -x7;
    const V x9 = all(T(1.0)) / at_least<T>(x3, all(T(1e-12)));
    const V x10 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    gradient = (x9 * x6) - (x10 * x2);
  }
};

// hinge(p, t)
template <typename T> struct Hinge {
  using V = Lanes<T>;
  static constexpr int functions = 0, stages = 0, kept = 0;
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
  static constexpr int functions = 0, stages = 0, kept = 0;
  LOSSMITH_BOTH {
    const V x0 = at_least<T>(all(T(1.0)) - (p * t), all(T(0.0)));
    value = x0 * x0;
    gradient = x0 * (t * all(T(-2.0)));
  }
};

// sigmoid_focal(p, t, gamma = q[0], alpha = q[1], label_smoothing = q[2])
template <typename T> struct SigmoidFocal0 {
  using V = Lanes<T>;
  static constexpr int functions = 3, stages = 2, kept = 3;
  LOSSMITH_STAGE(0) {
    k.keep(0, exponential<T>(-magnitude<T>(p)));
  }
  LOSSMITH_STAGE(1) {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = k[0];
    const V x2 = all(T(1.0)) / (x1 + all(T(1.0)));
    const V x3 = x1 * x2;
    const V x4 = ((p >= all(T(0.0))) ? x2 : x3) * (all(T(1.0)) - x0);
    const V x5 = (x0 * (((-p) >= all(T(0.0))) ? x2 : x3)) + x4;
    k.keep(1, power<T>(x5, u[2]));
    k.keep(2, log_one_plus_near<T>(x1));
  }
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = -p;
    const V x2 = k[0];
    const V x3 = all(T(1.0)) / (x2 + all(T(1.0)));
    const V x4 = x2 * x3;
    const V x5 = (x1 >= all(T(0.0))) ? x3 : x4;
    const V x6 = x0 * x5;
    const V x7 = (p >= all(T(0.0))) ? x3 : x4;
    const V x8 = all(T(1.0)) - x0;
    const V x9 = x7 * x8;
    const V x10 = x6 + x9;
    const V x11 = k[1];
    const V x12 = (x10 > all(T(1e-12))) ? x11 : (x11 + ((x10 - x10) * all(u[3])));
    const V x13 = k[2];
    const V x14 = at_least<T>(x1, all(T(0.0))) + x13;
    const auto m15 = magnitude<T>(x14) == all(T(infinity<double>));
    const V x16 = ((x0 == all(T(0.0))) & m15) ? all(T(0.0)) : x14;
    const V x17 = x13 + at_least<T>(p, all(T(0.0)));
    const auto m18 = magnitude<T>(x17) == all(T(infinity<double>));
    const V x19 = ((x8 == all(T(0.0))) & m18) ? all(T(0.0)) : x17;
    const V x20 = (x0 * x16) + (x8 * x19);
    const auto m21 = magnitude<T>(x20) == all(T(infinity<double>));
    const V x22 = ((x12 == all(T(0.0))) & m21) ? all(T(0.0)) : x20;
    value = x12 * x22;
    const V x24 = x7 * (all(T(1.0)) - (x0 * all(T(2.0))));
    const V x25 = x5 * x24;
    const auto m26 = (x25 == all(T(0.0))) & (x10 == all(T(0.0)));
    const V x27 = x25 / (m26 ? all(T(1.0)) : x10);
    const V x28 = (m21 & (x27 == all(T(0.0)))) ? all(T(0.0)) : x20;
    const V x29 = x12 * (((x27 * x28) * all(u[2])) + (x9 - x6));
    gradient = x29;
  }
};
template <typename T> struct SigmoidFocal1 {
  using V = Lanes<T>;
  static constexpr int functions = 3, stages = 2, kept = 3;
  LOSSMITH_STAGE(0) {
    k.keep(0, exponential<T>(-magnitude<T>(p)));
  }
  LOSSMITH_STAGE(1) {
    const V x0 = k[0];
    const V x1 = all(T(1.0)) / (x0 + all(T(1.0)));
    const V x2 = x0 * x1;
    const V x3 = ((p >= all(T(0.0))) ? x1 : x2) * (all(T(1.0)) - t);
    const V x4 = (t * (((-p) >= all(T(0.0))) ? x1 : x2)) + x3;
    k.keep(1, power<T>(x4, u[0]));
    k.keep(2, log_one_plus_near<T>(x0));
  }
  LOSSMITH_BOTH {
    const V x0 = -p;
    const V x1 = k[0];
    const V x2 = all(T(1.0)) / (x1 + all(T(1.0)));
    const V x3 = x1 * x2;
    const V x4 = (x0 >= all(T(0.0))) ? x2 : x3;
    const V x5 = t * x4;
    const V x6 = (p >= all(T(0.0))) ? x2 : x3;
    const V x7 = all(T(1.0)) - t;
    const V x8 = x6 * x7;
    const V x9 = x5 + x8;
    const V x10 = k[1];
    const V x11 = (x9 > all(T(1e-12))) ? x10 : (x10 + (all(u[1]) * (x9 - x9)));
    const V x12 = k[2];
    const V x13 = at_least<T>(x0, all(T(0.0))) + x12;
    const auto m14 = magnitude<T>(x13) == all(T(infinity<double>));
    const V x15 = (m14 & (t == all(T(0.0)))) ? all(T(0.0)) : x13;
    const V x16 = x12 + at_least<T>(p, all(T(0.0)));
    const auto m17 = magnitude<T>(x16) == all(T(infinity<double>));
    const V x18 = (m17 & (x7 == all(T(0.0)))) ? all(T(0.0)) : x16;
    const V x19 = (t * x15) + (x7 * x18);
    const auto m20 = magnitude<T>(x19) == all(T(infinity<double>));
    const V x21 = ((x11 == all(T(0.0))) & m20) ? all(T(0.0)) : x19;
    value = x11 * x21;
    const V x23 = x4 * (x6 * (all(T(1.0)) - (t * all(T(2.0)))));
    const auto m24 = (x23 == all(T(0.0))) & (x9 == all(T(0.0)));
    const V x25 = x23 / (m24 ? all(T(1.0)) : x9);
    const V x26 = (m20 & (x25 == all(T(0.0)))) ? all(T(0.0)) : x19;
    const V x27 = x11 * ((all(u[0]) * (x25 * x26)) + (x8 - x5));
    gradient = x27;
  }
};
template <typename T> struct SigmoidFocal2 {
  using V = Lanes<T>;
  static constexpr int functions = 3, stages = 2, kept = 3;
  LOSSMITH_STAGE(0) {
    k.keep(0, exponential<T>(-magnitude<T>(p)));
  }
  LOSSMITH_STAGE(1) {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = k[0];
    const V x2 = all(T(1.0)) / (x1 + all(T(1.0)));
    const V x3 = x1 * x2;
    const V x4 = ((p >= all(T(0.0))) ? x2 : x3) * (all(T(1.0)) - x0);
    const V x5 = (x0 * (((-p) >= all(T(0.0))) ? x2 : x3)) + x4;
    k.keep(1, power<T>(x5, u[2]));
    k.keep(2, log_one_plus_near<T>(x1));
  }
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = -p;
    const V x2 = k[0];
    const V x3 = all(T(1.0)) / (x2 + all(T(1.0)));
    const V x4 = x2 * x3;
    const V x5 = (x1 >= all(T(0.0))) ? x3 : x4;
    const V x6 = x0 * x5;
    const V x7 = (p >= all(T(0.0))) ? x3 : x4;
    const V x8 = all(T(1.0)) - x0;
    const V x9 = x7 * x8;
    const V x10 = x6 + x9;
    const V x11 = k[1];
    const V x12 = (x10 > all(T(1e-12))) ? x11 : (x11 + ((x10 - x10) * all(u[3])));
    const V x13 = k[2];
    const V x14 = at_least<T>(x1, all(T(0.0))) + x13;
    const auto m15 = magnitude<T>(x14) == all(T(infinity<double>));
    const V x16 = ((x0 == all(T(0.0))) & m15) ? all(T(0.0)) : x14;
    const V x17 = x13 + at_least<T>(p, all(T(0.0)));
    const auto m18 = magnitude<T>(x17) == all(T(infinity<double>));
    const V x19 = ((x8 == all(T(0.0))) & m18) ? all(T(0.0)) : x17;
    const V x20 = (x0 * x16) + (x8 * x19);
    const auto m21 = magnitude<T>(x20) == all(T(infinity<double>));
    const V x22 = ((x12 == all(T(0.0))) & m21) ? all(T(0.0)) : x20;
    const V x23 = (x0 * all(u[4])) + (x8 * all(u[5]));
    value = (x12 * x22) * x23;
    const V x25 = x7 * (all(T(1.0)) - (x0 * all(T(2.0))));
    const V x26 = x5 * x25;
    const auto m27 = (x26 == all(T(0.0))) & (x10 == all(T(0.0)));
    const V x28 = x26 / (m27 ? all(T(1.0)) : x10);
    const V x29 = (m21 & (x28 == all(T(0.0)))) ? all(T(0.0)) : x20;
    const V x30 = (((x28 * x29) * all(u[2])) + (x9 - x6)) * (x12 * x23);
    gradient = x30;
  }
};
template <typename T> struct SigmoidFocal3 {
  using V = Lanes<T>;
  static constexpr int functions = 3, stages = 2, kept = 3;
  LOSSMITH_STAGE(0) {
    k.keep(0, exponential<T>(-magnitude<T>(p)));
  }
  LOSSMITH_STAGE(1) {
    const V x0 = k[0];
    const V x1 = all(T(1.0)) / (x0 + all(T(1.0)));
    const V x2 = x0 * x1;
    const V x3 = ((p >= all(T(0.0))) ? x1 : x2) * (all(T(1.0)) - t);
    const V x4 = (t * (((-p) >= all(T(0.0))) ? x1 : x2)) + x3;
    k.keep(1, power<T>(x4, u[0]));
    k.keep(2, log_one_plus_near<T>(x0));
  }
  LOSSMITH_BOTH {
    const V x0 = -p;
    const V x1 = k[0];
    const V x2 = all(T(1.0)) / (x1 + all(T(1.0)));
    const V x3 = x1 * x2;
    const V x4 = (x0 >= all(T(0.0))) ? x2 : x3;
    const V x5 = t * x4;
    const V x6 = (p >= all(T(0.0))) ? x2 : x3;
    const V x7 = all(T(1.0)) - t;
    const V x8 = x6 * x7;
    const V x9 = x5 + x8;
    const V x10 = k[1];
    const V x11 = (x9 > all(T(1e-12))) ? x10 : (x10 + (all(u[1]) * (x9 - x9)));
    const V x12 = k[2];
    const V x13 = at_least<T>(x0, all(T(0.0))) + x12;
    const auto m14 = magnitude<T>(x13) == all(T(infinity<double>));
    const V x15 = (m14 & (t == all(T(0.0)))) ? all(T(0.0)) : x13;
    const V x16 = x12 + at_least<T>(p, all(T(0.0)));
    const auto m17 = magnitude<T>(x16) == all(T(infinity<double>));
    const V x18 = (m17 & (x7 == all(T(0.0)))) ? all(T(0.0)) : x16;
    const V x19 = (t * x15) + (x7 * x18);
    const auto m20 = magnitude<T>(x19) == all(T(infinity<double>));
    const V x21 = ((x11 == all(T(0.0))) & m20) ? all(T(0.0)) : x19;
    const V x22 = (t * all(u[2])) + (x7 * all(u[3]));
    value = (x11 * x21) * x22;
    const V x24 = x4 * (x6 * (all(T(1.0)) - (t * all(T(2.0)))));
    const auto m25 = (x24 == all(T(0.0))) & (x9 == all(T(0.0)));
    const V x26 = x24 / (m25 ? all(T(1.0)) : x9);
    const V x27 = (m20 & (x26 == all(T(0.0)))) ? all(T(0.0)) : x19;
    const V x28 = ((all(u[0]) * (x26 * x27)) + (x8 - x5)) * (x11 * x22);
    gradient = x28;
  }
};

// binary_focal(p, t, gamma = q[0], alpha = q[1], label_smoothing = q[2], epsilon = q[3])
template <typename T> struct BinaryFocal0 {
  using V = Lanes<T>;
  static constexpr int functions = 4, stages = 1, kept = 4;
  LOSSMITH_STAGE(0) {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = (x0 * (all(T(1.0)) - p)) + (p * (all(T(1.0)) - x0));
    k.keep(0, power<T>(x1, u[2]));
    const V x3 = at_most<T>(at_least<T>(p, all(u[3])), all(u[4]));
    k.keep(1, logarithm<T>(x3));
    k.keep(2, logarithm<T>(all(T(1.0)) - x3));
    if constexpr (with_gradient) {
      const V x6 = power<T>(at_least<T>(x1, all(T(1e-12))), u[5]);
      k.keep(3, x6);
    }
  }
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = all(T(1.0)) - p;
    const V x2 = all(T(1.0)) - x0;
    const V x3 = (x0 * x1) + (p * x2);
    const V x4 = k[0];
    const V x5 = (x3 > all(T(1e-12))) ? x4 : (x4 + ((x3 - x3) * all(u[6])));
    const V x6 = at_most<T>(at_least<T>(p, all(u[3])), all(u[4]));
    const V x7 = k[1];
    const V x8 = at_least<T>(x7, all(T(-100.0))) + ((x6 - x6) / all(T(1e-12)));
    const V x9 = all(T(1.0)) - x6;
    const V x10 = k[2];
    const V x11 = at_least<T>(x10, all(T(-100.0))) + ((x9 - x9) / all(T(1e-12)));
    const V x12 = x2 * ((x9 > all(T(1e-12))) ? x10 : x11);
    const V x13 = (x0 * ((x6 > all(T(1e-12))) ? x7 : x8)) + x12;
    const V x14 = -x13;
    value = x5 * x14;
    const V x16 = (k[3] * all(u[2])) * (all(T(1.0)) - (x0 * all(T(2.0))));
    const V x17 = all(T(1.0)) / at_least<T>(x1, all(T(1e-12)));
    const V x18 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x19 = ((p < all(u[3])) | (p > all(u[4]))) ? all(T(0.0)) : ((x2 * x17) - (x0 * x18));
    gradient = (x14 * x16) + (x5 * x19);
  }
};
template <typename T> struct BinaryFocal1 {
  using V = Lanes<T>;
  static constexpr int functions = 4, stages = 1, kept = 4;
  LOSSMITH_STAGE(0) {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = all(T(1.0)) - p;
    const V x2 = (x0 * x1) + (p * (all(T(1.0)) - x0));
    k.keep(0, power<T>(x2, u[2]));
    k.keep(1, logarithm<T>(p));
    k.keep(2, logarithm<T>(x1));
    if constexpr (with_gradient) {
      const V x6 = power<T>(at_least<T>(x2, all(T(1e-12))), u[3]);
      k.keep(3, x6);
    }
  }
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = all(T(1.0)) - p;
    const V x2 = all(T(1.0)) - x0;
    const V x3 = (x0 * x1) + (p * x2);
    const V x4 = k[0];
    const V x5 = (x3 > all(T(1e-12))) ? x4 : (x4 + ((x3 - x3) * all(u[4])));
    const V x6 = k[1];
    const V x7 = at_least<T>(x6, all(T(-100.0))) + ((p - p) / all(T(1e-12)));
    const V x8 = k[2];
    const V x9 = at_least<T>(x8, all(T(-100.0))) + ((x1 - x1) / all(T(1e-12)));
    const V x10 = (x0 * ((p > all(T(1e-12))) ? x6 : x7)) + (x2 * ((x1 > all(T(1e-12))) ? x8 : x9));
    const V x11 = -x10;
    value = x5 * x11;
    const V x13 = (k[3] * all(u[2])) * (all(T(1.0)) - (x0 * all(T(2.0))));
    const V x14 = all(T(1.0)) / at_least<T>(x1, all(T(1e-12)));
    const V x15 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x16 = (x13 * x11) + (x5 * ((x2 * x14) - (x0 * x15)));
    gradient = x16;
  }
};
template <typename T> struct BinaryFocal2 {
  using V = Lanes<T>;
  static constexpr int functions = 4, stages = 1, kept = 4;
  LOSSMITH_STAGE(0) {
    const V x0 = (t * (all(T(1.0)) - p)) + (p * (all(T(1.0)) - t));
    k.keep(0, power<T>(x0, u[0]));
    const V x2 = at_most<T>(at_least<T>(p, all(u[1])), all(u[2]));
    k.keep(1, logarithm<T>(x2));
    k.keep(2, logarithm<T>(all(T(1.0)) - x2));
    if constexpr (with_gradient) {
      const V x5 = power<T>(at_least<T>(x0, all(T(1e-12))), u[3]);
      k.keep(3, x5);
    }
  }
  LOSSMITH_BOTH {
    const V x0 = all(T(1.0)) - p;
    const V x1 = all(T(1.0)) - t;
    const V x2 = (t * x0) + (p * x1);
    const V x3 = k[0];
    const V x4 = (x2 > all(T(1e-12))) ? x3 : (x3 + (all(u[4]) * (x2 - x2)));
    const V x5 = at_most<T>(at_least<T>(p, all(u[1])), all(u[2]));
    const V x6 = k[1];
    const V x7 = at_least<T>(x6, all(T(-100.0))) + ((x5 - x5) / all(T(1e-12)));
    const V x8 = all(T(1.0)) - x5;
    const V x9 = k[2];
    const V x10 = at_least<T>(x9, all(T(-100.0))) + ((x8 - x8) / all(T(1e-12)));
    const V x11 = (t * ((x5 > all(T(1e-12))) ? x6 : x7)) + (((x8 > all(T(1e-12))) ? x9 : x10) * x1);
    const V x12 = -x11;
    value = x4 * x12;
    const V x14 = (all(u[0]) * k[3]) * (all(T(1.0)) - (t * all(T(2.0))));
    const V x15 = all(T(1.0)) / at_least<T>(x0, all(T(1e-12)));
    const V x16 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x17 = ((p < all(u[1])) | (p > all(u[2]))) ? all(T(0.0)) : ((x15 * x1) - (t * x16));
    gradient = (x12 * x14) + (x4 * x17);
  }
};
template <typename T> struct BinaryFocal3 {
  using V = Lanes<T>;
  static constexpr int functions = 4, stages = 1, kept = 4;
  LOSSMITH_STAGE(0) {
    const V x0 = all(T(1.0)) - p;
    const V x1 = (t * x0) + (p * (all(T(1.0)) - t));
    k.keep(0, power<T>(x1, u[0]));
    k.keep(1, logarithm<T>(p));
    k.keep(2, logarithm<T>(x0));
    if constexpr (with_gradient) {
      const V x5 = power<T>(at_least<T>(x1, all(T(1e-12))), u[1]);
      k.keep(3, x5);
    }
  }
  LOSSMITH_BOTH {
    const V x0 = all(T(1.0)) - p;
    const V x1 = all(T(1.0)) - t;
    const V x2 = (t * x0) + (p * x1);
    const V x3 = k[0];
    const V x4 = (x2 > all(T(1e-12))) ? x3 : (x3 + (all(u[2]) * (x2 - x2)));
    const V x5 = k[1];
    const V x6 = at_least<T>(x5, all(T(-100.0))) + ((p - p) / all(T(1e-12)));
    const V x7 = k[2];
    const V x8 = at_least<T>(x7, all(T(-100.0))) + ((x0 - x0) / all(T(1e-12)));
    const V x9 = (t * ((p > all(T(1e-12))) ? x5 : x6)) + (((x0 > all(T(1e-12))) ? x7 : x8) * x1);
    const V x10 = -x9;
    value = x4 * x10;
    const V x12 = (all(u[0]) * k[3]) * (all(T(1.0)) - (t * all(T(2.0))));
    const V x13 = all(T(1.0)) / at_least<T>(x0, all(T(1e-12)));
    const V x14 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x15 = (x12 * x10) + (x4 * ((x13 * x1) - (t * x14)));
    gradient = x15;
  }
};
template <typename T> struct BinaryFocal4 {
  using V = Lanes<T>;
  static constexpr int functions = 4, stages = 1, kept = 4;
  LOSSMITH_STAGE(0) {
    const V x0 = at_most<T>(at_least<T>(p, all(u[0])), all(u[1]));
    k.keep(0, logarithm<T>(x0));
    k.keep(1, logarithm<T>(all(T(1.0)) - x0));
    const V x3 = (t * all(u[2])) + all(u[3]);
    const V x4 = (x3 * (all(T(1.0)) - p)) + (p * (all(T(1.0)) - x3));
    k.keep(2, power<T>(x4, u[4]));
    if constexpr (with_gradient) {
      const V x6 = power<T>(at_least<T>(x4, all(T(1e-12))), u[5]);
      k.keep(3, x6);
    }
  }
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[2])) + all(u[3]);
    const V x1 = at_most<T>(at_least<T>(p, all(u[0])), all(u[1]));
    const V x2 = k[0];
    const V x3 = at_least<T>(x2, all(T(-100.0))) + ((x1 - x1) / all(T(1e-12)));
    const V x4 = all(T(1.0)) - x0;
    const V x5 = all(T(1.0)) - x1;
    const V x6 = k[1];
    const V x7 = at_least<T>(x6, all(T(-100.0))) + ((x5 - x5) / all(T(1e-12)));
    const V x8 = (x0 * ((x1 > all(T(1e-12))) ? x2 : x3)) + (x4 * ((x5 > all(T(1e-12))) ? x6 : x7));
    const V x9 = -x8;
    const V x10 = all(T(1.0)) - p;
    const V x11 = (x0 * x10) + (p * x4);
    const V x12 = k[2];
    const V x13 = (x11 > all(T(1e-12))) ? x12 : (x12 + ((x11 - x11) * all(u[6])));
    const V x14 = (x0 * all(u[7])) + (x4 * all(u[8]));
    value = x9 * (x13 * x14);
    const V x16 = (k[3] * all(u[4])) * (all(T(1.0)) - (x0 * all(T(2.0))));
    const V x17 = all(T(1.0)) / at_least<T>(x10, all(T(1e-12)));
    const V x18 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x19 = ((p < all(u[0])) | (p > all(u[1]))) ? all(T(0.0)) : ((x4 * x17) - (x0 * x18));
    gradient = ((x9 * x16) + (x13 * x19)) * x14;
  }
};
template <typename T> struct BinaryFocal5 {
  using V = Lanes<T>;
  static constexpr int functions = 4, stages = 1, kept = 4;
  LOSSMITH_STAGE(0) {
    k.keep(0, logarithm<T>(p));
    const V x1 = all(T(1.0)) - p;
    k.keep(1, logarithm<T>(x1));
    const V x3 = (t * all(u[0])) + all(u[1]);
    const V x4 = (x3 * x1) + (p * (all(T(1.0)) - x3));
    k.keep(2, power<T>(x4, u[2]));
    if constexpr (with_gradient) {
      const V x6 = power<T>(at_least<T>(x4, all(T(1e-12))), u[3]);
      k.keep(3, x6);
    }
  }
  LOSSMITH_BOTH {
    const V x0 = (t * all(u[0])) + all(u[1]);
    const V x1 = k[0];
    const V x2 = at_least<T>(x1, all(T(-100.0))) + ((p - p) / all(T(1e-12)));
    const V x3 = all(T(1.0)) - x0;
    const V x4 = all(T(1.0)) - p;
    const V x5 = k[1];
    const V x6 = at_least<T>(x5, all(T(-100.0))) + ((x4 - x4) / all(T(1e-12)));
    const V x7 = (x0 * ((p > all(T(1e-12))) ? x1 : x2)) + (x3 * ((x4 > all(T(1e-12))) ? x5 : x6));
    const V x8 = -x7;
    const V x9 = (x0 * x4) + (p * x3);
    const V x10 = k[2];
    const V x11 = (x9 > all(T(1e-12))) ? x10 : (x10 + ((x9 - x9) * all(u[4])));
    const V x12 = (x0 * all(u[5])) + (x3 * all(u[6]));
    value = x8 * (x11 * x12);
    const V x14 = (k[3] * all(u[2])) * (all(T(1.0)) - (x0 * all(T(2.0))));
    const V x15 = all(T(1.0)) / at_least<T>(x4, all(T(1e-12)));
    const V x16 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x17 = (x14 * x8) + (x11 * ((x3 * x15) - (x0 * x16)));
    gradient = x17 * x12;
  }
};
template <typename T> struct BinaryFocal6 {
  using V = Lanes<T>;
  static constexpr int functions = 4, stages = 1, kept = 4;
  LOSSMITH_STAGE(0) {
    const V x0 = at_most<T>(at_least<T>(p, all(u[0])), all(u[1]));
    k.keep(0, logarithm<T>(x0));
    k.keep(1, logarithm<T>(all(T(1.0)) - x0));
    const V x3 = (t * (all(T(1.0)) - p)) + (p * (all(T(1.0)) - t));
    k.keep(2, power<T>(x3, u[2]));
    if constexpr (with_gradient) {
      const V x5 = power<T>(at_least<T>(x3, all(T(1e-12))), u[3]);
      k.keep(3, x5);
    }
  }
  LOSSMITH_BOTH {
    const V x0 = at_most<T>(at_least<T>(p, all(u[0])), all(u[1]));
    const V x1 = k[0];
    const V x2 = at_least<T>(x1, all(T(-100.0))) + ((x0 - x0) / all(T(1e-12)));
    const V x3 = all(T(1.0)) - x0;
    const V x4 = k[1];
    const V x5 = at_least<T>(x4, all(T(-100.0))) + ((x3 - x3) / all(T(1e-12)));
    const V x6 = all(T(1.0)) - t;
    const V x7 = (t * ((x0 > all(T(1e-12))) ? x1 : x2)) + (((x3 > all(T(1e-12))) ? x4 : x5) * x6);
    const V x8 = -x7;
    const V x9 = all(T(1.0)) - p;
    const V x10 = (t * x9) + (p * x6);
    const V x11 = k[2];
    const V x12 = (x10 > all(T(1e-12))) ? x11 : (x11 + (all(u[4]) * (x10 - x10)));
    const V x13 = (t * all(u[5])) + (x6 * all(u[6]));
    value = x8 * (x12 * x13);
    const V x15 = (all(u[2]) * k[3]) * (all(T(1.0)) - (t * all(T(2.0))));
    const V x16 = all(T(1.0)) / at_least<T>(x9, all(T(1e-12)));
    const V x17 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x18 = ((p < all(u[0])) | (p > all(u[1]))) ? all(T(0.0)) : ((x16 * x6) - (t * x17));
    gradient = ((x8 * x15) + (x12 * x18)) * x13;
  }
};
template <typename T> struct BinaryFocal7 {
  using V = Lanes<T>;
  static constexpr int functions = 4, stages = 1, kept = 4;
  LOSSMITH_STAGE(0) {
    k.keep(0, logarithm<T>(p));
    const V x1 = all(T(1.0)) - p;
    k.keep(1, logarithm<T>(x1));
    const V x3 = (t * x1) + (p * (all(T(1.0)) - t));
    k.keep(2, power<T>(x3, u[0]));
    if constexpr (with_gradient) {
      const V x5 = power<T>(at_least<T>(x3, all(T(1e-12))), u[1]);
      k.keep(3, x5);
    }
  }
  LOSSMITH_BOTH {
    const V x0 = k[0];
    const V x1 = at_least<T>(x0, all(T(-100.0))) + ((p - p) / all(T(1e-12)));
    const V x2 = all(T(1.0)) - p;
    const V x3 = k[1];
    const V x4 = at_least<T>(x3, all(T(-100.0))) + ((x2 - x2) / all(T(1e-12)));
    const V x5 = all(T(1.0)) - t;
    const V x6 = (t * ((p > all(T(1e-12))) ? x0 : x1)) + (((x2 > all(T(1e-12))) ? x3 : x4) * x5);
    const V x7 = -x6;
    const V x8 = (t * x2) + (p * x5);
    const V x9 = k[2];
    const V x10 = (x8 > all(T(1e-12))) ? x9 : (x9 + (all(u[2]) * (x8 - x8)));
    const V x11 = (t * all(u[3])) + (x5 * all(u[4]));
    value = x7 * (x10 * x11);
    const V x13 = (all(u[0]) * k[3]) * (all(T(1.0)) - (t * all(T(2.0))));
    const V x14 = all(T(1.0)) / at_least<T>(x2, all(T(1e-12)));
    const V x15 = all(T(1.0)) / at_least<T>(p, all(T(1e-12)));
    const V x16 = (x13 * x7) + (x10 * ((x14 * x5) - (t * x15)));
    gradient = x16 * x11;
  }
};

// asymmetric(p, t, gamma_positive = q[0], gamma_negative = q[1], clip = q[2])
template <typename T> struct Asymmetric0 {
  using V = Lanes<T>;
  static constexpr int functions = 8, stages = 2, kept = 8;
  LOSSMITH_STAGE(0) {
    k.keep(0, exponential<T>(-magnitude<T>(p)));
  }
  LOSSMITH_STAGE(1) {
    const V x0 = k[0];
    const V x1 = all(T(1.0)) / (x0 + all(T(1.0)));
    const V x2 = x0 * x1;
    const V x3 = ((-p) >= all(T(0.0))) ? x1 : x2;
    k.keep(1, power<T>(x3, u[0]));
    k.keep(2, log_one_plus_near<T>(x0));
    const V x6 = (p >= all(T(0.0))) ? x1 : x2;
    const auto m7 = x6 <= all(u[1]);
    const V x8 = x6 - all(u[1]);
    k.keep(3, power<T>((m7 ? all(T(0.0)) : x8), u[2]));
    const V x10 = at_most<T>(all(u[1]) + x3, all(T(1.0)));
    k.keep(4, logarithm<T>(m7 ? all(T(1.0)) : x10));
    if constexpr (with_gradient) {
      k.keep(5, power<T>(x8, u[2]));
      k.keep(6, logarithm<T>(x10));
      const V x14 = power<T>(at_least<T>(x8, all(T(1e-12))), u[3]);
      k.keep(7, x14);
    }
  }
  LOSSMITH_BOTH {
    const V x0 = -p;
    const V x1 = k[0];
    const V x2 = all(T(1.0)) / (x1 + all(T(1.0)));
    const V x3 = x1 * x2;
    const V x4 = (x0 >= all(T(0.0))) ? x2 : x3;
    const V x5 = k[1];
    const V x6 = (x4 > all(T(1e-12))) ? x5 : (x5 + ((x4 - x4) * all(u[4])));
    const V x7 = at_least<T>(x0, all(T(0.0))) + k[2];
    const auto m8 = magnitude<T>(x7) == all(T(infinity<double>));
    const V x9 = ((x6 == all(T(0.0))) & m8) ? all(T(0.0)) : x7;
    const V x10 = x6 * x9;
    const auto m11 = magnitude<T>(x10) == all(T(infinity<double>));
    const V x12 = ((t == all(T(0.0))) & m11) ? all(T(0.0)) : x10;
    const V x13 = all(T(1.0)) - t;
    const V x14 = (p >= all(T(0.0))) ? x2 : x3;
    const auto m15 = x14 <= all(u[1]);
    const V x16 = x14 - all(u[1]);
    const V x17 = m15 ? all(T(0.0)) : x16;
    const V x18 = k[3];
    const V x19 = (x17 > all(T(1e-12))) ? x18 : (x18 + ((x17 - x17) * all(u[5])));
    const V x20 = (-x19) * k[4];
    const auto m21 = magnitude<T>(x20) == all(T(infinity<double>));
    const V x22 = ((x13 == all(T(0.0))) & m21) ? all(T(0.0)) : x20;
    value = (t * x12) + (x13 * x22);
    const V x24 = k[5];
    const V x25 = (x16 > all(T(1e-12))) ? x24 : (x24 + ((x16 - x16) * all(u[5])));
    const V x26 = x25 / at_most<T>(all(u[1]) + x4, all(T(1.0)));
    const V x27 = (x26 - (k[6] * (k[7] * all(u[2])))) * (x14 * x4);
    const V x28 = (m8 & (x14 == all(T(0.0)))) ? all(T(0.0)) : x7;
    const V x29 = t * (x6 * (x4 + ((x14 * x28) * all(u[0]))));
    const V x30 = (x13 * (m15 ? all(T(0.0)) : x27)) - x29;
    gradient = x30;
  }
};
template <typename T> struct Asymmetric1 {
  using V = Lanes<T>;
  static constexpr int functions = 4, stages = 2, kept = 4;
  LOSSMITH_STAGE(0) {
    k.keep(0, exponential<T>(-magnitude<T>(p)));
  }
  LOSSMITH_STAGE(1) {
    const V x0 = k[0];
    const V x1 = all(T(1.0)) / (x0 + all(T(1.0)));
    const V x2 = x0 * x1;
    const V x3 = power<T>((((-p) >= all(T(0.0))) ? x1 : x2), u[0]);
    k.keep(1, x3);
    k.keep(2, log_one_plus_near<T>(x0));
    const V x6 = power<T>(((p >= all(T(0.0))) ? x1 : x2), u[1]);
    k.keep(3, x6);
  }
  LOSSMITH_BOTH {
    const V x0 = -p;
    const V x1 = k[0];
    const V x2 = all(T(1.0)) / (x1 + all(T(1.0)));
    const V x3 = x1 * x2;
    const V x4 = (x0 >= all(T(0.0))) ? x2 : x3;
    const V x5 = k[1];
    const V x6 = (x4 > all(T(1e-12))) ? x5 : (x5 + ((x4 - x4) * all(u[2])));
    const V x7 = k[2];
    const V x8 = at_least<T>(x0, all(T(0.0))) + x7;
    const auto m9 = magnitude<T>(x8) == all(T(infinity<double>));
    const V x10 = ((x6 == all(T(0.0))) & m9) ? all(T(0.0)) : x8;
    const V x11 = x6 * x10;
    const auto m12 = magnitude<T>(x11) == all(T(infinity<double>));
    const V x13 = ((t == all(T(0.0))) & m12) ? all(T(0.0)) : x11;
    const V x14 = all(T(1.0)) - t;
    const V x15 = (p >= all(T(0.0))) ? x2 : x3;
    const V x16 = k[3];
    const V x17 = (x15 > all(T(1e-12))) ? x16 : (x16 + (all(u[3]) * (x15 - x15)));
    const V x18 = x7 + at_least<T>(p, all(T(0.0)));
    const auto m19 = magnitude<T>(x18) == all(T(infinity<double>));
    const V x20 = ((x17 == all(T(0.0))) & m19) ? all(T(0.0)) : x18;
    const V x21 = x17 * x20;
    const auto m22 = magnitude<T>(x21) == all(T(infinity<double>));
    const V x23 = ((x14 == all(T(0.0))) & m22) ? all(T(0.0)) : x21;
    value = (t * x13) + (x14 * x23);
    const V x25 = (m19 & (x4 == all(T(0.0)))) ? all(T(0.0)) : x18;
    const V x26 = x14 * (x17 * (x15 + (all(u[1]) * (x4 * x25))));
    const V x27 = (m9 & (x15 == all(T(0.0)))) ? all(T(0.0)) : x8;
    const V x28 = t * (x6 * (x4 + ((x15 * x27) * all(u[0]))));
    gradient = x26 - x28;
  }
};

// soft_margin(p, t)
template <typename T> struct SoftMargin {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 2, kept = 2;
  LOSSMITH_STAGE(0) {
    k.keep(0, exponential<T>(-magnitude<T>(p * (-t))));
  }
  LOSSMITH_STAGE(1) {
    k.keep(1, log_one_plus_near<T>(k[0]));
  }
  LOSSMITH_BOTH {
    const V x0 = -t;
    const V x1 = p * x0;
    value = at_least<T>(x1, all(T(0.0))) + k[1];
    const V x3 = k[0];
    const V x4 = all(T(1.0)) / (x3 + all(T(1.0)));
    const V x5 = x0 * ((x1 >= all(T(0.0))) ? x4 : (x3 * x4));
    gradient = x5;
  }
};

// exponential(p, t)
template <typename T> struct Exponential {
  using V = Lanes<T>;
  static constexpr int functions = 1, stages = 0, kept = 0;
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
  static constexpr int functions = 0, stages = 0, kept = 0;
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
  static constexpr int functions = 0, stages = 0, kept = 0;
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
  static constexpr int functions = 0, stages = 0, kept = 0;
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
  static constexpr int functions = 2, stages = 2, kept = 2;
  LOSSMITH_STAGE(0) {
    k.keep(0, exponential<T>(-magnitude<T>(p - t)));
  }
  LOSSMITH_STAGE(1) {
    k.keep(1, log_one_plus_near<T>(k[0]));
  }
  LOSSMITH_BOTH {
    const V x0 = -(p - t);
    value = at_least<T>(x0, all(T(0.0))) + k[1];
    const V x2 = k[0];
    const V x3 = all(T(1.0)) / (x2 + all(T(1.0)));
    const V x4 = -((x0 >= all(T(0.0))) ? x3 : (x2 * x3));
    gradient = x4;
  }
};

// simpo(p, t, beta = q[0], gamma = q[1])
template <typename T> struct SimPO {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 2, kept = 2;
  LOSSMITH_STAGE(0) {
    const V x0 = magnitude<T>(((p - t) * all(u[0])) - all(u[1]));
    k.keep(0, exponential<T>(-x0));
  }
  LOSSMITH_STAGE(1) {
    k.keep(1, log_one_plus_near<T>(k[0]));
  }
  LOSSMITH_BOTH {
    const V x0 = -(((p - t) * all(u[0])) - all(u[1]));
    value = at_least<T>(x0, all(T(0.0))) + k[1];
    const V x2 = k[0];
    const V x3 = all(T(1.0)) / (x2 + all(T(1.0)));
    const V x4 = -((x0 >= all(T(0.0))) ? x3 : (x2 * x3));
    gradient = all(u[0]) * x4;
  }
};

// orpo_odds_ratio(p, t)
template <typename T> struct ORPOOddsRatio {
  using V = Lanes<T>;
  static constexpr int functions = 10, stages = 4, kept = 10;
  LOSSMITH_STAGE(0) {
    k.keep(0, exponential_minus_one<T>(p));
    k.keep(1, exponential<T>(p));
    k.keep(2, exponential_minus_one<T>(t));
    k.keep(3, exponential<T>(t));
  }
  LOSSMITH_STAGE(1) {
    k.keep(4, logarithm<T>(-k[0]));
    k.keep(5, log_one_plus<T>(-k[1]));
    k.keep(6, logarithm<T>(-k[2]));
    k.keep(7, log_one_plus<T>(-k[3]));
  }
  LOSSMITH_STAGE(2) {
    const V x0 = (p > all(T(-0.6931471805599453))) ? k[4] : k[5];
    const V x1 = (t > all(T(-0.6931471805599453))) ? k[6] : k[7];
    const V x2 = exponential<T>(-magnitude<T>((p - x0) - (t - x1)));
    k.keep(8, x2);
  }
  LOSSMITH_STAGE(3) {
    k.keep(9, log_one_plus_near<T>(k[8]));
  }
  LOSSMITH_BOTH {
    const V x0 = (p > all(T(-0.6931471805599453))) ? k[4] : k[5];
    const V x1 = (t > all(T(-0.6931471805599453))) ? k[6] : k[7];
    const V x2 = -((p - x0) - (t - x1));
    value = at_least<T>(x2, all(T(0.0))) + k[9];
    const V x4 = k[8];
    const V x5 = all(T(1.0)) / (all(T(1.0)) + x4);
    const V x6 = ((x2 >= all(T(0.0))) ? x5 : (x4 * x5)) / k[0];
    gradient = x6;
  }
};

// kto(p, t, beta = q[0], reference_point = q[1], desirable_weight = q[2], undesirable_weight = q[3])
template <typename T> struct KTO {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 1, kept = 2;
  LOSSMITH_STAGE(0) {
    const V x0 = p - all(u[1]);
    const V x1 = exponential<T>(-magnitude<T>((t * all(u[0])) * x0));
    k.keep(0, x1);
    if constexpr (with_gradient) {
      const V x3 = exponential<T>(-magnitude<T>(x0 * all(u[2])));
      k.keep(1, x3);
    }
  }
  LOSSMITH_BOTH {
    const V x0 = (t > all(T(0.0))) ? (all(T(1.0)) * all(u[3])) : (all(T(1.0)) * all(u[4]));
    const V x1 = p - all(u[1]);
    const V x2 = k[0];
    const V x3 = all(T(1.0)) / (all(T(1.0)) + x2);
    const V x4 = (((t * all(u[0])) * x1) >= all(T(0.0))) ? x3 : (x2 * x3);
    value = x0 * x4;
    const V x6 = x1 * all(u[2]);
    const V x7 = k[1];
    const V x8 = all(T(1.0)) / (all(T(1.0)) + x7);
    const V x9 = x7 * x8;
    const V x10 = ((x6 >= all(T(0.0))) ? x8 : x9) * (((-x6) >= all(T(0.0))) ? x8 : x9);
    gradient = (t * ((-x0) * all(u[2]))) * x10;
  }
};

// bradley_terry(p, t, margin = q[0])
template <typename T> struct BradleyTerry {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 2, kept = 2;
  LOSSMITH_STAGE(0) {
    const V x0 = exponential<T>(-magnitude<T>((p - t) - all(u[0])));
    k.keep(0, x0);
  }
  LOSSMITH_STAGE(1) {
    k.keep(1, log_one_plus_near<T>(k[0]));
  }
  LOSSMITH_BOTH {
    const V x0 = -((p - t) - all(u[0]));
    value = at_least<T>(x0, all(T(0.0))) + k[1];
    const V x2 = k[0];
    const V x3 = all(T(1.0)) / (x2 + all(T(1.0)));
    const V x4 = -((x0 >= all(T(0.0))) ? x3 : (x2 * x3));
    gradient = x4;
  }
};

// quantile(p, t, level = q[0])
template <typename T> struct Quantile {
  using V = Lanes<T>;
  static constexpr int functions = 0, stages = 0, kept = 0;
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
  static constexpr int functions = 0, stages = 0, kept = 0;
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
  static constexpr int functions = 0, stages = 0, kept = 0;
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
  static constexpr int functions = 0, stages = 0, kept = 0;
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
  static constexpr int functions = 2, stages = 1, kept = 2;
  LOSSMITH_STAGE(0) {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = at_most<T>(at_least<T>(x0, all(T(-1000000000.0))), all(T(1000000000.0)));
    k.keep(0, log_one_plus<T>(x1 * x1));
    const V x3 = at_least<T>(magnitude<T>(x0), all(T(1000000000.0)));
    k.keep(1, logarithm<T>(x3));
  }
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = magnitude<T>(x0);
    const V x2 = (x1 < all(T(1000000000.0))) ? k[0] : (k[1] * all(T(2.0)));
    value = x2;
    const V x4 = at_most<T>(at_least<T>(x0, all(T(-1.0))), all(T(1.0)));
    const V x5 = all(T(1.0)) / (x0 + (all(T(1.0)) / x0));
    const V x6 = (x1 < all(T(1.0))) ? (x4 / (all(T(1.0)) + (x4 * x4))) : x5;
    gradient = x6 * all(u[1]);
  }
};

// geman_mcclure(p, t, scale = q[0])
template <typename T> struct GemanMcClure {
  using V = Lanes<T>;
  static constexpr int functions = 0, stages = 0, kept = 0;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = at_most<T>(at_least<T>(x0, all(T(-1.0))), all(T(1.0)));
    const V x2 = x1 * x1;
    const V x3 = (x2 * all(T(2.0))) / (all(T(1.0)) + x2);
    const V x4 = all(T(1.0)) / x0;
    const V x5 = all(T(2.0)) / (all(T(1.0)) + (x4 * x4));
    const V x6 = (magnitude<T>(x0) < all(T(1.0))) ? x3 : x5;
    value = x6;
    const V x8 = at_most<T>(at_least<T>(x0, all(T(-1e+18))), all(T(1e+18)));
    const V x9 = all(T(1.0)) / (all(T(1.0)) + (x8 * x8));
    gradient = x9 * (x9 * (x8 * all(u[1])));
  }
};

// welsch(p, t, scale = q[0])
template <typename T> struct Welsch {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 1, kept = 2;
  LOSSMITH_STAGE(0) {
    const V x0 = at_least<T>((p - t) / all(u[0]), all(T(-100.0)));
    const V x1 = at_most<T>(x0, all(T(100.0)));
    const V x2 = x1 * (x1 * all(T(-0.5)));
    k.keep(0, exponential<T>(x2));
    k.keep(1, exponential_minus_one<T>(x2));
  }
  LOSSMITH_BOTH {
    const V x0 = at_least<T>((p - t) / all(u[0]), all(T(-100.0)));
    const V x1 = at_most<T>(x0, all(T(100.0)));
    const auto m2 = (x1 * (x1 * all(T(-0.5)))) < all(T(-0.5));
    const V x3 = k[0];
    value = -(m2 ? (x3 - all(T(1.0))) : k[1]);
    gradient = (x1 * x3) / all(u[0]);
  }
};

// tukey_biweight(p, t, c = q[0])
template <typename T> struct TukeyBiweight {
  using V = Lanes<T>;
  static constexpr int functions = 0, stages = 0, kept = 0;
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
  static constexpr int functions = 0, stages = 0, kept = 0;
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    value = x0 * (x0 * all(T(0.5)));
    gradient = x0 / all(u[0]);
  }
};
template <typename T> struct GeneralRobust1 {
  using V = Lanes<T>;
  static constexpr int functions = 0, stages = 0, kept = 0;
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
  static constexpr int functions = 2, stages = 1, kept = 2;
  LOSSMITH_STAGE(0) {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = at_most<T>(at_least<T>(x0, all(T(-1000000000.0))), all(T(1000000000.0)));
    k.keep(0, log_one_plus<T>(x1 * x1));
    const V x3 = at_least<T>(magnitude<T>(x0), all(T(1000000000.0)));
    k.keep(1, logarithm<T>(x3));
  }
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = magnitude<T>(x0);
    const V x2 = (x1 < all(T(1000000000.0))) ? k[0] : (k[1] * all(T(2.0)));
    value = x2;
    const V x4 = at_most<T>(at_least<T>(x0, all(T(-1.0))), all(T(1.0)));
    const V x5 = all(T(1.0)) / (x0 + (all(T(1.0)) / x0));
    const V x6 = (x1 < all(T(1.0))) ? (x4 / (all(T(1.0)) + (x4 * x4))) : x5;
    gradient = x6 * all(u[1]);
  }
};
template <typename T> struct GeneralRobust3 {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 1, kept = 2;
  LOSSMITH_STAGE(0) {
    const V x0 = at_least<T>((p - t) / all(u[0]), all(T(-100.0)));
    const V x1 = at_most<T>(x0, all(T(100.0)));
    const V x2 = x1 * (x1 * all(T(-0.5)));
    k.keep(0, exponential<T>(x2));
    k.keep(1, exponential_minus_one<T>(x2));
  }
  LOSSMITH_BOTH {
    const V x0 = at_least<T>((p - t) / all(u[0]), all(T(-100.0)));
    const V x1 = at_most<T>(x0, all(T(100.0)));
    const auto m2 = (x1 * (x1 * all(T(-0.5)))) < all(T(-0.5));
    const V x3 = k[0];
    value = -(m2 ? (x3 - all(T(1.0))) : k[1]);
    gradient = (x1 * x3) / all(u[0]);
  }
};
template <typename T> struct GeneralRobust4 {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 1, kept = 2;
  LOSSMITH_STAGE(0) {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = x0 * (x0 * all(T(0.5)));
    k.keep(0, exponential_minus_one<T>(x1));
    if constexpr (with_gradient) {
      k.keep(1, exponential<T>(x1));
    }
  }
  LOSSMITH_BOTH {
    value = k[0];
    const V x1 = (((p - t) / all(u[0])) * k[1]) / all(u[0]);
    gradient = x1;
  }
};
template <typename T> struct GeneralRobust5 {
  using V = Lanes<T>;
  static constexpr int functions = 5, stages = 2, kept = 5;
  LOSSMITH_STAGE(0) {
    const V x0 = ((p - t) / all(u[0])) / all(u[1]);
    const V x1 = at_most<T>(at_least<T>(x0, all(T(-1000000000.0))), all(T(1000000000.0)));
    k.keep(0, log_one_plus<T>(x1 * x1));
    const V x3 = at_least<T>(magnitude<T>(x0), all(T(1000000000.0)));
    k.keep(1, logarithm<T>(x3));
  }
  LOSSMITH_STAGE(1) {
    const V x0 = magnitude<T>(((p - t) / all(u[0])) / all(u[1]));
    const V x1 = (x0 < all(T(1000000000.0))) ? k[0] : (all(T(2.0)) * k[1]);
    const V x2 = x1 * all(u[2]);
    k.keep(2, exponential_minus_one<T>(x2));
    k.keep(3, exponential<T>(x2));
    if constexpr (with_gradient) {
      k.keep(4, exponential<T>(all(u[2]) * x1));
    }
  }
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = magnitude<T>(x0);
    const auto m2 = x1 == all(T(infinity<double>));
    const V x3 = (k[2] * all(u[3])) + (x0 * (x0 * k[3]));
    value = m2 ? x1 : (x3 / all(u[4]));
    gradient = (m2 ? x0 : (x0 * k[4])) / all(u[0]);
  }
};
template <typename T> struct GeneralRobust6 {
  using V = Lanes<T>;
  static constexpr int functions = 5, stages = 2, kept = 5;
  LOSSMITH_STAGE(0) {
    const V x0 = ((p - t) / all(u[0])) / all(u[1]);
    const V x1 = at_most<T>(at_least<T>(x0, all(T(-1000000000.0))), all(T(1000000000.0)));
    k.keep(0, log_one_plus<T>(x1 * x1));
    const V x3 = at_least<T>(magnitude<T>(x0), all(T(1000000000.0)));
    k.keep(1, logarithm<T>(x3));
  }
  LOSSMITH_STAGE(1) {
    const V x0 = magnitude<T>(((p - t) / all(u[0])) / all(u[1]));
    const V x1 = (x0 < all(T(1000000000.0))) ? k[0] : (all(T(2.0)) * k[1]);
    const V x2 = x1 * all(u[2]);
    k.keep(2, exponential_minus_one<T>(x2));
    k.keep(3, exponential<T>(x2));
    if constexpr (with_gradient) {
      k.keep(4, exponential<T>(all(u[2]) * x1));
    }
  }
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = magnitude<T>(x0);
    const auto m2 = x1 == all(T(infinity<double>));
    const V x3 = (k[2] * all(u[3])) + (x0 * (x0 * k[3]));
    value = m2 ? x1 : (x3 / all(u[4]));
    gradient = (m2 ? x0 : (x0 * k[4])) / all(u[0]);
  }
};
template <typename T> struct GeneralRobust7 {
  using V = Lanes<T>;
  static constexpr int functions = 7, stages = 2, kept = 7;
  LOSSMITH_STAGE(0) {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = x0 / all(u[1]);
    const V x2 = at_most<T>(at_least<T>(x1, all(T(-1000000000.0))), all(T(1000000000.0)));
    k.keep(0, log_one_plus<T>(x2 * x2));
    const V x4 = at_least<T>(magnitude<T>(x1), all(T(1000000000.0)));
    k.keep(1, logarithm<T>(x4));
    if constexpr (with_gradient) {
      const auto m6 = magnitude<T>(x0) == all(T(infinity<double>));
      const V x7 = (m6 ? all(T(0.0)) : x0) / all(u[1]);
      const V x8 = at_most<T>(at_least<T>(x7, all(T(-1000000000.0))), all(T(1000000000.0)));
      k.keep(2, log_one_plus<T>(x8 * x8));
      const V x10 = at_least<T>(magnitude<T>(x7), all(T(1000000000.0)));
      k.keep(3, logarithm<T>(x10));
    }
  }
  LOSSMITH_STAGE(1) {
    const V x0 = (p - t) / all(u[0]);
    const auto m1 = magnitude<T>(x0 / all(u[1])) < all(T(1000000000.0));
    const V x2 = (m1 ? k[0] : (all(T(2.0)) * k[1])) * all(u[2]);
    k.keep(4, exponential<T>(x2));
    k.keep(5, exponential_minus_one<T>(x2));
    if constexpr (with_gradient) {
      const auto m5 = magnitude<T>(x0) == all(T(infinity<double>));
      const V x6 = magnitude<T>((m5 ? all(T(0.0)) : x0) / all(u[1]));
      const V x7 = (x6 < all(T(1000000000.0))) ? k[2] : (all(T(2.0)) * k[3]);
      k.keep(6, exponential<T>(x7 * all(u[2])));
    }
  }
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const auto m1 = magnitude<T>(x0) == all(T(infinity<double>));
    const auto m2 = magnitude<T>(x0 / all(u[1])) < all(T(1000000000.0));
    const V x3 = (m2 ? k[0] : (all(T(2.0)) * k[1])) * all(u[2]);
    const V x4 = (x3 < all(T(-0.5))) ? (k[4] - all(T(1.0))) : k[5];
    value = m1 ? all(u[3]) : (x4 * all(u[4]));
    const V x6 = (m1 ? all(T(0.0)) : x0) / all(u[1]);
    const V x7 = at_most<T>(at_least<T>(x6, all(T(-1.0))), all(T(1.0)));
    const V x8 = all(T(1.0)) / (x6 + (all(T(1.0)) / x6));
    const V x9 = (magnitude<T>(x6) < all(T(1.0))) ? (x7 / (all(T(1.0)) + (x7 * x7))) : x8;
    gradient = (x9 * all(u[5])) * k[6];
  }
};
template <typename T> struct GeneralRobust8 {
  using V = Lanes<T>;
  static constexpr int functions = 7, stages = 2, kept = 7;
  LOSSMITH_STAGE(0) {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = x0 / all(u[1]);
    const V x2 = at_most<T>(at_least<T>(x1, all(T(-1000000000.0))), all(T(1000000000.0)));
    k.keep(0, log_one_plus<T>(x2 * x2));
    const V x4 = at_least<T>(magnitude<T>(x1), all(T(1000000000.0)));
    k.keep(1, logarithm<T>(x4));
    if constexpr (with_gradient) {
      const auto m6 = magnitude<T>(x0) == all(T(infinity<double>));
      const V x7 = (m6 ? all(T(0.0)) : x0) / all(u[1]);
      const V x8 = at_most<T>(at_least<T>(x7, all(T(-1000000000.0))), all(T(1000000000.0)));
      k.keep(2, log_one_plus<T>(x8 * x8));
      const V x10 = at_least<T>(magnitude<T>(x7), all(T(1000000000.0)));
      k.keep(3, logarithm<T>(x10));
    }
  }
  LOSSMITH_STAGE(1) {
    const V x0 = (p - t) / all(u[0]);
    const auto m1 = magnitude<T>(x0 / all(u[1])) < all(T(1000000000.0));
    const V x2 = (m1 ? k[0] : (all(T(2.0)) * k[1])) * all(u[2]);
    k.keep(4, exponential<T>(x2));
    k.keep(5, exponential_minus_one<T>(x2));
    if constexpr (with_gradient) {
      const auto m5 = magnitude<T>(x0) == all(T(infinity<double>));
      const V x6 = magnitude<T>((m5 ? all(T(0.0)) : x0) / all(u[1]));
      const V x7 = (x6 < all(T(1000000000.0))) ? k[2] : (all(T(2.0)) * k[3]);
      k.keep(6, exponential<T>(x7 * all(u[2])));
    }
  }
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const auto m1 = magnitude<T>(x0) == all(T(infinity<double>));
    const auto m2 = magnitude<T>(x0 / all(u[1])) < all(T(1000000000.0));
    const V x3 = (m2 ? k[0] : (all(T(2.0)) * k[1])) * all(u[2]);
    const V x4 = (x3 < all(T(-0.5))) ? (k[4] - all(T(1.0))) : k[5];
    const V x5 = m1 ? all(T(infinity<double>)) : (x4 * all(u[3]));
    value = x5;
    const V x7 = (m1 ? all(T(0.0)) : x0) / all(u[1]);
    const V x8 = at_most<T>(at_least<T>(x7, all(T(-1.0))), all(T(1.0)));
    const V x9 = all(T(1.0)) / (x7 + (all(T(1.0)) / x7));
    const V x10 = (magnitude<T>(x7) < all(T(1.0))) ? (x8 / (all(T(1.0)) + (x8 * x8))) : x9;
    gradient = (x10 * all(u[4])) * k[6];
  }
};
template <typename T> struct GeneralRobust9 {
  using V = Lanes<T>;
  static constexpr int functions = 5, stages = 2, kept = 5;
  LOSSMITH_STAGE(0) {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = x0 / all(u[1]);
    const V x2 = at_most<T>(at_least<T>(x1, all(T(-1000000000.0))), all(T(1000000000.0)));
    k.keep(0, log_one_plus<T>(x2 * x2));
    const V x4 = at_least<T>(magnitude<T>(x1), all(T(1000000000.0)));
    k.keep(1, logarithm<T>(x4));
    if constexpr (with_gradient) {
      const auto m6 = magnitude<T>(x0) == all(T(infinity<double>));
      const V x7 = (m6 ? all(T(0.0)) : x0) / all(u[1]);
      const V x8 = at_most<T>(at_least<T>(x7, all(T(-1000000000.0))), all(T(1000000000.0)));
      k.keep(2, log_one_plus<T>(x8 * x8));
      const V x10 = at_least<T>(magnitude<T>(x7), all(T(1000000000.0)));
      k.keep(3, logarithm<T>(x10));
    }
  }
  LOSSMITH_STAGE(1) {
    if constexpr (with_gradient) {
      const V x0 = (p - t) / all(u[0]);
      const auto m1 = magnitude<T>(x0) == all(T(infinity<double>));
      const V x2 = magnitude<T>((m1 ? all(T(0.0)) : x0) / all(u[1]));
      const V x3 = (x2 < all(T(1000000000.0))) ? k[2] : (all(T(2.0)) * k[3]);
      k.keep(4, exponential<T>(x3 * all(u[2])));
    }
  }
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const auto m1 = magnitude<T>(x0) == all(T(infinity<double>));
    const auto m2 = magnitude<T>(x0 / all(u[1])) < all(T(1000000000.0));
    const V x3 = m2 ? k[0] : (all(T(2.0)) * k[1]);
    const V x4 = x3 * all(u[2]);
    const V x5 = (all(T(1.0)) + (x4 / all(T(6.0)))) * (x4 / all(T(5.0)));
    const V x6 = (all(T(1.0)) + x5) * (x4 / all(T(4.0)));
    const V x7 = (all(T(1.0)) + x6) * (x4 / all(T(3.0)));
    const V x8 = (all(T(1.0)) + x7) * (x4 / all(T(2.0)));
    const V x9 = m1 ? all(u[3]) : ((all(T(1.0)) + x8) * (x3 * all(u[4])));
    value = x9;
    const V x11 = (m1 ? all(T(0.0)) : x0) / all(u[1]);
    const V x12 = at_most<T>(at_least<T>(x11, all(T(-1.0))), all(T(1.0)));
    const V x13 = all(T(1.0)) / (x11 + (all(T(1.0)) / x11));
    const V x14 = (magnitude<T>(x11) < all(T(1.0))) ? (x12 / (all(T(1.0)) + (x12 * x12))) : x13;
    gradient = (x14 * all(u[5])) * k[4];
  }
};
template <typename T> struct GeneralRobust10 {
  using V = Lanes<T>;
  static constexpr int functions = 5, stages = 2, kept = 5;
  LOSSMITH_STAGE(0) {
    const V x0 = (p - t) / all(u[0]);
    const V x1 = x0 / all(u[1]);
    const V x2 = at_most<T>(at_least<T>(x1, all(T(-1000000000.0))), all(T(1000000000.0)));
    k.keep(0, log_one_plus<T>(x2 * x2));
    const V x4 = at_least<T>(magnitude<T>(x1), all(T(1000000000.0)));
    k.keep(1, logarithm<T>(x4));
    if constexpr (with_gradient) {
      const auto m6 = magnitude<T>(x0) == all(T(infinity<double>));
      const V x7 = (m6 ? all(T(0.0)) : x0) / all(u[1]);
      const V x8 = at_most<T>(at_least<T>(x7, all(T(-1000000000.0))), all(T(1000000000.0)));
      k.keep(2, log_one_plus<T>(x8 * x8));
      const V x10 = at_least<T>(magnitude<T>(x7), all(T(1000000000.0)));
      k.keep(3, logarithm<T>(x10));
    }
  }
  LOSSMITH_STAGE(1) {
    if constexpr (with_gradient) {
      const V x0 = (p - t) / all(u[0]);
      const auto m1 = magnitude<T>(x0) == all(T(infinity<double>));
      const V x2 = magnitude<T>((m1 ? all(T(0.0)) : x0) / all(u[1]));
      const V x3 = (x2 < all(T(1000000000.0))) ? k[2] : (all(T(2.0)) * k[3]);
      k.keep(4, exponential<T>(x3 * all(u[2])));
    }
  }
  LOSSMITH_BOTH {
    const V x0 = (p - t) / all(u[0]);
    const auto m1 = magnitude<T>(x0) == all(T(infinity<double>));
    const auto m2 = magnitude<T>(x0 / all(u[1])) < all(T(1000000000.0));
    const V x3 = m2 ? k[0] : (all(T(2.0)) * k[1]);
    const V x4 = x3 * all(u[2]);
    const V x5 = (all(T(1.0)) + (x4 / all(T(6.0)))) * (x4 / all(T(5.0)));
    const V x6 = (all(T(1.0)) + x5) * (x4 / all(T(4.0)));
    const V x7 = (all(T(1.0)) + x6) * (x4 / all(T(3.0)));
    const V x8 = (all(T(1.0)) + x7) * (x4 / all(T(2.0)));
    const V x9 = m1 ? all(T(infinity<double>)) : ((all(T(1.0)) + x8) * (x3 * all(u[3])));
    value = x9;
    const V x11 = (m1 ? all(T(0.0)) : x0) / all(u[1]);
    const V x12 = at_most<T>(at_least<T>(x11, all(T(-1.0))), all(T(1.0)));
    const V x13 = all(T(1.0)) / (x11 + (all(T(1.0)) / x11));
    const V x14 = (magnitude<T>(x11) < all(T(1.0))) ? (x12 / (all(T(1.0)) + (x12 * x12))) : x13;
    gradient = (x14 * all(u[4])) * k[4];
  }
};

// gaussian_nll(p, t, variance = e, epsilon = q[0], full = q[1])
template <typename T> struct GaussianNLL0 {
  using V = Lanes<T>;
  static constexpr int functions = 1, stages = 0, kept = 0;
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
  static constexpr int functions = 1, stages = 0, kept = 0;
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
  static constexpr int functions = 1, stages = 0, kept = 0;
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
  static constexpr int functions = 3, stages = 1, kept = 3;
  LOSSMITH_STAGE(0) {
    k.keep(0, logarithm<T>(e));
    const V x1 = ((p - t) / e) / all(u[0]);
    const V x2 = at_most<T>(at_least<T>(x1, all(T(-1000000000.0))), all(T(1000000000.0)));
    k.keep(1, log_one_plus<T>(x2 * x2));
    const V x4 = at_least<T>(magnitude<T>(x1), all(T(1000000000.0)));
    k.keep(2, logarithm<T>(x4));
  }
  LOSSMITH_BOTH {
    const V x0 = p - t;
    const auto m1 = magnitude<T>((x0 / e) / all(u[0])) < all(T(1000000000.0));
    const V x2 = (m1 ? k[1] : (k[2] * all(T(2.0)))) * all(u[2]);
    value = (k[0] + all(u[1])) + x2;
    const V x4 = e * all(u[0]);
    const V x5 = x0 / x4;
    const V x6 = at_most<T>(at_least<T>(x5, all(T(-1.0))), all(T(1.0)));
    const V x7 = all(T(1.0)) / (x5 + (all(T(1.0)) / x5));
    const V x8 = (magnitude<T>(x5) < all(T(1.0))) ? (x6 / (all(T(1.0)) + (x6 * x6))) : x7;
    gradient = (x8 / x4) * all(u[3]);
  }
};

// log_normal_nll(p, t, scale = e)
template <typename T> struct LogNormalNLL {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 1, kept = 2;
  LOSSMITH_STAGE(0) {
    k.keep(0, logarithm<T>(t));
    k.keep(1, logarithm<T>(e));
  }
  LOSSMITH_BOTH {
    const V x0 = k[0];
    const V x1 = (p - x0) / e;
    const V x2 = (x1 * (x1 * all(T(0.5)))) + all(T(0.9189385332046727));
    value = (x0 + k[1]) + x2;
    gradient = x1 / e;
  }
};

// gamma_nll(p, t)
template <typename T> struct GammaNLL {
  using V = Lanes<T>;
  static constexpr int functions = 1, stages = 0, kept = 0;
  LOSSMITH_BOTH {
    const V x0 = t / p;
    value = logarithm<T>(p) + x0;
    gradient = (all(T(1.0)) - x0) / p;
  }
};

// gamma_log_mean(p, t)
template <typename T> struct GammaLogMean {
  using V = Lanes<T>;
  static constexpr int functions = 1, stages = 0, kept = 0;
  LOSSMITH_BOTH {
    const V x0 = t * exponential<T>(-p);
    value = p + x0;
    gradient = all(T(1.0)) - x0;
  }
};

// tweedie(p, t, power = q[0])
template <typename T> struct Tweedie {
  using V = Lanes<T>;
  static constexpr int functions = 4, stages = 2, kept = 4;
  LOSSMITH_STAGE(0) {
    k.keep(0, logarithm<T>(p));
  }
  LOSSMITH_STAGE(1) {
    const V x0 = k[0];
    k.keep(1, exponential<T>(x0 * all(u[0])));
    const V x2 = ((t == all(T(0.0))) ? all(T(0.0)) : x0) * all(u[1]);
    k.keep(2, exponential<T>(x2));
    if constexpr (with_gradient) {
      k.keep(3, exponential<T>(x0 * all(u[1])));
    }
  }
  LOSSMITH_BOTH {
    const V x0 = (k[1] / all(u[0])) + ((t * k[2]) / all(u[2]));
    value = x0;
    gradient = (all(T(1.0)) - (t / p)) * k[3];
  }
};

// tweedie_log_mean(p, t, power = q[0])
template <typename T> struct TweedieLogMean {
  using V = Lanes<T>;
  static constexpr int functions = 2, stages = 1, kept = 2;
  LOSSMITH_STAGE(0) {
    k.keep(0, exponential<T>(p * all(u[0])));
    const V x1 = ((t == all(T(0.0))) ? all(T(0.0)) : p) * all(u[1]);
    k.keep(1, exponential<T>(x1));
  }
  LOSSMITH_BOTH {
    const V x0 = k[0];
    const V x1 = k[1];
    const V x2 = (x0 / all(u[0])) + ((t * x1) / all(u[2]));
    value = x2;
    gradient = x0 + (x1 * (-t));
  }
};

} // namespace formulas

#undef LOSSMITH_BOTH
#undef LOSSMITH_STAGE
#undef LOSSMITH_ARGUMENTS

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
