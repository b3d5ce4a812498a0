// The handler that XLA calls for CTC; see ffi_passes.hpp for the operands and results.
#pragma once

#include "ffi_abi.hpp"

namespace lossmith {

// Operands: logits (…, T, C) of f32, f64, bf16 or f16, targets (…, S + 2) of s32 or s64: the tokens, how many of the
// steps there are, and how many of the tokens; a number of tokens that is not in [0, S] makes the sequence NaN.
// Attributes besides those of the passes: blank, impossible_is_zero (s64).
ffi::Error *ctc_ffi(ffi::CallFrame *frame);

} // namespace lossmith
