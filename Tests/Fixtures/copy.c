// SPDX-License-Identifier: Apache-2.0
//
// A program in which several copies of the core meet. Each argument is a step; the program takes them in order. N is the
// number of a plugin, or - for the program. The program has a copy of its own unless it was compiled with NO_COPY.
//
//   open=PATH    loads the next plugin: 0, 1, …            close=N      unloads plugin N
//   add=N=NAME   N registers NAME                          count=N      prints how many entries N sees
//   mark=N       prints the result of N's cexit_mark       nest=N       prints the result of N's cexit_stack_nest
//   cancel=N     prints how many entries without a name N has cancelled by name
//   deferred=N   prints at exit whether N knows that the process exits
//   threads      all plugins register and cancel at once, 1,000 times each
//   fork         a child does the remaining steps; the program waits for the child

#include "copy.h"

#define PLUGINS 8

static const struct copy *copies[PLUGINS + 1]; // copies[0] is the program's
static void *libraries[PLUGINS];
static int opened;

#ifndef NO_COPY
#include "copy-plugin.c"
#endif

static const struct copy *copy_at(const char *number) {
  return copies[number[0] == '-' ? 0 : atoi(number) + 1];
}

static void open_plugin(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECK(library != NULL);
  libraries[opened++] = library;
  copies[opened] = dlsym(library, "copy");
  CHECK(copies[opened] != NULL);
}

static void *registers(void *copy) {
  for (int i = 0; i < 1000; i++) ((const struct copy *)copy)->churn();
  return NULL;
}

static void run_threads(void) {
  pthread_t threads[2 * PLUGINS];
  for (int i = 0; i < 2 * opened; i++) threads[i] = start(registers, (void *)copies[1 + i / 2]);
  for (int i = 0; i < 2 * opened; i++) join(threads[i]);
}

int main(int count, char **arguments) {
#ifndef NO_COPY
  copies[0] = &copy;
#endif
  for (int i = 1; i < count; i++) {
    char *what = arguments[i], *with = strchr(what, '='), *name = NULL;
    if (with != NULL) *with++ = 0;
    if (with != NULL && (name = strchr(with, '=')) != NULL) *name++ = 0;
    if (strcmp(what, "open") == 0)
      open_plugin(with);
    else if (strcmp(what, "close") == 0)
      CHECK(dlclose(libraries[atoi(with)]) == 0);
    else if (strcmp(what, "add") == 0)
      copy_at(with)->add(name);
    else if (strcmp(what, "count") == 0)
      say("%zu\n", copy_at(with)->count());
    else if (strcmp(what, "mark") == 0)
      say("%s\n", strerror(copy_at(with)->mark()));
    else if (strcmp(what, "nest") == 0)
      say("%s\n", strerror(copy_at(with)->nest()));
    else if (strcmp(what, "cancel") == 0)
      say("%zu\n", copy_at(with)->cancel("unnamed"));
    else if (strcmp(what, "deferred") == 0)
      copy_at(with)->add_question();
    else if (strcmp(what, "threads") == 0)
      run_threads();
    else if (strcmp(what, "fork") == 0) {
      pid_t child = fork();
      if (child == 0) continue;
      say_end(child);
      break;
    } else {
      CHECK(!"known");
    }
  }
  return 0;
}
