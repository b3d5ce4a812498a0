// The arithmetic of softmax cross-entropy once a row's columns are added up: the formula, in one place.
#pragma once

#include <cstdint>

#include "lanes.hpp"
#include "lanes_math.hpp"
#include "softmax_cross_entropy.hpp"

namespace lossmith {

// The call, with what all its rows share.
template <typename Storage> struct Job : SoftmaxCrossEntropy<Storage> {
  using T = Compute<Storage>;
  double smoothing_share; // e / C
  double weight_total;    // sum_c w_c

  explicit Job(const SoftmaxCrossEntropy<Storage> &call) : SoftmaxCrossEntropy<Storage>(call) {
    smoothing_share = call.classes > 0 ? call.label_smoothing / static_cast<double>(call.classes) : 0.0;
    weight_total = call.class_weight == nullptr ? static_cast<double>(call.classes) : sum_weights();
  }

  bool kept(std::int64_t row) const {
    return (this->keep == nullptr || this->keep[row] != 0) && !(this->ignores && this->labels[row] == this->ignored);
  }
  double weight(std::int64_t c) const {
    return this->class_weight == nullptr ? 1.0 : static_cast<double>(this->class_weight[c]);
  }
  double row_scale(std::int64_t row) const {
    return this->scale == nullptr ? this->factor : this->factor * static_cast<double>(this->scale[row]);
  }

private:
  // Compensated: every row of the call inherits the rounding of this sum.
  double sum_weights() const {
    double sum = 0.0, excess = 0.0;
    for (std::int64_t c = 0; c < this->classes; ++c) {
      const double term = weight(c) - excess, next = sum + term;
      excess = (next - sum) - term;
      sum = next;
    }
    return sum;
  }
};

// What is known of a row before the last step. One of these holds as many rows as there are lanes.
// The label's exp stands apart from the others: with p_y near 1 the loss and the gradient are made of the others alone,
// and would drown in a sum of about 1.
struct RowSums {
  Lanes<double> max{};                // of the logits
  Lanes<double> label_distance{};     // max - z_y
  Lanes<double> label_exp{};          // exp(z_y - max)
  Lanes<double> other_exp{};          // sum of exp(z_c - max) over c != y
  Lanes<double> smoothing_distance{}; // sum of w_c (max - z_c) over w_c != 0; 0 without smoothing
  Lanes<double> label_class_weight{}; // w_y
  Lanes<double> scale{};
};

// gradient_c = exp_c * slope - w_c * offset for every class but the label, whose gradient is at_label.
struct RowResult {
  Lanes<double> value, slope, offset, at_label, log_sum_exp;
};

// The focal loss from the cross-entropy, which is -w_y log p_y here; `distance` is -log p_y.
LOSSMITH_INLINE void fade(RowResult &result, double gamma, const RowSums &row, Lanes<double> inverse,
                          Lanes<double> distance) {
  const Lanes<double> zero{}, p = row.label_exp * inverse, missed = row.other_exp * inverse; // 1 - p_y
  // missed^gamma; its logarithm is that of other / (label + other).
  const Lanes<double> power = exp_nonpositive<double>(-gamma * log1p_nonnegative(row.label_exp / row.other_exp));
  const Lanes<double> faded = row.other_exp == 0.0 ? zero : power;
  const Lanes<double> growth = (missed == 0.0) | (p == 0.0) ? zero : gamma * p * distance / missed;
  result.value *= faded;
  result.slope *= faded * (1.0 + growth);
  result.at_label *= faded * (1.0 + growth);
}

template <typename Storage> LOSSMITH_INLINE RowResult finish_rows(const Job<Storage> &job, const RowSums &row) {
  const double share = job.smoothing_share;
  const Lanes<double> label_weight = (1.0 - job.label_smoothing) * row.label_class_weight;
  const Lanes<double> weight_sum = label_weight + share * job.weight_total; // S
  const Lanes<double> inverse = 1.0 / (row.label_exp + row.other_exp);

  // One of the exps is 1, the label's or another, so nothing is lost in subtracting it.
  const Lanes<double> log_sum = log1p_nonnegative(row.other_exp + (row.label_exp - 1.0)); // l - max
  RowResult result;
  result.log_sum_exp = log_sum + row.max;
  result.value = weight_sum * log_sum;
  result.value += label_weight != 0.0 ? label_weight * row.label_distance : Lanes<double>{};
  if (share != 0.0) result.value += share * row.smoothing_distance;

  result.slope = row.scale * weight_sum * inverse;
  result.offset = row.scale * share;
  // scale * (p_y S - w_y q_y), with 1 - p_y taken from the other exps.
  const Lanes<double> smoothed = share * (job.weight_total * row.label_exp * inverse - row.label_class_weight);
  result.at_label = row.scale * (smoothed - label_weight * row.other_exp * inverse);

  if (job.z_loss != 0.0) {
    const Lanes<double> pull = 2.0 * job.z_loss * row.scale * result.log_sum_exp * inverse;
    result.value += job.z_loss * result.log_sum_exp * result.log_sum_exp;
    result.slope += pull;
    result.at_label += pull * row.label_exp;
  }
  if (job.focal != 0.0) fade(result, job.focal, row, inverse, log_sum + row.label_distance);
  return result;
}

} // namespace lossmith
