// Softmax cross-entropy with class indices as a handler that XLA calls on the CPU; see ffi_passes.hpp for its passes.
//
// Operands, in order: logits (…, C) in f32, f64, bf16 or f16; labels (…) in s32 or s64; the share; class weights (C,).
// Attributes `label_smoothing`, `z_loss` and `focal` are numbers. With `hides` = 1 rows labelled -2^31 are not read:
// their value and gradient are 0. A row whose label is out of range otherwise has the value NaN, and the gradient of the
// terms that do not depend on the label.
#pragma once

#include "ffi_abi.hpp"

namespace lossmith {

ffi::Error *softmax_cross_entropy_ffi(ffi::CallFrame *frame);

} // namespace lossmith
