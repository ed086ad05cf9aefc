#pragma once

#include <stddef.h>
#include <stdint.h>

/// The Castagnoli checksum (RFC 3720 appendix B.4) by the processor's instruction. Continues from
/// `previous`, the checksum of the bytes before, or 0.
uint32_t checksum_crc32c(uint32_t previous, const void *bytes, size_t count);

/// Whether this processor has the instruction; without it `checksum_crc32c` must not be called.
int checksum_has_crc32c(void);

/// Prefetches the memory at an address into the caches, in order to write to it soon. Has no other
/// effect, and any address is allowed.
static inline void processor_prefetch(const void *address) { __builtin_prefetch(address, 1, 3); }
