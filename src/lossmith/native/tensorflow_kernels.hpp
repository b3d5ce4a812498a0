// What the operations of all losses share: element types, memory for gradients, and gradients that were computed ahead.
#pragma once

#include <algorithm>
#include <cstdint>
#include <new>

#include "tensorflow_call.hpp"
#include "tensorflow_table.hpp"

namespace lossmith::tf {

inline const KernelTable *kernels = nullptr; // of _core, lent after loading

// Element types: `type` of prediction and gradient, `values` of what is computed: values, scale and cotangent.
struct Element {
  DType dtype;
  Type type, values;
  std::int64_t bytes, value_bytes;
};
constexpr Element elements[] = {{DType::float32, float32, float32, 4, 4},
                                {DType::float64, float64, float64, 8, 8},
                                {DType::bfloat16, bfloat16, float32, 2, 4},
                                {DType::float16, float16, float32, 2, 4}};

bool register_row_losses(); // tensorflow_rows.cpp

inline std::int64_t count_of(const Call::Sizes &shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

// Large gradients lie in memory that the next step uses again: TensorFlow's allocator would fetch it from the system
// each time, and page faults cost more than the loss.
inline OwnTensor gradient_output(Call &call, int index, const Element &element, const Call::Sizes &shape) {
  const std::int64_t bytes = count_of(shape) * element.bytes;
  if (bytes < pooled_bytes) return call.output(index, element.type, shape, bytes);
  GradientBlock *const block = kernels->take_block(static_cast<std::size_t>(bytes));
  if (block == nullptr) throw std::bad_alloc();
  const auto release = [](void *, std::size_t, void *owner) {
    kernels->give_block_back(static_cast<GradientBlock *>(owner));
  };
  OwnTensor made(api.new_tensor(element.type, shape.data(), Call::rank(shape), block->memory,
                                static_cast<std::size_t>(bytes), release, block));
  if (made == nullptr) throw std::bad_alloc(); // and the block has been released
  call.set_output(index, made);
  return made;
}

// A gradient that was computed ahead, for the mean of `summed` values: the input `ahead`.
struct Ahead {
  int input;
  Call::Sizes shape;
  std::int64_t rows, columns, summed;
};

// What was computed ahead times cotangent over 1/summed: first back to the plain gradient, which no cotangent can make
// overflow.
template <typename T> void multiply_rows(const T *from, const T *cotangent, const Ahead &ahead, T *gradient) {
  const T count = static_cast<T>(ahead.summed);
  const std::int64_t columns = ahead.columns;
  const auto multiply = [&](std::int64_t row, std::int64_t begin, std::int64_t end) {
    const T factor = cotangent[row];
    for (std::int64_t at = row * columns + begin; at < row * columns + end; ++at)
      gradient[at] = from[at] * count * factor;
  };
  constexpr std::int64_t few = std::int64_t{1} << 15;
  if (ahead.rows == 1)
    return for_chunks(kernels->exec, columns, few,
                      [&](std::int64_t, std::int64_t begin, std::int64_t end) { multiply(0, begin, end); });
  const std::int64_t grain = std::max<std::int64_t>(few / std::max<std::int64_t>(columns, 1), 1);
  for_chunks(kernels->exec, ahead.rows, grain, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    for (; begin < end; ++begin) multiply(begin, 0, columns);
  });
}

// The gradient for a cotangent: handed over if it is that of the mean, else multiplied. Half types would be rounded
// twice: for them, again() computes it from the start, into a fresh output.
template <typename T, typename Again>
void finish(Call &call, const Element &element, const Ahead &ahead, const T *cotangent, Again &&again) {
  const T guess = static_cast<T>(1.0 / static_cast<double>(ahead.summed));
  if (std::all_of(cotangent, cotangent + ahead.rows, [&](T each) { return each == guess; }))
    return call.set_output(0, call.input(ahead.input));
  if (element.bytes != element.value_bytes) return again();
  bool taken = false;
  const OwnTensor gradient = call.output_over(ahead.input, 0, ahead.shape, taken);
  T *const to = gradient.data<T>();
  if (taken) return multiply_rows<T>(to, cotangent, ahead, to);
  const OwnTensor from = call.input(ahead.input);
  multiply_rows<T>(from.data<const T>(), cotangent, ahead, to);
}

} // namespace lossmith::tf
