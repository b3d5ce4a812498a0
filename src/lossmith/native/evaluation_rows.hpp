// Binary classifications, row by row and once: losses, Brier score, confusion, calibration, score histogram, groups for
// the bootstrap and the worst rows of one piece of a source. What it adds up is what the states of
// lossmith/evaluation/states add up, to the last bit.
#pragma once

#include <cstdint>
#include <vector>

#include "evaluation_blocks.hpp"

namespace lossmith {

struct Columns {
  const void *score, *target;
  Column score_type, target_type;
  std::int64_t count;
  const std::uint64_t *id; // or null, where rows are numbered from `first_id` on
  std::uint64_t first_id;
};

// A row that may be among the worst; the order is by loss, then id, then the rest.
struct BadRow {
  double loss;
  std::int64_t id;
  double target, predicted, confidence;
};

// Sums of whole units, in two words of 32 bits kept in 64 each.
struct WideSum {
  std::int64_t low, high;
  void add(std::int64_t x) { low += x & 0xffffffff, high += x >> 32; }
};

class BinaryRows {
public:
  struct Settings {
    bool logits;
    int keep;                       // bits of a score's mantissa that decide on its bin
    std::int64_t first_bits, half;  // see ScoreHistogram
    std::int64_t calibration_bins, groups, worst;
    std::uint64_t seed;
  };
  static constexpr std::int64_t limbs = 40, first_limb = -35; // of what is left of losses

  explicit BinaryRows(const Settings &settings);

  // Looks at all rows, or at none of them and returns false: where a score is no probability (or a logit beyond ±127),
  // or a target is not 0 or 1.
  bool update(const Columns &columns);

  // What was found.
  std::vector<ScoreBin> bins;
  std::vector<std::int64_t> cells;     // (groups, 4)
  std::vector<WideSum> shares;         // (groups, 3): losses, Brier scores, confidences
  std::vector<WideSum> calibration;    // (bins, 2): sums of probabilities by target
  std::vector<std::int64_t> calibrated; // (bins, 2): rows by target
  WideSum loss[2] = {};                // in first and second units
  std::vector<std::int64_t> left;      // (limbs,)
  const std::vector<BadRow> &worst();

private:
  void find_groups(const Columns &columns, std::int64_t begin, BinaryBlock &block);
  void keep_left(const BinaryBlock &block);
  void keep_worst(const BinaryBlock &block, const Columns &columns, std::int64_t begin);
  void drop_all_but_worst();
  void settle();

  Settings settings_;
  std::vector<std::uint64_t> groups_; // until settle(), as calibration_
  std::vector<std::int64_t> calibration_;
  std::vector<std::int32_t> group_;
  std::vector<BadRow> worst_;
  double bar_; // rows with smaller losses are not among the worst
  std::int64_t unsettled_ = 0;
};

} // namespace lossmith
