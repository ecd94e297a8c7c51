// SPDX-License-Identifier: Apache-2.0
// Calls for bindings of other languages: a stack that is closed, a run that does not wait, cancelling by a predicate, and
// failures of handlers.

#include "fixture.h"

#include <CExitBinding.h>

static cexit_stack *stack;

static int try_on(cexit_stack *on, void (*function)(void *), const char *name) {
  return cexit_register(on, &(cexit_entry){.function = function, .context = (void *)name, .name = name}, NULL);
}

static cexit_stack *nested(const char *name) {
  cexit_stack *made;
  CHECK(cexit_stack_nest(NULL, name, &made) == 0);
  return made;
}

// ---- Closing

static void say_refusal(void *name) {
  int error = try_on(stack, say_name, "never");
  say("%s: %s\n", (const char *)name, error == ECANCELED ? "refused" : "accepted");
}

static void register_one(void *name) {
  say("%s: %d\n", (const char *)name, try_on(stack, say_name, "registered while the stack runs"));
}

static int closed_at_exit(int count, char **arguments) { // a nested stack, whose last run is the exit's
  (void)count, (void)arguments;
  push(NULL, say_refusal, "older than the stack");
  stack = nested("module");
  push(stack, register_one, "in the stack");
  CHECK(cexit_stack_close(stack) == 0 && cexit_stack_close(stack) == 0);
  push(stack, register_one, "accepted after the close");
  return 3;
}

static int closed_steps(int count,
                        char **arguments) { // by single steps, until a step finds no entry
  (void)count, (void)arguments;
  CHECK(cexit_stack_create("steps", &stack) == 0);
  push_name(stack, "one");
  CHECK(cexit_stack_close(stack) == 0);
  CHECK(cexit_stack_step(stack, NULL, NULL) && try_on(stack, say_name, "two") == 0);
  CHECK(cexit_stack_step(stack, NULL, NULL) && !cexit_stack_step(stack, NULL, NULL));
  say_refusal("after the last step");
  _exit(0);
}

static int closed_in_child(int count, char **arguments) { // the child's last run is its own
  (void)count, (void)arguments;
  stack = nested("module");
  push_name(stack, "parent's");
  CHECK(cexit_stack_close(stack) == 0);
  pid_t child = fork();
  if (child == 0) {
    CHECK(try_on(stack, say_name, "child's") == 0);
    cexit_stack_run(stack);
    say_refusal("in the child");
    _exit(7);
  }
  say_end(child);
  CHECK(try_on(stack, say_name, "parent's other") == 0);
  return 0;
}

// ---- A run that does not wait

static atomic_int at_work, may_end;

static void work(void *name) {
  say("%s begins\n", (const char *)name);
  at_work = 1;
  while (!may_end) sched_yield();
  say("%s ends\n", (const char *)name);
}

static void *run_stack(void *unused) {
  (void)unused;
  CHECK(cexit_stack_run(stack) == 2);
  return NULL;
}

static void run_inside(void *name) {
  size_t ran = 99;
  int error = cexit_stack_try_run(stack, &ran);
  say("%s: %d, %zu ran\n", (const char *)name, error, ran);
}

static int tries(int count, char **arguments) {
  (void)count, (void)arguments;
  CHECK(cexit_stack_create("tries", &stack) == 0);
  push_name(stack, "older");
  push(stack, work, "handler");
  pthread_t thread = start(run_stack, NULL);
  while (!at_work) sched_yield();
  size_t ran = 99;
  CHECK(cexit_stack_try_run(stack, &ran) == EBUSY && cexit_stack_try_run(stack, NULL) == EBUSY && ran == 99);
  say("busy\n");
  may_end = 1;
  join(thread);
  push_name(stack, "oldest");
  push(stack, run_inside, "in a handler of the same stack");
  CHECK(cexit_stack_try_run(stack, &ran) == 0);
  say("%zu ran\n", ran);
  _exit(0);
}

// ---- Cancelling by a predicate

