#include "softmax_cross_entropy.hpp"

#include <algorithm>

#include "lanes.hpp"
#include "rows.hpp"
#include "softmax_narrow.hpp"
#include "softmax_row.hpp"
#include "softmax_wide.hpp"

namespace lossmith {
namespace {

constexpr std::int64_t elements_per_chunk = 1 << 15;

// One entry per element type and shape, each compiled for every CPU level.

LOSSMITH_EVERY_CPU void rows_narrow_f32(const Job<float> &job, std::int64_t begin, std::int64_t end) {
  narrow_rows(job, begin, end);
}
LOSSMITH_EVERY_CPU void rows_narrow_f64(const Job<double> &job, std::int64_t begin, std::int64_t end) {
  narrow_rows(job, begin, end);
}
LOSSMITH_EVERY_CPU void rows_wide_f32(const Job<float> &job, std::int64_t begin, std::int64_t end) {
  wide_rows(job, begin, end);
}
LOSSMITH_EVERY_CPU void rows_wide_f64(const Job<double> &job, std::int64_t begin, std::int64_t end) {
  wide_rows(job, begin, end);
}

template <typename T> using Rows = void (*)(const Job<T> &, std::int64_t, std::int64_t);

template <typename T> std::int64_t first_bad_label(const SoftmaxCrossEntropy<T> &call) {
  for (std::int64_t row = 0; row < call.rows; ++row) {
    const bool inside = call.labels[row] >= 0 && call.labels[row] < call.classes;
    if (!inside && (call.keep == nullptr || call.keep[row] != 0)) return row;
  }
  return -1;
}

template <typename T> std::int64_t run(const SoftmaxCrossEntropy<T> &call, Rows<T> narrow, Rows<T> wide) {
  const std::int64_t bad = first_bad_label(call);
  if (bad >= 0) return bad;
  const Job<T> job(call);
  const Rows<T> work = call.classes <= narrow_classes ? narrow : wide;
  const std::int64_t rows_per_chunk = elements_per_chunk / std::max<std::int64_t>(call.classes, 1);
  const std::int64_t grain = std::max<std::int64_t>(rows_per_chunk / lane_count<T> * lane_count<T>, 1);
  run_rows(call.rows, grain, [&](std::int64_t begin, std::int64_t end) { work(job, begin, end); });
  return -1;
}

} // namespace

std::int64_t softmax_cross_entropy(const SoftmaxCrossEntropy<float> &call) {
  return run<float>(call, rows_narrow_f32, rows_wide_f32);
}

std::int64_t softmax_cross_entropy(const SoftmaxCrossEntropy<double> &call) {
  return run<double>(call, rows_narrow_f64, rows_wide_f64);
}

} // namespace lossmith
