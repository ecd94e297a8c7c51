// SPDX-License-Identifier: Apache-2.0
//
// One thread cancels by a name among 200,000 handlers, and a second thread registers. The names of the newest and of the
// oldest handler lie in memory that nobody may read, so the walk stops at these two: at the newest until the second
// thread sleeps on the library's lock, and at the oldest to see whether the second thread has registered.

#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

enum { HANDLERS = 200000 };

static char *newest, *oldest; // a page each
static size_t page;
static _Atomic int second, begun, registered, at_the_oldest;

static bool sleeps(int thread) {
  char path[64], text[256] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
  int file = open(path, O_RDONLY);
  CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0);
  close(file);
  return strchr(text, ')')[2] == 'S';
}

static void stop_here(int number, siginfo_t *information, void *context) {
  (void)number, (void)context;
  if ((char *)information->si_addr == newest) {
    atomic_store(&begun, 1);
    while (!sleeps(second)) sched_yield();
  } else {
    CHECK((char *)information->si_addr == oldest);
    at_the_oldest = registered;
  }
  CHECK(mprotect(information->si_addr, page, PROT_READ) == 0);
}

static void nothing(void *unused) {
  (void)unused;
}

static void *registers(void *unused) {
  atomic_store(&second, (int)syscall(SYS_gettid));
  while (!atomic_load(&begun)) {
  }
  push(NULL, nothing, NULL);
  atomic_store(&registered, 1);
  return unused;
}

static char *hidden_name(void) {
  char *name = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(name != MAP_FAILED);
  return name;
}

int main(void) {
  page = (size_t)sysconf(_SC_PAGESIZE);
  newest = hidden_name();
  oldest = hidden_name();
  sigaction(SIGSEGV, &(struct sigaction){.sa_sigaction = stop_here, .sa_flags = SA_SIGINFO}, NULL);
  pthread_t thread = start(registers, NULL);
  while (!atomic_load(&second)) sched_yield();
  CHECK(cexit_register(NULL, &(cexit_entry){.function = nothing, .name = oldest}, NULL) == 0);
  for (int i = 0; i < HANDLERS; i++) push(NULL, nothing, NULL);
  CHECK(cexit_register(NULL, &(cexit_entry){.function = nothing, .name = newest}, NULL) == 0);
  size_t cancelled = cexit_stack_cancel_named(NULL, "nobody's");
  join(thread);
  say("registered in the middle: %d\n", at_the_oldest);
  say("cancelled: %zu\n", cancelled);
  _exit(0);
}
