// SPDX-License-Identifier: Apache-2.0
// A plugin, or the half of a program, that uses the core.

#include "copy.h"

static void add(const char *name) {
  push_name(NULL, name);
}

static size_t count(void) {
  return cexit_stack_count(NULL);
}

static int nest(void) {
  cexit_stack *stack;
  return cexit_stack_nest(NULL, "nested", &stack);
}

static size_t cancel(const char *name) {
  return cexit_stack_cancel_named(NULL, name);
}

static void question(void *unused) {
  (void)unused;
  say("exiting: %s\n", cexit_is_exiting() ? "yes" : "no");
}

static void add_question(void) {
  push(NULL, question, NULL);
}

static void churn(void) {
  cexit_handler handler;
  CHECK(cexit_register(NULL, &(cexit_entry){.function = question}, &handler) == 0);
  CHECK(cexit_cancel(handler));
}

extern const struct copy copy;
const struct copy copy = {add, count, cexit_mark, nest, cancel, add_question, churn};
