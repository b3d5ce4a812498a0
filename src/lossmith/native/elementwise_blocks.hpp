// One block of elements through one formula.
//
// A block is small enough (1024 elements) for everything about it to stay in the first-level cache. So a formula only
// reads and writes plain arrays of its own type, and whatever has nothing to do with a formula (other dtypes, weights,
// sums, the way to memory) is done once for all of them in elementwise.cpp.
//
// The formulas are compiled once per kind of CPU, with lanes as wide as its registers, each in a namespace of its own
// (elementwise_baseline.cpp, elementwise_avx2.cpp, elementwise_avx512.cpp); block_functions picks at run time.
#pragma once

#include <cstdint>

namespace lossmith {

constexpr std::int64_t elements_per_block = 1024;

// Blocks are filled up to whole vectors of the widest lanes.
constexpr std::int64_t block_step = 16;

template <typename T> struct Block {
  std::int64_t count = 0; // a multiple of block_step, at most elements_per_block
  const T *prediction = nullptr, *target = nullptr, *extra = nullptr;
  const T *shared = nullptr;                // the formula's shared numbers
  T scale = 1;                              // of the gradient
  T *values = nullptr, *gradient = nullptr; // room for `count` numbers each
};

template <typename T> struct BlockFunctions {
  void (*value)(const Block<T> &block);
  void (*both)(const Block<T> &block);
  int functions; // how many long functions (exp, log, …) an element takes
};

// The functions that formulas are made of, for tests to hold them to their promises.
enum class LaneFunction : int { exp, expm1, log, log1p, log1p_near, tanh, sqrt, power, count };

template <typename T>
using LaneFunctionOf = void (*)(LaneFunction which, const T *x, T exponent, T *y, std::int64_t count);

// All nullptr where a namespace was not compiled for this platform.
struct FormulaTables {
  const BlockFunctions<float> *f32 = nullptr;
  const BlockFunctions<double> *f64 = nullptr;
  LaneFunctionOf<float> function_f32 = nullptr;
  LaneFunctionOf<double> function_f64 = nullptr;
};

// Those for this CPU, or for an older one if LOSSMITH_CPU says so ("baseline" or "avx2"); chosen at the first call.
const FormulaTables &formula_tables();

namespace baseline {
FormulaTables formula_tables();
}
namespace avx2 {
FormulaTables formula_tables();
}
namespace avx512 {
FormulaTables formula_tables();
}

} // namespace lossmith
