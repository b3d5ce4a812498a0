// Losses of two matrices, row against row: the value and the gradient of each row, in one pass over both.
//
// For rows z (the prediction) and t (the target) of C numbers, and L(x) = log sum exp x:
//
// dense_cross_entropy: t holds probabilities; w are class weights (1 without), e the smoothing, f the z-loss factor.
//     q_c      = w_c ((1 - e) t_c + e / C)
//     value    = sum_c q_c (L(z) - z_c) + f L(z)^2            without the terms with q_c = 0
//     gradient = p_c (sum_k q_k + 2 f L(z)) - q_c             with p = softmax(z)
//
// The others are between a student's logits z and a teacher's t. With a temperature T, p = softmax(z / T) and
// q = softmax(t / T):
// kullback_leibler: value = T^2 sum_c q_c (log q_c - log p_c),  gradient = T (p_c - q_c)
// jensen_shannon:   with m = b q + (1 - b) p, s_c = log(p_c / m_c)
//     value    = b sum_c q_c log(q_c / m_c) + (1 - b) sum_c p_c s_c
//     gradient = (1 - b) / T p_c (s_c - sum_k p_k s_k)
// total_variation:  with g_c = sign(p_c - q_c)
//     value    = sum_c |p_c - q_c| / 2,  gradient = p_c (g_c - sum_k p_k g_k) / (2 T)
// Terms with a factor of 0 are 0, also where the other factor is infinite. A row of logits that holds NaN or +inf, or
// nothing but -inf, gives NaN, value and gradient.
#pragma once

#include <cstdint>

#include "exec.hpp"
#include "storage.hpp"

namespace lossmith {

enum class PairLoss { dense_cross_entropy = 0, kullback_leibler = 1, jensen_shannon = 2, total_variation = 3 };

// Arrays are contiguous, in C order; those marked optional may be null. Storage is float, double, BFloat16 or Float16.
template <typename Storage> struct RowPairs {
  using T = Compute<Storage>;
  std::int64_t rows = 0;
  std::int64_t classes = 0;
  const Storage *prediction = nullptr; // (rows, classes)
  const Storage *target = nullptr;     // (rows, classes)
  const T *scale = nullptr;            // (rows,), optional; multiplies the gradient of the row, not its value
  double factor = 1.0;                 // the same for all rows
  const T *class_weight = nullptr;     // (classes,), optional
  double label_smoothing = 0.0;        // e, in [0, 1]
  double z_loss = 0.0;                 // f
  double temperature = 1.0;            // T, above 0
  double beta = 0.5;                   // b, between 0 and 1
  T *values = nullptr;                 // (rows,), optional
  Storage *gradient = nullptr;         // (rows, classes), optional; may not overlap the inputs
};

struct RowPairsOutcome {
  bool bad_weight = false;    // a class weight is negative, infinite or NaN: nothing is written then
  bool out_of_memory = false; // and nothing is promised of what has been written
  double total = 0.0;         // sum of the values
};

// Fills `values` and `gradient`. The same on any number of threads, bit for bit.
template <typename Storage>
RowPairsOutcome row_pairs(PairLoss loss, const RowPairs<Storage> &call, const Exec &exec);

} // namespace lossmith
