// The losses of batch_rows.hpp for one element type, LOSSMITH_STORAGE: the build compiles this file once for each.
//
// A row of the matrix is copied to where lanes may read beyond its end, and its gradient is made there, too: both stay in
// the caches. P is a list, as it is short as a rule; Q is all columns whose group is another one.
#include "batch_rows.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <new>
#include <numeric>
#include <vector>

#include "elementwise_math.hpp"
#include "lanes.hpp"
#include "lanes_math.hpp"
#include "scratch.hpp"

namespace lossmith {
namespace {

using T = LOSSMITH_STORAGE;

constexpr std::int64_t width = lane_count<T>, elements_per_chunk = 1 << 15;
constexpr std::int64_t block = 1024;      // columns that are added up in T, before their sums are in double
constexpr std::int64_t few_positives = 256; // for which looking through all columns is quicker than a search for each
constexpr T absent = -1;

std::int64_t padded(std::int64_t columns) { return (columns + width - 1) / width * width; }

// The groups as numbers from 0 on, in an order of their own, and who belongs to them.
struct Groups {
  std::vector<T> number;                    // of each row's group, `absent` for rows that are not there
  std::vector<std::int64_t> members, start; // of group g: members[start[g]] … members[start[g + 1] - 1]
  std::int64_t present = 0;

  explicit Groups(const BatchRows<T> &call)
      : number(static_cast<std::size_t>(padded(call.rows)), absent), members(static_cast<std::size_t>(call.rows)) {
    const auto there = [&](std::int64_t row) { return call.present == nullptr || call.present[row] != 0; };
    std::iota(members.begin(), members.end(), 0);
    members.erase(std::remove_if(members.begin(), members.end(), [&](std::int64_t row) { return !there(row); }),
                  members.end());
    present = static_cast<std::int64_t>(members.size());
    const auto group = [&](std::int64_t row) { return call.groups == nullptr ? 0 : call.groups[row]; };
    std::stable_sort(members.begin(), members.end(),
                     [&](std::int64_t a, std::int64_t b) { return group(a) < group(b); });
    for (std::size_t k = 0; k < members.size(); ++k) {
      if (k == 0 || group(members[k]) != group(members[k - 1])) start.push_back(static_cast<std::int64_t>(k));
      number[static_cast<std::size_t>(members[k])] = static_cast<T>(start.size() - 1);
    }
    start.push_back(present);
  }
};

// What one row is computed from, and where its gradient goes before it is scaled.
struct Row {
  std::int64_t columns, own;
  T *x;           // (padded columns), behind them anything
  T *slope;       // likewise
  const T *group; // likewise, `absent` behind them
  T group_of_own;
  std::vector<std::int64_t> positives; // P
  std::int64_t negatives;              // how many are in Q
  double margin;
  bool soft, sloped;

