// SPDX-License-Identifier: Apache-2.0
// The ways out of a process, and the handlers that run on each.

#include "fixture.h"

#include <sys/resource.h>

static void handler(void) {
  say("handler\n");
}

static void quick_handler(void) {
  say("quick handler\n");
}

static void *exit_in_thread(void *status) {
  exit((int)(intptr_t)status);
}

static void *end(void *unused) {
  return unused;
}

static int leave(int count, char **arguments) {
  CHECK(count == 1);
  const char *way = arguments[0];
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  CHECK(cexit_atexit(handler) == 0);
  CHECK(cexit_at_quick_exit(quick_handler) == 0);
  say("%s\n", way);
  if (strcmp(way, "return") == 0) return 3;
  if (strcmp(way, "exit") == 0) exit(3);
  if (strcmp(way, "cexit_exit") == 0) cexit_exit(3);
  if (strcmp(way, "_exit") == 0) _exit(3);
  if (strcmp(way, "quick_exit") == 0) quick_exit(3);
  if (strcmp(way, "abort") == 0) abort();
  if (strcmp(way, "trap") == 0) illegal_instruction();
  if (strcmp(way, "signal") == 0) raise(SIGTERM);
  if (strcmp(way, "kill") == 0) raise(SIGKILL);
  if (strcmp(way, "exec") == 0) execlp("true", "true", NULL);
  if (strcmp(way, "thread exits, main joins") == 0) join(start(exit_in_thread, (void *)3));
  if (strcmp(way, "thread ends") == 0) {
    join(start(end, NULL));
    _exit(3);
  }
  if (strcmp(way, "last thread ends") == 0) pthread_exit(NULL);
  return 98;
}

static void say_status(int status, void *name) {
  say("%s: %d\n", (const char *)name, status);
}

static void exit_9(void *unused) {
  (void)unused;
  say("exit 9\n");
  exit(9);
}

static void exit_7(void *unused) {
  (void)unused;
  say("exit 7\n");
  cexit_exit(7);
}

static int status(int count, char **arguments) { // the last exit wins, and each handler sees the status of that moment
  (void)count, (void)arguments;
  cexit_on_exit(say_status, "oldest");
  push(NULL, exit_7, NULL);
  cexit_on_exit(say_status, "between");
  push(NULL, exit_9, NULL);
  cexit_on_exit(say_status, "newest");
  CHECK(!cexit_is_exiting() && !cexit_exit_status(NULL));
  return 3;
}

static void end_at_once(void *unused) {
  (void)unused;
  _Exit(4);
}

static int _Exit_in_handler(int count, char **arguments) { // the handlers that _Exit skips are skipped
  (void)count, (void)arguments;
  push_name(NULL, "skipped");
  push(NULL, end_at_once, NULL);
  return 3;
}

static void request(void *status) {
  cexit_request_status((int)(intptr_t)status);
}

static int requested(int count, char **arguments) { // <status of main> <asked for, oldest handler first>…
  CHECK(count > 0);
  cexit_on_exit(say_status, "skips nobody");
  for (int i = 1; i < count; i++) push(NULL, request, (void *)(intptr_t)atoi(arguments[i]));
  return atoi(arguments[0]);
}

static void check_exiting(void *unused) {
  int seen = -1;
  (void)unused;
  CHECK(cexit_is_exiting() && cexit_exit_status(&seen) && seen == 3);
}

static int asks(int count, char **arguments) {
  (void)count, (void)arguments;
  push(NULL, check_exiting, NULL);
  return 3;
}

static void remove_file(void *path) {
  unlink(path);
}

static int removes(int count, char **arguments) { // <file> <status; none: return>
  CHECK(count >= 1);
  push(NULL, remove_file, arguments[0]);
  if (count == 2) exit(atoi(arguments[1]));
  return 0;
}

static void break_errno(void *unused) {
  (void)unused;
  errno = EXDEV;
}

static void check_errno(void *unused) {
  (void)unused;
  CHECK(errno == ENOTTY);
}

static int keeps_errno(int count, char **arguments) { // of the code that a run interrupts; and no call changes errno
  (void)count, (void)arguments;
  cexit_stack *stack;
  cexit_handler handler;
  cexit_entry entry = {.function = break_errno, .release = break_errno};
  errno = ENOTTY;
  CHECK(cexit_stack_create(NULL, &stack) == 0);
  for (int i = 0; i < 100; i++) CHECK(cexit_register(stack, &entry, &handler) == 0);
  check_errno(NULL);
  CHECK(cexit_run(handler));
  check_errno(NULL);
  CHECK(cexit_register(stack, &entry, &handler) == 0 && cexit_cancel(handler));
  check_errno(NULL);
  CHECK(cexit_stack_run(stack) == 99);
  check_errno(NULL);
  CHECK(cexit_register(NULL, &entry, NULL) == 0 && cexit_stack_clear(NULL) == 1);
  CHECK(cexit_reserve(100000) == 0 && cexit_mark() == 0);
  check_errno(NULL);
  push(NULL, check_errno, NULL);
  push(NULL, break_errno, NULL);
  return 0;
}

static int closed_stderr(int count, char **arguments) {
  (void)count, (void)arguments;
  push_name(NULL, "ran");
  close(STDERR_FILENO);
  return 0;
}

static void *says_24_and_42(void *unused) {
  say("24\n");
  sched_yield();
  say("42\n");
  return unused;
}

static void starts_thread(void *unused) {
  (void)unused;
  join(start(says_24_and_42, NULL));
}

static int thread_in_handler(int count, char **arguments) {
  (void)count, (void)arguments;
  push(NULL, starts_thread, NULL);
  return 0;
}

// ---- Registering late

static void *released;

static void note_release(void *context) {
  released = context;
}

static void register_late(const char *when) {
  cexit_entry entry = {.function = say_name, .context = (void *)when, .release = note_release};
  cexit_handler handler = {0};
  int error = cexit_register(NULL, &entry, &handler);
  say("%s: %s, %s\n", when, error == 0 ? "accepted" : error == ECANCELED ? "ECANCELED" : "another error",
      cexit_is_pending(handler) ? "pending" : "not pending");
}

static void by_libc_handler(void) {
  register_late("in an older handler of libc's");
}

static bool late_case;

__attribute__((destructor)) static void by_destructor(void) {
  if (late_case) register_late("in a destructor");
}

static ssize_t by_flush(void *unused, const char *bytes, size_t size) {
  (void)unused, (void)bytes;
  register_late("in the flush");
  return (ssize_t)size;
}

static int late(int count, char **arguments) {
  (void)count, (void)arguments;
  late_case = true;
  FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = by_flush});
  CHECK(stream != NULL && fputs("unflushed", stream) >= 0);
  atexit(by_libc_handler);
  push_name(NULL, "handler");
  return 0;
}

FIXTURE({"leave", leave}, {"status", status}, {"_Exit", _Exit_in_handler}, {"request", requested}, {"asks", asks},
        {"removes", removes}, {"errno", keeps_errno}, {"closed-stderr", closed_stderr}, {"thread", thread_in_handler},
        {"late", late})
