// SPDX-License-Identifier: Apache-2.0
// In which order handlers run at exit.

#include "fixture.h"

extern void __cxa_finalize(void *object);

static char trace[1 << 12];
static size_t traced;

static void note(void *letter) {
  trace[traced++] = *(const char *)letter;
}

static void check_trace(void *expected) {
  trace[traced] = 0;
  if (strcmp(trace, expected) != 0) {
    dprintf(STDERR_FILENO, "%s, not %s\n", trace, (const char *)expected);
    _exit(1);
  }
  _exit(0);
}

static uint32_t flags;

static void push_flagged(void (*function)(void *), void *context) {
  cexit_entry entry = {.function = function, .context = context, .flags = flags};
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
}

static void adds_one(void *letter) {
  note(letter);
  push_flagged(note, "1");
}

static void adds_two(void *letter) {
  note(letter);
  push_flagged(note, "3");
  push_flagged(note, "2");
}

static int mixed(int count, char **arguments) { // 32 handlers, some of which register more; also as an inheritance
  (void)arguments;
  flags = count > 0 ? CEXIT_INHERITED : 0;
  push_flagged(check_trace, "z23y1xwv23u1tsrq1p23onmlkj23i1hgfedcba");
  const char *letters = "abcdefghijklmnopqrstuvwxyz";
  for (int i = 0; letters[i] != 0; i++) {
    void (*function)(void *) = strchr("iquy", letters[i]) ? adds_one : strchr("jpvz", letters[i]) ? adds_two : note;
    push_flagged(function, (void *)&letters[i]);
  }
  if (count == 0) return 3;
  pid_t child = fork();
  if (child == 0) exit(3);
  say_end(child);
  return 3;
}

static int recursive_status;

static void ends_with_status(void *unused) {
  (void)unused;
  _exit(recursive_status);
}

static void nothing(void *unused) {
  (void)unused;
}

static void registers_two_more(void *unused) {
  (void)unused;
  push(NULL, ends_with_status, NULL);
  push(NULL, nothing, NULL);
}

static int at_every_boundary(int count, char **arguments) { // handlers registered by a handler, wherever a block ends
  (void)count, (void)arguments;
  for (int before = 0; before < 100; before++) {
    pid_t child = fork();
    if (child == 0) {
      recursive_status = 42;
      for (int i = 0; i < before; i++) push(NULL, nothing, NULL);
      push(NULL, registers_two_more, NULL);
      exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 42);
  }
  return 0;
}

static size_t expected, many;

static void counts_down(void *number) {
  CHECK((size_t)(uintptr_t)number == --expected);
}

static void says_how_many(void) {
  say("%zu ran, %zu left\n", many - expected, expected);
}

static int reversed(int count, char **arguments) {
  CHECK(count == 1);
  expected = many = strtoul(arguments[0], NULL, 10);
  cexit_atexit(says_how_many);
  for (size_t i = 0; i < many; i++) push(NULL, counts_down, (void *)(uintptr_t)i);
  return 0;
}

static int phases(int count, char **arguments) {
  (void)count, (void)arguments;
  static const struct {
    CExitPhase phase;
    const char *name;
  } entries[] = {{CExitPhaseLate, "late 1"},     {CExitPhaseNormal, "normal 1"}, {CExitPhaseEarly, "early 1"},
                 {CExitPhaseNormal, "normal 2"}, {CExitPhaseEarly, "early 2"},   {CExitPhaseLate, "late 2"}};
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
    cexit_entry entry = {.function = say_name, .context = (void *)entries[i].name, .phase = entries[i].phase};
    CHECK(cexit_register(NULL, &entry, NULL) == 0);
  }
  return 0;
}

static void one(void) { say("1"); }
static void two(void) { say("2"); }
static void three(void) { say("3"); }
static void four(void) { say("4"); }
static void five(void) { say("5"); }
static void six(void) { say("6"); }

static void two_that_adds(void) {
  two();
  cexit_atexit(three);
}

static int with_libc(int count, char **arguments) { // below the slot, and above it
  (void)count, (void)arguments;
  atexit(six);
  cexit_atexit(five);
  cexit_atexit(four);
  cexit_atexit(two_that_adds);
  atexit(one);
  return 0;
}

static int marked(int count, char **arguments) { // entries since a mark run before what libc got before the mark
  (void)count, (void)arguments;
  atexit(six);
  cexit_atexit(five);
  atexit(four);
  CHECK(cexit_mark() == 0);
  cexit_atexit(three);
  cexit_atexit(two);
  atexit(one);
  return 0;
}

static int marked_phases(int count, char **arguments) { // a mark never changes the order of the stack itself
  (void)count, (void)arguments;
  cexit_entry entry = {.function = say_name, .context = "early, before the mark", .phase = CExitPhaseEarly};
  cexit_register(NULL, &entry, NULL);
  push_name(NULL, "before the mark");
  entry = (cexit_entry){.function = say_name, .context = "late, before the mark", .phase = CExitPhaseLate};
  cexit_register(NULL, &entry, NULL);
  atexit(six);
  CHECK(cexit_mark() == 0);
  CHECK(cexit_mark() == 0);
  push_name(NULL, "since the mark");
  return 0;
}

static int value;

static void increase(void) {
  value++;
}

static void decrease(void) {
  value--;
}

static void decrease_by_status(int status, void *by) {
  (void)status;
  value -= *(int *)by;
}