  LOSSMITH_INLINE auto is_negative(std::int64_t k) const {
    const Lanes<T> g = load(group + k);
    return (g >= T(0)) & (g != group_of_own);
  }
};

// Over P and Q, or with `others` over Q alone: fills `slope` with exp(x - max) there, and with 0 elsewhere; the sum of
// exp(x) is exp(max) * sum.
struct ExpSum {
  double max, sum;
};
LOSSMITH_INLINE ExpSum exponentials(const Row &row, bool others) {
  const Lanes<T> lowest = broadcast(-infinity<T>);
  Lanes<T> most = lowest;
  for (std::int64_t k = 0; k < row.columns; k += width) {
    const Lanes<T> x = load(row.x + k);
    const Lanes<T> chosen = others ? (row.is_negative(k) ? x : lowest) : (load(row.group + k) >= T(0) ? x : lowest);
    store<T>(row.slope + k, chosen);
    most = larger<T>(most, chosen);
  }
  T max = max_across<T>(most);
  if (max == -infinity<T>) max = 0; // NaN alone, or -inf
  double sum = 0.0;
  for (std::int64_t first = 0; first < row.columns; first += block) {
    Lanes<T> part{};
    for (std::int64_t k = first; k < std::min(first + block, row.columns); k += width) {
      const Lanes<T> e = exp_nonpositive<T>(load(row.slope + k) - max);
      store<T>(row.slope + k, e);
      part += e;
    }
    sum += sum_across<T>(part);
  }
  return {static_cast<double>(max), sum == 0.0 ? 1.0 : sum}; // nothing but -inf: as in the definition
}

LOSSMITH_INLINE void multiply(const Row &row, double factor) {
  const T by = static_cast<T>(factor);
  for (std::int64_t k = 0; k < row.columns; k += width) store<T>(row.slope + k, load(row.slope + k) * by);
}

// log(1 + exp(x)) and its slope.
template <typename U> struct Soft {
  Lanes<U> value, slope;
};
template <typename U> LOSSMITH_INLINE Soft<U> softplus(Lanes<U> x) {
  const Lanes<U> zero{}, one = broadcast(U(1));
  const Lanes<U> e = exp_nonpositive<U>(x > zero ? -x : x); // NaN stays
  return {(x > zero ? x : zero) + log_one_plus<U>(e), (x > zero ? one : e) / (one + e)};
}

LOSSMITH_INLINE double nt_xent(const Row &row) {
  if (row.positives.empty() || row.negatives == 0) return 0.0;
  const ExpSum all = exponentials(row, true);
  const double log_sum = all.max + std::log(all.sum);
  constexpr std::int64_t each = lane_count<double>;
  const auto count = static_cast<std::int64_t>(row.positives.size());
  Lanes<double> values{}, slopes{};
  std::vector<double> pull(static_cast<std::size_t>((count + each - 1) / each * each));
  for (std::int64_t first = 0; first < count; first += each) {
    double gaps[each];
    for (std::int64_t k = 0; k < each; ++k) {
      const auto at = static_cast<std::size_t>(first + k);
      gaps[k] = first + k < count ? log_sum - static_cast<double>(row.x[row.positives[at]]) : -infinity<double>;
    }
    const Soft<double> soft = softplus<double>(load(gaps));
    values += soft.value;
    slopes += soft.slope;
    store<double>(pull.data() + first, soft.slope);
  }
  if (row.sloped) {
    multiply(row, sum_across<double>(slopes) / all.sum);
    for (std::int64_t k = 0; k < count; ++k)
      row.slope[row.positives[static_cast<std::size_t>(k)]] = static_cast<T>(-pull[static_cast<std::size_t>(k)]);
  }
  return sum_across<double>(values);
}

LOSSMITH_INLINE double supervised_contrastive(const Row &row) {
  if (row.positives.empty()) return 0.0;
  const ExpSum all = exponentials(row, false);
  const double share = 1.0 / static_cast<double>(row.positives.size());
  double away = 0.0;
  for (const std::int64_t k : row.positives) away += all.max - static_cast<double>(row.x[k]);
  if (row.sloped) {
    multiply(row, 1.0 / all.sum);
    for (const std::int64_t k : row.positives) row.slope[k] -= static_cast<T>(share);
  }
  return std::log(all.sum) + away * share;
}

// The row's own column is one like the others here, but for its sign.
LOSSMITH_INLINE double siglip(const Row &row) {
  row.x[row.own] = -row.x[row.own];
  double sum = 0.0;
  for (std::int64_t first = 0; first < row.columns; first += block) {
    Lanes<T> part{};
    for (std::int64_t k = first; k < std::min(first + block, row.columns); k += width) {
      const Soft<T> soft = softplus<T>(load(row.x + k));
      const auto there = load(row.group + k) >= T(0);
      part += there ? soft.value : Lanes<T>{};
      store<T>(row.slope + k, there ? soft.slope : Lanes<T>{});
    }
    sum += sum_across<T>(part);
  }
  row.slope[row.own] = -row.slope[row.own];
  return sum;
}

// The row fails as a whole: there is no order among what it holds.
LOSSMITH_INLINE double not_ordered(const Row &row) {
  std::fill_n(row.slope, row.columns, std::numeric_limits<T>::quiet_NaN());
  return std::numeric_limits<double>::quiet_NaN();
}

// Fills `slope` with the distances of Q, and -inf elsewhere.
struct Range {
  T least, most;
  bool ordered; // no NaN
};
LOSSMITH_INLINE Range keep_negatives(const Row &row) {
  const Lanes<T> low = broadcast(-infinity<T>), high = broadcast(infinity<T>), one = broadcast(T(1));
  Lanes<T> least = high, most = low, spoilt{};
  for (std::int64_t k = 0; k < row.columns; k += width) {
    const Lanes<T> x = load(row.x + k);
    const auto negative = row.is_negative(k);
    const Lanes<T> up = negative ? x : low, down = negative ? x : high;
    store<T>(row.slope + k, up);
    most = larger<T>(most, up);
    least = down < least ? down : least;
    spoilt = negative & (x != x) ? one : spoilt;
  }
  Range found{-max_across<T>(-least), max_across<T>(most), max_across<T>(spoilt) == T(0)};
  for (const std::int64_t k : row.positives) found.ordered = found.ordered && row.x[k] == row.x[k];
  return found;
}

LOSSMITH_INLINE double triplet_hard(const Row &row) {
  if (row.positives.empty() || row.negatives == 0) return 0.0;
  const Range range = keep_negatives(row);
  if (!range.ordered) return not_ordered(row);
  T far = -infinity<T>;
  for (const std::int64_t k : row.positives) far = std::max(far, row.x[k]);
  const T gap = far - range.least, shortfall = gap + static_cast<T>(row.margin);
  if (gap != gap) return not_ordered(row); // two infinities
  double value = shortfall < T(0) ? 0.0 : static_cast<double>(shortfall), rise = shortfall < T(0) ? 0.0 : 1.0;
  if (row.soft) {
    const Soft<double> soft = softplus<double>(broadcast(static_cast<double>(gap)));
    value = max_across<double>(soft.value);
    rise = max_across<double>(soft.slope);
  }
  if (!row.sloped) return value;
  Lanes<T> tied{};
  const Lanes<T> zero{}, one = broadcast(T(1));
  for (std::int64_t k = 0; k < row.columns; k += width) {
    const Lanes<T> nearest = row.is_negative(k) & (load(row.x + k) == range.least) ? one : zero;
    store<T>(row.slope + k, nearest);
    tied += nearest;
  }
  multiply(row, -rise / sum_across<T>(tied));
  const auto farthest = std::count_if(row.positives.begin(), row.positives.end(),
                                      [&](std::int64_t k) { return row.x[k] == far; });
  for (const std::int64_t k : row.positives)
    if (row.x[k] == far) row.slope[k] = static_cast<T>(rise / static_cast<double>(farthest));
  return value;
}

// A negative: how far it is, and where.
struct Negative {
  T distance = infinity<T>;
  std::int64_t column = -1; // none
};

// The first column of `slope` that holds `distance`, which is there.
LOSSMITH_INLINE std::int64_t place_of(const Row &row, T distance) {
  std::int64_t first = 0;
  for (Lanes<T> found{}; first < row.columns; first += 8 * width) {
    for (std::int64_t k = first; k < std::min(first + 8 * width, row.columns); k += width)
      found = load(row.slope + k) == distance ? broadcast(T(1)) : found;
    if (max_across<T>(found) != T(0)) break;
  }
  while (row.slope[first] != distance) ++first;
  return first;
}

// The first of the nearest of Q that are farther than `distance`.
LOSSMITH_INLINE Negative nearest_beyond(const Row &row, T distance, const Range &range) {
  Negative found;
  if (!(range.most > distance)) return found;
  Lanes<T> least = broadcast(infinity<T>);
  for (std::int64_t k = 0; k < row.columns; k += width) {
    const Lanes<T> x = load(row.slope + k);
    least = (x > distance) & (x < least) ? x : least;
  }
  found.distance = -max_across<T>(-least);
  found.column = row.sloped ? place_of(row, found.distance) : 0;
  return found;
}

// The same for all of P, which are sorted by distance: each of Q belongs to the last of P that is nearer.
void nearest_beyond_each(const Row &row, const std::vector<T> &distances, std::vector<Negative> &found) {
  for (std::int64_t k = 0; k < row.columns; ++k) {
    const T x = row.slope[k];
    const auto nearer = std::lower_bound(distances.begin(), distances.end(), x) - distances.begin();
    if (nearer == 0) continue; // and all that is not of Q
    Negative &least = found[static_cast<std::size_t>(nearer - 1)];
    if (least.column < 0 || x < least.distance) least = {x, k};
  }
  for (std::size_t k = found.size() - 1; k-- > 0;)
    if (found[k].column < 0) found[k] = found[k + 1];
}

LOSSMITH_INLINE double triplet_semi_hard(Row &row) {
  if (row.positives.empty() || row.negatives == 0) return 0.0;
  const Range range = keep_negatives(row);
  if (!range.ordered) return not_ordered(row);
  const auto count = static_cast<std::int64_t>(row.positives.size());
  std::vector<Negative> found(row.positives.size());
  if (count <= few_positives) {
    for (std::size_t k = 0; k < found.size(); ++k) found[k] = nearest_beyond(row, row.x[row.positives[k]], range);
  } else {
    std::sort(row.positives.begin(), row.positives.end(),
              [&](std::int64_t a, std::int64_t b) { return row.x[a] < row.x[b]; });
    std::vector<T> distances;
    for (const std::int64_t k : row.positives) distances.push_back(row.x[k]);
    nearest_beyond_each(row, distances, found);
  }
  std::int64_t farthest = row.columns - 1; // the last one, where there is none beyond
  while (row.slope[farthest] != range.most || !(row.group[farthest] >= T(0)) || row.group[farthest] == row.group_of_own)
    --farthest;
  std::fill_n(row.slope, row.columns, T(0));
  double value = 0.0;
  for (std::size_t k = 0; k < found.size(); ++k) {
    const Negative negative = found[k].column < 0 ? Negative{range.most, farthest} : found[k];
    const T shortfall = static_cast<T>(row.margin) + row.x[row.positives[k]] - negative.distance;
    if (shortfall != shortfall) return not_ordered(row); // two infinities
    if (shortfall < T(0)) continue;
    value += static_cast<double>(shortfall);
    row.slope[row.positives[k]] += T(1);
    row.slope[negative.column] -= T(1);
  }
  return value;
}

// A call, with what all its rows share.
struct Job : BatchRows<T> {
  BatchLoss loss;
  Groups groups;

