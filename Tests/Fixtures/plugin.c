// SPDX-License-Identifier: Apache-2.0
// A shared object that registers for itself. The object prints with its own code: a call after the object was unmapped
// ends the process.

#include "fixture.h"

#include <CExitFinalizer.h>

extern int plugin_calls; // of the program that loads this

static const char *prefix = "plugin";

static void speak(void *name) {
  say("%s %s\n", prefix, (const char *)name);
  plugin_calls++;
}

static void plain(void) {
  plugin_calls++;
}

void plugin_register(const char *name, CExitPhase phase, uint32_t flags);
void plugin_register(const char *name, CExitPhase phase, uint32_t flags) {
  cexit_entry entry = {.function = speak, .context = (void *)name, .phase = phase, .flags = flags};
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
}

void plugin_register_on(cexit_stack *stack, const char *name);
void plugin_register_on(cexit_stack *stack, const char *name) {
  push(stack, speak, (void *)name);
}

static void say_released(void *name) {
  say("%s releases %s\n", prefix, (const char *)name);
}

void plugin_register_asleep(void);
void plugin_register_asleep(void) {
  cexit_handler handler;
  cexit_entry entry = {.function = speak, .context = "asleep", .release = say_released};
  CHECK(cexit_register(NULL, &entry, &handler) == 0 && cexit_set_asleep(handler, true));
}

void plugin_nest(void); // a stack of its own, never given back
void plugin_nest(void) {
  cexit_stack *own;
  CHECK(cexit_stack_nest(NULL, "plugin's own", &own) == 0);
  push(own, speak, "nested 1");
  push(own, speak, "nested 2");
}

void plugin_register_40(void);
void plugin_register_40(void) {
  for (int i = 0; i < 40; i++) CHECK(cexit_atexit(plain) == 0);
}

static void adds_two(void *unused) {
  speak("adds two");
  (void)unused;
  push(NULL, speak, "added 1");
  push(NULL, speak, "added 2");
}

static void adds_one(void *unused) {
  speak("adds one that adds two");
  (void)unused;
  push(NULL, adds_two, NULL);
}

void plugin_register_adding(void);
void plugin_register_adding(void) {
  push(NULL, adds_one, NULL);
}

static void exits(void *unused) {
  (void)unused;
  speak("exits");
  exit(5);
}

void plugin_register_exit(void);
void plugin_register_exit(void) {
  push(NULL, exits, NULL);
}

extern _Atomic int plugin_step __attribute__((weak)); // of the program: 1, a handler is at work; 2, the handler may end

static void works(void *unused) {
  (void)unused;
  atomic_store(&plugin_step, 1);
  while (atomic_load(&plugin_step) < 2) sched_yield();
  speak("has worked");
}

void plugin_register_work_on(cexit_stack *stack);
void plugin_register_work_on(cexit_stack *stack) {
  push(stack, works, NULL);
}

static void adds_while_older_wait(void *unused) {
  speak("adds");
  (void)unused;
  push(NULL, speak, "added");
}

void plugin_register_older_and_adding(void);
void plugin_register_older_and_adding(void) {
  push(NULL, speak, "older");
  push(NULL, adds_while_older_wait, NULL);
}
