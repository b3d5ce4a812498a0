// What losses of a batch do with their matrices (N, N) besides batch_rows.hpp: sums with their own transpose, distances
// of all pairs of vectors, and the way back from a slope of each distance to the vectors.
//
// All arrays are contiguous, in C order. T is float or double. The same on any number of threads, bit for bit.
#pragma once

#include <cstdint>

#include "exec.hpp"

namespace lossmith {

// Rows and columns of the squares in which matrices are turned; below the diagonal of squares lie whole ones.
constexpr std::int64_t turned_square = 32;

enum class Turned {
  copy,   // to = from^T; they do not overlap
  add,    // to += from^T; they are the same matrix or do not overlap
  mirror, // squares above the diagonal of squares take what is below it; to and from are the same matrix
};

template <typename T> void turn_matrix(Turned what, std::int64_t rows, T *to, const T *from, const Exec &exec);

// Of the inner products (N, N) of vectors and their squared lengths (N,) makes, in place, the distances times `unit`,
// or with `squared` their squares times unit^2. A square that rounding could have made counts as 0.
template <typename T>
void pair_distances(std::int64_t rows, T *products, const T *squares, double unit, bool squared, const Exec &exec);

// How vectors y (N, D) are pulled apart: gradient_i = sum over j of w_ij (y_i - y_j).
template <typename T> struct PairPulls {
  std::int64_t rows = 0, features = 0;
  const T *slopes = nullptr;  // (N, N), mostly 0
  const T *lengths = nullptr; // (N, N), optional
  double factor = 1.0;        // w = factor * slope / length, 0 where the length is 0; without lengths factor * slope
  const T *vectors = nullptr; // (N, D)
  T *gradient = nullptr;      // (N, D); overlaps no input
};

// Returns false, and leaves the gradient, where so many slopes are not 0 that a product of matrices is quicker.
template <typename T> bool pull_pairs(const PairPulls<T> &call, const Exec &exec);

} // namespace lossmith
