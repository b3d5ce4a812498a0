// One call of a handler by XLA: its arrays, attributes, threads and errors.
#pragma once

#include <cstdint>

#include "exec.hpp"
#include "ffi_abi.hpp"

namespace lossmith {
namespace ffi {

// True if XLA calls only to learn about the handler, which is then answered.
bool answer_metadata(const CallFrame &frame);

Error *error(const CallFrame &frame, ErrorCode code, const char *message);

// The attribute of that name if it is of T's type, else `otherwise`.
std::int64_t integer(const CallFrame &frame, const char *name, std::int64_t otherwise);
double number(const CallFrame &frame, const char *name, double otherwise);
Text text(const CallFrame &frame, const char *name); // no characters if there is none

// An argument or result, null if there are fewer.
const Buffer *argument(const CallFrame &frame, std::int64_t index);
const Buffer *result(const CallFrame &frame, std::int64_t index);

std::int64_t elements(const Buffer &buffer);

// The threads of XLA's own pool, which obey the settings of its user. A handler runs on one of them, so a call never
// waits for a task that has not begun. Where XLA lends no threads, everything happens on the calling one.
Exec threads_of(const CallFrame &frame);

} // namespace ffi
} // namespace lossmith
