// Losses with one value per element: values, gradient and total in one pass, for every loss of elementwise_losses.hpp.
//
// How to call it: fill an Elementwise, call elementwise(). From Python the same is _core.elementwise(loss, dtypes,
// addresses, …), see bind_elementwise.cpp; lossmith.native.elementwise is the checked way in for NumPy.
//
// - The formulas are those of lossmith.losses, printed by emit.py; a loss is a number, its place in elementwise_losses.
// - Elements are computed in float, and in double where the prediction is double. Other inputs are converted on the
//   way, block by block; the gradient comes in the prediction's type, the values in the type of the computation.
// - value = weight * loss; gradient = scale * weight * d loss / d prediction; both are 0 where `keep` is 0, whatever is
//   in the arrays there. The total is the sum of the values, in double.
// - No address needs more alignment than its element type. Outputs may be left out (nullptr). The gradient may be
//   written over the prediction or the target.
// - With limits, the total is NaN if an element of that array lies outside of them: whoever has to know costs no pass of
//   its own. The values and the gradient are computed all the same.
// - The total is a sum over blocks of 1024 elements, in an order that depends on nothing but their number: it is the
//   same for any number of threads. Large gradients are written around the caches.
#pragma once

#include <cstdint>
#include <limits>

#include "exec.hpp"

namespace lossmith {

enum class ElementType : std::int32_t { f32 = 0, f64 = 1, bf16 = 2, f16 = 3, i64 = 4, i32 = 5, u8 = 6 };

struct ElementInput {
  const void *data = nullptr;
  ElementType type = ElementType::f32;
};

// Where the elements of an input may lie, both bounds included; NaN may lie anywhere. They are rounded to the type
// computed in.
struct Limits {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  double excluded[3] = {}; // numbers that are not allowed all the same
  int excluded_count = 0;
};

struct Elementwise {
  int loss = 0;
  const double *parameters = nullptr; // in the order of the definition; NaN for None, 0 or 1 for a switch
  std::int64_t count = 0;
  ElementInput prediction;             // f32, f64, bf16 or f16
  ElementInput target, extra, weight;  // f64 only beside an f64 prediction; extra and weight may be absent
  const std::uint8_t *keep = nullptr;  // 0 or 1 each; absent: 1
  const Limits *prediction_limits = nullptr, *target_limits = nullptr; // absent: everything is allowed
  double scale = 1.0;
  void *values = nullptr;   // f64 for an f64 prediction, else f32
  void *gradient = nullptr; // of the prediction's type
  std::int64_t whole = 0;   // elements of the gradient that this call writes a part of; 0: it writes all of it
  Exec exec;
};

enum class ElementwiseStatus { done, no_memory, unsupported };

// Fills values and gradient and stores the total. "unsupported" is a number or a combination of types that is not
// listed above; then nothing is written.
ElementwiseStatus elementwise(const Elementwise &call, double &total);

} // namespace lossmith
