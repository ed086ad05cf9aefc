// Measures the least that replication costs on this machine. A leader and two followers move bytes and, if asked,
// make them durable, but without a protocol: they have no terms, no log indices and no checks, so a real protocol
// can only be slower.
//
//   cc -O2 -Wall -Wextra -o floor floor.c
//   ./floor CLIENTS SECONDS [DIRECTORY]
//
// There are four processes on loopback, with one loop each. One has the clients, each of which sends a value over
// its own connection, waits for the answer and sends the next. The leader in each turn takes all bytes that have
// arrived, sends them to both followers in one write each, and answers the clients whose values one follower has
// acknowledged. The other two are the followers. With a directory, the leader and the followers append the bytes to
// a zero-filled file there and wait for fdatasync once per turn before they acknowledge. The program prints commits
// per second, and the median and 99th percentile of latency in microseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VALUE = 256, ANSWER = 16, MOST_CLIENTS = 1024, SEGMENT = 64 << 20, WARM_UP_NS = 500000000 };

static const char *directory;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

// Starts a child process that ends with its parent, however the parent ends.
static pid_t start_process(void) {
  pid_t parent = getpid(), child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) exit(1);
  }
  return child;
}

static int listen_on_loopback(struct sockaddr_in *address) {
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t length = sizeof *address;
  *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (descriptor < 0 || bind(descriptor, (struct sockaddr *)address, length) != 0 ||
      listen(descriptor, MOST_CLIENTS) != 0 ||
      getsockname(descriptor, (struct sockaddr *)address, &length) != 0)
    fail("listen");
  return descriptor;
}

static int undelayed(int descriptor) {
  int yes = 1;
  if (descriptor < 0) fail("connection");
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return descriptor;
}

static int dial(const struct sockaddr_in *address) {
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(descriptor, (const struct sockaddr *)address, sizeof *address) != 0) fail("connect");
  return undelayed(descriptor);
}

static void send_all(int descriptor, const void *bytes, size_t count) {
  const char *next = bytes;
  while (count > 0) {
    ssize_t sent = write(descriptor, next, count);
    if (sent <= 0) exit(0);  // The receiver has ended, so this process ends too.
    next += sent;
    count -= (size_t)sent;
  }
}

// Waits for input and reads at most `limit` bytes. Returns how many it has read.
static size_t receive(int descriptor, void *bytes, size_t limit) {
  ssize_t count = read(descriptor, bytes, limit);
  if (count <= 0) exit(0);
  return (size_t)count;
}

static void watch(int poll, int descriptor, uint32_t token) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = token};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
}

// A log of fixed size, which is overwritten from its start when it is full, so that no sync has to grow the file.
struct log {
  int descriptor;
  off_t position;
};

static struct log open_log(void) {
  struct log log = {-1, 0};
  if (directory == NULL) return log;
  static char zeros[1 << 20];
  log.descriptor = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (log.descriptor < 0) fail(directory);
  for (int written = 0; written < SEGMENT; written += (int)sizeof zeros)
    send_all(log.descriptor, zeros, sizeof zeros);
  if (fsync(log.descriptor) != 0) fail("fsync");
  return log;
}

static void make_durable(struct log *log, const void *bytes, size_t count) {
  if (log->descriptor < 0 || count == 0) return;
  if (log->position + (off_t)count > SEGMENT) log->position = 0;
  if (pwrite(log->descriptor, bytes, count, log->position) != (ssize_t)count) fail("log");
  log->position += (off_t)count;
  if (fdatasync(log->descriptor) != 0) fail("fdatasync");
}

// A follower. It acknowledges with the number of bytes that it has taken since its start.
static void follow(int listener) {
  struct log log = open_log();
  int leader = undelayed(accept(listener, NULL, NULL));
  static char bytes[1 << 20];
  for (uint64_t taken = 0;;) {
    size_t count = receive(leader, bytes, sizeof bytes);
    make_durable(&log, bytes, count);
    taken += count;
    send_all(leader, &taken, sizeof taken);
  }
}

// Reads the acknowledgements that have arrived and returns the newest.
static uint64_t acknowledged(int follower) {
  static uint64_t numbers[4096];
  size_t count = receive(follower, numbers, sizeof numbers);
  while (count % sizeof *numbers != 0) {
    char *end = (char *)numbers + count;
    count += receive(follower, end, sizeof *numbers - count % sizeof *numbers);
  }
  return numbers[count / sizeof *numbers - 1];
}

