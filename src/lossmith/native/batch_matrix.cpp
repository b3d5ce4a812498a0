// The work of batch_matrix.hpp for one element type, LOSSMITH_STORAGE: the build compiles this file once for each.
#include "batch_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lanes.hpp"
#include "turn.hpp"

namespace lossmith {
namespace {

using T = LOSSMITH_STORAGE;

constexpr std::int64_t width = lane_count<T>, side = turned_square, elements_per_chunk = 1 << 15;
constexpr std::int64_t piece = 64; // columns that are looked through for slopes at once
constexpr std::int64_t few = 16;   // one slope in so many that is not 0 makes the matrix a dense one

std::int64_t rows_per_chunk(std::int64_t columns) {
  return std::max<std::int64_t>(elements_per_chunk / std::max<std::int64_t>(columns, 1), 1);
}

// A square of a matrix: rows from `row` on, columns from `column` on, cut off at the matrix' end.
struct Square {
  std::int64_t row, column, rows, columns;

  Square(std::int64_t size, std::int64_t i, std::int64_t j)
      : row(i * side), column(j * side), rows(std::min(side, size - row)), columns(std::min(side, size - column)) {}
};

// The square of `from` that lies across the diagonal, turned, to or onto a square of `to`.
template <bool adding> LOSSMITH_INLINE void take_turned(std::int64_t size, const Square &at, T *to, const T *from) {
  T turned[side * side];
  turn(from + at.column * size + at.row, size, at.columns, at.rows, turned, side);
  for (std::int64_t r = 0; r < at.rows; ++r) {
    T *row = to + (at.row + r) * size + at.column;
    const T *other = turned + r * side;
    for (std::int64_t c = 0; c < at.columns; ++c) row[c] = adding ? row[c] + other[c] : other[c];
  }
}

// Row i of squares, all of it; in a matrix that is added to itself or mirrored only what is left of the diagonal, with
// its counterparts above.
LOSSMITH_EVERY_CPU void turn_squares(Turned what, std::int64_t size, std::int64_t i, T *to, const T *from) {
  const std::int64_t squares = (size + side - 1) / side;
  const bool alone = to == from;
  for (std::int64_t j = 0; j < (alone ? i + 1 : squares); ++j) {
    if (what == Turned::copy) {
      take_turned<false>(size, Square(size, i, j), to, from);
      continue;
    }
    if (what == Turned::add) take_turned<true>(size, Square(size, i, j), to, from);
    if (alone && j < i) take_turned<false>(size, Square(size, j, i), to, from);
  }
}

LOSSMITH_EVERY_CPU void distances_of(std::int64_t rows, std::int64_t i, T *x, const T *squares, T unit, bool squared) {
  constexpr T floor = sizeof(T) == 8 ? T(1e-15) : T(5e-7);
  const T own = squares[i];
  for (std::int64_t j = 0; j < rows; ++j) {
    const T both = own + squares[j], apart = both - 2 * x[j];
    x[j] = apart <= floor * both ? T(0) : apart;
  }
  if (squared)
    for (std::int64_t j = 0; j < rows; ++j) x[j] = x[j] * unit * unit;
  else
    for (std::int64_t j = 0; j < rows; ++j) x[j] = std::sqrt(x[j]) * unit;
}

LOSSMITH_EVERY_CPU std::int64_t count_slopes(const T *slopes, std::int64_t count) {
  std::int64_t found = 0;
  for (std::int64_t first = 0; first < count; first += piece) {
    std::int32_t here = 0;
    for (std::int64_t k = first; k < std::min(first + piece, count); ++k) here += slopes[k] != T(0);
    found += here;
  }
  return found;
}

LOSSMITH_EVERY_CPU void pull_row(const PairPulls<T> &call, std::int64_t i) {
  const T *slopes = call.slopes + i * call.rows, *own = call.vectors + i * call.features;
  const T factor = static_cast<T>(call.factor);
  T *gradient = call.gradient + i * call.features;
  std::fill_n(gradient, call.features, T(0));
  for (std::int64_t first = 0; first < call.rows; first += piece) {
    const std::int64_t last = std::min(first + piece, call.rows);
    if (count_slopes(slopes + first, last - first) == 0) continue;
    for (std::int64_t j = first; j < last; ++j) {
      if (slopes[j] == T(0)) continue;
      T weight = factor * slopes[j];
      if (call.lengths != nullptr) {
        const T length = call.lengths[i * call.rows + j];
        weight = length == T(0) ? T(0) : weight / length;
      }
      const T *other = call.vectors + j * call.features;
      for (std::int64_t d = 0; d < call.features; ++d) gradient[d] += weight * (own[d] - other[d]);
    }
  }
}

} // namespace

template <typename U> void turn_matrix(Turned what, std::int64_t rows, U *to, const U *from, const Exec &exec) {
  const std::int64_t grain = std::max<std::int64_t>(rows_per_chunk(rows) / side, 1);
  for_chunks(exec, (rows + side - 1) / side, grain, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) turn_squares(what, rows, i, to, from);
  });
}

template <typename U>
void pair_distances(std::int64_t rows, U *products, const U *squares, double unit, bool squared, const Exec &exec) {
  for_chunks(exec, rows, rows_per_chunk(rows), [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      distances_of(rows, i, products + i * rows, squares, static_cast<U>(unit), squared);
  });
}

template <typename U> bool pull_pairs(const PairPulls<U> &call, const Exec &exec) {
  const std::int64_t grain = rows_per_chunk(call.rows);
  std::vector<std::int64_t> counts(static_cast<std::size_t>((call.rows + grain - 1) / grain));
  for_chunks(exec, call.rows, grain, [&](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
    counts[static_cast<std::size_t>(chunk)] = count_slopes(call.slopes + begin * call.rows, (end - begin) * call.rows);
  });
  std::int64_t count = 0;
  for (const std::int64_t part : counts) count += part;
  if (count > call.rows * call.rows / few) return false;
  for_chunks(exec, call.rows, grain, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) pull_row(call, i);
  });
  return true;
}

template void turn_matrix(Turned, std::int64_t, LOSSMITH_STORAGE *, const LOSSMITH_STORAGE *, const Exec &);
template void pair_distances(std::int64_t, LOSSMITH_STORAGE *, const LOSSMITH_STORAGE *, double, bool, const Exec &);
template bool pull_pairs(const PairPulls<LOSSMITH_STORAGE> &, const Exec &);

} // namespace lossmith
