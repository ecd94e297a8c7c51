// SPDX-License-Identifier: Apache-2.0
// Looking at what is pending: cexit_walk and cexit_dump.

#include "fixture.h"

#include <CExitBinding.h>
#include <CExitFinalizer.h>

#include <sys/time.h>

extern _Atomic uintptr_t cexit__lock_word; // the core is part of this program

static void nothing(void) {
}
static void plain(void *context) {
  (void)context;
}
static void with_status(int status, void *context) {
  (void)status, (void)context;
}

static cexit_handler add(cexit_stack *stack, const char *name, CExitPhase phase, uint32_t flags, uint32_t line) {
  cexit_handler handler;
  cexit_entry entry = {.function = plain,
                       .name = name,
                       .phase = phase,
                       .flags = flags,
                       .file = line != 0 ? "App/main.c" : NULL,
                       .line = line};
  CHECK(cexit_register(stack, &entry, &handler) == 0);
  return handler;
}

static cexit_stack *fill(void) {
  cexit_stack *outer, *inner;
  add(NULL, "log", CExitPhaseLate, 0, 7);
  CHECK(cexit_on_exit(with_status, NULL) == 0);
  CHECK(cexit_stack_nest(NULL, "outer", &outer) == 0);
  add(outer, "oldest", CExitPhaseNormal, 0, 0);
  CHECK(cexit_stack_nest(outer, NULL, &inner) == 0);
  add(inner, NULL, CExitPhaseNormal, 0, 21);
  add(inner, NULL, CExitPhaseNormal, 0, 0);
  CHECK(cexit_set_asleep(add(outer, "finalizer", CExitPhaseNormal, 0, 0), true));
  CHECK(cexit_atexit(nothing) == 0);
  add(NULL, "schön \x1b[31m\n", CExitPhaseEarly, CEXIT_INHERITED, 0);
  return outer;
}

static int dump(int count, char **arguments) {
  (void)count, (void)arguments;
  fill();
  CHECK(cexit_dump(STDOUT_FILENO) == 0);
  CHECK(cexit_dump(-1) == EBADF);
  _exit(0);
}

static bool show(void *context, const cexit_pending *seen) {
  int *most = context;
  say("%d %s %zu %u %u %d %s %u\n", (int)seen->depth, seen->name != NULL ? seen->name : "-", seen->number,
      (unsigned)seen->phase, seen->flags, seen->function != NULL && seen->owner == NULL,
      seen->stack != NULL ? seen->stack : "-", seen->line);
  return --*most != 0;
}

static int walk(int count, char **arguments) {
  int most = count > 0 ? atoi(arguments[0]) : 1000;
  fill();
  CHECK(cexit_walk(NULL, NULL, NULL) == EINVAL);
  CHECK(cexit_walk(NULL, show, &most) == 0);
  _exit(0);
}

static int walk_one(int count, char **arguments) {
  (void)count, (void)arguments;
  int most = 1000;
  CHECK(cexit_walk(fill(), show, &most) == 0);
  _exit(0);
}

static bool run_or_cancel(void *context, const cexit_pending *seen) {
  int *count = context;
  if ((*count)++ % 2 == 0) CHECK(cexit_stack_step(NULL, NULL, NULL));
  say("%s\n", seen->name);
  return true;
}

static int change(int count, char **arguments) {
  (void)count, (void)arguments;
  static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
  int seen = 0;
  for (int i = 0; i < 6; i++) add(NULL, names[i], CExitPhaseNormal, 0, 0);
  CHECK(cexit_walk(NULL, run_or_cancel, &seen) == 0);
  _exit(0);
}

static int deep(int count, char **arguments) {
  (void)count, (void)arguments;
  cexit_stack *stack = NULL;
  while (cexit_stack_nest(stack, "level", &stack) == 0) continue;
  add(stack, "deepest", CExitPhaseNormal, 0, 0);
  CHECK(cexit_dump(STDOUT_FILENO) == 0);
  _exit(0);
}

static int child(int count, char **arguments) {
  (void)count, (void)arguments;
  add(NULL, "parent's", CExitPhaseNormal, 0, 0);
  add(NULL, "both's", CExitPhaseNormal, CEXIT_INHERITED, 0);
  pid_t made = fork();
  if (made == 0) {
    add(NULL, "child's", CExitPhaseNormal, 0, 0);
    cexit_dump(STDOUT_FILENO);
    _exit(0);
  }
  say_end(made);
  _exit(0);
}

static void dump_here(void *context) {
  (void)context;
  cexit_dump(STDOUT_FILENO);
}

static int running(int count, char **arguments) {
  (void)count, (void)arguments;
  cexit_stack *stack;
  add(NULL, "last", CExitPhaseNormal, 0, 0);
  CHECK(cexit_stack_nest(NULL, "module", &stack) == 0);
  add(stack, "after", CExitPhaseNormal, 0, 0);
  CHECK(cexit_register(stack, &(cexit_entry){.function = dump_here, .name = "stuck", .file = "a.c", .line = 3}, NULL) ==
        0);
  return 5;
}

static void *dump_there(void *unused) {
  cexit_dump(STDOUT_FILENO);
  return unused;
}

static void dump_on_thread(void *unused) {
  (void)unused;
  join(start(dump_there, NULL));
}

