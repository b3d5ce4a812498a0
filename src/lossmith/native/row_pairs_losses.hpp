// The formulas of row_pairs.hpp, for lanes: along a row's columns where rows are wide, one row in each where narrow.
//
// A loss makes two numbers of each column, a from the prediction and b from the target:
//   first(z - max)            a
//   second(t - max, w)        b
//   cross(b, t - max, z - max)  what is summed besides them: b times the distance of the logs
//   finish(sums)              the row's value, and the gradient as a * slope - b * other_slope
// A loss that is `mixed` needs the probabilities p and q before it can go on; it then makes a and b anew:
//   mix(sums)                 factors that make p of a and q of b, and a constant for the row
//   mixed_terms(z - max, t - max, p, q, constant)
//                             the new a and b, and a term; sums.first and sums.cross become the sums of a and term
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "elementwise_math.hpp"
#include "lanes.hpp"
#include "lanes_math.hpp"
#include "row_pairs.hpp"

namespace lossmith {

// Of as many rows as there are lanes.
struct PairSums {
  Lanes<double> max{}, other_max{}; // of the prediction; of the target where that is logits, else 0
  Lanes<double> first{}, second{};  // sums of a and b
  Lanes<double> cross{};
  Lanes<double> scale{};
};

struct PairResult {
  Lanes<double> value, slope, other_slope;
};

struct PairMix {
  Lanes<double> share, other_share, constant;
};

template <typename T> struct MixedTerms {
  Lanes<T> a, b, term;
};

// x / temperature, rounded about once: the inverse in two parts. The small one is above 0, so that ±inf stays what it
// is, but not so small that its products would be denormal numbers, which are slow.
template <typename T> class Tempering {
public:
  explicit Tempering(double temperature) {
    high_ = static_cast<T>(1.0 / temperature);
    const auto rest = [&] { return std::fma(-temperature, static_cast<double>(high_), 1.0) / temperature; };
    if (rest() < 0.0) high_ = std::nextafter(high_, T(0));
    low_ = std::max(static_cast<T>(rest()), high_ * T(1e-20));
  }
  LOSSMITH_INLINE Lanes<T> operator()(Lanes<T> x) const { return x * high_ + x * low_; }

private:
  T high_, low_;
};

// Nothing where b is 0, however large the distance.
template <typename T> LOSSMITH_INLINE Lanes<T> cross_term(Lanes<T> b, Lanes<T> distance) {
  return b != T(0) ? b * distance : Lanes<T>{};
}

// Both products are numbers of their own, wherever this stands: of equal ones the difference is 0, and the same lanes
// give the same gradient in every loop.
template <typename T>
LOSSMITH_INLINE Lanes<T> pair_gradient(Lanes<T> a, Lanes<T> b, Lanes<T> slope, Lanes<T> other_slope) {
  Lanes<T> push = a * slope, pull = b * other_slope;
  hide(push);
  hide(pull);
  return push - pull;
}

// log(exp sum - max): an exp of a largest element is 1, so nothing is lost in subtracting it.
LOSSMITH_INLINE Lanes<double> log_of_sum(Lanes<double> sum) { return log1p_nonnegative(sum - 1.0); }

template <typename T> struct DenseCrossEntropy {
  static constexpr bool target_is_logits = false, mixed = false;
  T kept, spread;
  double z_loss;

  template <typename Storage>
  explicit DenseCrossEntropy(const RowPairs<Storage> &call)
      : kept(static_cast<T>(1.0 - call.label_smoothing)),
        spread(static_cast<T>(call.label_smoothing / static_cast<double>(call.classes))), z_loss(call.z_loss) {}

  LOSSMITH_INLINE Lanes<T> first(Lanes<T> shifted) const { return exp_nonpositive<T>(shifted); }
  LOSSMITH_INLINE Lanes<T> second(Lanes<T> target, Lanes<T> weight) const { return weight * (target * kept + spread); }
  LOSSMITH_INLINE Lanes<T> cross(Lanes<T> b, Lanes<T>, Lanes<T> shifted) const {
    return cross_term<T>(b, -shifted);
  }
  LOSSMITH_INLINE double temper(double x) const { return x; }

  LOSSMITH_INLINE PairResult finish(const PairSums &row) const {
    const Lanes<double> log_sum = log_of_sum(row.first);
    PairResult result;
    result.value = row.cross + row.second * log_sum;
    Lanes<double> pull = row.second;
    if (z_loss != 0.0) {
      const Lanes<double> log_sum_exp = log_sum + row.max;
      result.value += z_loss * log_sum_exp * log_sum_exp;
      pull += 2.0 * z_loss * log_sum_exp;
    }
    result.slope = row.scale * pull / row.first;
    result.other_slope = row.scale;
    return result;
  }
};

// What the losses between two rows of logits share.
template <typename T> struct Softened {
  static constexpr bool target_is_logits = true;
  double temperature;
  Tempering<T> divided;

  template <typename Storage>
  explicit Softened(const RowPairs<Storage> &call) : temperature(call.temperature), divided(call.temperature) {}

  LOSSMITH_INLINE Lanes<T> first(Lanes<T> shifted) const { return exp_nonpositive<T>(divided(shifted)); }
  LOSSMITH_INLINE Lanes<T> second(Lanes<T> shifted, Lanes<T>) const { return exp_nonpositive<T>(divided(shifted)); }
  LOSSMITH_INLINE Lanes<T> cross(Lanes<T> b, Lanes<T> shifted_target, Lanes<T> shifted) const {
    return cross_term<T>(b, divided(shifted_target - shifted));
  }
  LOSSMITH_INLINE double temper(double x) const { return x / temperature; }
};

template <typename T> struct KullbackLeibler : Softened<T> {
  static constexpr bool mixed = false;
  using Softened<T>::Softened;

  LOSSMITH_INLINE PairResult finish(const PairSums &row) const {
    const double hot = this->temperature;
    const Lanes<double> distance = log_of_sum(row.first) - log_of_sum(row.second);
    const Lanes<double> scale = row.scale * hot;
    return {hot * hot * (row.cross / row.second + distance), scale / row.first, scale / row.second};
  }
};

template <typename T> struct JensenShannon : Softened<T> {
  static constexpr bool mixed = true;
  double beta;
  T log_beta, log_rest; // of b and of 1 - b

  template <typename Storage>
  explicit JensenShannon(const RowPairs<Storage> &call)
      : Softened<T>(call), beta(call.beta), log_beta(static_cast<T>(std::log(call.beta))),
        log_rest(static_cast<T>(std::log1p(-call.beta))) {}

  // The constant is what log((1 - b) p / (b q)) has besides (z - t) / T, where z and t have their maxima subtracted.
  LOSSMITH_INLINE PairMix mix(const PairSums &row) const {
    const Lanes<double> ahead = log_of_sum(row.second) - log_of_sum(row.first) + (std::log1p(-beta) - std::log(beta));
    return {1.0 / row.first, 1.0 / row.second, ahead};
  }

  // With that logarithm `ahead`: log(q / m) = -log b - softplus(ahead), log(p / m) = -log(1 - b) - softplus(-ahead).
  LOSSMITH_INLINE MixedTerms<T> mixed_terms(Lanes<T> z, Lanes<T> t, Lanes<T> p, Lanes<T> q, Lanes<T> constant) const {
    const Lanes<T> zero{}, low = broadcast(-infinity<T>);
    const Lanes<T> gap = (z == low) & (t == low) ? zero : this->divided(z - t);
    const Lanes<T> ahead = gap + constant;
    const Lanes<T> near = log_one_plus_near<T>(exp_nonpositive<T>(-magnitude<T>(ahead)));
    const Lanes<T> student = -log_rest - ((ahead < zero ? -ahead : zero) + near);
    const Lanes<T> teacher = -log_beta - ((ahead > zero ? ahead : zero) + near);
    return {p != zero ? p * student : zero, p, q != zero ? q * teacher : zero};
  }

  LOSSMITH_INLINE PairResult finish(const PairSums &row) const {
    const Lanes<double> slope = row.scale * ((1.0 - beta) / this->temperature);
    return {beta * row.cross + (1.0 - beta) * row.first, slope, slope * row.first};
  }
};

template <typename T> struct TotalVariation : Softened<T> {
  static constexpr bool mixed = true;
  using Softened<T>::Softened;

  LOSSMITH_INLINE PairMix mix(const PairSums &row) const { return {1.0 / row.first, 1.0 / row.second, Lanes<double>{}}; }

  LOSSMITH_INLINE MixedTerms<T> mixed_terms(Lanes<T>, Lanes<T>, Lanes<T> p, Lanes<T> q, Lanes<T>) const {
    hide(p); // p is a product: of equal ones the difference must be 0
    hide(q);
    const Lanes<T> ahead = p - q;
    return {p * sign<T>(ahead), p, magnitude<T>(ahead)};
  }

  LOSSMITH_INLINE PairResult finish(const PairSums &row) const {
    const Lanes<double> slope = row.scale * (0.5 / this->temperature);
    return {0.5 * row.cross, slope, slope * row.first};
  }
};

// The call, with what all its rows share.
template <template <typename> typename Loss, typename Storage> struct PairJob : RowPairs<Storage> {
  using T = Compute<Storage>;
  Loss<T> loss;

  explicit PairJob(const RowPairs<Storage> &call) : RowPairs<Storage>(call), loss(call) {}

  double row_scale(std::int64_t row) const {
    return this->scale == nullptr ? this->factor : this->factor * static_cast<double>(this->scale[row]);
  }
};

} // namespace lossmith
