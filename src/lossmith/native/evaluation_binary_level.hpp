// The chunks of evaluation_direct.hpp for rows with targets 0 and 1, for one kind of CPU; see evaluation_level.hpp.
#include "evaluation_level.hpp"

namespace lossmith {
namespace {

// A few rows that stay in the first-level cache between one look at them and the next. Bytes count up to 255 of them.
constexpr std::int64_t marked_rows = 1024;
constexpr std::int64_t together = 4; // steps whose answers are multiplied before the exponent is taken off

struct Marks {
  alignas(64) std::uint8_t positive[marked_rows], above[marked_rows];
};

template <typename T> LOSSMITH_INLINE bool mark_targets(const T *target, std::int64_t count, std::uint8_t *positive) {
  std::uint8_t odd = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const T t = target[i];
    positive[i] = static_cast<std::uint8_t>(t == T(1));
    odd = static_cast<std::uint8_t>(odd | static_cast<std::uint8_t>(!((t == T(0)) | (t == T(1)))));
  }
  return odd == 0;
}

LOSSMITH_INLINE bool mark_targets(const DirectBinary &rows, std::int64_t begin, std::int64_t count, std::uint8_t *to) {
  switch (rows.target_type) {
  case Column::f32: return mark_targets(static_cast<const float *>(rows.target) + begin, count, to);
  case Column::f64: return mark_targets(static_cast<const double *>(rows.target) + begin, count, to);
  case Column::i8: return mark_targets(static_cast<const std::int8_t *>(rows.target) + begin, count, to);
  case Column::i32: return mark_targets(static_cast<const std::int32_t *>(rows.target) + begin, count, to);
  default: return mark_targets(static_cast<const std::int64_t *>(rows.target) + begin, count, to);
  }
}

template <typename T> LOSSMITH_INLINE void mark_scores(const T *score, std::int64_t count, T threshold, std::uint8_t *above) {
  for (std::int64_t i = 0; i < count; ++i) above[i] = static_cast<std::uint8_t>(score[i] > threshold);
}

template <typename T> LOSSMITH_INLINE bool is_any_nan(const T *score, std::int64_t count) {
  std::uint8_t odd = 0;
  for (std::int64_t i = 0; i < count; ++i) odd = static_cast<std::uint8_t>(odd | static_cast<std::uint8_t>(score[i] != score[i]));
  return odd != 0;
}

LOSSMITH_INLINE std::int64_t sum_of_bytes(Words words) {
  const Words low = Words{} + 0x00ff00ff00ff00ffULL;
  const Words pairs = (words & low) + ((words >> 8) & low);
  return static_cast<std::int64_t>(sum_of((pairs * (Words{} + 0x0001000100010001ULL)) >> 48));
}

LOSSMITH_INLINE Words load_marks(const std::uint8_t *from) {
  Words words;
  std::memcpy(&words, from, sizeof words);
  return words;
}

// Marks behind `count` are cleared.
LOSSMITH_INLINE void count_marks(Marks &marks, std::int64_t count, std::int64_t *cells) {
  for (std::int64_t i = count; i < marked_rows; ++i) marks.positive[i] = marks.above[i] = 0;
  Words positive{}, above{}, both{};
  for (std::int64_t i = 0; i < marked_rows; i += static_cast<std::int64_t>(sizeof(Words))) {
    const Words p = load_marks(marks.positive + i), a = load_marks(marks.above + i);
    positive += p, above += a, both += p & a;
  }
  const std::int64_t p = sum_of_bytes(positive), a = sum_of_bytes(above), pa = sum_of_bytes(both);
  cells[0] += count - p - a + pa, cells[1] += a - pa, cells[2] += p - pa, cells[3] += pa;
}

template <typename Score> LOSSMITH_INLINE bool count_rows(DirectBinary &rows) {
  Marks marks;
  const auto *score = static_cast<const Score *>(rows.score);
  const auto threshold = static_cast<Score>(rows.threshold);
  for (std::int64_t begin = 0; begin < rows.count; begin += marked_rows) {
    const std::int64_t count = rows.count - begin < marked_rows ? rows.count - begin : marked_rows;
    if (!mark_targets(rows, begin, count, marks.positive) || is_any_nan(score + begin, count)) return false;
    mark_scores(score + begin, count, threshold, marks.above);
    count_marks(marks, count, rows.cells);
  }
  return true;
}

bool direct_confusion(DirectBinary &rows) {
  return rows.score_type == Column::f32 ? count_rows<float>(rows) : count_rows<double>(rows);
}

template <typename Score> LOSSMITH_INLINE Reals load_reals(const Score *from) {
  double each[step];
  for (std::int64_t k = 0; k < step; ++k) each[k] = static_cast<double>(from[k]);
  return load(each);
}

LOSSMITH_INLINE Words load_bytes(const std::uint8_t *from) {
  std::uint64_t each[step];
  for (std::int64_t k = 0; k < step; ++k) each[k] = from[k];
  Words words;
  std::memcpy(&words, each, sizeof words);
  return words;
}

// Sums of a chunk, by lane.
struct Sums {
  Reals answers, linear;
  Words exponents, squared;
};

// What is found of rows before their bins are counted.
struct Shares {
  alignas(64) double probability[marked_rows]; // of logits
  alignas(64) std::uint64_t share[marked_rows];
  std::uint32_t place[marked_rows];
};

// Rows i to i + together * step. Returns lanes whose sign says that a score may be odd: as whole numbers, doubles without
// a sign are in order, and NaN is above all of them.
template <typename Score, bool logits>
LOSSMITH_INLINE Words add_rows(const Score *score, const Marks &marks, std::int64_t i, Shares &shares, Sums &sums) {
  const Reals one = broadcast<double>(1.0);
  const Words one_row = Words{} + ((std::uint64_t{1} << row_bits) - word(anchor(probability_unit)));
  Reals product = sums.answers;
  Words odd{};
  for (std::int64_t k = 0; k < together; ++k, i += step) {
    const Reals x = load_reals(score + i);
    const Words positive = Words{} - load_bytes(marks.positive + i);
    Reals probability = x, miss;
    if constexpr (logits) {
      const Reals size = magnitude<double>(x), e = exponential<double>(-size), below = one + e;
      product *= below;
      const Reals answer = bit_cast<Reals>(bits(x) ^ (~positive & (std::uint64_t{1} << 63)));
      sums.linear += at_least<double>(-answer, Reals{});
      const Reals high = one / below, low = e * high;
      probability = x >= Reals{} ? high : low;
      miss = probability - bit_cast<Reals>(positive & bits(one));
      store<double>(shares.probability + i, probability);
      odd |= bits(broadcast<double>(std::numeric_limits<double>::max())) - bits(size);
    } else {
      const Reals other = one - x;
      const Reals answer = bit_cast<Reals>(((bits(x) ^ bits(other)) & positive) ^ bits(other));
      miss = one - answer;
      product *= at_least<double>(answer, broadcast<double>(least_answer));
      odd |= bits(x) | (bits(one) - bits(x));
    }
    sums.squared += anchored<share_unit>(miss * miss);
    store_words(shares.share + i, anchored<probability_unit>(probability) + one_row);
  }
  constexpr std::uint64_t mantissa = (std::uint64_t{1} << 52) - 1;
  sums.exponents += bits(product) >> 52;
  sums.answers = bit_cast<Reals>((bits(product) & mantissa) | bits(one));
  return odd;
}

template <typename Score, bool logits> LOSSMITH_INLINE bool all_fit(const Score *score, std::int64_t count) {
  int odd = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double x = static_cast<double>(score[i]);
    odd |= logits ? !(x - x == 0) : !((x >= 0) & (x <= 1));
  }
  return odd == 0;
}

