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

// The group of a row: sixteen ids share a hash, four of them have a quarter of it, and follow each other in the groups.
inline std::uint64_t group_hash(std::uint64_t id, std::uint64_t seed) { return mix((id >> 4) ^ seed); }
inline std::uint64_t first_of_four(std::uint64_t hash, std::uint64_t id) { return (hash >> (16 * ((id >> 2) & 3))) & 0xffff; }
inline std::uint64_t group_bits(std::uint64_t id, std::uint64_t seed) {
  return (first_of_four(group_hash(id, seed), id) + (id & 3)) & 0xffff;
}

} // namespace lossmith
