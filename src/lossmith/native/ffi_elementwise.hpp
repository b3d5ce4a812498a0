// The elementwise losses as a handler that XLA calls on the CPU: sums along rows; see ffi_passes.hpp for its passes.
//
// Operands, in order: prediction in f32, f64, bf16 or f16; target of the same shape, in the type computed in; the share
// (a sum has one, too); weights of the elements, in the type computed in. A row is all that a call adds up; there are
// several where calls were batched.
// Attributes: `loss`, the name of the definition, and its parameters `q0`, `q1`, … as numbers, NaN for None.
#pragma once

#include "ffi_abi.hpp"

namespace lossmith {

ffi::Error *elementwise_ffi(ffi::CallFrame *frame);

} // namespace lossmith
