// SPDX-License-Identifier: Apache-2.0
// What a program sees of its own start, its stack and its end by exec: the same with CExitFirst as without.

#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/resource.h>

extern char **environ;
extern const char __executable_start[]; // the linker's name for the first byte of the program

static char **arguments_of_main, **environment_of_main;
static int count_of_main;

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

static int threads(void) {
  DIR *folder = opendir("/proc/self/task");
  int count = 0;
  CHECK(folder != NULL);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) count += entry->d_name[0] != '.';
  closedir(folder);
  return count;
}

// Arguments, environment and the kernel's vector lie behind each other, where the kernel has put them.
static void look_at_vectors(void) {
  int error = errno;
  say("errno %d, program %s = %s\n", error, last_part(program_invocation_name), program_invocation_short_name);
  say("arguments %d, the last is null: %d\n", count_of_main, arguments_of_main[count_of_main] == NULL);
  for (int i = 1; i < count_of_main; i++) say("argument %s\n", arguments_of_main[i]);
  say("environment behind the arguments: %d, main's third argument: %d, MARK=%s\n",
      environ == arguments_of_main + count_of_main + 1, environment_of_main == environ, getenv("MARK"));
  char **end = environ;
  while (*end != NULL) end++;
  const ElfW(auxv_t) *vector = (const void *)(end + 1);
  int entries = 0, differ = 0;
  for (; vector->a_type != AT_NULL; vector++) {
    if (vector->a_type == AT_IGNORE) continue;
    entries++;
    differ += getauxval(vector->a_type) != vector->a_un.a_val;
  }
  say("kernel's vector has entries: %d, getauxval differs for %d\n", entries > 10, differ);
  say("started by the name %s, with its headers: %d, secure: %lu\n", last_part((const char *)getauxval(AT_EXECFN)),
      getauxval(AT_PHDR) ==
          (uintptr_t)__executable_start + ((const ElfW(Ehdr) *)(const void *)__executable_start)->e_phoff,
      getauxval(AT_SECURE));
}

static void look_at_process(void) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_STACK, &limit) == 0);
  pthread_attr_t attributes;
  void *lowest;
  size_t size;
  CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0);
  CHECK(pthread_attr_getstack(&attributes, &lowest, &size) == 0);
  const char *here = (const char *)&limit, *low = lowest;
  say("stack limit %llu and %llu, on the stack: %d\n", (unsigned long long)limit.rlim_cur,
      (unsigned long long)limit.rlim_max, here >= low && here < low + size);
  sigset_t mask;
  CHECK(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0);
  int changed = 0;
  for (int number = 1; number < 65; number++) {
    struct sigaction action;
    changed += sigismember(&mask, number) == 1;
    changed += sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL;
  }
  say("signals blocked, ignored or handled: %d\n", changed);
  say("threads %d\n", threads());
}

static int look(int count, char **arguments) {
  (void)count, (void)arguments;
  look_at_vectors();
  look_at_process();
  return 0;
}

// ---- A stack of a size that the program asks for

static char *top; // the kernel's strings, above the stack of main

static __attribute__((noinline)) size_t go_down(size_t most) {
  volatile char frame[512];
  frame[0] = 1;
  size_t used = (size_t)(top - (char *)frame);
  return used + 4096 > most ? used : go_down(most) + (size_t)(frame[0] - 1);
}

static int deep(int count, char **arguments) {
  struct rlimit limit = {1 << 20, 1 << 20};
  if (count == 0) {
    CHECK(setrlimit(RLIMIT_STACK, &limit) == 0);
    execl("/proc/self/exe", arguments_of_main[0], "deep", "now", (char *)NULL);
  }
  CHECK(strcmp(arguments[0], "now") == 0 && getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur == 1 << 20);
  top = (char *)getauxval(AT_EXECFN);
  size_t most = limit.rlim_cur - 16384; // below is the page of the last call
  say("used all of it: %d\n", go_down(most) + 8192 > most);
  return 3;
}

// ---- exec

static void become_another(void *unused) {
  (void)unused;
  say("exec\n");
  execl("/proc/self/exe", arguments_of_main[0], "after", (char *)NULL);
  _exit(98);
}

static int other_program(int count, char **arguments) { // a new program, with an exit of its own
  (void)count, (void)arguments;
  CHECK(!cexit_is_exiting() && cexit_stack_count(NULL) == 0);
  push_name(NULL, "handler of the other program");
  return 4;
}

static void *become_another_here(void *unused) {
  become_another(NULL);
  return unused;
}

static int by_exec(int count, char **arguments) { // <main|thread|handler>
  CHECK(count == 1);
  push_name(NULL, "older");
  if (strcmp(arguments[0], "handler") == 0) push(NULL, become_another, NULL);
  push_name(NULL, "newer");
  if (strcmp(arguments[0], "thread") == 0) join(start(become_another_here, NULL));
  if (strcmp(arguments[0], "main") == 0) become_another(NULL);
  exit(3);
}

int main(int count, char **arguments, char **environment) {
  count_of_main = count;
  arguments_of_main = arguments;
  environment_of_main = environment;
  static const struct fixture_case cases[] = {
      {"look", look}, {"deep", deep}, {"exec", by_exec}, {"after", other_program}};
  return run_case(cases, sizeof cases / sizeof *cases, count, arguments);
}
