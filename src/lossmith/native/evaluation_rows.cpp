#include "evaluation_rows.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <tuple>

#include "evaluation_hash.hpp"
#include "evaluation_limbs.hpp"

namespace lossmith {
namespace {

// Rows after which counts of 15 or 16 bits and sums of 64 are emptied: even if all of them are of one group or bin, sums
// of losses stay below 2^(14 + 7) of their unit 2^-40, those of shares below 2^14, and of 2^-32 there are 48 bits.
constexpr std::int64_t rows_until_settled = 1 << 14;

BlockTable table_for_this_cpu() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
  const char *limit = std::getenv("LOSSMITH_CPU");
  const bool baseline_alone = limit != nullptr && std::strcmp(limit, "baseline") == 0;
  const bool avx2_alone = limit != nullptr && std::strcmp(limit, "avx2") == 0;
  if (__builtin_cpu_supports("x86-64-v4") && !baseline_alone && !avx2_alone) return avx512::block_table();
  if (__builtin_cpu_supports("x86-64-v3") && !baseline_alone) return avx2::block_table();
#endif
  return baseline::block_table();
}

const BlockTable &block_table() {
  static const BlockTable chosen = table_for_this_cpu();
  return chosen;
}

std::int64_t bytes_of(Column type) {
  return type == Column::i8 ? 1 : type == Column::f32 || type == Column::i32 ? 4 : 8;
}

const void *at(const void *data, Column type, std::int64_t row) {
  return static_cast<const char *>(data) + row * bytes_of(type);
}

// No row of a group's four numbers lies in two cache lines.
constexpr std::size_t in_line = 8;

std::int64_t *aligned(std::vector<std::int64_t> &numbers) {
  void *start = numbers.data();
  std::size_t space = numbers.size() * sizeof(std::int64_t);
  return static_cast<std::int64_t *>(std::align(8 * in_line, 8, start, space));
}

bool worse(const BadRow &a, const BadRow &b) {
  return std::make_tuple(-a.loss, a.id, a.target, a.predicted, a.confidence) <
         std::make_tuple(-b.loss, b.id, b.target, b.predicted, b.confidence);
}

} // namespace

BinaryRows::BinaryRows(const Settings &settings)
    : bins(static_cast<std::size_t>(2 * settings.half),
           ScoreBin{std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity(), {0, 0}}),
      cells(static_cast<std::size_t>(4 * settings.groups)), shares(static_cast<std::size_t>(3 * settings.groups)),
      calibration(static_cast<std::size_t>(2 * settings.calibration_bins)),
      calibrated(static_cast<std::size_t>(2 * settings.calibration_bins)), left(2 * limbs), settings_(settings),
      groups_(static_cast<std::size_t>(4 * settings.groups + in_line)),
      calibration_(static_cast<std::size_t>(2 * settings.calibration_bins)), group_(rows_per_block),
      bar_(-std::numeric_limits<double>::infinity()) {}

bool BinaryRows::update(const Columns &columns) {
  const BlockTable &table = block_table();
  if (!table.fits(columns.target, columns.target_type, columns.count, settings_.logits, true) ||
      !table.fits(columns.score, columns.score_type, columns.count, settings_.logits, false))
    return false;
  BinaryBlock block;
  block.score_type = columns.score_type, block.target_type = columns.target_type;
  block.logits = settings_.logits;
  block.drop = 52 - settings_.keep, block.first_bits = settings_.first_bits, block.half = settings_.half;
  block.calibration_bins = settings_.calibration_bins;
  block.group = group_.data(), block.bins = bins.data();
  block.groups = aligned(groups_), block.calibration = calibration_.data();
  for (std::int64_t begin = 0; begin < columns.count; begin += rows_per_block) {
    block.count = std::min(rows_per_block, columns.count - begin);
    block.score = at(columns.score, columns.score_type, begin);
    block.target = at(columns.target, columns.target_type, begin);
    find_groups(columns, begin, block.count);
    table.binary(block);
    if (block.any_left) keep_left(block);
    if (block.largest >= bar_) keep_worst(block, columns, begin);
    for (int target = 0; target < 2; ++target)
      for (int k = 0; k < 2; ++k) loss[target][k].add(block.loss[target][k]), block.loss[target][k] = 0;
    unsettled_ += block.count;
    if (unsettled_ > rows_until_settled - rows_per_block) settle();
  }
  settle();
  return true;
}

