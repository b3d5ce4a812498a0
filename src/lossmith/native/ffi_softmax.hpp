// Softmax cross-entropy as a handler that XLA calls on the CPU: see lossmith/jax/fast.py for who builds the calls.
//
// Arguments, in order: logits (…, C) in f32, f64, bf16 or f16; labels (…) in s32 or s64; `share` (…) if the attribute
// `shares` is 1; class weights (C,) if `weighted` is 1. These and all others without C are of the type computed in.
// The attribute `pass` says what is asked for:
//
// - 0, value: result (…), the loss of each row.
// - 1, both: results value, gradient (…, C) and guess (…). The gradient of row i has been multiplied with guess[i]: what
//   the loss's cotangent is expected to be. With `adapts` = 0 the guess is the share, 1 without; with 1 it is the share
//   times the number that the last backward pass of this `site` and shape has met, at first 1 over the number of rows.
// - 2, backward: further arguments gradient and guess, as above, and cotangent (…); result the gradient multiplied with
//   the cotangent. If the cotangent is the guess, bit for bit, that gradient is the result; otherwise it is computed
//   again. Either way the result is the same, bit for bit: guesses cost or save time and nothing else. With `reuse` = 1
//   XLA has given both gradients the same memory; with 0 the argument `gradient` is absent.
//
// Attributes `label_smoothing` and `z_loss` are numbers. With `hides` = 1 rows labelled -2^31 are not read: their value
// and gradient are 0. A row whose label is out of range otherwise has the value NaN, and the gradient of the terms that
// do not depend on the label.
#pragma once

#include "ffi_abi.hpp"

namespace lossmith {

ffi::Error *softmax_cross_entropy_ffi(ffi::CallFrame *frame);

} // namespace lossmith