struct asked {
  const void *context;
  size_t times;
};

static bool has_context(void *context, const cexit_pending *entry) {
  struct asked *asked = context;
  asked->times++;
  return entry->context == asked->context;
}

static void release_name(void *name) {
  say("%s released\n", (const char *)name);
}

static bool is_temporary(void *context, const cexit_pending *entry) {
  (void)context;
  return entry->name != NULL && strncmp(entry->name, "tmp", 3) == 0;
}

static int cancels(int count, char **arguments) {
  (void)count, (void)arguments;
  cexit_stack *module = nested("tmp stack");
  const char *names[] = {"tmp 1", "log", "tmp 2"};
  for (int i = 0; i < 3; i++) {
    for (int k = 0; k < 2; k++) {
      cexit_entry entry = {.function = say_name, .context = (void *)names[i], .release = release_name};
      entry.name = names[i];
      entry.phase = (CExitPhase)i;
      CHECK(cexit_register(k != 0 ? module : NULL, &entry, NULL) == 0);
    }
  }
  struct asked asked = {names[1], 0};
  CHECK(cexit_stack_cancel_if(module, has_context, &asked) == 1 && asked.times == 3);
  CHECK(cexit_stack_cancel_if(NULL, is_temporary, NULL) == 4 && cexit_stack_cancel_if(NULL, NULL, NULL) == 0);
  CHECK(cexit_stack_count(module) == 0 && cexit_stack_count(NULL) == 2);
  return 0;
}

static bool is_odd(void *context, const cexit_pending *entry) {
  ++*(size_t *)context;
  return ((uintptr_t)entry->context & 1) != 0;
}

static bool register_more(void *context,
                          const cexit_pending *entry) { // runs once, and cancels the entry of its own call
  cexit_handler *handler = context;
  if (handler->raw != 0 && cexit_cancel(*handler)) push_name(NULL, "registered by the predicate");
  return strcmp(entry->context, "wanted") == 0;
}

static int cancels_many(int count, char **arguments) {
  (void)count, (void)arguments;
  size_t asked = 0;
  for (uintptr_t i = 0; i < 100000; i++) push(NULL, say_name, (void *)i);
  CHECK(cexit_stack_cancel_if(NULL, is_odd, &asked) == 50000 && asked == 100000);
  CHECK(cexit_stack_clear(NULL) == 50000);
  cexit_handler handler = {0};
  push_name(NULL, "stays");
  CHECK(cexit_register(NULL, &(cexit_entry){.function = say_name, .context = "wanted"}, &handler) == 0);
  CHECK(cexit_stack_cancel_if(NULL, register_more, &handler) == 0); // the predicate was faster
  return 0;
}

// ---- Failures

static void fail(void *message) {
  errno = 7;
  CHECK(cexit_fail(message) == 0);
  say("goes on\n");
}

static void fail_in_steps(void *unused) {
  (void)unused;
  CHECK(cexit_fail("the first\nof two") == 0 && cexit_fail("and the second") == 0);
}

static void say_record(void *context, const cexit_record *record) {
  const char *name = record->name != NULL ? record->name : "none";
  say("%s%s %s\n", (const char *)context, name, record->failure != NULL ? record->failure : "has run");
}

static void report(const cexit_record *failure) {
  say("reported: %s (%s:%u): %s\n", failure->name, failure->file, failure->line, failure->failure);
}

static void push_failing(void) {
  push(NULL, fail, "no name");
  cexit_entry entry = {.function = fail, .context = "disk full", .name = "flush", .file = "app.c", .line = 12};
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
}

static int fails(int count, char **arguments) {
  CHECK(cexit_fail("outside") == EINVAL && cexit_failure_status() == 0);
  if (count > 0) cexit_set_failure_status(atoi(arguments[0]));
  push_failing();
  push(NULL, fail_in_steps, NULL);
  return count > 1 ? atoi(arguments[1]) : 0;
}

