// Every formula on float and on double, for one kind of CPU: included once, by a file that says which one.
//
// Nothing in such a file may be shared with code for other CPUs, or the linker could keep the wrong copy. So all that
// is used here is either inlined always, or in the unnamed namespace, or a function of C.

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "elementwise_blocks.hpp"
#include "elementwise_formulas.hpp"
#include "elementwise_losses.hpp"

namespace lossmith {
namespace {

// One block, in parts of elements_per_stage: each goes through all stages of the formula, and then through its end.
template <typename Formula, bool with_gradient, typename T> struct Run {
  static constexpr std::int64_t step = lane_count<T>;
  const Block<T> &block;
  T shared[most_shared_numbers]; // a copy that no store can change, so that the compiler may keep it in registers
  alignas(64) T kept[Formula::stages == 0 ? 1 : Formula::kept * elements_per_stage];

  LOSSMITH_INLINE explicit Run(const Block<T> &given) : block(given) {
    std::memcpy(shared, given.shared, sizeof shared);
  }

  LOSSMITH_INLINE void run() {
    for (std::int64_t begin = 0; begin < block.count; begin += elements_per_stage) {
      const std::int64_t left = block.count - begin, end = begin + (left < elements_per_stage ? left : elements_per_stage);
      run_stages<0>(begin, end);
      run_end(begin, end);
    }
  }

  template <int number> LOSSMITH_INLINE void run_stages(std::int64_t begin, std::int64_t end) {
    if constexpr (number < Formula::stages) {
      const T *prediction = block.prediction, *target = block.target, *extra = block.extra;
      for (std::int64_t at = begin; at < end; at += step)
        Formula::template stage<with_gradient>(std::integral_constant<int, number>(), shared, load(prediction + at),
                                               load(target + at), load(extra + at), Kept<T>{kept + (at - begin)});
      run_stages<number + 1>(begin, end);
    }
  }

  LOSSMITH_INLINE void run_end(std::int64_t begin, std::int64_t end) {
    const Lanes<T> scale = broadcast<T>(block.scale);
    const T *prediction = block.prediction, *target = block.target, *extra = block.extra;
    T *values = block.values, *slopes = block.gradient;
    Lanes<T> value, gradient;
    for (std::int64_t at = begin; at < end; at += step) {
      Formula::both(shared, load(prediction + at), load(target + at), load(extra + at), Kept<T>{kept + (at - begin)},
                    value, gradient);
      store<T>(values + at, value);
      if (with_gradient) store<T>(slopes + at, gradient * scale);
    }
  }
};

template <template <typename> typename Formula, bool with_gradient, typename T> void entry(const Block<T> &block) {
  Run<Formula<T>, with_gradient, T>(block).run();
}

#define LOSSMITH_ROW(Name)                                                                                             \
  {entry<formulas::Name, false, T>, entry<formulas::Name, true, T>, formulas::Name<T>::functions},
template <typename T> constexpr BlockFunctions<T> table[] = {LOSSMITH_FORMULAS(LOSSMITH_ROW)};
#undef LOSSMITH_ROW

template <typename T> LOSSMITH_INLINE Lanes<T> lane_function(LaneFunction which, Lanes<T> x, T exponent) {
  switch (which) {
  case LaneFunction::exp: return exponential<T>(x);
  case LaneFunction::expm1: return exponential_minus_one<T>(x);
  case LaneFunction::log: return logarithm<T>(x);
  case LaneFunction::log1p: return log_one_plus<T>(x);
  case LaneFunction::log1p_near: return log_one_plus_near<T>(x);
  case LaneFunction::tanh: return hyperbolic_tangent<T>(x);
  case LaneFunction::sqrt: return square_root<T>(x);
  default: return power<T>(x, exponent);
  }
}

template <typename T> void lane_functions(LaneFunction which, const T *x, T exponent, T *y, std::int64_t count) {
  constexpr std::int64_t step = lane_count<T>;
  std::int64_t at = 0;
  for (; at + step <= count; at += step) store<T>(y + at, lane_function<T>(which, load(x + at), exponent));
  T last[step] = {};
  std::memcpy(last, x + at, static_cast<std::size_t>(count - at) * sizeof(T));
  store<T>(last, lane_function<T>(which, load(last), exponent));
  std::memcpy(y + at, last, static_cast<std::size_t>(count - at) * sizeof(T));
}

} // namespace

FormulaTables LOSSMITH_LEVEL::formula_tables() {
  return {table<float>, table<double>, lane_functions<float>, lane_functions<double>};
}

} // namespace lossmith