static void lead(int listener, int client_count, const struct sockaddr_in followers[2]) {
  struct log log = open_log();
  int poll = epoll_create1(EPOLL_CLOEXEC), peers[2], clients[MOST_CLIENTS];
  for (int i = 0; i < 2; i++) watch(poll, peers[i] = dial(&followers[i]), MOST_CLIENTS + i);
  for (int i = 0; i < client_count; i++)
    watch(poll, clients[i] = undelayed(accept(listener, NULL, NULL)), i);
  static char batch[MOST_CLIENTS * VALUE], partial[MOST_CLIENTS][VALUE], answer[ANSWER];
  static size_t filled[MOST_CLIENTS];
  static int waiting[MOST_CLIENTS];  // A ring of the clients whose values are on their way, in order.
  uint64_t taken = 0, answered = 0, newest[2] = {0, 0};
  for (;;) {
    struct epoll_event events[256];
    int count = epoll_wait(poll, events, 256, -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    size_t gathered = 0;
    for (int i = 0; i < count; i++) {
      uint32_t token = events[i].data.u32;
      if (token >= MOST_CLIENTS) {
        newest[token - MOST_CLIENTS] = acknowledged(peers[token - MOST_CLIENTS]) / VALUE;
        continue;
      }
      filled[token] += receive(clients[token], partial[token] + filled[token], VALUE - filled[token]);
      if (filled[token] < VALUE) continue;
      filled[token] = 0;
      memcpy(batch + gathered, partial[token], VALUE);
      gathered += VALUE;
      waiting[taken++ % MOST_CLIENTS] = (int)token;
    }
    if (gathered > 0) {
      for (int i = 0; i < 2; i++) send_all(peers[i], batch, gathered);
      make_durable(&log, batch, gathered);
    }
    uint64_t committed = newest[0] > newest[1] ? newest[0] : newest[1];
    for (; answered < committed; answered++)
      send_all(clients[waiting[answered % MOST_CLIENTS]], answer, ANSWER);
  }
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

// Runs all closed-loop clients in this process.
static void load(const struct sockaddr_in *leader, int client_count, double seconds) {
  int poll = epoll_create1(EPOLL_CLOEXEC), clients[MOST_CLIENTS];
  static char value[VALUE], answer[ANSWER];
  static size_t filled[MOST_CLIENTS];
  static int64_t asked[MOST_CLIENTS];
  size_t room = 1 << 20, count = 0;
  uint32_t *latencies = malloc(room * sizeof *latencies);
  for (int i = 0; i < client_count; i++) watch(poll, clients[i] = dial(leader), i);
  for (int i = 0; i < client_count; i++) {
    asked[i] = now();
    send_all(clients[i], value, VALUE);
  }
  // The first answer shows that all processes are ready.
  int64_t begin = 0, end = INT64_MAX;
  for (int64_t time = 0; time < end;) {
    struct epoll_event events[256];
    int ready = epoll_wait(poll, events, 256, 10000);
    if (ready == 0) {
      fprintf(stderr, "no answer for ten seconds\n");
      exit(1);
    }
    for (int i = 0; i < ready; i++) {
      uint32_t client = events[i].data.u32;
      filled[client] += receive(clients[client], answer, ANSWER - filled[client]);
      if (filled[client] < ANSWER) continue;
      filled[client] = 0;
      time = now();
      if (begin == 0) {
        begin = time + WARM_UP_NS;
        end = begin + (int64_t)(seconds * 1e9);
      }
      if (time >= begin && time < end) {
        if (count == room) latencies = realloc(latencies, (room *= 2) * sizeof *latencies);
        if (latencies == NULL) fail("memory");
        latencies[count++] = (uint32_t)(time - asked[client]);
      }
      asked[client] = time;
      send_all(clients[client], value, VALUE);
    }
  }
  if (count == 0) exit(1);
  qsort(latencies, count, sizeof *latencies, ascending);
  printf("ops_per_s=%.0f p50_us=%.1f p99_us=%.1f\n", (double)count / seconds,
         latencies[count / 2] / 1e3, latencies[count * 99 / 100] / 1e3);
}

int main(int count, char **arguments) {
  int client_count = count > 1 ? atoi(arguments[1]) : 0;
  double seconds = count > 2 ? atof(arguments[2]) : 0;
  if (count < 3 || count > 4 || client_count < 1 || client_count > MOST_CLIENTS || seconds <= 0) {
    fprintf(stderr, "usage: floor CLIENTS(1...%d) SECONDS [DIRECTORY]\n", MOST_CLIENTS);
    return 2;
  }
  directory = arguments[3];
  signal(SIGPIPE, SIG_IGN);
  struct sockaddr_in addresses[3];
  int listeners[3];
  pid_t children[3];
  for (int i = 0; i < 3; i++) listeners[i] = listen_on_loopback(&addresses[i]);
  for (int i = 0; i < 3; i++) {
    children[i] = start_process();
    if (children[i] == 0) {
      if (i > 0) follow(listeners[i]);
      lead(listeners[0], client_count, addresses + 1);
    }
  }
  load(&addresses[0], client_count, seconds);
  fflush(stdout);
  for (int i = 0; i < 3; i++) kill(children[i], SIGKILL);
  for (int i = 0; i < 3; i++) waitpid(children[i], NULL, 0);
  return 0;
}
