// Losses of a batch whose rows compare with each other: the value and the gradient of each row of a matrix (N, N).
//
// The matrix holds, in row i and column j, how alike the rows i and j of the batch are, times whatever the loss multiplies
// that with, or how far apart they are. Whose columns belong together the groups say: P is the columns of the row's
// group but itself, Q those of other groups. With x the row of the matrix:
//     nt_xent                  sum over P of log(1 + exp(log sum over Q of exp(x) - x_j))
//     supervised_contrastive   log sum over P and Q of exp(x), less the mean of x over P
//     siglip                   sum over all columns of log(1 + exp(x_j)), the row's own with -x_j; it has no groups
//     triplet_hard             max(0, margin + max over P of x - min over Q of x), or softly log(1 + exp(difference))
//     triplet_semi_hard        sum over P of max(0, margin + x_j - n_j), n_j the least of Q that is above x_j, or the
//                              largest of Q where none is
// Where P or Q is empty and the loss needs it, value and gradient are 0. Ties: of triplet_hard they share the gradient
// evenly, of triplet_semi_hard the first column takes it (the last one where the largest of Q stands in).
// Rows that are not present are no columns for the others; their values and gradients are 0.
#pragma once

#include <cstdint>

#include "exec.hpp"

namespace lossmith {

enum class BatchLoss { nt_xent, supervised_contrastive, siglip, triplet_hard, triplet_semi_hard };

// Arrays are contiguous, in C order; those marked optional may be null. T is float or double.
template <typename T> struct BatchRows {
  std::int64_t rows = 0;                 // N
  const T *matrix = nullptr;             // (N, N)
  const std::int64_t *groups = nullptr;  // (N,); optional for siglip
  const std::uint8_t *present = nullptr; // (N,), optional
  double margin = 1.0;                   // of triplets
  bool soft = false;                     // of triplet_hard
  const T *scale = nullptr;              // (N,), optional; multiplies the gradient of the row, not its value
  double factor = 1.0;                   // the same for all rows
  T *values = nullptr;                   // (N,), optional
  T *gradient = nullptr;                 // (N, N), optional; overlaps no input
};

enum class BatchStatus { done, out_of_memory, unsupported };

// Fills `values` and `gradient`. The same on any number of threads, bit for bit.
template <typename T> BatchStatus batch_rows(BatchLoss loss, const BatchRows<T> &call, const Exec &exec);

} // namespace lossmith
