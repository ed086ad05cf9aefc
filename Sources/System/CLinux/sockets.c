#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} address_of_any_kind;

/// Fills in a numeric address. Returns its length, or -EINVAL.
static int parse(const char *text, uint16_t port, address_of_any_kind *address) {
  memset(address, 0, sizeof *address);
  if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
    address->v4.sin_family = AF_INET;
    address->v4.sin_port = htons(port);
    return sizeof address->v4;
  }
  if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons(port);
    return sizeof address->v6;
  }
  return -EINVAL;
}

static int closing(int descriptor) {
  int error = errno;
  close(descriptor);
  return -error;
}

/// Turns on keep-alive, so that a peer that vanished without closing the connection is noticed
/// after 4 minutes.
static void notice_loss(int descriptor) {
  int one = 1, idle = 120, interval = 30, probes = 4;
  setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static void without_delay(int descriptor) {
  int one = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/// A new socket for the address, which it fills in. Returns the descriptor, or the negative error.
static int open_for(const char *text, uint16_t port, address_of_any_kind *address, socklen_t *length) {
  int parsed = parse(text, port, address);
  if (parsed < 0) return parsed;
  *length = (socklen_t)parsed;
  int descriptor = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return descriptor < 0 ? -errno : descriptor;
}

int linux_listen(const char *text, uint16_t port) {
  address_of_any_kind address;
  socklen_t length;
  int descriptor = open_for(text, port, &address, &length);
  if (descriptor < 0) return descriptor;
  int one = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(descriptor, &address.any, length) < 0) return closing(descriptor);
  if (listen(descriptor, 1024) < 0) return closing(descriptor);
  return descriptor;
}

int linux_reserve(const char *text, uint16_t port) {
  address_of_any_kind address;
  socklen_t length;
  int descriptor = open_for(text, port, &address, &length);
  if (descriptor < 0) return descriptor;
  if (bind(descriptor, &address.any, length) < 0) return closing(descriptor);
  // Set after binding, so that binding fails beside any other socket, and listening does not.
  int one = 1;
  if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0) return closing(descriptor);
  return descriptor;
}

int linux_local_port(int descriptor) {
  address_of_any_kind address;
  socklen_t length = sizeof address;
  if (getsockname(descriptor, &address.any, &length) < 0) return -errno;
  return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

int linux_connect(const char *text, uint16_t port) {
  address_of_any_kind address;
  socklen_t length;
  int descriptor = open_for(text, port, &address, &length);
  if (descriptor < 0) return descriptor;
  without_delay(descriptor);
  if (connect(descriptor, &address.any, length) < 0 && errno != EINPROGRESS)
    return closing(descriptor);
  return descriptor;
}

int linux_connect_result(int descriptor) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
  return -error;
}

int linux_accept(int listener) {
  int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) return -errno;
  without_delay(descriptor);
  notice_loss(descriptor);
  return descriptor;
}

long linux_receive(int descriptor, void *bytes, size_t room) {
  ssize_t count;
  do count = recv(descriptor, bytes, room, 0);
  while (count < 0 && errno == EINTR);
  return count < 0 ? -errno : count;
}

long linux_send(int descriptor, const void *bytes, size_t count) {
  ssize_t sent;
  do sent = send(descriptor, bytes, count, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

int linux_address(int descriptor, int of_peer, char *text, size_t room) {
  address_of_any_kind address;
  socklen_t length = sizeof address;
  int result = of_peer ? getpeername(descriptor, &address.any, &length)
                       : getsockname(descriptor, &address.any, &length);
  if (result < 0) return -errno;
  char host[INET6_ADDRSTRLEN];
  int is_v6 = address.any.sa_family == AF_INET6;
  const void *bytes = is_v6 ? (const void *)&address.v6.sin6_addr : &address.v4.sin_addr;
  if (!inet_ntop(address.any.sa_family, bytes, host, sizeof host)) return -errno;
  int port = ntohs(is_v6 ? address.v6.sin6_port : address.v4.sin_port);
  snprintf(text, room, is_v6 ? "[%s]:%d" : "%s:%d", host, port);
  return 0;
}
