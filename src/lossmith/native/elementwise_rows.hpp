// Elementwise losses, added up along rows: one number per row, and the gradient of each row times a factor of its own.
//
// This is what a framework asks for that cannot fuse a kernel with the sum behind it: the values of single elements are
// never stored. One row is the sum over everything; rows of one element are the values themselves.
#pragma once

#include <cstddef>
#include <cstdint>

#include "elementwise.hpp"

namespace lossmith {

struct ElementwiseRows {
  Elementwise each;          // all rows * columns elements; `count`, `values` and `whole` are filled in here
  std::int64_t rows = 0, columns = 0;
  double factor = 1.0;         // of values and gradients; 1 / columns makes a mean of a sum
  const void *scale = nullptr; // (rows,), optional; multiplies the gradient of the row, not its value
  void *values = nullptr;      // (rows,), optional
};

// Fills values and gradient. `scale`, `values` and a weight beside a scale are of the type computed in: f64 for an f64
// prediction, else f32. The same on any number of threads, bit for bit.
ElementwiseStatus elementwise_rows(const ElementwiseRows &call);

// The number of the loss of that name, or -1. Names outlive a process, in programs that are saved; numbers do not.
int elementwise_number(const char *name, std::size_t length);

} // namespace lossmith
