// Numbers that look random and are decided by the row id alone, as in states/hashing.py.
#pragma once

#include <cstdint>

namespace lossmith {

inline std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

// The bits, 16 of them, that decide on the group of a row: four ids share a hash, and each has a quarter of it.
inline std::uint64_t group_hash(std::uint64_t id, std::uint64_t seed) { return mix((id >> 2) ^ seed); }
inline std::uint64_t group_bits(std::uint64_t id, std::uint64_t seed) {
  return (group_hash(id, seed) >> (16 * (id & 3))) & 0xffff;
}

} // namespace lossmith
