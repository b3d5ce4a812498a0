// What an array may hold, and what kernels compute in: float for the half types, otherwise the same.
#pragma once

#include <cstdint>

namespace lossmith {

struct BFloat16 {
  std::uint16_t bits;
};
struct Float16 {
  std::uint16_t bits;
};

template <typename Storage> struct ComputeOf {
  using type = float;
};
template <> struct ComputeOf<double> {
  using type = double;
};
template <typename Storage> using Compute = typename ComputeOf<Storage>::type;

// Element types by the numbers that Python hands over.
enum class DType { float32 = 0, float64 = 1, bfloat16 = 2, float16 = 3 };

} // namespace lossmith
