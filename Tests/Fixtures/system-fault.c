// SPDX-License-Identifier: Apache-2.0
//
// A system that has less: no /proc, a kernel that is older, a libc that refuses. FAIL names the functions that fail, with
// spaces around each; the program's own functions stand in front of libc's.

#include "fixture.h"

#include <CExitBinding.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/uio.h>

static bool fails(const char *function) {
  const char *all = getenv("FAIL"), *at = all != NULL ? strstr(all, function) : NULL;
  return at != NULL && at[-1] == ' ' && at[strlen(function)] == ' ';
}

#define REAL(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

static bool is_missing(const char *path) {
  return (strncmp(path, "/proc/", 6) == 0 && fails("proc")) ||
         (strcmp(path, "/proc/self/maps") == 0 && fails("maps")) ||
         (strncmp(path, "/proc/self/fd/", 14) == 0 && fails("fd")) ||
         (strncmp(path, "/proc/", 6) != 0 && fails("files"));
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  errno = EACCES;
  return is_missing(path) ? -1 : REAL(open)(path, flags, mode);
}

#ifdef RWF_NOWAIT
ssize_t pwritev2(int file, const struct iovec *parts, int count, off_t offset, int flags) {
  errno = EOPNOTSUPP;
  return fails("pwritev2") ? -1 : REAL(pwritev2)(file, parts, count, offset, flags);
}
#endif

int madvise(void *address, size_t size, int advice) {
  errno = EINVAL;
  return fails("madvise") ? -1 : REAL(madvise)(address, size, advice);
}

ssize_t pread(int file, void *out, size_t size, off_t offset) {
  errno = EIO;
  return fails("pread") ? -1 : REAL(pread)(file, out, size, offset);
}

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *)) {
  return fails("pthread_key_create") ? EAGAIN : REAL(pthread_key_create)(key, destructor);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *), void *argument) {
  static int made;
  if (fails("pthread_create") || (made++ != 0 && fails("second-thread"))) return EAGAIN;
  return REAL(pthread_create)(thread, attributes, function, argument);
}

int pthread_attr_init(pthread_attr_t *attributes) {
  return fails("pthread_attr_init") ? ENOMEM : REAL(pthread_attr_init)(attributes);
}

// ---- Standard error is a pipe of another user's: it cannot be opened once more

static int line(int count, char **arguments) {
  CHECK(count == 1);
  if (strcmp(arguments[0], "full") == 0) {
    int ends[2];
    char page[4096] = {0};
    CHECK(pipe(ends) == 0 && fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    while (write(ends[1], page, sizeof page) > 0) continue;
    CHECK(fcntl(ends[1], F_SETFL, 0) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
  }
  cexit_write_line("a line\n", 7);
  say("goes on\n");
  return 0;
}

// ---- The names of functions, which are read from files

void nameless(void *unused);
void nameless(void *unused) {
  (void)unused;
  cexit_dump(STDOUT_FILENO);
}

static int names(int count, char **arguments) {
  (void)count, (void)arguments;
  push(NULL, nameless, NULL);
  cexit_exit(3);
}

// ---- Threads of the library's own

static int threads(int count, char **arguments) {
  (void)count, (void)arguments;
  push_name(NULL, "handler");
  int deadline = cexit_set_deadline(60000000000), signals = cexit_exit_on_signals(NULL, 0);
  int request = cexit_request_exit(3);
  say("%d %d %d\n", deadline, signals, request);
  if (request != 0) cexit_exit(4);
  for (;;) pause();
}

// ---- A signal that a file of the program reads, and that nobody can find

static void older(int number) {
  (void)number;
  say("older handler\n");
}

static int reader(int count, char **arguments) {
  (void)count, (void)arguments;
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  CHECK(signal(SIGTERM, older) != SIG_ERR && signalfd(-1, &term, 0) >= 0);
  push_name(NULL, "handler");
  CHECK(cexit_exit_on_signals((const int[]){SIGTERM}, 1) == 0);
  kill(getpid(), SIGTERM);
  if (!fails("proc")) cexit_exit(5);
  for (;;) pause();
}

// ---- A child of vfork, where the kernel wipes no memory in children (before Linux 4.14)

static int vfork_child(int count, char **arguments) {
  (void)count, (void)arguments;
  push_name(NULL, "parent's");
  pid_t child = vfork();
  if (child == 0) cexit_exit(6);
  say_end(child);
  return 0;
}

// ---- More shared objects than the library has numbers for

static int ran;

static void count_run(void *unused) {
  (void)unused;
  ran++;
}

static void say_runs(void *unused) {
  (void)unused;
  say("%d ran\n", ran);
}

static int owners(int count, char **arguments) {
  CHECK(count == 1);
  size_t most = (size_t)atoi(arguments[0]);
  char *place = mmap(NULL, 16 * most, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(place != MAP_FAILED);
  push(NULL, say_runs, NULL);
  for (int round = 0; round < 2; round++) { // in the second round each owner is known, or known to be too many
    for (size_t i = 0; i < most; i++) {
      cexit_entry entry = {.function = count_run};
      CHECK(cexit_register_owned(NULL, &entry, place + 16 * i, NULL) == 0);
    }
  }
  cexit_exit(4);
}

// ---- A trace on a file system that is full

static int full(int count, char **arguments) {
  (void)count, (void)arguments;
  signal(SIGXFSZ, SIG_IGN);
  CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, 0}) == 0);
  for (int i = 0; i < 3; i++) push_name(NULL, "handler");
  cexit_exit(4);
}

FIXTURE({"line", line}, {"names", names}, {"threads", threads}, {"reader", reader}, {"vfork", vfork_child}, {"owners", owners}, {"full", full})
