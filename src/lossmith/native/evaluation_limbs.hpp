// Exact sums as 32-bit limbs, each kept in 64 bits: limb j counts multiples of 2^(32 j).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace lossmith {

constexpr std::int64_t limb_mask = 0xffffffff;
constexpr int odd_exponent = 2047; // of infinities and NaN

inline std::uint64_t bits_of(double x) {
  std::uint64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline int exponent_field(std::uint64_t bits) { return static_cast<int>((bits >> 52) & odd_exponent); }

// A finite double as an integer times 2^exponent.
struct Parts {
  std::int64_t mantissa; // without sign
  int exponent;
  bool negative;
};

inline Parts parts_of(std::uint64_t bits) {
  constexpr std::uint64_t mask = (std::uint64_t{1} << 52) - 1;
  const int field = exponent_field(bits);
  const auto mantissa = static_cast<std::int64_t>((bits & mask) | (field != 0 ? mask + 1 : 0));
  return {mantissa, std::max(field, 1) - 1075, (bits >> 63) != 0};
}

inline std::int64_t limb_of(int exponent) {
  constexpr std::int64_t shift = 256; // keeps exponents positive while they are divided by 32
  return (exponent + 32 * shift) / 32 - shift;
}

// Adds x * 2^shift, 0 <= shift < 32, at three limbs; x has at most 64 bits and its sign apart.
inline void add_at(std::int64_t *limb, std::uint64_t x, int shift, bool negative) {
  const std::uint64_t low = (x & static_cast<std::uint64_t>(limb_mask)) << shift;
  const std::uint64_t high = (x >> 32) << shift;
  const auto first = static_cast<std::int64_t>(low & static_cast<std::uint64_t>(limb_mask));
  const auto second = static_cast<std::int64_t>((low >> 32) + (high & static_cast<std::uint64_t>(limb_mask)));
  const auto third = static_cast<std::int64_t>(high >> 32);
  const std::int64_t sign = negative ? -1 : 0; // (v ^ sign) - sign is v or -v, without a branch
  limb[0] += (first ^ sign) - sign;
  limb[1] += (second ^ sign) - sign;
  limb[2] += (third ^ sign) - sign;
}

inline void add_value(std::int64_t *limbs, std::int64_t first_limb, std::uint64_t bits) {
  const Parts x = parts_of(bits);
  const std::int64_t limb = limb_of(x.exponent);
  add_at(limbs + (limb - first_limb), static_cast<std::uint64_t>(x.mantissa), x.exponent - static_cast<int>(32 * limb),
         x.negative);
}

} // namespace lossmith
