// The blocks of evaluation_blocks.hpp for CPUs with AVX-512.
#include "evaluation_blocks.hpp"

// Headers of the library come first: their functions may be shared, and must run everywhere.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#pragma GCC target("arch=x86-64-v4")

#define LOSSMITH_LANE_BYTES 64
#define LOSSMITH_HAS_FMA
#define LOSSMITH_LEVEL avx512

#include "evaluation_rows_level.hpp"
#else
lossmith::BlockTable lossmith::avx512::block_table() { return {}; }
#endif