static int elsewhere(int count, char **arguments) { // on another thread than the exiter
  (void)count, (void)arguments;
  CHECK(cexit_set_deadline(60000000000) == 0);
  add(NULL, "last", CExitPhaseNormal, 0, 0);
  cexit_entry entry = {.function = dump_on_thread, .name = "stuck", .file = "a.c", .line = 3};
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  return 5;
}

static int locked(int count, char **arguments) {
  (void)count, (void)arguments;
  cexit_stack *stack;
  CHECK(cexit_stack_nest(NULL, "module", &stack) == 0);
  add(stack, "one", CExitPhaseNormal, 0, 0);
  int most = 1000;
  atomic_store(&cexit__lock_word, 2); // a thread that does not come back
  CHECK(cexit_dump(STDOUT_FILENO) == 0);
  CHECK(cexit_walk(NULL, show, &most) == EDEADLK);
  atomic_store(&cexit__lock_word, 0);
  _exit(0);
}

static int sink;
static void dump_to_sink(int number) {
  (void)number;
  cexit_dump(sink);
}

static int interrupted(int count, char **arguments) {
  int rounds = count > 0 ? atoi(arguments[0]) : 1;
  sink = open("/dev/null", O_WRONLY);
  signal(SIGALRM, dump_to_sink);
  struct itimerval often = {{0, 100}, {0, 100}};
  setitimer(ITIMER_REAL, &often, NULL);
  for (int i = 0; i < rounds; i++) {
    cexit_handler handlers[8];
    for (int k = 0; k < 8; k++) handlers[k] = add(NULL, "some", CExitPhaseNormal, 0, 0);
    for (int k = 0; k < 8; k++) CHECK(cexit_cancel(handlers[k]));
  }
  often = (struct itimerval){0};
  setitimer(ITIMER_REAL, &often, NULL);
  say("%zu\n", cexit_stack_count(NULL));
  _exit(0);
}

// An entry that moved has a hint of the library's in place of a file, which nobody is to see.
static bool has_right_file(const char *file, uint32_t line) {
  return line != 0 ? strcmp(file, "App/main.c") == 0 : file == NULL;
}

static bool check_pending(void *context, const cexit_pending *seen) {
  ++*(int *)context;
  CHECK(has_right_file(seen->file, seen->line));
  return true;
}

static void check_current(void *context) {
  cexit_record record;
  ++*(int *)context;
  CHECK(cexit_current(&record) && has_right_file(record.file, record.line));
}

static void check_observed(void *context, const cexit_record *record) {
  (void)context;
  CHECK(has_right_file(record->file, record->line));
}

static int moved(int count, char **arguments) {
  (void)count, (void)arguments;
  enum { ALL = 30 };
  cexit_handler handlers[ALL];
  cexit_stack *stack;
  int seen = 0, ran = 0;
  for (int i = 0; i < ALL; i++) {
    bool placed = i % 3 == 0;
    cexit_entry entry = {
        .function = check_current, .context = &ran, .file = placed ? "App/main.c" : NULL, .line = placed ? 1 : 0};
    CHECK(cexit_register(NULL, &entry, &handlers[i]) == 0);
  }
  CHECK(cexit_stack_create("moved", &stack) == 0);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < ALL; i++) CHECK(cexit_set_asleep(handlers[i], true));
    CHECK(cexit_walk(NULL, check_pending, &seen) == 0);
    for (int i = 0; i < ALL; i++) CHECK(cexit_set_asleep(handlers[i], false));
    CHECK(cexit_walk(NULL, check_pending, &seen) == 0);
  }
  CHECK(cexit_stack_move(NULL, stack) == ALL);
  CHECK(cexit_walk(stack, check_pending, &seen) == 0);
  CHECK(cexit_run(handlers[0]) && cexit_run(handlers[1]));
  CHECK(cexit_stack_step(stack, check_observed, NULL));
  CHECK(cexit_stack_run_observed(stack, check_observed, NULL) == ALL - 3);
  say("%d seen, %d ran\n", seen, ran);
  _exit(0);
}

// Another thread reads the exiter's handlers, as the deadline's thread does, while the handlers start and end. Each handler
// registers the next one, and each has a name that goes with its release.
static int left;
static atomic_bool dumps;

static void add_brief(void);
static void brief(void *name) {
  (void)name;
  if (--left > 0) add_brief();
}

static void add_brief(void) {
  char *name = strdup("brief");
  cexit_entry entry = {.function = brief, .context = name, .release = free, .name = name};
  CHECK(name != NULL && cexit_register(NULL, &entry, NULL) == 0);
}

static void *dump_without_end(void *unused) {
  for (;;) {
    cexit_dump(sink);
    dumps = true;
  }
  return unused;
}

static int ending(int count, char **arguments) {
  left = count > 0 ? atoi(arguments[0]) : 1;
  sink = open("/dev/null", O_WRONLY);
  CHECK(cexit_set_deadline(600000000000) == 0);
  add_brief();
  start(dump_without_end, NULL);
  while (!dumps) sched_yield();
  cexit_exit(5);
}

FIXTURE({"dump", dump}, {"walk", walk}, {"walk-one", walk_one}, {"change", change}, {"child", child}, {"deep", deep},
        {"running", running}, {"elsewhere", elsewhere}, {"locked", locked}, {"interrupted", interrupted},
        {"moved", moved}, {"ending", ending})
