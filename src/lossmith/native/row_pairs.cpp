// The losses of row_pairs.hpp for one element type, LOSSMITH_STORAGE: the build compiles this file once for each.
#include "row_pairs.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "exec.hpp"
#include "lanes.hpp"
#include "row_pairs_losses.hpp"
#include "row_pairs_narrow.hpp"
#include "row_pairs_wide.hpp"
#include "scratch.hpp"

namespace lossmith {
namespace {

using Storage = LOSSMITH_STORAGE;
using T = Compute<Storage>;

constexpr std::int64_t elements_per_chunk = 1 << 15;
// More rows in a chunk mean fewer beginnings and ends, but also fewer chunks to share out.
constexpr std::int64_t elements_per_wide_chunk = 1 << 18, wide_chunks = 32;

// One entry per loss and shape, each compiled for every CPU level, and what all losses share.
LOSSMITH_EVERY_CPU void write_piece(const PairGradientRow<Storage> &row, std::int64_t begin, std::int64_t count,
                                    Storage *elements) {
  row.piece_in_place(begin, count, elements);
}
#define LOSSMITH_ENTRIES(Loss)                                                                                         \
  LOSSMITH_EVERY_CPU double run_narrow(const PairJob<Loss, Storage> &job, std::int64_t begin, std::int64_t end) {      \
    return narrow_pairs(job, begin, end);                                                                              \
  }                                                                                                                    \
  LOSSMITH_EVERY_CPU double run_wide(const PairJob<Loss, Storage> &job, std::int64_t begin, std::int64_t end,          \
                                     bool streaming, const PairScratch<T> &scratch) {                                  \
    return wide_pairs(job, begin, end, streaming, scratch, write_piece);                                               \
  }
LOSSMITH_ENTRIES(DenseCrossEntropy)
LOSSMITH_ENTRIES(KullbackLeibler)
LOSSMITH_ENTRIES(JensenShannon)
LOSSMITH_ENTRIES(TotalVariation)
#undef LOSSMITH_ENTRIES

std::int64_t rows_per_chunk(std::int64_t rows, std::int64_t classes) {
  const std::int64_t few = std::max<std::int64_t>(elements_per_chunk / classes, 1);
  if (classes > narrow_classes) return std::max(few, std::min(rows / wide_chunks, elements_per_wide_chunk / classes));
  return std::max(few / lane_count<float>, std::int64_t{1}) * lane_count<float>;
}

// Sum of the values of rows [begin, end).
template <template <typename> typename Loss>
double run_rows(const PairJob<Loss, Storage> &job, bool streaming, std::int64_t begin, std::int64_t end) {
  if (job.classes <= narrow_classes) return run_narrow(job, begin, end);
  const std::int64_t row = job.classes + scratch_padding;
  // Rows longer than is usual do not leave their memory to the thread.
  std::vector<T> rows(static_cast<std::size_t>(job.classes <= scratch_columns ? 0 : 2 * row));
  T *const a = rows.empty() ? scratch<T>(2 * row) : rows.data();
  const auto blocks = static_cast<std::size_t>(blocks_of(job.classes) + lane_count<T>);
  std::vector<T> slopes(2 * blocks);
  std::vector<PairBlock<T>> sums(blocks);
  return run_wide(job, begin, end, streaming, {a, a + row, slopes.data(), slopes.data() + blocks, sums.data()});
}

template <template <typename> typename Loss> RowPairsOutcome run(const RowPairs<Storage> &call, const Exec &exec) {
  RowPairsOutcome outcome;
  const PairJob<Loss, Storage> job(call);
  const std::int64_t grain = rows_per_chunk(job.rows, job.classes);
  const double bytes = static_cast<double>(job.rows) * static_cast<double>(job.classes) * sizeof(Storage);
  try {
    std::vector<double> totals(static_cast<std::size_t>((job.rows + grain - 1) / grain));
    std::atomic<bool> out_of_memory{false};
    for_chunks(exec, job.rows, grain, [&](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
      try {
        totals[static_cast<std::size_t>(chunk)] = run_rows(job, bytes >= streaming_bytes, begin, end);
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

} // namespace

template <typename Element>
RowPairsOutcome row_pairs(PairLoss loss, const RowPairs<Element> &call, const Exec &exec) {
  RowPairsOutcome outcome;
  for (std::int64_t c = 0; call.class_weight != nullptr && c < call.classes; ++c)
    outcome.bad_weight |= !(call.class_weight[c] >= T(0) && call.class_weight[c] < infinity<T>);
  if (outcome.bad_weight || call.rows == 0 || call.classes == 0) return outcome;
  switch (loss) {
  case PairLoss::kullback_leibler: return run<KullbackLeibler>(call, exec);
  case PairLoss::jensen_shannon: return run<JensenShannon>(call, exec);
  case PairLoss::total_variation: return run<TotalVariation>(call, exec);
  case PairLoss::dense_cross_entropy: break;
  }
  return run<DenseCrossEntropy>(call, exec);
}

template RowPairsOutcome row_pairs(PairLoss, const RowPairs<LOSSMITH_STORAGE> &, const Exec &);

} // namespace lossmith
