// What the files that bind kernels to Python share: bind_<kernel>.cpp has one register_<kernel>, called by bindings.cpp.
#pragma once

#include <cstdint>
#include <string>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace lossmith {

void register_softmax(nanobind::module_ &module);

// Arrays from Python: on the CPU and contiguous. A const element type also takes read-only arrays.
template <typename T> using Vector = nanobind::ndarray<T, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;
template <typename T> using Matrix = nanobind::ndarray<T, nanobind::ndim<2>, nanobind::c_contig, nanobind::device::cpu>;

template <typename Array>
void expect_length(const char *name, const Array &array, std::size_t expected, const char *meaning) {
  if (array.size() == expected) return;
  const std::string message = std::string(name) + " has " + std::to_string(array.size()) + " elements, expected " +
                              std::to_string(expected) + ": one for each " + meaning;
  throw nanobind::value_error(message.c_str());
}

} // namespace lossmith
