// Functions of real numbers on lanes, over their whole domain: exp, expm1, log, log1p, tanh, square root and power.
//
// Within 2 ulp of the true value in float and in double (tests/native/test_elementwise_math.py holds them to it), with
// the values of C's own functions at ±0, ±inf, NaN, denormal numbers, and where they overflow. The coefficients are
// least-squares fits on Chebyshev nodes in 60 digits, reweighted until the error was level: what remains is rounding.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "lanes.hpp"
#include "lanes_math.hpp"

#if defined(_MSC_VER) && !defined(__clang__)
#define LOSSMITH_APART __declspec(noinline) inline
#else
#define LOSSMITH_APART __attribute__((noinline, unused)) inline
#endif

namespace lossmith {

template <typename T> struct Real;

template <> struct Real<float> {
  using Word = std::uint32_t;
  static constexpr Word mantissa_bits = 23, exponent_mask = 0x3ff, mantissa_mask = 0x007fffff;
  static constexpr Word one = 0x3f800000, sqrt_half = 0x3f3504f3, two_to_mantissa = 0x4b000000;
  static constexpr float bias = 127.0f, two_mantissa = 8388608.0f;
  static constexpr float least_normal = 1.17549435e-38f, lift = 33554432.0f, lifted = 25.0f; // lift = 2^25
  static constexpr float exp_highest = 89.0f, exp_lowest = -104.0f, expm1_lowest = -20.0f;
  static constexpr float ln2_high = 0.693359375f, ln2_low = -0.00021219444f;
  static constexpr float log[] = {0.6666677f, 0.39977968f, 0.29861268f}; // relative error 8e-10
  static constexpr float log_near[] = {0.6666681f, 0.39989454f, 0.28825098f, 0.19605157f, 0.2984809f}; // 3e-9
  static constexpr float tanh[] = {-0.33333284f, 0.13331485f, -0.05374324f, 0.020650236f, -0.0057170116f}; // 4e-9
};

template <> struct Real<double> {
  using Word = std::uint64_t;
  static constexpr Word mantissa_bits = 52, exponent_mask = 0xfff, mantissa_mask = 0x000fffffffffffff;
  static constexpr Word one = 0x3ff0000000000000, sqrt_half = 0x3fe6a09e667f3bcd, two_to_mantissa = 0x4330000000000000;
  static constexpr double bias = 1023.0, two_mantissa = 4503599627370496.0;
  static constexpr double least_normal = 2.2250738585072014e-308, lift = 18014398509481984.0, lifted = 54.0; // 2^54
  static constexpr double exp_highest = 710.0, exp_lowest = -746.0, expm1_lowest = -40.0;
  static constexpr double ln2_high = 0.6931471806019545, ln2_low = -4.2009150726810846e-11;
  static constexpr double log[] = {0.6666666666666735,  0.3999999999940972,  0.28571428743180055, 0.2222219851082109,
                                   0.18183566931974823, 0.15313995081152257, 0.1479642352515351}; // 1.2e-18
  static constexpr double log_near[] = {0.6666666666666641,  0.400000000000957,   0.28571428559214795,
                                        0.22222223001855348, 0.18181789095568573, 0.1538530396821014,
                                        0.13322513646150116, 0.11879896104103509, 0.09695476677194571,
                                        0.13486392237430803, -0.030239554411532383, 0.2625847540221039}; // 1.1e-18
  static constexpr double tanh[] = {-0.33333333333332876,   0.13333333333264463,   -0.05396825393227707,
                                    0.02186948759780691,    -0.008863221271856247, 0.0035919912363223862,
                                    -0.001454968960089636,  0.0005863480542753309, -0.00022862517168614998,
                                    7.721084005290799e-05, -1.6103811262971993e-05}; // 9e-18
};

template <typename T> constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();

// a * b + c, rounded once where the CPU does that in one instruction. The formulas of the losses do without, so that
// they are those of the definitions to the last digit; the functions below gain speed by it.
template <typename T> LOSSMITH_INLINE Lanes<T> multiply_add(Lanes<T> a, Lanes<T> b, Lanes<T> c) {
#if defined(LOSSMITH_HAS_FMA) && LOSSMITH_LANE_BYTES == 32
  if constexpr (std::is_same_v<T, float>)
    return __builtin_ia32_vfmaddps256(a, b, c);
  else
    return __builtin_ia32_vfmaddpd256(a, b, c);
#elif defined(LOSSMITH_HAS_FMA) && LOSSMITH_LANE_BYTES == 64
  if constexpr (std::is_same_v<T, float>)
    return __builtin_ia32_vfmaddps512_mask(a, b, c, 0xffff, 4); // 4: rounded as everything else is
  else
    return __builtin_ia32_vfmaddpd512_mask(a, b, c, 0xff, 4);
#else
  return a * b + c;
#endif
}

// c[0] + c[1] x + c[2] x² + …, halved again and again (Estrin's scheme): what bounds these functions is not how many
// steps they have but how many must wait for each other. powers[k] is x to the power 2^k.
template <std::size_t begin, std::size_t count, typename T, std::size_t N>
LOSSMITH_INLINE Lanes<T> polynomial_part(const T (&c)[N], const Lanes<T> *powers) {
  if constexpr (count == 1) {
    return broadcast<T>(c[begin]);
  } else {
    constexpr std::size_t log = count > 8 ? 3 : count > 4 ? 2 : count > 2 ? 1 : 0, low = std::size_t{1} << log;
    return multiply_add<T>(polynomial_part<begin + low, count - low>(c, powers), powers[log],
                           polynomial_part<begin, low>(c, powers));
  }
}

template <typename T, std::size_t N> LOSSMITH_INLINE Lanes<T> polynomial(const T (&c)[N], Lanes<T> x) {
  static_assert(N <= 16, "there are powers for 16 coefficients");
  const Lanes<T> square = x * x, fourth = square * square, powers[] = {x, square, fourth, fourth * fourth};
  return polynomial_part<0, N>(c, powers);
}

template <typename Mask> LOSSMITH_INLINE auto negation(Mask mask) {
  if constexpr (std::is_same_v<Mask, bool>)
    return !mask;
  else
    return ~mask;
}

template <typename T> LOSSMITH_INLINE Lanes<T> magnitude(Lanes<T> x) {
  using Bits = typename LaneTypes<T>::Bits;
  using Word = typename LaneTypes<T>::Word;
  return bit_cast<Lanes<T>>(bit_cast<Bits>(x) & (~Word{0} >> 1));
}

// NaN stays NaN; where the two are equal, x. The CPU's own minimum and maximum give their second argument then.
template <typename T> LOSSMITH_INLINE Lanes<T> at_most(Lanes<T> x, Lanes<T> high) {
#if defined(LOSSMITH_HAS_FMA) && LOSSMITH_LANE_BYTES == 32
  if constexpr (std::is_same_v<T, float>)
    return __builtin_ia32_minps256(high, x);
  else
    return __builtin_ia32_minpd256(high, x);
#else
  return high < x ? high : x;
#endif
}
template <typename T> LOSSMITH_INLINE Lanes<T> at_least(Lanes<T> x, Lanes<T> low) {
#if defined(LOSSMITH_HAS_FMA) && LOSSMITH_LANE_BYTES == 32
  if constexpr (std::is_same_v<T, float>)
    return __builtin_ia32_maxps256(low, x);
  else
    return __builtin_ia32_maxpd256(low, x);
#else
  return x < low ? low : x;
#endif
}

template <typename T> LOSSMITH_INLINE Lanes<T> sign(Lanes<T> x) {
  const Lanes<T> zero{}, one = broadcast<T>(1);
  return x > zero ? one : (x < zero ? -one : x);
}

template <typename T> LOSSMITH_INLINE auto is_infinite(Lanes<T> x) {
  return magnitude<T>(x) == broadcast<T>(infinity<T>);
}

// exp(x) = 2^n (1 + tail), where x = n ln 2 + r and |r| <= ln(2) / 2. 2^n is left in two factors of about equal size,
// so that it may be larger or smaller than any number; their exponents come without the bias in `excess`.
template <typename T> struct ExpParts {
  using Bits = typename LaneTypes<T>::Bits;
  Lanes<T> tail;
  Bits excess; // n plus twice the bias

  LOSSMITH_INLINE explicit ExpParts(Lanes<T> x) {
    using E = Exp<T>;
    using R = Real<T>;
    constexpr T round = R::two_mantissa * T(1.5) + 2 * R::bias; // its last digit is 1: it keeps n of what is added
    const Lanes<T> rounded = multiply_add<T>(x, broadcast<T>(E::log2e), broadcast<T>(round));
    excess = bit_cast<Bits>(rounded) & R::exponent_mask;
    const Lanes<T> n = rounded - round;
    const Lanes<T> high = multiply_add<T>(n, broadcast<T>(-R::ln2_high), x);
    const Lanes<T> r = multiply_add<T>(n, broadcast<T>(-R::ln2_low), high);
    tail = multiply_add<T>(r, r * polynomial<T>(E::q, r), r);
  }

  LOSSMITH_INLINE static Lanes<T> power_of_two(Bits biased) {
    return bit_cast<Lanes<T>>(biased << Real<T>::mantissa_bits);
  }
};

template <typename T> LOSSMITH_INLINE Lanes<T> exponential(Lanes<T> x) {
  using R = Real<T>;
  using Parts = ExpParts<T>;
  const Parts parts(at_least<T>(at_most<T>(x, broadcast<T>(R::exp_highest)), broadcast<T>(R::exp_lowest)));
  const auto half = parts.excess >> 1;
  return (parts.tail + T(1)) * Parts::power_of_two(half) * Parts::power_of_two(parts.excess - half);
}

// exp(x) - 1 = 2 (2^(n-1) tail + (2^(n-1) - 1/2)): exact but for the tail, and no overflow before its time.
template <typename T> LOSSMITH_INLINE Lanes<T> exponential_minus_one(Lanes<T> x) {
  using R = Real<T>;
  using Parts = ExpParts<T>;
  const Parts parts(at_least<T>(at_most<T>(x, broadcast<T>(R::exp_highest)), broadcast<T>(R::expm1_lowest)));
  const auto biased = parts.excess - (typename R::Word(R::bias) + 1);
  const Lanes<T> power = Parts::power_of_two(biased);
  const Lanes<T> value = multiply_add<T>(power, parts.tail, power - T(0.5)) * T(2);
  // What is tiny stays as it is, -0 too: half of it might be no number.
  return magnitude<T>(x) < broadcast<T>(4 * R::least_normal) ? x : value;
}

// log(u) + lost, for a normal u above 0; `lifted` is what u's exponent is too large by.
// u = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), and log(1 + f) = 2 atanh s = f - f²/2 + s (f²/2 + R) where
// s = f / (2 + f).
template <typename T> LOSSMITH_INLINE Lanes<T> log_of_normal(Lanes<T> u, Lanes<T> lifted, Lanes<T> lost) {
  using R = Real<T>;
  using Bits = typename LaneTypes<T>::Bits;
  const Bits shifted = bit_cast<Bits>(u) + (R::one - R::sqrt_half);
  const Bits biased = shifted >> R::mantissa_bits;
  const Lanes<T> k = bit_cast<Lanes<T>>(biased | R::two_to_mantissa) - (R::two_mantissa + R::bias) - lifted;
  const Lanes<T> f = bit_cast<Lanes<T>>((shifted & R::mantissa_mask) + R::sqrt_half) - T(1);
  const Lanes<T> s = f / (f + T(2)), z = s * s, half_square = T(0.5) * f * f;
  const Lanes<T> bent = multiply_add<T>(z, polynomial<T>(R::log, z), half_square);
  const Lanes<T> rest = multiply_add<T>(s, bent, multiply_add<T>(k, broadcast<T>(R::ln2_low), lost));
  return multiply_add<T>(k, broadcast<T>(R::ln2_high), f - (half_square - rest));
}

template <typename T> LOSSMITH_INLINE Lanes<T> logarithm(Lanes<T> x) {
  using R = Real<T>;
  const Lanes<T> zero{}, inf = broadcast<T>(infinity<T>);
  const auto denormal = x < broadcast<T>(R::least_normal);
  const Lanes<T> value = log_of_normal<T>(denormal ? x * R::lift : x, denormal ? broadcast<T>(R::lifted) : zero, zero);
  const Lanes<T> outside = x == zero ? -inf : (x == inf ? inf : broadcast<T>(not_a_number<T>));
  return (x > zero) & (x < inf) ? value : outside;
}

// What the rounding of 1 + x lost comes back as lost / (1 + x), the slope of the logarithm.
template <typename T> LOSSMITH_INLINE Lanes<T> log_one_plus(Lanes<T> x) {
  const Lanes<T> zero{}, inf = broadcast<T>(infinity<T>), u = x + T(1);
  const Lanes<T> value = log_of_normal<T>(u, zero, (x - (u - T(1))) / u);
  const Lanes<T> edge = (x == zero) | (x == inf) ? x : (u == zero ? -inf : broadcast<T>(not_a_number<T>));
  return (u > zero) & (x < inf) & (x != zero) ? value : edge;
}

// The same for x in [-0.6, 1] or NaN, without a detour by powers of two: log(1 + x) = 2 atanh(x / (2 + x)).
template <typename T> LOSSMITH_INLINE Lanes<T> log_one_plus_near(Lanes<T> x) {
  const Lanes<T> s = x / (x + T(2)), z = s * s, half_square = T(0.5) * x * x;
  return x - (half_square - s * multiply_add<T>(z, polynomial<T>(Real<T>::log_near, z), half_square));
}

template <typename T> LOSSMITH_INLINE Lanes<T> hyperbolic_tangent(Lanes<T> x) {
  const Lanes<T> size = magnitude<T>(x), z = x * x;
  const Lanes<T> near = x * multiply_add<T>(z, polynomial<T>(Real<T>::tanh, z), broadcast<T>(T(1)));
  const Lanes<T> far = T(1) - T(2) / (exponential<T>(size + size) + T(1));
  return size < broadcast<T>(T(0.625)) ? near : (x < Lanes<T>{} ? -far : far);
}

template <typename T> LOSSMITH_INLINE Lanes<T> square_root(Lanes<T> x) {
  T each[lane_count<T>];
  store<T>(each, x);
  for (std::int64_t k = 0; k < lane_count<T>; ++k) each[k] = std::sqrt(each[k]); // becomes one instruction
  return load(each);
}

// x^exponent, the same exponent for all lanes, in place. In float by way of double, where exp(e log x) has digits to
// spare; in double by the C library, a lane at a time. Not inlined: it is long, and the call costs little beside it.
namespace {

LOSSMITH_APART void power_by_log(float *x, float exponent) {
  const bool whole = exponent == std::floor(exponent), odd = whole && std::fmod(exponent, 2.0f) != 0.0f;
  double wide[lane_count<float>];
  for (std::int64_t k = 0; k < lane_count<float>; ++k) wide[k] = std::fabs(static_cast<double>(x[k]));
  for (std::int64_t at = 0; at < lane_count<float>; at += lane_count<double>) {
    const Lanes<double> log = logarithm<double>(load(wide + at));
    store<double>(wide + at, exponential<double>(log * static_cast<double>(exponent)));
  }
  for (std::int64_t k = 0; k < lane_count<float>; ++k) {
    const float size = static_cast<float>(wide[k]);
    const bool no_real_number = !whole && x[k] < 0.0f && x[k] >= std::numeric_limits<float>::lowest();
    x[k] = no_real_number ? not_a_number<float> : (odd && std::signbit(x[k]) ? -size : size);
  }
}

LOSSMITH_APART void power_by_log(double *x, double exponent) {
  for (std::int64_t k = 0; k < lane_count<double>; ++k) x[k] = std::pow(x[k], exponent);
}

} // namespace

// The exponents that losses have most are products, or, as NumPy has it, a square root.
template <typename T> LOSSMITH_INLINE Lanes<T> power(Lanes<T> x, T exponent) {
  if (exponent == T(0)) return broadcast<T>(1); // also for NaN, as in C
  if (exponent == T(1)) return x;
  if (exponent == T(0.5)) return square_root<T>(x);
  if (exponent == T(2)) return x * x;
  if (exponent == T(3)) return x * x * x;
  if (exponent == T(-1)) return T(1) / x;
  T each[lane_count<T>];
  store<T>(each, x);
  power_by_log(each, exponent);
  return load(each);
}

} // namespace lossmith
