// SPDX-License-Identifier: Apache-2.0
// A tool that is preloaded, and that stands in front of libc's exit and start function as tracers do. With LIBCS_START the
// tool passes by all other tools, and calls libc's own start function.

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say(const char *line) {
  if (write(STDOUT_FILENO, line, strlen(line)) < 0) _exit(96);
}

#ifndef LIBCS_START
void exit(int status) {
  void (*next)(int) = (void (*)(int))dlsym(RTLD_NEXT, "exit");
  say("tool's exit\n");
  next(status);
  __builtin_unreachable();
}
#endif

typedef int starter(void *main, int count, void *arguments, void *init, void *fini, void *end, void *stack);

int __libc_start_main(void *main, int count, void *arguments, void *init, void *fini, void *end, void *stack) {
#ifdef LIBCS_START
  void *scope = dlopen("libc.so.6", RTLD_NOW);
#else
  void *scope = RTLD_NEXT;
#endif
  starter *next = (starter *)dlsym(scope, "__libc_start_main");
  say("tool's start\n");
  return next(main, count, arguments, init, fini, end, stack);
}
