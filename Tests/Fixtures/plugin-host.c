// SPDX-License-Identifier: Apache-2.0
// A program that loads plugins. Arguments: <case> <plugin> <another plugin>

#include "fixture.h"

#include <fcntl.h>

int plugin_calls;
_Atomic int plugin_step;

static void *plugin;

static void *load(const char *path) {
  plugin = dlopen(path, RTLD_NOW);
  if (plugin == NULL) dprintf(STDERR_FILENO, "%s\n", dlerror());
  CHECK(plugin != NULL);
  return plugin;
}

static void *find(const char *name) {
  void *symbol = dlsym(plugin, name);
  CHECK(symbol != NULL);
  return symbol;
}

static void call(const char *name) {
  ((void (*)(void))find(name))();
}

static void plugin_register(const char *name, CExitPhase phase, uint32_t flags) {
  ((void (*)(const char *, CExitPhase, uint32_t))find("plugin_register"))(name, phase, flags);
}

static void plugin_register_on(cexit_stack *stack, const char *name) {
  ((void (*)(cexit_stack *, const char *))find("plugin_register_on"))(stack, name);
}

static void close_plugin(void) {
  say("closing\n");
  CHECK(dlclose(plugin) == 0);
  say("closed\n");
}

static int interleaved(int count, char **arguments) { // entries of plugin and program run in one order at exit
  (void)count;
  push_name(NULL, "main 1");
  load(arguments[0]);
  plugin_register("1", CExitPhaseNormal, 0);
  push_name(NULL, "main 2");
  plugin_register("2", CExitPhaseNormal, 0);
  push_name(NULL, "main 3");
  plugin_register("late", CExitPhaseLate, 0);
  plugin_register("early", CExitPhaseEarly, 0);
  push_name(NULL, "main 4");
  return 0;
}

static int closed(int count, char **arguments) { // dlclose runs the plugin's entries only, newest first by phase
  (void)count;
  push_name(NULL, "main 1");
  load(arguments[0]);
  plugin_register("1", CExitPhaseNormal, 0);
  push_name(NULL, "main 2");
  plugin_register("late", CExitPhaseLate, 0);
  plugin_register("2", CExitPhaseNormal, 0);
  push_name(NULL, "main 3");
  close_plugin();
  push_name(NULL, "main 4");
  return 0;
}

static int asleep(int count, char **arguments) { // an entry that is asleep must not stay behind
  (void)count;
  push_name(NULL, "main");
  load(arguments[0]);
  plugin_register("1", CExitPhaseNormal, 0);
  call("plugin_register_asleep");
  close_plugin();
  return 0;
}

static int two_plugins(int count, char **arguments) { // the program closes the first plugin and keeps the second
  CHECK(count == 2);
  void *first = load(arguments[0]);
  plugin_register("of the first", CExitPhaseNormal, 0);
  load(arguments[1]);
  plugin_register("of the second", CExitPhaseNormal, 0);
  plugin = first;
  close_plugin();
  return 0;
}

static int nested(int count, char **arguments) { // the plugin registers on its own stack, and on stacks of the program
  (void)count;
  cexit_stack *module, *standalone;
  CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
  CHECK(cexit_stack_create("standalone", &standalone) == 0);
  load(arguments[0]);
  push_name(module, "main, nested 1");
  plugin_register_on(module, "in the module");
  push_name(module, "main, nested 2");
  plugin_register_on(standalone, "in a standalone stack");
  call("plugin_nest");
  push_name(NULL, "main");
  close_plugin();
  CHECK(cexit_stack_count(standalone) == 0 && cexit_stack_count(module) == 2 && cexit_stack_count(NULL) == 2);
  return 0;
}

static int reloaded(int count, char **arguments) { // the plugin is loaded three times, at the same address each time
  (void)count;
  void *where = NULL;
  push_name(NULL, "main");
  for (int i = 0; i < 3; i++) {
    load(arguments[0]);
    CHECK(where == NULL || where == find("plugin_register"));
    where = find("plugin_register");
    plugin_register("", CExitPhaseNormal, 0);
    if (i != 1) push_name(NULL, "main, too");
    close_plugin();
    CHECK(dlopen(arguments[0], RTLD_NOW | RTLD_NOLOAD) == NULL);
  }
  load(arguments[0]);
  plugin_register("at exit", CExitPhaseNormal, 0);
  return 0;
}

static int forty(int count, char **arguments) {
  (void)count;
  for (int i = 1; i <= 2; i++) {
    load(arguments[0]);
    call("plugin_register_40");
    CHECK(dlclose(plugin) == 0);
    CHECK(plugin_calls == 40 * i && cexit_stack_count(NULL) == 0);
  }
  return 0;
}

