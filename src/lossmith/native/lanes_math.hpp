// exp and log1p on lanes, for the arguments that a softmax has.
#pragma once

#include <cstdint>
#include <cstring>

#include "lanes.hpp"

namespace lossmith {

// Value of the lanes of `From`, bit for bit, as lanes of `To`.
template <typename To, typename From> LOSSMITH_INLINE To bit_cast(const From &from) {
  static_assert(sizeof(To) == sizeof(From), "a bit cast keeps the size");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

// exp(x) = 2^n exp(r) with x = n ln 2 + r and |r| <= ln(2) / 2, where exp(r) = 1 + r (1 + r q(r)). The coefficients of
// q are a weighted least-squares fit on Chebyshev nodes in 60 digits; the relative error of the polynomial is 4e-9 for
// float and 1.3e-17 for double, so that rounding is what remains (below 2 ulp).
template <typename T> struct Exp;

template <> struct Exp<float> {
  static constexpr std::uint32_t mantissa_bits = 23;
  static constexpr float round = 12582912.0f + 127.0f; // 1.5 * 2^23, and the bias of the exponent
  static constexpr float lowest = -87.3365f;           // log of the smallest normal number, rounded up
  static constexpr float log2e = 1.44269504f, ln2_high = 0.693359375f, ln2_low = -0.00021219444f;
  static constexpr float q[] = {0.49999988f, 0.16666518f, 0.041669533f, 0.008368923f, 0.0013751382f};
};

template <> struct Exp<double> {
  static constexpr std::uint64_t mantissa_bits = 52;
  static constexpr double round = 6755399441055744.0 + 1023.0;
  static constexpr double lowest = -708.3964;
  static constexpr double log2e = 1.4426950408889634, ln2_high = 0.6931471806019545, ln2_low = -4.2009150726810846e-11;
  static constexpr double q[] = {0.5000000000000012,     0.16666666666666483,    0.0416666666665162,
                                 0.008333333333451529,   0.0013888888946713305,  0.00019841269596971038,
                                 2.4801490307638598e-05, 2.7557507361975543e-06, 2.7631140150201755e-07,
                                 2.5024639266311035e-08};
};

// exp(r) for |r| <= ln(2) / 2.
template <typename T> LOSSMITH_INLINE Lanes<T> exp_fraction(Lanes<T> r) {
  using E = Exp<T>;
  constexpr int degree = sizeof(E::q) / sizeof(T) - 1;
  Lanes<T> q = broadcast<T>(E::q[degree]);
  for (int k = degree - 1; k >= 0; --k) q = q * r + E::q[k];
  return (q * r + T(1)) * r + T(1);
}

// exp for x <= 0, which is all a softmax asks for: exp(0) = 1 exactly, exp(-inf) = 0, NaN stays NaN, and what would be
// a denormal number (x < -87.3 in float, x < -708.4 in double) is 0.
template <typename T> LOSSMITH_INLINE Lanes<T> exp_nonpositive(Lanes<T> x) {
  using E = Exp<T>;
  // The sum is so large that its last digit is 1: what it keeps of x log2 e is n, with the bias in the lowest bits,
  // ready to be shifted into the place of the exponent.
  const Lanes<T> rounded = x * E::log2e + E::round;
  const auto power = bit_cast<Lanes<T>>(bit_cast<typename LaneTypes<T>::Bits>(rounded) << E::mantissa_bits);
  const Lanes<T> n = rounded - E::round;
  const Lanes<T> r = (x - n * E::ln2_high) - n * E::ln2_low;
  return x < E::lowest ? Lanes<T>{} : exp_fraction<T>(r) * power;
}

// log(1 + x) for x >= 0 below 2^52, to the last digits also where x is tiny; NaN stays NaN.
// u = 1 + x = 2^k m with m in [sqrt(1/2), sqrt(2)), and log m = 2 atanh s, s = (m - 1) / (m + 1), as s (2 + s^2 p(s^2))
// with p fitted like q above (relative error 1.5e-18). What the rounding of u lost comes back as (x - (u - 1)) / u.
LOSSMITH_INLINE Lanes<double> log1p_nonnegative(Lanes<double> x) {
  using Values = Lanes<double>;
  using Bits = LaneTypes<double>::Bits;
  using Word = LaneTypes<double>::Word;
  constexpr Word one = 0x3ff0000000000000, sqrt_half = 0x3fe6a09e667f3bcd, two_52 = 0x4330000000000000;
  constexpr double p[] = {0.6666666666666736, 0.39999999999404345, 0.2857142874431536,  0.22222198399656,
                          0.1818357247008108, 0.15313858534824443, 0.14797746932018874};

  const Values u = x + 1.0;
  const Bits shifted = bit_cast<Bits>(u) + (one - sqrt_half);
  const Bits exponent = shifted >> Word{52}; // k + 1023
  const Values k = bit_cast<Values>(exponent | two_52) - (4503599627370496.0 + 1023.0);
  const Values m = bit_cast<Values>((shifted & Word{0x000fffffffffffff}) + sqrt_half);

  const Values s = (m - 1.0) / (m + 1.0), s2 = s * s;
  Values series = broadcast(p[6]);
  for (int j = 5; j >= 0; --j) series = series * s2 + p[j];
  const Values lost = (x - (u - 1.0)) / u;
  return k * Exp<double>::ln2_high + (s * (s2 * series) + (2.0 * s + (k * Exp<double>::ln2_low + lost)));
}

} // namespace lossmith