// The bins of CalibrationBins (states/calibration.py).
template <typename Probability>
LOSSMITH_INLINE void find_places(const Probability *probability, const Marks &marks, std::int64_t count, std::int64_t bins,
                                 std::uint32_t *place) {
  const auto times = static_cast<double>(bins);
  const auto most = static_cast<std::int32_t>(bins - 1);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto bin = static_cast<std::int32_t>(static_cast<double>(probability[i]) * times);
    place[i] = static_cast<std::uint32_t>(calibration_copies * (2 * (bin < most ? bin : most) + marks.positive[i]));
  }
}

LOSSMITH_INLINE void add_shares(const Shares &shares, std::int64_t count, std::uint64_t *calibration) {
  std::int64_t i = 0;
  for (; i + calibration_copies <= count; i += calibration_copies)
    for (int k = 0; k < calibration_copies; ++k) (calibration + k)[shares.place[i + k]] += shares.share[i + k];
  for (; i < count; ++i) calibration[shares.place[i]] += shares.share[i];
}

template <typename Score, bool logits> LOSSMITH_INLINE bool look_at_rows(DirectBinary &rows) {
  constexpr std::int64_t stride = together * step;
  static_assert(marked_rows % stride == 0, "a block ends with a group of steps");
  Marks marks;
  Shares shares;
  Sums sums{};
  sums.answers = broadcast<double>(1.0);
  std::int64_t groups = 0;
  Score last[marked_rows];
  for (std::int64_t begin = 0; begin < rows.count; begin += marked_rows) {
    const std::int64_t count = rows.count - begin < marked_rows ? rows.count - begin : marked_rows;
    const Score *score = static_cast<const Score *>(rows.score) + begin;
    if (!mark_targets(rows, begin, count, marks.positive)) return false;
    mark_scores(score, count, static_cast<Score>(logits ? 0.0 : 0.5), marks.above);
    count_marks(marks, count, rows.cells);
    if (count < marked_rows) { // what is behind the rows costs nothing, or a known number
      for (std::int64_t i = 0; i < marked_rows; ++i) last[i] = i < count ? score[i] : Score(0);
      score = last;
    }
    Words odd{};
    for (std::int64_t i = 0; i < count; i += stride, ++groups)
      odd |= add_rows<Score, logits>(score, marks, i, shares, sums);
    if (sum_of(odd >> 63) != 0 && !all_fit<Score, logits>(score, count)) return false;
    if constexpr (logits)
      find_places(shares.probability, marks, count, rows.bins, shares.place);
    else
      find_places(score, marks, count, rows.bins, shares.place);
    add_shares(shares, count, rows.calibration);
  }
  const std::int64_t behind = groups * stride - rows.count; // rows that are none, with a score of 0 and a target of 0
  const std::int64_t factors = groups * stride;
  rows.squared = static_cast<std::int64_t>(sum_of(sums.squared) -
                                           static_cast<std::uint64_t>(factors) * word(anchor(share_unit)));
  if (logits) rows.squared -= behind << (-share_unit - 2); // (1/2)^2 each
  rows.answers.exponent = static_cast<std::int64_t>(sum_of(sums.exponents)) - 1023 * groups * step;
  if (logits) rows.answers.exponent -= behind; // a factor of 2 each
  double each[step];
  store<double>(each, sums.answers);
  for (const double x : each) rows.answers.rest *= x;
  rows.linear = sum_across<double>(sums.linear);
  return true;
}

bool direct_numbers(DirectBinary &rows) {
  if (rows.score_type == Column::f32) return rows.logits ? look_at_rows<float, true>(rows) : look_at_rows<float, false>(rows);
  return rows.logits ? look_at_rows<double, true>(rows) : look_at_rows<double, false>(rows);
}

} // namespace
} // namespace lossmith
