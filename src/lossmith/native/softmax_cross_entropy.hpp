// Softmax cross-entropy with integer labels: the value and the gradient of each row, in one pass over the logits.
//
// For a row z of C logits with label y, class weights w (1 without), smoothing e and p = softmax(z):
//     q_c         = (1 - e) [c == y] + e / C
//     value       = sum_c w_c q_c (log sum exp z - z_c)
//     gradient_c  = scale * (p_c S - w_c q_c),   S = sum_c w_c q_c
// Terms with w_c q_c = 0 are left out, so a class masked by -inf costs nothing as long as it is neither the label nor
// given a part of the smoothing. -inf where w_c q_c > 0 gives the value +inf. A row that holds NaN or +inf, or nothing
// but -inf, gives NaN, value and gradient.
#pragma once

#include <cstdint>

namespace lossmith {

// Arrays are contiguous, in C order; those marked optional may be null.
template <typename T> struct SoftmaxCrossEntropy {
  std::int64_t rows = 0;
  std::int64_t classes = 0;
  const T *logits = nullptr;            // (rows, classes)
  const std::int64_t *labels = nullptr; // (rows,), each in [0, classes) where the row is kept
  const std::uint8_t *keep = nullptr;   // (rows,), optional; 0: the row is not read, its value and gradient are 0
  const T *scale = nullptr;             // (rows,), optional; multiplies the gradient of the row, not its value
  const T *class_weight = nullptr;      // (classes,), optional
  double label_smoothing = 0.0;         // e, in [0, 1]
  T *values = nullptr;                  // (rows,)
  T *gradient = nullptr;                // (rows, classes), optional; may not overlap the inputs
};

// Fills `values` and `gradient` and returns -1. If the label of a kept row is outside [0, classes), nothing is written
// and the index of the first such row is returned.
std::int64_t softmax_cross_entropy(const SoftmaxCrossEntropy<float> &call);
std::int64_t softmax_cross_entropy(const SoftmaxCrossEntropy<double> &call);

} // namespace lossmith