static int pinned(int count, char **arguments) { // a pinned entry keeps its plugin loaded, and runs at exit
  (void)count;
  load(arguments[0]);
  push_name(NULL, "main 1");
  plugin_register("pinned", CExitPhaseNormal, CEXIT_PINNED);
  push_name(NULL, "main 2");
  close_plugin();
  CHECK(dlopen(arguments[0], RTLD_NOW | RTLD_NOLOAD) != NULL);
  return 0;
}

static int adding(int count, char **arguments) { // handlers register more entries while dlclose runs the handlers
  (void)count;
  load(arguments[0]);
  call("plugin_register_adding");
  close_plugin();
  return 0;
}

static int exiting(int count, char **arguments) { // a handler exits in the middle of dlclose
  (void)count;
  push_name(NULL, "main 1");
  load(arguments[0]);
  plugin_register("older", CExitPhaseNormal, 0);
  call("plugin_register_exit");
  push_name(NULL, "main 2");
  close_plugin();
  return 98;
}

static void close_it(void *unused) {
  (void)unused;
  close_plugin();
}

static int closed_by_handler(int count, char **arguments) {
  (void)count;
  push_name(NULL, "main 1");
  load(arguments[0]);
  plugin_register("1", CExitPhaseNormal, 0);
  push(NULL, close_it, NULL);
  push_name(NULL, "main 2");
  return 0;
}

static _Atomic bool is_closed;

static void *closes(void *unused) {
  CHECK(dlclose(plugin) == 0);
  atomic_store(&is_closed, true);
  return unused;
}

static void *runs(void *stack) {
  cexit_stack_run(stack);
  return NULL;
}

static int closed_at_work(int count, char **arguments) { // while a handler of the plugin runs on another thread
  (void)count;
  cexit_stack *stack;
  CHECK(cexit_stack_create("work", &stack) == 0);
  load(arguments[0]);
  ((void (*)(cexit_stack *))find("plugin_register_work_on"))(stack);
  pthread_t runner = start(runs, stack);
  while (atomic_load(&plugin_step) < 1) sched_yield();
  pthread_t closer = start(closes, NULL);
  // A dlclose that does not wait for the handler would return within this time, and unmap the handler's code.
  for (int i = 0; i < 100 && !atomic_load(&is_closed); i++) usleep(1000);
  atomic_store(&plugin_step, 2);
  join(runner);
  join(closer);
  say("closed\n");
  return 0;
}

static int added_first(int count, char **arguments) { // an entry that a handler registers runs before older entries
  (void)count;
  load(arguments[0]);
  call("plugin_register_older_and_adding");
  close_plugin();
  return 0;
}

static int standalone(int count, char **arguments) { // exit does not run a standalone stack
  (void)count;
  cexit_stack *stack;
  CHECK(cexit_stack_create("by hand", &stack) == 0);
  load(arguments[0]);
  plugin_register_on(stack, "1");
  say("leaving\n");
  return 0;
}

/// Kilobytes of anonymous memory. Pages of files do not count, since the kernel maps them 64 KiB at a time. The counters
/// in statm are no use either: they may be off by a batch of pages.
static long own_memory(void) {
  long kilobytes = -1;
  char line[256];
  FILE *file = fopen("/proc/self/smaps_rollup", "r");
  CHECK(file != NULL);
  while (fgets(line, sizeof line, file) != NULL && sscanf(line, "Anonymous: %ld", &kilobytes) != 1) continue;
  fclose(file);
  CHECK(kilobytes > 0);
  return kilobytes;
}

static int cycles(int count, char **arguments) { // a cycle of loading, registering and unloading keeps no memory
  CHECK(count > 2);
  push_name(NULL, "main");
  long before = 0;
  for (int left = atoi(arguments[2]), half = left / 2; left > 0; left--) {
    if (left == half) before = own_memory();
    load(arguments[0]);
    plugin_register("quiet", CExitPhaseNormal, 0);
    CHECK(cexit_stack_count(NULL) == 2);
    cexit_stack *stack;
    CHECK(cexit_stack_create(NULL, &stack) == 0);
    cexit_stack_destroy(stack);
    int output = dup(STDOUT_FILENO), nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    CHECK(dlclose(plugin) == 0);
    dup2(output, STDOUT_FILENO);
    close(output);
    close(nowhere);
  }
  say("grown: %s\n", own_memory() - before < 64 ? "no" : "yes"); // a leak of 160 bytes a cycle would be 156 KiB
  return 0;
}

FIXTURE({"interleaved", interleaved}, {"closed", closed}, {"asleep", asleep}, {"two", two_plugins}, {"nested", nested},
        {"reloaded", reloaded}, {"forty", forty}, {"pinned", pinned}, {"adding", adding}, {"exiting", exiting},
        {"closed-by-handler", closed_by_handler}, {"closed-at-work", closed_at_work}, {"added-first", added_first},
        {"standalone", standalone}, {"cycles", cycles})
