// The chunks of evaluation_direct.hpp for rows of several classes and for numbers, for one kind of CPU; see
// evaluation_level.hpp.
#include "evaluation_binary_level.hpp"

namespace lossmith {
namespace {

// --- classes ---------------------------------------------------------------------------------------------------------
constexpr double of_nothing = -std::numeric_limits<double>::infinity();

// What the scores of a row have in common.
struct RowOfScores {
  double largest, sum, squares; // of probabilities: their sum and that of their squares; of logits: those of exp(x - largest)
  bool odd;
};

LOSSMITH_INLINE double smallest_of(Reals lanes) { return -max_across<double>(-lanes); }

LOSSMITH_INLINE double sum_of_lanes(Reals lanes) { return sum_across<double>(lanes); }

// The last scores of a row that do not fill the lanes, and something that changes no result behind them.
template <typename Score> LOSSMITH_INLINE Reals load_last(const Score *from, std::int64_t count, double behind) {
  double each[step];
  for (std::int64_t k = 0; k < step; ++k) each[k] = k < count ? static_cast<double>(from[k]) : behind;
  return load(each);
}

template <typename Score> LOSSMITH_INLINE RowOfScores row_of_probabilities(const Score *score, std::int64_t classes) {
  Reals high = broadcast<double>(0.0), low = high, sum{}, squares{};
  const auto add = [&](Reals x) LOSSMITH_INLINED {
    high = at_least<double>(high, x), low = at_most<double>(low, x);
    sum += x, squares += x * x;
  };
  std::int64_t c = 0;
  for (; c + step <= classes; c += step) add(load_reals(score + c));
  if (c < classes) add(load_last(score + c, classes - c, 0.0));
  const RowOfScores row{max_across<double>(high), sum_of_lanes(sum), sum_of_lanes(squares), false};
  const double off = row.sum - 1;
  const bool fits = (off <= direct_tolerance) & (off >= -direct_tolerance) & (row.largest <= 1) & (smallest_of(low) >= 0);
  return {row.largest, row.sum, row.squares, !fits}; // a NaN is in the sum
}

template <typename Score> LOSSMITH_INLINE RowOfScores row_of_logits(const Score *score, std::int64_t classes) {
  Reals high = broadcast<double>(of_nothing), check{};
  std::int64_t c = 0;
  for (; c + step <= classes; c += step) {
    const Reals x = load_reals(score + c);
    high = at_least<double>(high, x), check += x - x; // NaN where one is not finite
  }
  const std::int64_t full = c;
  if (full < classes) {
    const Reals x = load_last(score + full, classes - full, static_cast<double>(score[full]));
    high = at_least<double>(high, x), check += x - x;
  }
  const double largest = max_across<double>(high);
  Reals sum{}, squares{};
  const auto add = [&](Reals e) LOSSMITH_INLINED { sum += e, squares += e * e; };
  for (c = 0; c < full; c += step) add(exponential<double>(load_reals(score + c) - broadcast<double>(largest)));
  if (full < classes) {
    const Reals e = exponential<double>(load_last(score + full, classes - full, 0.0) - broadcast<double>(largest));
    add(keep_first(e, classes - full));
  }
  return {largest, sum_of_lanes(sum), sum_of_lanes(squares), sum_of_lanes(check) != 0};
}

template <typename Score> LOSSMITH_INLINE std::int64_t first_place(const Score *score, Score wanted) {
  std::int64_t c = 0;
  while (score[c] != wanted) ++c;
  return c;
}

LOSSMITH_INLINE void multiply(Product &product, double factor) {
  constexpr std::uint64_t mantissa = (std::uint64_t{1} << 52) - 1;
  const std::uint64_t found = word(product.rest * factor);
  product.exponent += static_cast<std::int64_t>(found >> 52) - 1023;
  product.rest = number(static_cast<std::int64_t>((found & mantissa) | word(1.0)));
}

template <typename Score, bool logits, typename Target> LOSSMITH_INLINE bool look_at_classes(DirectClasses &rows) {
  const std::int64_t classes = rows.classes, count = rows.count;
  const auto *score = static_cast<const Score *>(rows.score);
  const auto *target = static_cast<const Target *>(rows.target);
  const auto bins = static_cast<double>(rows.bins);
  Product answers = rows.answers;
  double linear = 0, squared = 0;
  for (std::int64_t i = 0; i < count; ++i, score += classes) {
    const auto t = static_cast<std::int64_t>(target[i]);
    if (t < 0 || t >= classes) return false;
    const RowOfScores row = logits ? row_of_logits(score, classes) : row_of_probabilities(score, classes);
    if (row.odd) return false;
    const auto own = static_cast<double>(score[t]);
    double confidence = row.largest, answer = own, squares = row.squares;
    if constexpr (logits) {
      double each[step];
      store<double>(each, exponential<double>(broadcast<double>(own - row.largest)));
      confidence = 1 / row.sum, answer = each[0] * confidence, squares = row.squares * confidence * confidence;
      multiply(answers, row.sum);
      linear += row.largest - own;
    } else {
      multiply(answers, own > least_answer ? own : least_answer);
    }
    squared += squares - 2 * answer + 1;
    const std::int64_t predicted = first_place(score, static_cast<Score>(row.largest));
    rows.cell[i] = static_cast<std::int32_t>(t * classes + predicted);
    const auto bin = static_cast<std::int64_t>(confidence * bins);
    const Reals share = broadcast<double>(confidence) + broadcast<double>(anchor(probability_unit));
    double anchored_share[step];
    store<double>(anchored_share, share);
    rows.calibration[2 * (bin < rows.bins ? bin : rows.bins - 1) + (predicted == t)] +=
        word(anchored_share[0]) - word(anchor(probability_unit)) + (std::uint64_t{1} << row_bits);
  }
  rows.answers = answers, rows.linear = linear, rows.squared = squared;
  return true;
}

template <typename Score, bool logits> LOSSMITH_INLINE bool look_at_targets(DirectClasses &rows) {
  switch (rows.target_type) {
  case Column::i8: return look_at_classes<Score, logits, std::int8_t>(rows);
  case Column::i32: return look_at_classes<Score, logits, std::int32_t>(rows);
  default: return look_at_classes<Score, logits, std::int64_t>(rows);
  }
}

bool direct_classes(DirectClasses &rows) {
  if (rows.score_type == Column::f32) return rows.logits ? look_at_targets<float, true>(rows) : look_at_targets<float, false>(rows);
  return rows.logits ? look_at_targets<double, true>(rows) : look_at_targets<double, false>(rows);
}

// --- numbers ---------------------------------------------------------------------------------------------------------
template <typename P, typename T> LOSSMITH_INLINE void add_block(const P *prediction, const T *target, std::int64_t count, DirectValues &to) {
  Reals error{}, absolute{}, squared{}, largest{}, sum{};
  const auto add = [&](Reals p, Reals t) LOSSMITH_INLINED {
    const Reals e = p - t, size = magnitude<double>(e);
    error += e, absolute += size, squared += e * e, sum += t;
    largest = at_least<double>(largest, size);
  };
  std::int64_t i = 0;
  for (; i + step <= count; i += step) add(load_reals(prediction + i), load_reals(target + i));
  const std::int64_t full = i;
  if (full < count) add(load_last(prediction + full, count - full, 0.0), load_last(target + full, count - full, 0.0));
  const auto rows = static_cast<double>(count);
  const double mean = sum_of_lanes(sum) / rows;
  Reals spread{};
  const auto add_distance = [&](Reals t) LOSSMITH_INLINED {
    const Reals away = t - broadcast<double>(mean);
    spread += away * away;
  };
  for (i = 0; i < full; i += step) add_distance(load_reals(target + i));
  if (full < count) add_distance(load_last(target + full, count - full, mean));
  to.error += sum_of_lanes(error), to.absolute += sum_of_lanes(absolute), to.squared += sum_of_lanes(squared);
  const double most = max_across<double>(largest);
  to.largest = most > to.largest ? most : to.largest;
  merge_spread<RowOfScores>(static_cast<double>(to.count), to.mean, to.spread, rows, mean, sum_of_lanes(spread));
  to.count += count;
}

template <typename P, typename T> LOSSMITH_INLINE void look_at_values(DirectValues &rows) {
  const std::int64_t count = rows.count;
  rows.count = 0;
  for (std::int64_t begin = 0; begin < count; begin += marked_rows)
    add_block(static_cast<const P *>(rows.prediction) + begin, static_cast<const T *>(rows.target) + begin,
              count - begin < marked_rows ? count - begin : marked_rows, rows);
}

void direct_values(DirectValues &rows) {
  const bool wide_target = rows.target_type == Column::f64;
  if (rows.prediction_type == Column::f32) return wide_target ? look_at_values<float, double>(rows) : look_at_values<float, float>(rows);
  return wide_target ? look_at_values<double, double>(rows) : look_at_values<double, float>(rows);
}

} // namespace

BlockTable LOSSMITH_LEVEL::block_table() {
  return {binary, fits, direct_confusion, direct_numbers, direct_classes, direct_values};
}

} // namespace lossmith
