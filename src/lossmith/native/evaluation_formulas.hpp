// What rows with targets 0 and 1 cost. Generated from the definitions by
// `python -m lossmith.native.emit_evaluation`; do not edit.
//
// p: for loss_of_…, the probability or the logit that was given to what happened: that of the row where the target is
// 1, and 1 - p or -p where it is 0. Finite, and a probability in [0, 1]. Else those of the row. `normal` says that no p
// is 0 or denormal.
#pragma once

#include "elementwise_math.hpp"

namespace lossmith {
namespace formulas {

template <typename T> LOSSMITH_INLINE Lanes<T> all(T x) { return broadcast<T>(x); }

// The logarithm of what lies in [0, 1], without a look at special cases where it is known to be normal.
template <typename T, bool normal> LOSSMITH_INLINE Lanes<T> logarithm_of(Lanes<T> x) {
  if constexpr (normal)
    return log_of_normal<T>(x, Lanes<T>{}, Lanes<T>{});
  else
    return logarithm<T>(x);
}

// binary_cross_entropy(p, 1)
template <typename T, bool normal> LOSSMITH_INLINE Lanes<T> loss_of_probability(Lanes<T> p) {
  using V = Lanes<T>;
  const V x0 = at_least<T>(logarithm_of<T, normal>(p), all(T(-100.0)));
  return -x0;
}

// sigmoid_cross_entropy(p, 1)
template <typename T, bool normal> LOSSMITH_INLINE Lanes<T> loss_of_logit(Lanes<T> p) {
  using V = Lanes<T>;
  const V x0 = log_one_plus_near<T>(exponential<T>(-magnitude<T>(p)));
  return at_least<T>(-p, all(T(0.0))) + x0;
}

// sigmoid(p)
template <typename T, bool normal> LOSSMITH_INLINE Lanes<T> probability_of_logit(Lanes<T> p) {
  using V = Lanes<T>;
  const V x0 = exponential<T>(-magnitude<T>(p));
  const V x1 = all(T(1.0)) / (all(T(1.0)) + x0);
  return (p >= all(T(0.0))) ? x1 : (x0 * x1);
}

// squared_error(p, t)
template <typename T, bool normal> LOSSMITH_INLINE Lanes<T> squared_error_of(Lanes<T> p, Lanes<T> t) {
  using V = Lanes<T>;
  const V x0 = p - t;
  return x0 * x0;
}

} // namespace formulas
} // namespace lossmith
