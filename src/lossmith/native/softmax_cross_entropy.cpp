// The softmax kernels for one element type, LOSSMITH_STORAGE: the build compiles this file once for each, side by side.
#include "softmax_cross_entropy.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <vector>

#include "exec.hpp"
#include "lanes.hpp"
#include "scratch.hpp"
#include "softmax_narrow.hpp"
#include "softmax_row.hpp"
#include "softmax_wide.hpp"

namespace lossmith {
namespace {

constexpr std::int64_t labels_per_chunk = 1 << 15;
constexpr std::int64_t elements_per_chunk = 1 << 15;
// More rows in a chunk mean fewer beginnings and ends, but also fewer chunks to share out.
constexpr std::int64_t elements_per_wide_chunk = 1 << 19, wide_chunks = 32;

// One entry per shape, each compiled for every CPU level.
LOSSMITH_EVERY_CPU double rows_narrow(const Job<LOSSMITH_STORAGE> &job, std::int64_t begin, std::int64_t end) {
  return narrow_rows(job, begin, end);
}
LOSSMITH_EVERY_CPU double rows_wide(const Job<LOSSMITH_STORAGE> &job, std::int64_t begin, std::int64_t end,
                                    bool streaming, Compute<LOSSMITH_STORAGE> *exps) {
  return job.class_weight == nullptr ? wide_rows<false>(job, begin, end, streaming, exps)
                                     : wide_rows<true>(job, begin, end, streaming, exps);
}
LOSSMITH_EVERY_CPU double rows_long(const Job<LOSSMITH_STORAGE> &job, std::int64_t begin, std::int64_t end,
                                    BlockSums<Compute<LOSSMITH_STORAGE>> *sums, Compute<LOSSMITH_STORAGE> *slopes) {
  return long_rows(job, begin, end, sums, slopes);
}

// Without a label of `ignored`, which is any number outside [0, classes).
LOSSMITH_EVERY_CPU std::int64_t count_outside(const std::int64_t *labels, std::int64_t count, std::uint64_t classes,
                                              std::int64_t ignored, std::int64_t *ignored_count) {
  std::int64_t outside = 0, left_out = 0;
  for (std::int64_t row = 0; row < count; ++row) {
    outside += static_cast<std::uint64_t>(labels[row]) >= classes;
    left_out += labels[row] == ignored;
  }
  *ignored_count = left_out;
  return outside;
}

// What the labels of a chunk say: the first bad row, and the sum of w_y.
struct LabelCheck {
  std::int64_t bad_row = -1;
  double count = 0.0;
};

template <typename Storage>
LabelCheck check_labels(const Job<Storage> &job, std::int64_t begin, std::int64_t end) {
  LabelCheck result;
  const auto inside = [&](std::int64_t label) { return label >= 0 && label < job.classes; };
  if (job.keep == nullptr && job.class_weight == nullptr && !(job.ignores && inside(job.ignored))) {
    std::int64_t ignored = 0;
    const auto classes = static_cast<std::uint64_t>(job.classes);
    const std::int64_t outside =
        count_outside(job.labels + begin, end - begin, classes, job.ignores ? job.ignored : -1, &ignored);
    if (outside == (job.ignores ? ignored : 0)) {
      result.count = static_cast<double>(end - begin - outside);
      return result;
    }
  }
  for (std::int64_t row = begin; row < end; ++row) {
    if (!job.kept(row)) continue;
    if (!inside(job.labels[row])) {
      result.bad_row = row;
      return result;
    }
    result.count += job.weight(job.labels[row]);
  }
  return result;
}

template <typename Storage> LabelCheck check_labels(const Job<Storage> &job, const Exec &exec) {
  std::vector<LabelCheck> parts(static_cast<std::size_t>((job.rows + labels_per_chunk - 1) / labels_per_chunk));
  for_chunks(exec, job.rows, labels_per_chunk, [&](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
    parts[static_cast<std::size_t>(chunk)] = check_labels(job, begin, end);
  });
  LabelCheck all;
  for (const LabelCheck &part : parts) {
    if (part.bad_row >= 0) return part;
    all.count += part.count;
  }
  return all;
}

template <typename Storage> std::int64_t rows_per_chunk(const Job<Storage> &job) {
  const std::int64_t classes = std::max<std::int64_t>(job.classes, 1);
  std::int64_t rows = std::max<std::int64_t>(elements_per_chunk / classes, 1);
  if (classes > narrow_classes)
    return std::max(rows, std::min(job.rows / wide_chunks, elements_per_wide_chunk / classes));
  return std::max(rows / lane_count<float>, std::int64_t{1}) * lane_count<float>;
}

// Sum of the values of rows [begin, end).
template <typename Storage>
double run_rows(const Job<Storage> &job, bool streaming, std::int64_t begin, std::int64_t end) {
  using T = Compute<Storage>;
  if (job.classes <= narrow_classes) return rows_narrow(job, begin, end);
  if (job.gradient != nullptr && job.classes <= scratch_columns) {
    T *exps = scratch<T>(job.classes + scratch_padding);
    return rows_wide(job, begin, end, streaming, exps);
  }
  const auto blocks = static_cast<std::size_t>(blocks_of(job.classes) + lane_count<T>);
  std::vector<BlockSums<T>> sums(blocks);
  std::vector<T> slopes(blocks);
  return rows_long(job, begin, end, sums.data(), slopes.data());
}

} // namespace

template <typename Storage>
SoftmaxOutcome softmax_cross_entropy(const SoftmaxCrossEntropy<Storage> &call, const Exec &exec) {
  SoftmaxOutcome outcome;
  Job<Storage> job(call);
  for (std::int64_t c = 0; call.class_weight != nullptr && c < call.classes; ++c)
    if (!(job.weight(c) >= 0.0 && job.weight(c) < infinity<double>)) outcome.bad_weight = true;
  if (outcome.bad_weight) return outcome;
  try {
    const LabelCheck labels = check_labels(job, exec);
    outcome.bad_row = labels.bad_row;
    outcome.count = labels.count;
    if (labels.bad_row >= 0) return outcome;
    if (job.mean) job.factor *= labels.count == 0.0 ? 0.0 : 1.0 / labels.count;

    const std::int64_t grain = rows_per_chunk(job);
    const bool streaming =
        static_cast<double>(job.rows) * static_cast<double>(job.classes) * sizeof(Storage) >= streaming_bytes;
    std::vector<double> totals(static_cast<std::size_t>((job.rows + grain - 1) / grain));
    std::atomic<bool> out_of_memory{false};
    for_chunks(exec, job.rows, grain, [&](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
      try {
        totals[static_cast<std::size_t>(chunk)] = run_rows(job, streaming, begin, end);
      } catch (const std::bad_alloc &) {
        out_of_memory = true;
      }
    });
    outcome.out_of_memory = out_of_memory;
    for (const double total : totals) outcome.total += total;
  } catch (const std::bad_alloc &) {
    outcome.out_of_memory = true;
  }
  return outcome;
}

template SoftmaxOutcome softmax_cross_entropy(const SoftmaxCrossEntropy<LOSSMITH_STORAGE> &, const Exec &);

} // namespace lossmith