  Job(BatchLoss which, const BatchRows<T> &call) : BatchRows<T>(call), loss(which), groups(call) {}

  double scale_of(std::int64_t row) const {
    return scale == nullptr ? factor : factor * static_cast<double>(scale[row]);
  }
};

LOSSMITH_INLINE void run_row(const Job &job, Row &row, T *group) {
  const std::int64_t i = row.own;
  T *const gradient = job.gradient == nullptr ? nullptr : job.gradient + i * job.rows;
  row.group_of_own = group[i];
  double value = 0.0;
  std::fill_n(row.slope, job.rows, T(0));
  if (row.group_of_own != absent) {
    const auto g = static_cast<std::size_t>(row.group_of_own);
    const auto all = job.groups.members.begin();
    const auto first = all + job.groups.start[g], last = all + job.groups.start[g + 1];
    row.positives.clear();
    std::copy_if(first, last, std::back_inserter(row.positives), [i](std::int64_t k) { return k != i; });
    row.negatives = job.groups.present - (last - first);
    std::copy_n(job.matrix + i * job.rows, job.rows, row.x);
    if (job.loss != BatchLoss::siglip) group[i] = absent;
    switch (job.loss) {
    case BatchLoss::nt_xent: value = nt_xent(row); break;
    case BatchLoss::supervised_contrastive: value = supervised_contrastive(row); break;
    case BatchLoss::siglip: value = siglip(row); break;
    case BatchLoss::triplet_hard: value = triplet_hard(row); break;
    case BatchLoss::triplet_semi_hard: value = triplet_semi_hard(row); break;
    }
    group[i] = row.group_of_own;
  }
  if (job.values != nullptr) job.values[i] = static_cast<T>(value);
  if (gradient == nullptr) return;
  const double by = job.scale_of(i);
  if (by != 1.0 && row.group_of_own != absent) multiply(row, by);
  std::copy_n(row.slope, job.rows, gradient);
}

LOSSMITH_EVERY_CPU void run_rows(const Job &job, std::int64_t begin, std::int64_t end) {
  const std::int64_t room = padded(job.rows);
  T *const memory = scratch<T>(3 * room), *const group = memory + 2 * room;
  std::fill_n(memory, 2 * room, T(0));
  std::copy_n(job.groups.number.data(), room, group);
  Row row{job.rows, 0, memory, memory + room, group, 0, {}, 0, job.margin, job.soft, job.gradient != nullptr};
  for (row.own = begin; row.own < end; ++row.own) run_row(job, row, group);
}

} // namespace

template <typename Element>
BatchStatus batch_rows(BatchLoss loss, const BatchRows<Element> &call, const Exec &exec) {
  if (call.rows == 0) return BatchStatus::done; // and no groups may be a null pointer
  if (call.groups == nullptr && loss != BatchLoss::siglip) return BatchStatus::unsupported;
  std::atomic<bool> out_of_memory{false};
  try {
    const Job job(loss, call);
    const std::int64_t grain = std::max<std::int64_t>(elements_per_chunk / call.rows, 1);
    for_chunks(exec, call.rows, grain, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
      try {
        run_rows(job, begin, end);
      } catch (const std::bad_alloc &) {
        out_of_memory = true;
      }
    });
  } catch (const std::bad_alloc &) {
    out_of_memory = true;
  }
  return out_of_memory ? BatchStatus::out_of_memory : BatchStatus::done;
}

template BatchStatus batch_rows(BatchLoss, const BatchRows<LOSSMITH_STORAGE> &, const Exec &);

} // namespace lossmith
