// The blocks of evaluation_blocks.hpp for CPUs with AVX2 and FMA.
#include "evaluation_blocks.hpp"

// Headers of the library come first: their functions may be shared, and must run everywhere.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#pragma GCC target("arch=x86-64-v3")

#define LOSSMITH_LANE_BYTES 32
#define LOSSMITH_HAS_FMA
#define LOSSMITH_LEVEL avx2

#include "evaluation_rows_level.hpp"
#else
lossmith::BlockTable lossmith::avx2::block_table() { return {}; }
#endif
