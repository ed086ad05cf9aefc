#include "CProcessor.h"

#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

// The instruction takes three cycles and can begin in every one, so long input is taken as three lanes side by
// side. A checksum is linear: that of the whole is that of each lane, moved on over as many zeros as there are
// bytes behind the lane, added up.

enum { lane_byte_count = 512 };

/// What each byte of a checksum becomes when `lane_byte_count` zeros follow.
static uint32_t moved_on[4][256];

__attribute__((constructor, target("sse4.2"))) static void fill_moved_on(void) {
  if (!__builtin_cpu_supports("sse4.2")) return;
  for (int place = 0; place < 4; place++) {
    for (int bit = 0; bit < 8; bit++) {
      uint64_t crc = (uint64_t)1 << (8 * place + bit);
      for (int word = 0; word < lane_byte_count / 8; word++) crc = _mm_crc32_u64(crc, 0);
      for (int low = 0; low < 1 << bit; low++)
        moved_on[place][1 << bit | low] = moved_on[place][low] ^ (uint32_t)crc;
    }
  }
}

static inline uint32_t move_on(uint32_t crc) {
  return moved_on[0][crc & 0xFF] ^ moved_on[1][crc >> 8 & 0xFF] ^ moved_on[2][crc >> 16 & 0xFF] ^
         moved_on[3][crc >> 24];
}

static inline uint64_t word_at(const unsigned char *at) {
  uint64_t word;
  memcpy(&word, at, 8);
  return word;
}

__attribute__((target("sse4.2"))) uint32_t checksum_crc32c(uint32_t previous, const void *bytes,
                                                           size_t count) {
  const unsigned char *at = bytes;
  uint64_t crc = ~previous;
  for (; count >= 3 * lane_byte_count; count -= 3 * lane_byte_count, at += 3 * lane_byte_count) {
    uint64_t second = 0, third = 0;
    for (int offset = 0; offset < lane_byte_count; offset += 8) {
      crc = _mm_crc32_u64(crc, word_at(at + offset));
      second = _mm_crc32_u64(second, word_at(at + lane_byte_count + offset));
      third = _mm_crc32_u64(third, word_at(at + 2 * lane_byte_count + offset));
    }
    crc = move_on(move_on((uint32_t)crc) ^ (uint32_t)second) ^ (uint32_t)third;
  }
  for (; count >= 8; count -= 8, at += 8) crc = _mm_crc32_u64(crc, word_at(at));
  for (; count > 0; count--, at++) crc = _mm_crc32_u8((uint32_t)crc, *at);
  return ~(uint32_t)crc;
}

int checksum_has_crc32c(void) { return __builtin_cpu_supports("sse4.2") != 0; }

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)

#include <arm_acle.h>

uint32_t checksum_crc32c(uint32_t previous, const void *bytes, size_t count) {
  const unsigned char *at = bytes;
  uint32_t crc = ~previous;
  for (; count >= 8; count -= 8, at += 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    crc = __crc32cd(crc, word);
  }
  for (; count > 0; count--, at++) crc = __crc32cb(crc, *at);
  return ~crc;
}

int checksum_has_crc32c(void) { return 1; }

#else

uint32_t checksum_crc32c(uint32_t previous, const void *bytes, size_t count) {
  (void)bytes;
  (void)count;
  return previous;
}

int checksum_has_crc32c(void) { return 0; }

#endif
