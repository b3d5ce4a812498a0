// The handler that XLA calls for losses of batches; see ffi_passes.hpp for the operands and results.
#pragma once

#include "ffi_abi.hpp"

namespace lossmith {

// Operands: matrices (…, N, N) of f32 or f64, and targets (…, N, 2) of s32 or s64 as batch_targets.hpp has them.
// Attributes besides those of the passes: loss, the number in BatchLoss, soft (s64), and margin (f64).
ffi::Error *batch_rows_ffi(ffi::CallFrame *frame);

} // namespace lossmith
