#include "CChecksum.h"

#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

__attribute__((target("sse4.2"))) uint32_t checksum_crc32c(uint32_t previous, const void *bytes,
                                                           size_t count) {
  const unsigned char *at = bytes;
  uint64_t crc = ~previous;
  for (; count >= 8; count -= 8, at += 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    crc = _mm_crc32_u64(crc, word);
  }
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
