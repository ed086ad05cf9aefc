#pragma once

// System calls that the toolchain's Glibc module lacks, or whose constants it imports with
// unsuitable types. Every function with a result returns -errno if its system call fails.

#include <stddef.h>
#include <stdint.h>

// MARK: epoll

/// The readiness of the descriptor that was added with `token`.
typedef struct {
  uint64_t token;
  uint8_t readable;
  uint8_t writable;
  /// The peer has hung up, or the descriptor has an error.
  uint8_t broken;
} linux_ready;

int linux_epoll_create(void);
/// Adds a descriptor, or changes the events for which it is watched. Level-triggered.
int linux_epoll_add(int epoll, int descriptor, uint64_t token, int reads, int writes);
int linux_epoll_change(int epoll, int descriptor, uint64_t token, int reads, int writes);
int linux_epoll_remove(int epoll, int descriptor);
/// Waits until a descriptor is ready or the time is over (without limit if `nanoseconds` < 0).
/// Returns the number of elements of `ready` that were filled; 0 also if a signal interrupted the
/// wait.
int linux_epoll_wait(int epoll, linux_ready *ready, int room, int64_t nanoseconds);

// MARK: sockets

/// A non-blocking listening TCP socket. If `port` is 0, the kernel chooses a free one.
int linux_listen(const char *address, uint16_t port);
/// A TCP socket that is bound and does not listen. Binding it fails if any other socket is bound to
/// the address; `linux_listen` may then use the address, another `linux_reserve` may not.
int linux_reserve(const char *address, uint16_t port);
/// The port to which a socket is bound.
int linux_local_port(int descriptor);
/// A non-blocking TCP socket that is connecting to an IPv4 or IPv6 address. It becomes writable
/// once connected.
int linux_connect(const char *address, uint16_t port);
/// Writes the address and port of a connected socket as text: its own, or the peer's if `of_peer`.
/// Returns 0 or -errno.
int linux_address(int descriptor, int of_peer, char *text, size_t room);
/// The result of a connection attempt: 0 or -errno.
int linux_connect_result(int descriptor);
/// Accepts a connection, which is non-blocking and sends small segments without delay.
int linux_accept(int listener);
/// Returns the number of bytes received, 0 at the end of the stream, and -EAGAIN if no bytes are
/// available.
long linux_receive(int descriptor, void *bytes, size_t room);
/// Returns the number of bytes sent. Never raises SIGPIPE.
long linux_send(int descriptor, const void *bytes, size_t count);

// MARK: time, processes

/// Nanoseconds of CLOCK_BOOTTIME, which is never set and which, unlike CLOCK_MONOTONIC, includes
/// the time in which the system is suspended.
int64_t linux_monotonic(void);
/// Processor time of this process, in nanoseconds.
int64_t linux_processor_time(void);
/// Makes all whole pages within this memory resident at once. A caller that is about to fill the
/// memory saves the higher cost of one page fault per page. Has no effect on kernels before 5.14.
void linux_populate(void *start, int64_t byte_count);
/// The number of bytes that this process has allocated and not freed.
int64_t linux_allocated_bytes(void);
/// Returns freed memory to the kernel.
void linux_trim_memory(void);
/// Keeps idle processors from sleeping as long as the returned descriptor is open, at most until
/// this process ends (Documentation/power/pm_qos_interface.rst). Returns -errno if this user lacks
/// the permission.
int linux_keep_processors_awake(void);
/// Makes the kernel kill this process as soon as the thread that started it has ended for any
/// reason.
int linux_die_with_parent(void);
/// Sets SCHED_BATCH for this thread and the threads that it starts: they do not preempt other
/// threads when they wake up. If processors are scarce, running threads continue, and waiting
/// threads find larger batches of work when they run.
void linux_prefer_throughput(void);
/// Raises the limit on open descriptors to its maximum. Returns the limit.
int64_t linux_raise_descriptor_limit(void);

// MARK: signals

/// From now on the first SIGINT or SIGTERM rings the event; later ones have their default effect.
void linux_await_interruption(int event);
/// Restores the default effect of both signals.
void linux_end_interruption(void);
/// From now on a thread that crashes first writes its notice to standard error. Then the signal's
/// earlier effect follows, such as a backtrace. To be called once.
void linux_watch_crashes(void);
/// Sets the text that this thread writes if it crashes; NULL for no text. At most 4096 bytes are
/// kept.
void linux_set_crash_notice(const char *text);

// MARK: threads

/// A descriptor over which one thread wakes another. `linux_event_ring` makes it readable, and
/// `linux_event_await` waits for that and resets it. No child process inherits it.
int linux_event_create(void);
void linux_event_ring(int event);
void linux_event_await(int event);

// MARK: disks

/// Sets whether reads and writes bypass the page cache (O_DIRECT). Returns whether they did before.
int linux_bypass_cache(int descriptor, int bypasses);

/// Starts to write a part of a file from the page cache to the disk, and waits for that. Nothing
/// becomes durable by it. Returns 0 or a negative `errno`.
int linux_write_back(int descriptor, int64_t offset, int64_t count);

/// Shuts a mounted ext4 file system down as a loss of power would: no data in memory reaches the
/// disk. `directory` is a descriptor of a directory in it. Needs root.
int linux_ext4_shutdown(int directory);

// MARK: child processes

/// Starts a program in a new session. It inherits no descriptors of this process except the given
/// ones. `arguments` ends with NULL. `input` becomes its standard input (-1: /dev/null), `messages`
/// its standard error and output (-1: /dev/null). Returns its process id.
int linux_spawn(const char *program, char *const arguments[], int input, int messages);
/// A file in memory that exists until its last descriptor is closed; writes append to it. A child
/// process inherits it only if it is passed to `linux_spawn`.
int linux_memory_file(void);
/// A pipe whose ends no child process inherits.
int linux_pipe(int ends[2]);
/// Returns 1 if the child has ended (`status` is then that of `waitpid`), 0 if it is still running,
/// or -errno. Waits for the end if `waits`.
int linux_reap(int child, int waits, int *status);
