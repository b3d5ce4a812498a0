// The blocks of evaluation_blocks.hpp for the oldest CPU of the platform.
#define LOSSMITH_LANE_BYTES 16
#define LOSSMITH_LEVEL baseline

#include <cmath>
#include <limits>

#include "evaluation_rows_level.hpp"