static int fails_by_hand(int count, char **arguments) { // before the exit: the status is left alone
  (void)count, (void)arguments;
  cexit_set_failure_status(70);
  push_failing();
  CHECK(cexit_stack_run(NULL) == 2);
  return 0;
}

static int fails_reported(int count, char **arguments) {
  (void)count, (void)arguments;
  cexit_on_failure(report);
  cexit_entry entry = {.function = fail, .context = "disk full", .name = "flush", .file = "app.c", .line = 12};
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  CHECK(cexit_stack_run(NULL) == 1);
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  CHECK(cexit_stack_run_observed(NULL, say_record, "observed: ") == 1);
  cexit_on_failure(NULL);
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  return 0;
}

// ---- In place of the handler's function

static void instead(void *context) {
  cexit_record record;
  CHECK(cexit_current(&record));
  say("%s in place of %s\n", (const char *)context, record.name);
}

static int runs_instead(int count, char **arguments) {
  (void)count, (void)arguments;
  cexit_handler handler;
  cexit_record record = {.line = 5};
  CHECK(!cexit_current(&record) && record.line == 5);
  cexit_entry entry = {.function = say_name, .context = "own", .release = release_name, .name = "handler"};
  CHECK(cexit_register(NULL, &entry, &handler) == 0);
  CHECK(!cexit_run_instead(handler, NULL, NULL) && cexit_is_pending(handler));
  CHECK(cexit_run_instead(handler, instead, "another") && !cexit_run_instead(handler, instead, "another"));
  return 0;
}

// ---- Texts that stay

static bool stays(const char *text) { // through a copy on the heap
  char *copy = strdup(text);
  const char *found = cexit_lasting_text(copy, strlen(copy));
  CHECK(found != copy && (found == NULL || strcmp(found, text) == 0));
  free(copy);
  CHECK(found == NULL || strcmp(found, text) == 0);
  return found != NULL;
}

static int lasting_texts(int count, char **arguments) {
  (void)count, (void)arguments;
  static const char literal[] = "a literal of the executable";
  CHECK(cexit_lasting_text(literal, strlen(literal)) == literal);
  CHECK(cexit_lasting_text(literal, strlen(literal) - 1) == NULL); // a part that no zero ends
  CHECK(!stays(literal) && stays("flush") && stays("15 bytes of text") == false && stays("15 bytes long ."));
  CHECK(cexit_lasting_text("flush", 5) == cexit_lasting_text("flush or not", 5));
  CHECK(cexit_lasting_text("12345678", 8) != cexit_lasting_text("12345678 9", 10));
  CHECK(*cexit_lasting_text(NULL, 0) == 0);
  size_t kept = 0;
  for (int i = 0; i < 1000; i++) {
    char text[32];
    snprintf(text, sizeof text, "handler %d", i);
    kept += stays(text);
  }
  CHECK(kept >= 24 && kept < 64 && stays("flush"));
  return 0;
}

static int lasting_limits(int count, char **arguments) {
  (void)count, (void)arguments;
  CHECK(cexit_lasting_limits()[0] == 0);
  for (uint32_t i = 0; i < CEXIT_LASTING_LIMITS; i++) CHECK(cexit_lasting_limit(1000 + i) == i);
  for (uint32_t i = 0; i < CEXIT_LASTING_LIMITS; i++) CHECK(cexit_lasting_limit(1000 + i) == i);
  CHECK(cexit_lasting_limit(7) == CEXIT_LASTING_LIMITS);
  CHECK(cexit_lasting_limits()[3] == 1003);
  return 0;
}

FIXTURE({"closed at exit", closed_at_exit}, {"closed steps", closed_steps}, {"closed in child", closed_in_child},
        {"tries", tries}, {"cancels", cancels}, {"cancels many", cancels_many}, {"fails", fails},
        {"fails by hand", fails_by_hand}, {"fails reported", fails_reported}, {"runs instead", runs_instead},
        {"lasting texts", lasting_texts}, {"lasting limits", lasting_limits})
