// The blocks of elementwise losses with three formulas standing in for all: a formula computes from registers alone, so
// that all reading and writing is the same code for each, and compiling all of them takes minutes under a sanitizer.
#include <cmath>
#include <cstddef>
#include <limits>

#define LOSSMITH_LANE_BYTES 16
#include "elementwise_formulas.hpp"

#undef LOSSMITH_FORMULAS
#define LOSSMITH_FORMULAS(F) F(Huber) F(LogCosh) F(LaplaceNLL)
#define LOSSMITH_LEVEL three
#include "elementwise_blocks.hpp"
namespace lossmith::three {
FormulaTables formula_tables();
}
#include "elementwise_level.hpp"

namespace lossmith {
namespace {

constexpr std::size_t most_formulas = 256; // more than there are
template <typename T> struct Repeated {
  explicit Repeated(const BlockFunctions<T> *three) {
    for (std::size_t k = 0; k < most_formulas; ++k) functions[k] = three[k % 3];
  }
  BlockFunctions<T> functions[most_formulas];
};

} // namespace

FormulaTables baseline::formula_tables() {
  const FormulaTables few = three::formula_tables();
  static const Repeated<float> f32(few.f32);
  static const Repeated<double> f64(few.f64);
  return {f32.functions, f64.functions, few.function_f32, few.function_f64};
}
FormulaTables avx2::formula_tables() { return {}; }
FormulaTables avx512::formula_tables() { return {}; }

} // namespace lossmith
