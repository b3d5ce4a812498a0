// Connectionist temporal classification: the value and the gradient of each sequence of logits against its tokens.
//
// With q the softmax of each step's logits, A the paths of classes, one a step, that become the tokens when repeats and
// then blanks are taken out, and P = sum over A of the product of q along the path:
//     value             = -log P
//     gradient_{t, c}   = scale * (q_{t, c} - (share of P from paths that are at class c at step t))
// Steps behind a sequence's own count are not read and have gradient 0; so have all steps where P = 0, and the value is
// +inf or, on demand, 0. A step that holds NaN or +inf, or nothing but -inf, makes the value and the gradient of the
// sequence's steps NaN; a token that is the blank or no class makes the value and the whole gradient NaN. Counts below 0
// or above what there is are taken as 0 and as all.
#pragma once

#include <cstdint>

#include "exec.hpp"
#include "storage.hpp"

namespace lossmith {

// Arrays are contiguous, in C order; those marked optional may be null. Storage is float, double, BFloat16 or Float16.
template <typename Storage> struct Ctc {
  using T = Compute<Storage>;
  std::int64_t samples = 0;
  std::int64_t steps = 0;
  std::int64_t classes = 0;
  std::int64_t most_tokens = 0;
  bool steps_first = false;                   // the logits are (steps, samples, classes)
  const Storage *logits = nullptr;            // (samples, steps, classes)
  const std::int64_t *tokens = nullptr;       // (samples, most_tokens)
  const std::int64_t *step_counts = nullptr;  // (samples,), optional
  const std::int64_t *token_counts = nullptr; // (samples,), optional
  std::int64_t blank = 0;                     // in [0, classes)
  bool impossible_is_zero = false;
  const T *scale = nullptr;    // (samples,), optional; multiplies the gradient of the sequence, not its value
  double factor = 1.0;         // the same for all sequences
  T *values = nullptr;         // (samples,), optional
  Storage *gradient = nullptr; // like the logits, optional; overlaps no input
};

enum class CtcStatus { done, bad_blank, out_of_memory };

// Fills `values` and `gradient`. The same on any number of threads, bit for bit.
template <typename Storage> CtcStatus ctc(const Ctc<Storage> &call, const Exec &exec);

} // namespace lossmith
