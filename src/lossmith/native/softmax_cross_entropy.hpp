// Softmax cross-entropy with integer labels: the value and the gradient of each row, in one pass over the logits.
//
// For a row z of C logits with label y, class weights w (1 without), smoothing e, z-loss factor f, l = log sum exp z
// and p = softmax(z):
//     q_c         = (1 - e) [c == y] + e / C
//     value       = sum_c w_c q_c (l - z_c) + f l^2
//     gradient_c  = scale * (p_c (S + 2 f l) - w_c q_c),   S = sum_c w_c q_c
// With a focal exponent g, and then e = f = 0, it is the focal loss:
//     value       = w_y (1 - p_y)^g (l - z_y)
//     gradient_c  = scale * w_y ((1 - p_y)^g + g (1 - p_y)^(g - 1) p_y (l - z_y)) (p_c - [c == y])
// Terms with w_c q_c = 0 are left out, so a class masked by -inf costs nothing as long as it is neither the label nor
// given a part of the smoothing. -inf where w_c q_c > 0 gives the value +inf. A row that holds NaN or +inf, or nothing
// but -inf, gives NaN, value and gradient.
#pragma once

#include <cstdint>

#include "exec.hpp"
#include "storage.hpp"

namespace lossmith {

// Arrays are contiguous, in C order; those marked optional may be null. Storage is float, double, BFloat16 or Float16.
template <typename Storage> struct SoftmaxCrossEntropy {
  using T = Compute<Storage>;
  std::int64_t rows = 0;
  std::int64_t classes = 0;
  const Storage *logits = nullptr;      // (rows, classes)
  const std::int64_t *labels = nullptr; // (rows,), each in [0, classes) where the row is kept
  const std::uint8_t *keep = nullptr;   // (rows,), optional; 0: the row is not read, its value and gradient are 0
  bool ignores = false;                 // rows labelled `ignored` are not kept either
  std::int64_t ignored = 0;
  const T *scale = nullptr;        // (rows,), optional; multiplies the gradient of the row, not its value
  double factor = 1.0;             // the same for all rows
  bool mean = false;               // divide the gradient by the count of the outcome
  const T *class_weight = nullptr; // (classes,), optional
  double label_smoothing = 0.0;    // e, in [0, 1]
  double z_loss = 0.0;             // f
  double focal = 0.0;              // g, not negative; not together with e or f
  T *values = nullptr;             // (rows,), optional
  double *log_sum_exp = nullptr;   // (rows,), optional; l, of the rows that are kept
  Storage *gradient = nullptr;     // (rows, classes), optional; may be the logits themselves, and overlap no other input
};

struct SoftmaxOutcome {
  std::int64_t bad_row = -1;  // the first row whose label is out of range: nothing is written then
  bool bad_weight = false;    // a class weight is negative, infinite or NaN: nothing is written then
  bool out_of_memory = false; // and nothing is promised of what has been written
  double total = 0.0;         // sum of the values
  double count = 0.0;         // sum of w_y over the kept rows; without weights, how many there are
};

// Fills `values` and `gradient`. The same on any number of threads, bit for bit.
template <typename Storage>
SoftmaxOutcome softmax_cross_entropy(const SoftmaxCrossEntropy<Storage> &call, const Exec &exec);

} // namespace lossmith
