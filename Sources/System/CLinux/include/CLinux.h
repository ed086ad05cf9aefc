#pragma once

// System calls that the toolchain's Glibc module lacks, or whose constants it imports in odd types.
// Every function returns -errno where the system call fails.

#include <stddef.h>
#include <stdint.h>

// MARK: epoll

/// Something has happened on the descriptor that was watched under `token`.
typedef struct {
  uint64_t token;
  uint8_t readable;
  uint8_t writable;
  /// The other side has hung up, or the descriptor has an error.
  uint8_t broken;
} linux_ready;

int linux_epoll_create(void);
/// Watches a descriptor, or changes how it is watched. Level triggered.
int linux_epoll_add(int epoll, int descriptor, uint64_t token, int reads, int writes);
int linux_epoll_change(int epoll, int descriptor, uint64_t token, int reads, int writes);
int linux_epoll_remove(int epoll, int descriptor);
/// Waits until something is ready or the time is over (`nanoseconds` < 0: without end). Returns how many
/// elements of `ready` were filled; 0 also if a signal interrupted the wait.
int linux_epoll_wait(int epoll, linux_ready *ready, int room, int64_t nanoseconds);

// MARK: sockets

/// A non-blocking listening TCP socket. `port` 0 chooses a free one.
int linux_listen(const char *address, uint16_t port);
/// The port that a socket is bound to.
int linux_local_port(int descriptor);
/// A non-blocking TCP socket on its way to an IPv4 or IPv6 address; writable once connected.
int linux_connect(const char *address, uint16_t port);
/// Writes address and port of a connected socket as text, its own or the other side's. Returns 0 or -errno.
int linux_address(int descriptor, int of_peer, char *text, size_t room);
/// What has become of a connection attempt: 0 or -errno.
int linux_connect_result(int descriptor);
/// A non-blocking connection, without delay for small segments.
int linux_accept(int listener);
/// -EAGAIN if nothing is there; 0 at the end of the stream.
long linux_receive(int descriptor, void *bytes, size_t room);
/// Never raises SIGPIPE.
long linux_send(int descriptor, const void *bytes, size_t count);

// MARK: time, processes

/// Nanoseconds of CLOCK_BOOTTIME, which no one sets and which counts suspend, unlike CLOCK_MONOTONIC.
int64_t linux_monotonic(void);
/// Processor time of this process, in nanoseconds.
int64_t linux_processor_time(void);
/// Provides the whole pages within this memory at once, for somebody who is about to fill it: page by page, on
/// first touch, they cost more. Where the kernel cannot do that (before 5.14), nothing happens.
void linux_populate(void *start, int64_t byte_count);
/// Bytes that this process has allocated and not freed.
int64_t linux_allocated_bytes(void);
/// Gives freed memory back to the kernel.
void linux_trim_memory(void);
/// Processors without work do not sleep for as long as the returned descriptor is open, or this process is
/// (Documentation/power/pm_qos_interface.rst). Returns -errno where this user may not ask for that.
int linux_keep_processors_awake(void);
/// The kernel kills this process as soon as the thread that started it has ended, however it ended.
int linux_die_with_parent(void);
/// This thread, and those that it starts, take a processor from nobody when they wake up (SCHED_BATCH). Where
/// processors are short, whoever works on goes on, and whoever waits finds more to do when its turn comes.
void linux_prefer_throughput(void);
/// Raises the limit on open descriptors as far as it goes. Returns the limit.
int64_t linux_raise_descriptor_limit(void);

// MARK: signals

/// From now on the first SIGINT or SIGTERM rings the event; every later one does what it does by default.
void linux_await_interruption(int event);
/// Both signals do what they do by default again.
void linux_end_interruption(void);
/// From now on a thread that crashes first writes its notice to standard error. What the signal did before, such as
/// a backtrace, follows. To be called once.
void linux_watch_crashes(void);
/// What this thread writes if it crashes; NULL for nothing. At most 4096 bytes are kept.
void linux_set_crash_notice(const char *text);

// MARK: threads

/// A descriptor over which one thread wakes another: readable from `linux_event_ring` until `linux_event_await`,
/// which waits for that. No child inherits it.
int linux_event_create(void);
void linux_event_ring(int event);
void linux_event_await(int event);

// MARK: disks

/// Whether reads and writes go past the page cache from now on (O_DIRECT). Returns whether they did before.
int linux_bypass_cache(int descriptor, int bypasses);

/// Ends a mounted ext4 file system as a loss of power would: nothing in memory reaches the disk.
/// `directory` is open on it. Needs root.
int linux_ext4_shutdown(int directory);

// MARK: child processes

/// Starts a program in a session of its own, without any descriptor of this process but those named.
/// `arguments` ends with NULL. `input` becomes its standard input (-1: nothing to read), `messages` its
/// standard error and output (-1: nowhere). Returns its process number.
int linux_spawn(const char *program, char *const arguments[], int input, int messages);
/// A file in memory that is gone with its last descriptor; what is written goes to its end. No child inherits
/// it unless it is named.
int linux_memory_file(void);
/// A pipe whose ends no child inherits.
int linux_pipe(int ends[2]);
/// Whether the child has ended: 1 and its status as `waitpid` tells it, 0 not yet, or -errno.
int linux_reap(int child, int waits, int *status);
