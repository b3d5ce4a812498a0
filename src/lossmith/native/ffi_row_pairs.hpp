// The losses of two matrices (row_pairs.hpp) as a handler that XLA calls on the CPU; see ffi_passes.hpp for its passes.
//
// Operands, in order: prediction (…, C) and target (…, C), both in f32 or both in f64; the share; class weights (C,).
// Attributes: `loss`, a number of PairLoss, and the numbers `label_smoothing`, `z_loss`, `temperature` and `beta`.
#pragma once

#include "ffi_abi.hpp"

namespace lossmith {

ffi::Error *row_pairs_ffi(ffi::CallFrame *frame);

} // namespace lossmith
