// Every formula on float and on double, for one kind of CPU: included once, by a file that says which one.
//
// Nothing in such a file may be shared with code for other CPUs, or the linker could keep the wrong copy. So all that
// is used here is either inlined always, or in the unnamed namespace, or a function of C.

#include <cstdint>
#include <cstring>

#include "elementwise_blocks.hpp"
#include "elementwise_formulas.hpp"
#include "elementwise_losses.hpp"

namespace lossmith {
namespace {

// Reads and writes the first `count` lanes: the last elements of an array do not fill a vector.
template <typename T> LOSSMITH_INLINE Lanes<T> load_some(const T *from, std::int64_t count) {
  T place[lane_count<T>] = {};
  std::memcpy(place, from, static_cast<std::size_t>(count) * sizeof(T));
  return load(place);
}

template <typename T> LOSSMITH_INLINE void store_some(T *to, Lanes<T> lanes, std::int64_t count) {
  T place[lane_count<T>];
  store<T>(place, lanes);
  std::memcpy(to, place, static_cast<std::size_t>(count) * sizeof(T));
}

template <typename Formula, bool with_gradient, typename T> LOSSMITH_INLINE void run_block(const Block<T> &block) {
  constexpr std::int64_t step = lane_count<T>;
  T shared[most_shared_numbers]; // a copy that no store can change, so that the compiler may keep it in registers
  std::memcpy(shared, block.shared, sizeof shared);
  const Lanes<T> scale = broadcast<T>(block.scale);
  const T *prediction = block.prediction, *target = block.target, *extra = block.extra;
  T *values = block.values, *slopes = block.gradient;
  Lanes<T> value, gradient;
  std::int64_t at = 0;
  for (; at + step <= block.count; at += step) {
    Formula::both(shared, load(prediction + at), load(target + at), load(extra + at), value, gradient);
    store<T>(values + at, value);
    if (with_gradient) store<T>(slopes + at, gradient * scale);
  }
  const std::int64_t rest = block.count - at;
  if (rest == 0) return;
  Formula::both(shared, load_some(prediction + at, rest), load_some(target + at, rest), load_some(extra + at, rest),
                value, gradient);
  store_some<T>(values + at, value, rest);
  if (with_gradient) store_some<T>(slopes + at, gradient * scale, rest);
}

template <template <typename> typename Formula, bool with_gradient, typename T> void entry(const Block<T> &block) {
  run_block<Formula<T>, with_gradient>(block);
}

#define LOSSMITH_ROW(Name) {entry<formulas::Name, false, T>, entry<formulas::Name, true, T>},
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
  for (std::int64_t at = 0; at < count; at += step) {
    const std::int64_t some = count - at < step ? count - at : step;
    store_some<T>(y + at, lane_function<T>(which, load_some(x + at, some), exponent), some);
  }
}

} // namespace

FormulaTables LOSSMITH_LEVEL::formula_tables() {
  return {table<float>, table<double>, lane_functions<float>, lane_functions<double>};
}

} // namespace lossmith
