#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

static struct epoll_event event(uint64_t token, int reads, int writes) {
  struct epoll_event event = {0};
  event.events = (reads ? EPOLLIN : 0) | (writes ? EPOLLOUT : 0);
  event.data.u64 = token;
  return event;
}

int linux_epoll_create(void) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  return epoll < 0 ? -errno : epoll;
}

int linux_epoll_add(int epoll, int descriptor, uint64_t token, int reads, int writes) {
  struct epoll_event wanted = event(token, reads, writes);
  return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &wanted) < 0 ? -errno : 0;
}

int linux_epoll_change(int epoll, int descriptor, uint64_t token, int reads, int writes) {
  struct epoll_event wanted = event(token, reads, writes);
  return epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &wanted) < 0 ? -errno : 0;
}

int linux_epoll_remove(int epoll, int descriptor) {
  return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL) < 0 ? -errno : 0;
}

enum { most_events = 256 };

int linux_epoll_wait(int epoll, linux_ready *ready, int room, int64_t nanoseconds) {
  struct epoll_event events[most_events];
  if (room > most_events) room = most_events;
  int count;
  if (nanoseconds < 0) {
    count = epoll_wait(epoll, events, room, -1);
  } else {
    struct timespec timeout = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    count = epoll_pwait2(epoll, events, room, &timeout, NULL);
    // Kernels before 5.11 have no epoll_pwait2, so the timeout is rounded up to milliseconds.
    if (count < 0 && errno == ENOSYS)
      count = epoll_wait(epoll, events, room, (int)((nanoseconds + 999999) / 1000000));
  }
  if (count < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < count; i++) {
    ready[i].token = events[i].data.u64;
    ready[i].readable = (events[i].events & EPOLLIN) != 0;
    ready[i].writable = (events[i].events & EPOLLOUT) != 0;
    ready[i].broken = (events[i].events & (EPOLLERR | EPOLLHUP)) != 0;
  }
  return count;
}
