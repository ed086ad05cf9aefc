#define _GNU_SOURCE
#include "CLinux.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

// MARK: interruption

static const int interrupting[] = {SIGINT, SIGTERM};
enum { interrupting_count = sizeof interrupting / sizeof *interrupting };

static volatile int interruption_event = -1;

static void by_default(void) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  for (int i = 0; i < interrupting_count; i++) sigaction(interrupting[i], &action, NULL);
}

static void interrupted(int number) {
  (void)number;
  by_default();
  linux_event_ring(interruption_event);
}

void linux_await_interruption(int event) {
  interruption_event = event;
  struct sigaction action = {.sa_handler = interrupted, .sa_flags = SA_RESTART};
  for (int i = 0; i < interrupting_count; i++) sigaction(interrupting[i], &action, NULL);
}

void linux_end_interruption(void) { by_default(); }

// MARK: crashes

static const int crashing[] = {SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE};
enum { crashing_count = sizeof crashing / sizeof *crashing };

static struct sigaction earlier[crashing_count];
static _Thread_local char notice[4096];
static _Thread_local volatile size_t notice_length;
/// The handler's own stack, because a stack that has overflowed has no room for the handler.
static _Thread_local char handler_stack[16384];

/// Writes the thread's notice and restores the earlier handler. It calls only functions that are
/// safe in a signal handler.
static void crashed(int number, siginfo_t *info, void *context) {
  (void)context;
  size_t offset = 0;
  while (offset < notice_length) {
    ssize_t written = write(STDERR_FILENO, notice + offset, notice_length - offset);
    if (written <= 0) break;
    offset += (size_t)written;
  }
  for (int i = 0; i < crashing_count; i++)
    if (crashing[i] == number) sigaction(number, &earlier[i], NULL);
  // A fault happens again when the handler returns, but a signal that was sent must be raised
  // again.
  if (info->si_code <= 0 || number == SIGTRAP || number == SIGABRT) raise(number);
}

void linux_watch_crashes(void) {
  struct sigaction action = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  for (int i = 0; i < crashing_count; i++) sigaction(crashing[i], &action, &earlier[i]);
}

void linux_set_crash_notice(const char *text) {
  notice_length = 0;
  if (!text) return;
  stack_t stack;
  if (sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_DISABLE)) {
    stack = (stack_t){.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    sigaltstack(&stack, NULL);
  }
  size_t length = strnlen(text, sizeof notice);
  memcpy(notice, text, length);
  notice_length = length;
}