static int unregistered(int count, char **arguments) { // every entry of the function goes, also nested ones; no other
  (void)count, (void)arguments;
  int ten = 10;
  CHECK(cexit_unregister(increase) == 0 && cexit_unregister(NULL) == 0);
  for (int i = 0; i < 4; i++) CHECK(cexit_atexit(increase) == 0);
  CHECK(cexit_atexit(decrease) == 0);
  CHECK(cexit_on_exit(decrease_by_status, &ten) == 0 && cexit_on_exit(decrease_by_status, &ten) == 0);
  cexit_stack *module;
  CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
  push(module, (void (*)(void *))(void (*)(void))decrease, NULL);
  CHECK(cexit_unregister(increase) == 4 && cexit_unregister(increase) == 0);
  CHECK(cexit_unregister((void (*)(void))decrease_by_status) == 2);
  CHECK(cexit_stack_run(NULL) == 2 && value == -2);
  CHECK(cexit_atexit(increase) == 0);
  CHECK(cexit_stack_run(NULL) == 1 && value == -1);
  return 0;
}

static int invalid(int count, char **arguments) {
  (void)count, (void)arguments;
  CHECK(cexit_atexit(NULL) == EINVAL && cexit_on_exit(NULL, NULL) == EINVAL && cexit_at_quick_exit(NULL) == EINVAL);
  CHECK(cexit_register(NULL, NULL, NULL) == EINVAL);
  CHECK(cexit_stack_count(NULL) == 0 && cexit_stack_count(cexit_quick_stack()) == 0);
  cexit_stack_destroy(NULL);
  cexit_stack_release(NULL);
  cexit_stack_destroy(cexit_quick_stack());
  push_name(NULL, "still works");
  return 0;
}

static void exit_1(void) {
  exit(1);
}

static void registers_exit(void) {
  cexit_atexit(exit_1);
}

static int handler_that_exits(int count, char **arguments) {
  (void)count, (void)arguments;
  cexit_atexit(registers_exit);
  return 0;
}

// ---- Owners: addresses outside the executable stand for objects that will be unloaded

static char *new_owner(void) {
  char *owner = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(owner != MAP_FAILED);
  CHECK(dlsym(RTLD_DEFAULT, "__cxa_finalize") != NULL); // before glibc 2.34 a program that unloads has libdl
  return owner;
}

static void push_owned(const void *owner, void (*function)(void *), void *context) {
  cexit_entry entry = {.function = function, .context = context};
  CHECK(cexit_register_owned(NULL, &entry, owner, NULL) == 0);
}

static int owners(int count, char **arguments) { // two are finalised, then the process exits
  (void)count, (void)arguments;
  char *a = new_owner(), *b = new_owner(), *c = new_owner();
  push_name(NULL, "plain 1");
  push_owned(a, say_name, "a 1");
  push_owned(b, say_name, "b");
  push_owned(c, say_name, "c");
  push_owned(a, say_name, "a 2");
  push_name(NULL, "plain 2");
  __cxa_finalize(a);
  say("a is gone\n");
  __cxa_finalize(c);
  say("c is gone\n");
  __cxa_finalize(a);
  return 0;
}

enum { OWNED = 500 };
static int sequence[2 * OWNED];
static size_t length;

static void append(void *number) {
  sequence[length++] = (int)(intptr_t)number;
}

static int two_owners(int count, char **arguments) { // 500 alternate; one goes; 250 more; the other goes
  (void)count, (void)arguments;
  char *a = new_owner(), *b = new_owner();
  for (intptr_t i = 0; i < OWNED; i++) push_owned(i % 2 ? b : a, append, (void *)i);
  __cxa_finalize(a);
  CHECK(length == OWNED / 2);
  for (int i = 0; i < OWNED / 2; i++) CHECK(sequence[i] == OWNED - 2 - 2 * i);
  for (intptr_t i = OWNED; i < OWNED + OWNED / 2; i++) push_owned(b, append, (void *)i);
  __cxa_finalize(b);
  CHECK(length == OWNED / 2 + OWNED);
  for (int i = 0; i < OWNED / 2; i++) CHECK(sequence[OWNED / 2 + i] == OWNED + OWNED / 2 - 1 - i);
  for (int i = 0; i < OWNED / 2; i++) CHECK(sequence[OWNED + i] == OWNED - 1 - 2 * i);
  CHECK(cexit_stack_count(NULL) == 0);
  return 0;
}

static int nobody(int count, char **arguments) { // an entry without an owner stays, whatever is unloaded
  (void)count, (void)arguments;
  char *owners[40];
  for (int i = 0; i < 40; i++) push_owned(owners[i] = new_owner(), say_name, "owned");
  __cxa_finalize(owners[7]);
  push_owned(NULL, say_name, "nobody's");
  char *next = new_owner();
  push_owned(next, say_name, "next");
  __cxa_finalize(next);
  say("unloaded\n");
  for (int i = 0; i < 40; i++) __cxa_finalize(owners[i]);
  say("left: %zu\n", cexit_stack_count(NULL));
  return 0;
}

FIXTURE({"mixed", mixed}, {"boundary", at_every_boundary}, {"reversed", reversed}, {"phases", phases},
        {"libc", with_libc}, {"mark", marked}, {"mark-phases", marked_phases}, {"exits", handler_that_exits},
        {"unregister", unregistered}, {"invalid", invalid}, {"owners", owners}, {"two-owners", two_owners}, {"nobody", nobody})
