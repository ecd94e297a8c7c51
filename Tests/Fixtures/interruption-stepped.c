// SPDX-License-Identifier: Apache-2.0
// An exit by a signal handler at every instruction of an operation. A child of this program stops before the operation; this
// program lets the child take k instructions, then delivers a signal whose handler exits; for each k until the operation is
// over. Prints each output of the children that differs from the output before.

#include <CExitBinding.h>
#include <CExitFinalizer.h>

#include "fixture.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>

static cexit_stack *stack, *other;
static cexit_handler handles[4];

// Few instructions: the child stops at each, and musl's vsnprintf has thousands.
static void put(const char *before, const char *name) {
  char text[16];
  size_t length = (size_t)(stpcpy(stpcpy(stpcpy(text, before), name), " ") - text);
  CHECK(write(STDOUT_FILENO, text, length) == (ssize_t)length);
}

static void release(void *name) {
  put("~", name);
}

static void print(void *name) {
  put("", name);
}

static cexit_handler add(cexit_stack *to, const char *name) {
  cexit_handler handler;
  cexit_entry entry = {.function = print, .context = (void *)name, .name = name};
  CHECK(cexit_register(to, &entry, &handler) == 0);
  return handler;
}

static cexit_handler add_held(cexit_stack *to, const char *name) {
  cexit_handler handler;
  cexit_entry entry = {.function = print, .context = (void *)name, .release = release, .name = "held"};
  CHECK(cexit_register(to, &entry, &handler) == 0);
  return handler;
}

// ---- Operations. Each is called twice: the first time binds what the operation calls, in a child of its own kind.

static void two(void) {
  add(NULL, "a");
  handles[0] = add(NULL, "b");
}
static void one_more(void) {
  add(NULL, "c");
}

static void full_page(void) { // the next registration takes the last free entry of the static ones
  cexit_handler handler[32];
  cexit_entry entry = {.function = print, .context = (void *)"no"};
  two();
  for (int i = 0; i < 29; i++) CHECK(cexit_register(NULL, &entry, &handler[i]) == 0);
  for (int i = 0; i < 29; i++) handles[1] = handler[i];
  stack = NULL;
  cexit_entry other_entry = {.function = print, .context = (void *)"s"};
  CHECK(cexit_stack_create(NULL, &stack) == 0);
  for (int i = 0; i < 28; i++) CHECK(cexit_cancel(handler[i]) && cexit_register(stack, &other_entry, NULL) == 0);
  CHECK(cexit_cancel(handler[28]));
  CHECK(cexit_register(stack, &other_entry, NULL) == 0);
}
static void fill(void) {
  add(NULL, "c");
  add(NULL, "d");
}

static void three_held(void) {
  add(NULL, "a");
  handles[0] = add_held(NULL, "b");
  add(NULL, "c");
}
static void cancel(void) {
  CHECK(cexit_cancel(handles[0]));
}

static void four_held(void) {
  add_held(NULL, "a");
  add(NULL, "b");
  add_held(NULL, "c");
  add(NULL, "d");
}
static void cancel_named(void) {
  CHECK(cexit_stack_cancel_named(NULL, "held") == 2);
}

static void two_and_stack(void) {
  two();
  CHECK(cexit_stack_create("s", &stack) == 0);
  add(stack, "1");
  add(stack, "2");
  add(stack, "3");
}
static void move(void) {
  CHECK(cexit_stack_move(stack, NULL) == 3);
}
static void run(void) {
  CHECK(cexit_stack_run(stack) == 3);
}
static void destroy(void) {
  cexit_stack_destroy(stack);
}