void BinaryRows::find_groups(const Columns &columns, std::int64_t begin, std::int64_t count) {
  const auto mask = static_cast<std::uint64_t>(settings_.groups - 1);
  std::int32_t *group = group_.data();
  if (columns.id != nullptr) {
    for (std::int64_t i = 0; i < count; ++i)
      group[i] = static_cast<std::int32_t>(group_bits(columns.id[begin + i], settings_.seed) & mask);
    return;
  }
  const std::uint64_t first = columns.first_id + static_cast<std::uint64_t>(begin);
  std::int64_t i = 0;
  for (; i < count && ((first + static_cast<std::uint64_t>(i)) & 3) != 0; ++i)
    group[i] = static_cast<std::int32_t>(group_bits(first + static_cast<std::uint64_t>(i), settings_.seed) & mask);
  for (; i + 4 <= count; i += 4) {
    const std::uint64_t bits = group_hash(first + static_cast<std::uint64_t>(i), settings_.seed);
    for (int k = 0; k < 4; ++k) group[i + k] = static_cast<std::int32_t>((bits >> (16 * k)) & 0xffff & mask);
  }
  for (; i < count; ++i)
    group[i] = static_cast<std::int32_t>(group_bits(first + static_cast<std::uint64_t>(i), settings_.seed) & mask);
}

void BinaryRows::keep_left(const BinaryBlock &block) {
  for (std::int64_t i = 0; i < block.count; ++i)
    if (block.left[i] != 0) add_value(left.data() + block.targets[i] * limbs, first_limb, bits_of(block.left[i]));
}

void BinaryRows::keep_worst(const BinaryBlock &block, const Columns &columns, std::int64_t begin) {
  const auto most = static_cast<std::size_t>(settings_.worst);
  if (most == 0) return;
  const double threshold = settings_.logits ? 0.0 : 0.5;
  for (std::int64_t i = 0; i < block.count; ++i) {
    if (!(block.losses[i] >= bar_)) continue;
    const double p = block.probabilities[i];
    const std::int64_t id = columns.id != nullptr
                                ? static_cast<std::int64_t>(columns.id[begin + i])
                                : static_cast<std::int64_t>(columns.first_id + static_cast<std::uint64_t>(begin + i));
    const BadRow row{block.losses[i], id, static_cast<double>(block.targets[i]),
                     block.scores[i] > threshold ? 1.0 : 0.0, std::max(p, 1.0 - p)};
    if (worst_.size() >= most && worst_.size() < 2 * most && row.loss == bar_ && !worse(row, worst_[most - 1])) continue;
    worst_.push_back(row);
    if (worst_.size() >= 2 * most) drop_all_but_worst();
  }
}

void BinaryRows::drop_all_but_worst() {
  std::sort(worst_.begin(), worst_.end(), worse);
  const auto most = static_cast<std::size_t>(settings_.worst);
  if (worst_.size() < most) return;
  worst_.resize(most);
  if (most != 0) bar_ = worst_.back().loss;
}

const std::vector<BadRow> &BinaryRows::worst() {
  drop_all_but_worst();
  return worst_;
}

void BinaryRows::settle() {
  unsettled_ = 0;
  for (std::int64_t g = 0; g < settings_.groups; ++g) {
    std::int64_t *from = aligned(groups_) + 4 * g;
    const auto packed = static_cast<std::uint64_t>(from[0]);
    if (packed == 0) continue;
    for (int k = 0; k < 4; ++k) cells[static_cast<std::size_t>(4 * g + k)] += (packed >> (16 * k)) & 0xffff;
    for (int k = 0; k < 3; ++k) shares[static_cast<std::size_t>(3 * g + k)].add(from[k + 1]);
    std::fill_n(from, 4, 0);
  }
  for (std::size_t k = 0; k < calibrated.size(); ++k) {
    calibrated[k] += calibration_[k] >> row_bits;
    calibration[k].add(calibration_[k] & ((std::int64_t{1} << row_bits) - 1));
    calibration_[k] = 0;
  }
}

} // namespace lossmith
