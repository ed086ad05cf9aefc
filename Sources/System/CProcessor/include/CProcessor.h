#pragma once

#include <stddef.h>
#include <stdint.h>

/// The Castagnoli checksum (RFC 3720 appendix B.4) by the processor's own instruction. Continues from
/// `previous`, the checksum of the bytes before, or 0.
uint32_t checksum_crc32c(uint32_t previous, const void *bytes, size_t count);

/// Whether this processor has the instruction; without it `checksum_crc32c` may not be called.
int checksum_has_crc32c(void);

/// Begins to fetch what lies at an address from memory into the caches, to be written to soon. Does nothing but
/// that, whatever the address.
static inline void processor_prefetch(const void *address) { __builtin_prefetch(address, 1, 3); }
