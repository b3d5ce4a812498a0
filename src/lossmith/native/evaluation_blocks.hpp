// One block of rows with targets 0 and 1: what a row costs, and every sum and count that it goes into, in one pass.
//
// A block is small enough for everything about it to stay in the first-level cache. It is compiled once per kind of CPU
// (evaluation_baseline.cpp, evaluation_avx2.cpp, evaluation_avx512.cpp); binary_block() picks at run time. What is done
// once per block or more rarely is in evaluation_rows.cpp.
//
// All sums are whole numbers of a unit, so their order does not matter:
// - losses, exactly: a loss below 2^7 is a multiple of 2^-44, of 2^-96, and what is left, which is nearly always 0;
// - what is summed per group of rows and per bin of the probability, rounded to the units below.
//
// A number is taken in whole units by adding 1.5 times the power of two whose last digit is the unit (`anchor`): the last
// bits of the result hold the units, its other bits are the same for all numbers. So the bits are added up as they are, and
// what the anchors make is taken off once per sum, when it is known how many there were.
#pragma once

#include <cstdint>

namespace lossmith {

constexpr std::int64_t rows_per_block = 128;
constexpr int group_sums = 4; // four counts of 16 bits, by 2 * target + predicted; loss, Brier score, confidence
// Powers of two.
constexpr int loss_unit = -40, share_unit = -46; // of losses, and of what is at most 1, per group
constexpr int probability_unit = -32;            // of probabilities per bin; above these stand the rows
constexpr int first_loss_unit = -44, second_loss_unit = -96; // of the exact sum
constexpr int row_bits = 48;

constexpr double anchor(int unit) {
  double x = 1.5;
  for (int k = 0; k < 52 + unit; ++k) x *= 2;
  for (int k = 0; k > 52 + unit; --k) x /= 2;
  return x;
}

enum class Column : int { f32 = 0, f64 = 1, i8 = 2, i32 = 3, i64 = 4 };

// A bin of the score histogram: negatives, then positives.
struct ScoreBin {
  double low, minus_high;
  std::int64_t count[2];
};

struct BinaryBlock {
  // What is given.
  std::int64_t count = 0; // at most rows_per_block
  const void *score = nullptr, *target = nullptr;
  Column score_type = Column::f64, target_type = Column::i64;
  bool logits = false;
  // The group of each row; of four rows from quads_begin to quads_end only that of the first, whose next ones follow.
  const std::int32_t *group = nullptr;
  std::int64_t quads_begin = 0, quads_end = 0;
  int drop = 0; // bits of a score that do not decide on its bin
  std::int64_t first_bits = 0, half = 0;
  std::int64_t calibration_bins = 0;
  // Where it is added to.
  ScoreBin *bins = nullptr;
  std::uint64_t *groups = nullptr; // group_sums rows of `stride`, of which three stand behind the last group; with anchors
  std::int64_t stride = 0;
  std::int64_t *calibration = nullptr; // probabilities, and rows << row_bits; by 2 * bin + target
  std::int64_t loss[2] = {};           // in first and second units
  // What is found.
  double losses[rows_per_block], scores[rows_per_block], probabilities[rows_per_block];
  std::int64_t targets[rows_per_block];
  double largest = 0;
  bool any_left = false; // whether losses have digits below second units
};

using BinaryBlockFunction = void (*)(BinaryBlock &block);

// Whether a column holds only what a block takes: probabilities, logits within ±127, or targets 0 and 1.
using FitsFunction = bool (*)(const void *data, Column type, std::int64_t count, bool logits, bool target);

struct BlockTable {
  BinaryBlockFunction binary = nullptr;
  FitsFunction fits = nullptr;
};

namespace baseline {
BlockTable block_table();
}
namespace avx2 {
BlockTable block_table();
}
namespace avx512 {
BlockTable block_table();
}

} // namespace lossmith
