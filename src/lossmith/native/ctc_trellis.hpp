// The trellis of CTC: how probable every beginning of the tokens is after each step, and every rest before its end.
//
// Such probabilities are products of thousands of factors, and the ones that matter may be e^5000 times smaller than
// the largest. Their logarithms would keep log2(5000) digits less than the numbers themselves, and cost three exps and a
// log for every sum. So a probability is a Mass, m * 2^e, with e a double of its own: sums and products are a few
// instructions, lose no digits, and never underflow.
//
// State k of `blank` is to have written k tokens and then a blank, state k of `token` to have written k tokens, the last
// just now. With b and y_k the probabilities of the blank and of token k at a step:
//     blank_k <- b (blank_k + token_k)
//     token_k <- y_k (token_k + blank_{k-1} + token_{k-1}),   the last not where token k repeats token k - 1
#pragma once

#include <cstdint>

#include "lanes.hpp"

namespace lossmith {

// A log-probability that stands for 0, as in the definition: finite, so that differences of two of them are no NaN.
constexpr double never = -1e30;
constexpr double log2_e = 1.4426950408889634, log_2 = 0.6931471805599453;

// Masses one behind the other: m of the first, …, and `stride` elements further on e of the first, ….
struct Masses {
  double *m;
  std::int64_t stride;

  double *e() const { return m + stride; }
};

// One sequence. Its arrays are cut out of a workspace of doubles; states 0 … tokens, filled up to whole Lanes, have a
// Lanes on either side that holds 0.
struct Trellis {
  static constexpr std::int64_t lanes = lane_count<double>;
  std::int64_t steps, tokens, width, stride, rows;
  double *memory;

  // The states of all steps are kept for the way back, or else those of the last two.
  Trellis(std::int64_t step_count, std::int64_t token_count, bool keep_all, double *workspace)
      : steps(step_count), tokens(token_count), width((token_count + lanes) / lanes * lanes), stride(width + 2 * lanes),
        rows(keep_all ? step_count + 1 : 2), memory(workspace) {}

  std::int64_t size() const { return stride * (4 * rows + 4 + 2 * steps + 1); }

  // After `step` steps.
  Masses blank(std::int64_t step) const { return {row(step % rows * 4), stride}; }
  Masses token(std::int64_t step) const { return {row(step % rows * 4 + 2), stride}; }
  // Of writing the rest.
  Masses blank_rest() const { return {row(4 * rows), stride}; }
  Masses token_rest() const { return {row(4 * rows + 2), stride}; }
  // Of the tokens at a step, and of the blank as element -1.
  Masses emitted(std::int64_t step) const { return {row(4 * rows + 4 + 2 * step), stride}; }
  // What going on from token k - 1 to token k adds to e: 0, or what makes it a 0 where the token repeats.
  double *change() const { return row(4 * rows + 4 + 2 * steps); }

private:
  double *row(std::int64_t index) const { return memory + index * stride + lanes; }
};

struct Total {
  double m, e;
};

// Takes the log-probabilities that stand where the emissions' m will be, and fills the states after each step. Returns the
// probability that all tokens are written.
Total go_forward(const Trellis &trellis);

// After go_forward, with all states kept and a total that is not 0. What remains in the place of the states after each
// step is, given that the tokens are written: in m of token k, how probable it is to be there, and in e, how probable the
// token is at that step by itself; in element 0 of the blank likewise, for all its states together.
void go_back(const Trellis &trellis, Total total);

} // namespace lossmith
