// Pairs of rows of many classes: one pair after the other, lanes along the columns, in the blocks of softmax_wide.hpp.
//
// Each block of the two rows is turned into a and b (row_pairs_losses.hpp), relative to the block's own maxima, in two
// scratch rows. Once the rows' maxima are known, one factor per block makes them comparable: both inputs are fetched
// from memory once. The gradient is written from the scratch rows while the next pair is computed.
#pragma once

#include <algorithm>
#include <cstdint>

#include "half.hpp"
#include "lanes.hpp"
#include "lanes_math.hpp"
#include "row_pairs_losses.hpp"
#include "softmax_wide.hpp"
#include "stream.hpp"

namespace lossmith {

// A block of a pair of rows: its maxima, what was subtracted in their place where a block holds nothing but -inf, and
// the sums of PairSums.
template <typename T> struct PairBlock {
  T max = T(0), other_max = T(0), reference = T(0), other_reference = T(0);
  double first = 0.0, second = 0.0, cross = 0.0;
};

template <typename T> LOSSMITH_INLINE T finite_reference(T max) { return max == -infinity<T> ? T(0) : max; }

// Two rows of elements and what belongs to their blocks.
template <typename T> struct PairScratch {
  T *a, *b, *slopes, *other_slopes; // slopes have room for a Lanes<T> more than there are blocks
  PairBlock<T> *blocks;
};

// to[c] = map(from[c], c), lanes at a time. The last lanes are reached by going back, as everywhere in softmax_wide.hpp;
// see exp_block there for `ahead`, `step` and `rest`.
template <typename Storage, typename Map, typename Step, typename Rest>
LOSSMITH_INLINE void map_block(const Storage *from, Compute<Storage> *to, std::int64_t count, std::int64_t ahead,
                               Map &&map, Step &&step, Rest &&rest) {
  using T = Compute<Storage>;
  constexpr std::int64_t width = lane_count<T>, line = line_size<Storage>;
  std::int64_t c = 0;
  for (; c + line <= count; c += line) {
    prefetch(from + c + ahead);
    step();
    for (std::int64_t k = 0; k < line; k += width) store<T>(to + c + k, map(load_from(from + c + k), c + k));
  }
  if (c == count) return;
  rest();
  for (; c + width <= count; c += width) store<T>(to + c, map(load_from(from + c), c));
  store<T>(to + count - width, map(load_from(from + count - width), count - width));
}

template <template <typename> typename Loss, typename Storage, typename Step, typename Rest>
LOSSMITH_INLINE PairBlock<Compute<Storage>>
pair_block(const PairJob<Loss, Storage> &job, std::int64_t row, std::int64_t begin, std::int64_t end, Compute<Storage> *a,
           Compute<Storage> *b, Step &&step, Rest &&rest) {
  using T = Compute<Storage>;
  const Loss<T> &loss = job.loss;
  const std::int64_t count = end - begin, at = row * job.classes + begin;
  const Storage *z = job.prediction + at, *t = job.target + at;
  const T *weight = job.class_weight == nullptr ? nullptr : job.class_weight + begin;
  const std::int64_t left = job.rows * job.classes - (at + count), ahead = left >= count ? count : 0;

  PairBlock<T> block;
  block.max = block_max(z, count);
  block.reference = finite_reference(block.max);
  if constexpr (Loss<T>::target_is_logits) {
    block.other_max = block_max(t, count);
    block.other_reference = finite_reference(block.other_max);
  }
  const T reference = block.reference, other_reference = block.other_reference;
  const auto first = [&](Lanes<T> x, std::int64_t) LOSSMITH_INLINED { return loss.first(x - reference); };
  map_block(z, a, count, ahead, first, step, rest);
  const auto nothing = []() LOSSMITH_INLINED {};
  const auto second = [&](Lanes<T> x, std::int64_t) LOSSMITH_INLINED {
    return loss.second(x - other_reference, broadcast(T(1)));
  };
  if constexpr (Loss<T>::target_is_logits) {
    map_block(t, b, count, ahead, second, nothing, nothing);
  } else if (weight == nullptr) {
    map_block(t, b, count, ahead, second, nothing, nothing);
  } else {
    const auto weighted = [&](Lanes<T> x, std::int64_t c) LOSSMITH_INLINED {
      return loss.second(x - other_reference, load(weight + c));
    };
    map_block(t, b, count, ahead, weighted, nothing, nothing);
  }
  block.first = sum_block<T>(count, [&](std::int64_t c) LOSSMITH_INLINED { return load(a + c); });
  block.second = sum_block<T>(count, [&](std::int64_t c) LOSSMITH_INLINED { return load(b + c); });
  if constexpr (!Loss<T>::mixed)
    block.cross = sum_block<T>(count, [&](std::int64_t c) LOSSMITH_INLINED {
      return loss.cross(load(b + c), load_from(t + c) - other_reference, load_from(z + c) - reference);
    });
  return block;
}

// The sums of a pair of rows from those of its blocks. slopes[k] and other_slopes[k] become the factors that make a and
// b of block k relative to the rows' maxima.
template <template <typename> typename Loss, typename Storage>
LOSSMITH_INLINE PairSums join_blocks(const PairJob<Loss, Storage> &job, std::int64_t row, std::int64_t blocks,
                                     const PairScratch<Compute<Storage>> &scratch) {
  using T = Compute<Storage>;
  constexpr std::int64_t width = lane_count<T>;
  const PairBlock<T> *all = scratch.blocks;
  T max = all[0].max, other_max = all[0].other_max;
  for (std::int64_t k = 1; k < blocks; ++k) {
    max = all[k].max > max ? all[k].max : max;
    other_max = all[k].other_max > other_max ? all[k].other_max : other_max;
  }
  // A row of -inf, or one that holds +inf, comes out as NaN here.
  for (std::int64_t k = 0; k < blocks; k += width) {
    T distance[width] = {}, other_distance[width] = {};
    for (std::int64_t j = 0; j < std::min(width, blocks - k); ++j) {
      distance[j] = all[k + j].max - max;
      other_distance[j] = all[k + j].other_max - other_max;
    }
    store<T>(scratch.slopes + k, job.loss.first(load(distance)));
    if constexpr (Loss<T>::target_is_logits)
      store<T>(scratch.other_slopes + k, job.loss.second(load(other_distance), broadcast(T(1))));
    else
      store<T>(scratch.other_slopes + k, broadcast(T(1)));
  }
  double first = 0.0, second = 0.0, cross = 0.0;
  for (std::int64_t k = 0; k < blocks; ++k) {
    const double factor = static_cast<double>(scratch.slopes[k]);
    const double other_factor = static_cast<double>(scratch.other_slopes[k]);
    const double behind = static_cast<double>(all[k].reference) - static_cast<double>(max);
    const double other_behind = static_cast<double>(all[k].other_reference) - static_cast<double>(other_max);
    first += factor * all[k].first;
    second += other_factor * all[k].second;
    // Where the factor is 0 the block's cross may be infinite.
    if (other_factor != 0.0)
      cross += other_factor * (all[k].cross + all[k].second * job.loss.temper(other_behind - behind));
  }
  PairSums sums;
  sums.max = broadcast(static_cast<double>(max));
  sums.other_max = broadcast(static_cast<double>(other_max));
  sums.first = broadcast(first);
  sums.second = broadcast(second);
  sums.cross = broadcast(cross);
  sums.scale = broadcast(job.row_scale(row));
  return sums;
}

// Turns a and b of block k into those of a mixed loss; adds up the new a and the terms.
template <template <typename> typename Loss, typename Storage>
LOSSMITH_INLINE void mix_block(const PairJob<Loss, Storage> &job, std::int64_t row, std::int64_t k, const PairSums &sums,
                               const PairMix &mix, const PairScratch<Compute<Storage>> &scratch, double &first,
                               double &cross) {
  using T = Compute<Storage>;
  constexpr std::int64_t width = lane_count<T>;
  const std::int64_t begin = block_begin(k), count = block_end(k, job.classes) - begin;
  const Storage *z = job.prediction + row * job.classes + begin, *t = job.target + row * job.classes + begin;
  T *a = scratch.a + begin, *b = scratch.b + begin;
  const auto factor = [](double share, T of_block) { return static_cast<T>(share * static_cast<double>(of_block)); };
  const T share = factor(lossmith::first(mix.share), scratch.slopes[k]);
  const T other_share = factor(lossmith::first(mix.other_share), scratch.other_slopes[k]);
  const Lanes<T> constant = broadcast(static_cast<T>(lossmith::first(mix.constant)));
  const T max = static_cast<T>(lossmith::first(sums.max)), other_max = static_cast<T>(lossmith::first(sums.other_max));
  T terms[2 * wide_block];
  const auto at = [&](std::int64_t c) LOSSMITH_INLINED {
    return job.loss.mixed_terms(load_from(z + c) - max, load_from(t + c) - other_max, load(a + c) * share,
                                load(b + c) * other_share, constant);
  };
  const auto put = [&](std::int64_t c, const MixedTerms<T> &mixed) LOSSMITH_INLINED {
    store<T>(a + c, mixed.a);
    store<T>(b + c, mixed.b);
    store<T>(terms + c, mixed.term);
  };
  const MixedTerms<T> last = at(count - width); // before what it is made of is written over
  for (std::int64_t c = 0; c + width <= count; c += width) put(c, at(c));
  put(count - width, last);
  first += sum_block<T>(count, [&](std::int64_t c) LOSSMITH_INLINED { return load(a + c); });
  cross += sum_block<T>(count, [&](std::int64_t c) LOSSMITH_INLINED { return load(terms + c); });
}

// Value of a pair whose blocks are done; slopes and other_slopes become what a and b are to be multiplied with.
template <template <typename> typename Loss, typename Storage>
LOSSMITH_INLINE double finish_pair(const PairJob<Loss, Storage> &job, std::int64_t row, std::int64_t blocks,
                                   const PairScratch<Compute<Storage>> &scratch) {
  using T = Compute<Storage>;
  PairSums sums = join_blocks(job, row, blocks, scratch);
  if constexpr (Loss<T>::mixed) {
    const PairMix mix = job.loss.mix(sums);
    double new_first = 0.0, cross = 0.0;
    for (std::int64_t k = 0; k < blocks; ++k) mix_block(job, row, k, sums, mix, scratch, new_first, cross);
    std::fill_n(scratch.slopes, blocks, T(1));
    std::fill_n(scratch.other_slopes, blocks, T(1));
    sums.first = broadcast(new_first);
    sums.cross = broadcast(cross);
  }
  const PairResult result = job.loss.finish(sums);
  const double slope = first(result.slope), other_slope = first(result.other_slope);
  // The sum makes 0 of -0, as broadcast does: the gradient's pieces and its plain lines then agree in the sign of 0.
  for (std::int64_t k = 0; k < blocks; ++k) {
    scratch.slopes[k] = static_cast<T>(slope * static_cast<double>(scratch.slopes[k])) + T(0);
    scratch.other_slopes[k] = static_cast<T>(other_slope * static_cast<double>(scratch.other_slopes[k])) + T(0);
  }
  return first(result.value);
}

// A pair whose a and b are known, as its gradient: the source of a RowStream. Its pieces are the beginning and the end
// of a row and the lines where blocks meet: few, but in many places of the code, so they are a function that is compiled
// once, for all losses (it calls piece_in_place); in place they would be most of what there is to compile.
template <typename Storage> struct PairGradientRow {
  using T = Compute<Storage>;
  static constexpr bool numbers = false;
  using Piece = void (*)(const PairGradientRow &row, std::int64_t begin, std::int64_t count, Storage *elements);
  const T *a, *b, *slopes, *other_slopes;
  std::int64_t classes;
  Piece piece_of;
  T slope = T(0), other_slope = T(0); // of the block of the lines that are plain
  std::int64_t plain_until = 0;

  LOSSMITH_INLINE Lanes<T> lanes(std::int64_t begin) const {
    return pair_gradient<T>(load(a + begin), load(b + begin), broadcast(slope), broadcast(other_slope));
  }

  LOSSMITH_INLINE void start(std::int64_t column) {
    const std::int64_t block = block_at(std::min(column, classes - 1), classes);
    slope = slopes[block];
    other_slope = other_slopes[block];
    plain_until = block_end(block, classes) - line_size<Storage> + 1;
  }

  LOSSMITH_INLINE void piece(std::int64_t begin, std::int64_t count, Storage *elements) const {
    piece_of(*this, begin, count, elements);
  }

  LOSSMITH_INLINE void piece_in_place(std::int64_t begin, std::int64_t count, Storage *elements) const {
    constexpr std::int64_t width = lane_count<T>, line = line_size<Storage>;
    T of_a[line] = {}, of_b[line] = {}, slope_of[line] = {}, other_slope_of[line] = {};
    for (std::int64_t k = 0; k < count; ++k) {
      const std::int64_t block = block_at(begin + k, classes);
      of_a[k] = a[begin + k];
      of_b[k] = b[begin + k];
      slope_of[k] = slopes[block];
      other_slope_of[k] = other_slopes[block];
    }
    Storage whole[line];
    for (std::int64_t k = 0; k < line; k += width)
      store_to(whole + k,
               pair_gradient<T>(load(of_a + k), load(of_b + k), load(slope_of + k), load(other_slope_of + k)));
    std::copy_n(whole, count, elements);
  }
};

// Rows [begin, end). Returns the sum of the values.
template <template <typename> typename Loss, typename Storage>
LOSSMITH_INLINE double wide_pairs(const PairJob<Loss, Storage> &job, std::int64_t begin, std::int64_t end,
                                  bool streaming, const PairScratch<Compute<Storage>> &scratch,
                                  typename PairGradientRow<Storage>::Piece piece) {
  using T = Compute<Storage>;
  const std::int64_t classes = job.classes, blocks = blocks_of(classes);
  const bool wanted = job.gradient != nullptr;
  const bool whole_rows = wanted || Loss<T>::mixed; // otherwise each block may write over the one before
  PairGradientRow<Storage> waiting{scratch.a, scratch.b, scratch.slopes, scratch.other_slopes, classes, piece};
  RowStream<Storage> stream(wanted ? job.gradient + begin * classes : nullptr, streaming);
  const auto step = [&]() LOSSMITH_INLINED {
    if (stream.more()) stream.next(waiting);
  };
  const auto rest = [&]() LOSSMITH_INLINED {
    while (stream.more()) stream.next(waiting);
  };

  double total = 0.0;
  for (std::int64_t row = begin; row <= end; ++row) {
    const bool writing = wanted && row > begin;
    if (writing) stream.begin_row(waiting, classes);
    for (std::int64_t k = 0; row < end && k < blocks; ++k) {
      const std::int64_t from = block_begin(k), offset = whole_rows ? from : 0;
      scratch.blocks[k] =
          pair_block(job, row, from, block_end(k, classes), scratch.a + offset, scratch.b + offset, step, rest);
    }
    rest();
    if (writing) stream.end_row();
    if (row == end) break;
    const double value = finish_pair(job, row, blocks, scratch);
    total += value;
    if (job.values != nullptr) job.values[row] = static_cast<T>(value);
  }
  if (wanted) stream.end();
  return total;
}

} // namespace lossmith
