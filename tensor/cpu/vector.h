#pragma once

#ifdef __FMA__
#include <immintrin.h>
#endif

#include <cstdint>

namespace gradus::cpu {

/// The widest vector of floats that the processor compiled for computes with: 16 with AVX-512, 8
/// with AVX, else 4. Arithmetic on it is the compiler's, element by element.
inline constexpr int kLanes = __BIGGEST_ALIGNMENT__ / sizeof(float);
using Vector [[gnu::vector_size(__BIGGEST_ALIGNMENT__)]] = float;

/// The same at any address, as part of an array of floats.
using VectorAt [[gnu::vector_size(__BIGGEST_ALIGNMENT__), gnu::aligned(4), gnu::may_alias]] = float;
inline Vector load(const float* p) { return *reinterpret_cast<const VectorAt*>(p); }
inline void store(Vector v, float* p) { *reinterpret_cast<VectorAt*>(p) = v; }

/// x in every lane. (Subtracting 0 is folded away; adding it is not, since -0 + 0 is 0.)
inline Vector broadcast(float x) { return x - Vector{}; }

/// a * b + c, rounded once where the processor can, else twice. Elsewhere the build lets no
/// compiler contract (-ffp-contract=off): it may do so in one copy of a loop and not in another, as
/// g++ 14 does, and then the bits depend on how threads share the work.
inline Vector multiply_add(Vector a, Vector b, Vector c) {
#if defined(__FMA__) && __BIGGEST_ALIGNMENT__ == 64
  return Vector(_mm512_fmadd_ps(__m512(a), __m512(b), __m512(c)));
#elif defined(__FMA__) && __BIGGEST_ALIGNMENT__ == 32
  return Vector(_mm256_fmadd_ps(__m256(a), __m256(b), __m256(c)));
#elif defined(__FMA__)
  return Vector(_mm_fmadd_ps(__m128(a), __m128(b), __m128(c)));
#else
  return a * b + c;
#endif
}
inline float multiply_add(float a, float b, float c) {
#ifdef __FP_FAST_FMAF
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

}  // namespace gradus::cpu
