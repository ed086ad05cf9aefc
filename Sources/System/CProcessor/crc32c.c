#include "CProcessor.h"

#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

// The instruction takes three cycles, and one can begin in every cycle, so the input is processed
// as three parallel lanes: first long lanes, then short ones for the rest. A checksum is linear:
// the checksum of the whole is the sum (exclusive or) of the lanes' checksums, each advanced over
// as many zero bytes as follow its lane.

enum { long_lane = 512, short_lane = 96 };

/// The result of advancing each byte of a checksum over one lane of zero bytes.
typedef uint32_t lane_table[4][256];
static lane_table after_long, after_short;

__attribute__((target("sse4.2"))) static void fill(lane_table table, int byte_count) {
  for (int place = 0; place < 4; place++) {
    for (int bit = 0; bit < 8; bit++) {
      uint64_t crc = (uint64_t)1 << (8 * place + bit);
      for (int word = 0; word < byte_count / 8; word++) crc = _mm_crc32_u64(crc, 0);
      for (int low = 0; low < 1 << bit; low++)
        table[place][1 << bit | low] = table[place][low] ^ (uint32_t)crc;
    }
  }
}

__attribute__((constructor)) static void fill_tables(void) {
  if (!__builtin_cpu_supports("sse4.2")) return;
  fill(after_long, long_lane);
  fill(after_short, short_lane);
}

static inline uint32_t move_on(const lane_table table, uint32_t crc) {
  return table[0][crc & 0xFF] ^ table[1][crc >> 8 & 0xFF] ^ table[2][crc >> 16 & 0xFF] ^
         table[3][crc >> 24];
}

static inline uint64_t word_at(const unsigned char *at) {
  uint64_t word;
  memcpy(&word, at, 8);
  return word;
}

__attribute__((target("sse4.2"))) static inline uint32_t
three_lanes(uint64_t crc, const unsigned char *at, int lane, const lane_table table) {
  uint64_t second = 0, third = 0;
  for (int offset = 0; offset < lane; offset += 8) {
    crc = _mm_crc32_u64(crc, word_at(at + offset));
    second = _mm_crc32_u64(second, word_at(at + lane + offset));
    third = _mm_crc32_u64(third, word_at(at + 2 * lane + offset));
  }
  return move_on(table, move_on(table, (uint32_t)crc) ^ (uint32_t)second) ^ (uint32_t)third;
}

__attribute__((target("sse4.2"))) uint32_t checksum_crc32c(uint32_t previous, const void *bytes,
                                                           size_t count) {
  const unsigned char *at = bytes;
  uint64_t crc = ~previous;
  for (; count >= 3 * long_lane; count -= 3 * long_lane, at += 3 * long_lane)
    crc = three_lanes(crc, at, long_lane, after_long);
  for (; count >= 3 * short_lane; count -= 3 * short_lane, at += 3 * short_lane)
    crc = three_lanes(crc, at, short_lane, after_short);
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
