// Elements of half precision: how they lie in memory, and how they become lanes to compute on.
//
// Conversion to half rounds to the nearest, ties to even; NaN stays NaN and what is too large becomes ±inf.
#pragma once

#include <cstdint>

#include "lanes.hpp"
#include "lanes_math.hpp"
#include "storage.hpp"

namespace lossmith {

using FloatBits = LaneTypes<float>::Bits;

// 16 bits for each lane of float.
#if (defined(__GNUC__) || defined(__clang__)) && !defined(LOSSMITH_ONE_LANE)
typedef std::uint16_t HalfBits __attribute__((vector_size(LOSSMITH_LANE_BYTES / 2)));
LOSSMITH_INLINE FloatBits widen(HalfBits bits) { return __builtin_convertvector(bits, FloatBits); }
LOSSMITH_INLINE HalfBits narrow(FloatBits bits) { return __builtin_convertvector(bits, HalfBits); }
#else
using HalfBits = std::uint16_t;
LOSSMITH_INLINE FloatBits widen(HalfBits bits) { return bits; }
LOSSMITH_INLINE HalfBits narrow(FloatBits bits) { return static_cast<HalfBits>(bits); }
#endif

LOSSMITH_INLINE Lanes<float> float_from(HalfBits half, BFloat16) { return bit_cast<Lanes<float>>(widen(half) << 16); }

LOSSMITH_INLINE Lanes<float> float_from(HalfBits half, Float16) {
  const FloatBits bits = widen(half), magnitude = bits & 0x7fffu;
  // Read as a float, the magnitude is 2^112 times too small, denormal numbers included.
  const Lanes<float> finite = bit_cast<Lanes<float>>(magnitude << 13) * 5192296858534827628530496329220096.0f;
  const FloatBits value = magnitude >= 0x7c00u ? (magnitude << 13) | 0x7f800000u : bit_cast<FloatBits>(finite);
  return bit_cast<Lanes<float>>(value | ((bits & 0x8000u) << 16));
}

// `numbers`: no value is NaN.
template <bool numbers = false> LOSSMITH_INLINE HalfBits half_from(Lanes<float> value, BFloat16) {
  const FloatBits bits = bit_cast<FloatBits>(value);
  const FloatBits rounded = (bits + (((bits >> 16) & 1u) + 0x7fffu)) >> 16;
  if constexpr (numbers) return narrow(rounded);
  return narrow((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u : rounded);
}

template <bool numbers = false> LOSSMITH_INLINE HalfBits half_from(Lanes<float> value, Float16) {
  const FloatBits bits = bit_cast<FloatBits>(value), magnitude = bits & 0x7fffffffu, sign = (bits >> 16) & 0x8000u;
  // Normal numbers: the exponent's bias goes from 127 to 15. What overflows comes out as inf or is made so below.
  const FloatBits normal = (magnitude - (112u << 23) + (((magnitude >> 13) & 1u) + 0xfffu)) >> 13;
  // Below 2^-14 the sum with 1/2 has the wanted digits at its end, rounded.
  const Lanes<float> shifted = bit_cast<Lanes<float>>(magnitude) + 0.5f;
  const FloatBits denormal = bit_cast<FloatBits>(shifted) - 0x3f000000u;
  const FloatBits finite = magnitude < 0x38800000u ? denormal : normal;
  FloatBits special = FloatBits{} + 0x7c00u;
  if constexpr (!numbers) special = magnitude > 0x7f800000u ? (magnitude >> 13 & 0x3ffu) | 0x7e00u : special;
  return narrow((magnitude >= 0x477ff000u ? special : finite) | sign);
}

// Lanes from and to an array of any storage, without regard to alignment.
template <typename Storage> LOSSMITH_INLINE Lanes<Compute<Storage>> load_from(const Storage *from) {
  if constexpr (sizeof(Storage) == 2) {
    HalfBits half;
    std::memcpy(&half, from, sizeof half);
    return float_from(half, Storage{});
  } else {
    return load(from);
  }
}

template <bool numbers = false, typename Storage>
LOSSMITH_INLINE void store_to(Storage *to, Lanes<Compute<Storage>> value) {
  if constexpr (sizeof(Storage) == 2) {
    const HalfBits half = half_from<numbers>(value, Storage{});
    std::memcpy(to, &half, sizeof half);
  } else {
    store<Storage>(to, value);
  }
}

// The same for one element.
template <typename Storage> LOSSMITH_INLINE Compute<Storage> value_of(const Storage &element) {
  if constexpr (sizeof(Storage) == 2) {
    HalfBits half{};
    std::memcpy(&half, &element, sizeof element);
    float values[lane_count<float>];
    store<float>(values, float_from(half, Storage{}));
    return values[0];
  } else {
    return element;
  }
}

template <typename Storage> LOSSMITH_INLINE Storage element_of(Compute<Storage> value) {
  if constexpr (sizeof(Storage) == 2) {
    const HalfBits half = half_from(broadcast(value), Storage{});
    Storage element;
    std::memcpy(&element, &half, sizeof element);
    return element;
  } else {
    return value;
  }
}

} // namespace lossmith