static void two_and_nested(void) {
  two();
  CHECK(cexit_stack_nest(NULL, "s", &stack) == 0);
  add(stack, "1");
  add(stack, "2");
  add(NULL, "c");
}
static void nest(void) {
  CHECK(cexit_stack_nest(NULL, "t", &other) == 0);
}
static void create(void) {
  CHECK(cexit_stack_create("t", &other) == 0);
}
static void place_again(void) {
  add(stack, "3");
}
static void two_and_empty(void) {
  two_and_nested();
  CHECK(cexit_stack_run(stack) == 2);
}
static void sleep_(void) {
  CHECK(cexit_set_asleep(handles[0], true));
}
static void two_asleep(void) {
  two();
  add(NULL, "c");
  CHECK(cexit_set_asleep(handles[0], true));
}
static void wake(void) {
  CHECK(cexit_set_asleep(handles[0], false));
}
static void run_one(void) {
  CHECK(cexit_run(handles[0]));
}
static void step(void) {
  CHECK(cexit_stack_step(NULL, NULL, NULL));
}
static void mark(void) {
  CHECK(cexit_mark() == 0);
}
static void reserve(void) {
  CHECK(cexit_reserve(100) == 0);
}
static void nothing(void) {
}

static const struct operation {
  const char *name;
  void (*before)(void), (*run)(void);
} operations[] = {
    {"first", nothing, one_more},
    {"register", two, one_more},
    {"register-page", full_page, fill},
    {"cancel", three_held, cancel},
    {"cancel-named", four_held, cancel_named},
    {"move", two_and_stack, move},
    {"run", two_and_stack, run},
    {"destroy", two_and_nested, destroy},
    {"nest", two, nest},
    {"create", two, create},
    {"nested", two_and_nested, place_again},
    {"place", two_and_empty, place_again},
    {"sleep", three_held, sleep_},
    {"wake", two_asleep, wake},
    {"run-one", two, run_one},
    {"step", two, step},
    {"mark", two, mark},
    {"reserve", two, reserve},
};

static bool by_door;

static void leave(int signal) {
  (void)signal;
  by_door ? cexit_exit(7) : exit(7);
}

// ---- The child

// libc's raise blocks signals meanwhile: SIGUSR1 would come after the stop, for which the parent no longer waits.
static void stop(void) {
  syscall(SYS_tgkill, getpid(), gettid(), SIGSTOP);
}

static CEXIT_NORETURN void be_child(const struct operation *operation, int output) {
  CHECK(dup2(output, STDOUT_FILENO) >= 0);
  struct sigaction action = {.sa_handler = leave};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
  alarm(20);
  operation->before();
  stop();
  operation->run();
  stop();
  _exit(8);
}

static int wait_for(pid_t child) {
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  return status;
}

static bool is_stop(int status) {
  return WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP;
}

// False: the operation was over before so many instructions.
static bool interrupt(const struct operation *operation, unsigned long after, char *printed, size_t size) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) be_child(operation, ends[1]);
  close(ends[1]);
  CHECK(is_stop(wait_for(child)));
  bool over = false;
  for (unsigned long i = 0; i < after && !over; i++) {
    CHECK(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0);
    int status = wait_for(child);
    over = is_stop(status);
    CHECK(over || (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP));
  }
  CHECK(ptrace(PTRACE_DETACH, child, NULL, (void *)(uintptr_t)SIGUSR1) == 0);
  CHECK(kill(child, SIGCONT) == 0); // the SIGSTOP at the end of the operation may be on its way
  size_t length = 0;
  for (ssize_t got; (got = read(ends[0], printed + length, size - 1 - length)) > 0;) length += (size_t)got;
  printed[length] = 0;
  close(ends[0]);
  int status = wait_for(child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
    snprintf(printed + length, size - length, "status %d after %lu", status, after);
  return !over;
}

static int every(int count, char **arguments) { // <operation> exit|cexit_exit <every how many instructions>
  CHECK(count == 3);
  by_door = strcmp(arguments[1], "cexit_exit") == 0;
  unsigned long by = strtoul(arguments[2], NULL, 10), after = 1;
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
    if (strcmp(operations[i].name, arguments[0]) != 0) continue;
    char printed[512], before[512] = "?";
    for (bool more = true; more; after += by) {
      more = interrupt(&operations[i], after, printed, sizeof printed);
      if (strcmp(printed, before) != 0) say("%s\n", printed);
      strcpy(before, printed);
    }
    CHECK(after > 50);
    return 0;
  }
  return 98;
}

int main(int count, char **arguments) {
  return every(count - 1, arguments + 1);
}
