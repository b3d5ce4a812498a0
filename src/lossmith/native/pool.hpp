// The library's own pool of threads; see exec.hpp for how kernels use it.
#pragma once

#include "exec.hpp"

namespace lossmith {

// How many threads a call on our own pool has: the CPUs this process may use, or LOSSMITH_NUM_THREADS if that is fewer.
int pool_threads();

} // namespace lossmith
