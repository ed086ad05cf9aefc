#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int use(posix_spawn_file_actions_t *actions, int descriptor, int as, int mode) {
  return descriptor >= 0 ? posix_spawn_file_actions_adddup2(actions, descriptor, as)
                         : posix_spawn_file_actions_addopen(actions, as, "/dev/null", mode, 0);
}

int linux_spawn(const char *program, char *const arguments[], int input, int messages) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = -1;
  int error = use(&actions, input, 0, O_RDONLY);
  if (!error) error = use(&actions, messages, 1, O_WRONLY);
  if (!error) error = use(&actions, messages, 2, O_WRONLY);
  if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (!error) error = posix_spawn(&child, program, &actions, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error ? -error : child;
}

int linux_memory_file(void) {
  int file = memfd_create("messages", MFD_CLOEXEC);
  if (file < 0) return -errno;
  if (fcntl(file, F_SETFL, O_APPEND) < 0) {
    int error = errno;
    close(file);
    return -error;
  }
  return file;
}

int linux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0; }

int linux_reap(int child, int waits, int *status) {
  pid_t found;
  do found = waitpid(child, status, waits ? 0 : WNOHANG);
  while (found < 0 && errno == EINTR);
  if (found < 0) return -errno;
  return found == child;
}
