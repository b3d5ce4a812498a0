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

// Whole arrays: see evaluation_direct.hpp.
// A product of positive numbers, as 2^exponent times the rest: a few factors in [1, 2).
struct Product {
  std::int64_t exponent = 0;
  double rest = 1;
};

constexpr int calibration_copies = 8; // of each bin, so that rows of one bin need not wait for each other
// A chunk: its squared errors of 1 fit 63 bits of units, its rows of one bin and copy 16 bits of a word of calibration.
constexpr std::int64_t direct_rows = 1 << 16;

// Rows of a binary classification, up to direct_rows of them, and what is found of them.
struct DirectBinary {
  const void *score = nullptr, *target = nullptr;
  Column score_type = Column::f64, target_type = Column::i64;
  std::int64_t count = 0;
  bool logits = false;
  double threshold = 0.5; // of confusion; numbers take 0.5, or a logit of 0
  std::int64_t bins = 0;
  std::uint64_t *calibration = nullptr; // (2 * bins, calibration_copies): rows << row_bits, and probabilities; by 2 * bin + target
  std::int64_t cells[4] = {};           // by 2 * target + predicted
  Product answers;                      // of the probabilities that were given to what happened; of logits of 1 + exp(-|logit|)
  double linear = 0;                    // of logits: what the loss has besides
  std::int64_t squared = 0;             // errors, in units of 2^share_unit
};

// Rows of several classes, up to direct_class_rows of them.
struct DirectClasses {
  const void *score = nullptr, *target = nullptr; // (count, classes) and (count,)
  Column score_type = Column::f64, target_type = Column::i64;
  std::int64_t count = 0, classes = 0, bins = 0;
  bool logits = false;
  std::int32_t *cell = nullptr;         // (count,): target * classes + the first of the largest scores
  std::uint64_t *calibration = nullptr; // (2 * bins,): rows << row_bits, and confidences; by 2 * bin + whether it is right
  Product answers;                      // of the probabilities of the targets, or of sums of exp(logit - largest)
  double linear = 0;                    // of logits: largest - that of the target
  double squared = 0;                   // distances of the probabilities from the one-hot row, squared
};

constexpr std::int64_t direct_class_rows = 1 << 13;

// Numbers and their predictions, and what is found of them.
struct DirectValues {
  const void *prediction = nullptr, *target = nullptr;
  Column prediction_type = Column::f64, target_type = Column::f64; // f32 or f64
  std::int64_t count = 0;
  double error = 0, absolute = 0, squared = 0, largest = 0; // prediction - target: sums, and the largest size
  double mean = 0, spread = 0;                              // of the targets: mean, and sum of squared distances from it
};

// Adds mean and sum of squared distances of `more` rows to those of some (Chan, Golub and LeVeque 1979). A template, so
// that each kind of CPU keeps a copy of its own: the tag is a type of its unnamed namespace.
template <typename Tag>
inline void merge_spread(double rows, double &mean, double &spread, double more, double their_mean, double their_spread) {
  const double gap = their_mean - mean, all = rows + more;
  spread += their_spread + gap * gap * rows * more / all;
  mean += gap * more / all;
}

// Each looks at the rows of a chunk, and returns false where one is odd: a target that is not 0 or 1 or no class, a score
// that is no probability (or not finite), probabilities of a row that do not sum to 1 within direct_tolerance.
using DirectBinaryFunction = bool (*)(DirectBinary &rows);
using DirectClassesFunction = bool (*)(DirectClasses &rows);
using DirectValuesFunction = void (*)(DirectValues &rows);

constexpr double direct_tolerance = 1e-3;
constexpr double least_answer = 3.720075976020836e-44; // exp(-100), the floor of the cross entropies

struct BlockTable {
  BinaryBlockFunction binary = nullptr;
  FitsFunction fits = nullptr;
  DirectBinaryFunction confusion = nullptr, numbers = nullptr;
  DirectClassesFunction classes = nullptr;
  DirectValuesFunction values = nullptr;
};

// That of the CPU which this runs on.
const BlockTable &block_table();

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
