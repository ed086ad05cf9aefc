#define _GNU_SOURCE
#include "CLinux.h"

#include <malloc.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/// Opens closed standard streams for reading before the program opens any other file. Otherwise the
/// next file that is opened would get a stream's number, and then its text. Writing to such a
/// stream fails.
__attribute__((constructor)) static void reserve_standard_streams(void) {
  for (;;) {
    int descriptor = open("/dev/null", O_RDONLY);
    if (descriptor >= 0 && descriptor <= STDERR_FILENO) continue;
    if (descriptor >= 0) close(descriptor);
    return;
  }
}

static int64_t reading(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t linux_monotonic(void) { return reading(CLOCK_BOOTTIME); }

int64_t linux_processor_time(void) { return reading(CLOCK_PROCESS_CPUTIME_ID); }

void linux_populate(void *start, int64_t byte_count) {
#ifdef MADV_POPULATE_WRITE
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t first = ((uintptr_t)start + page - 1) & ~(page - 1);
  uintptr_t end = ((uintptr_t)start + (uintptr_t)byte_count) & ~(page - 1);
  if (first < end) madvise((void *)first, end - first, MADV_POPULATE_WRITE);
#endif
}

int64_t linux_allocated_bytes(void) {
  struct mallinfo2 info = mallinfo2();
  return (int64_t)(info.uordblks + info.hblkhd);
}

void linux_trim_memory(void) { malloc_trim(0); }

int linux_keep_processors_awake(void) {
  int32_t longest_wake_up = 0;
  int descriptor = open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return -errno;
  if (write(descriptor, &longest_wake_up, sizeof longest_wake_up) == sizeof longest_wake_up) return descriptor;
  int reason = errno;
  close(descriptor);
  return -reason;
}

int linux_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : 0; }

void linux_prefer_throughput(void) {
  struct sched_param parameter = {.sched_priority = 0};
  sched_setscheduler(0, SCHED_BATCH, &parameter);
}

int64_t linux_raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  return (int64_t)limit.rlim_cur;
}

int linux_bypass_cache(int descriptor, int bypasses) {
  int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0) return -errno;
  int wanted = bypasses ? flags | O_DIRECT : flags & ~O_DIRECT;
  if (fcntl(descriptor, F_SETFL, wanted) < 0) return -errno;
  return (flags & O_DIRECT) != 0;
}

int linux_write_back(int descriptor, int64_t offset, int64_t count) {
  unsigned int all =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  return sync_file_range(descriptor, offset, count, all) < 0 ? -errno : 0;
}

int linux_ext4_shutdown(int directory) {
  // EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH, from the kernel's fs/ext4/ext4.h.
  uint32_t flags = 2;
  return ioctl(directory, _IOR('X', 125, uint32_t), &flags) < 0 ? -errno : 0;
}

int linux_event_create(void) {
  int event = eventfd(0, EFD_CLOEXEC);
  return event < 0 ? -errno : event;
}

void linux_event_ring(int event) {
  uint64_t one = 1;
  while (write(event, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void linux_event_await(int event) {
  uint64_t count;
  while (read(event, &count, sizeof count) < 0 && errno == EINTR) {
  }
}
