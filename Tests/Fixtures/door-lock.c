// SPDX-License-Identifier: Apache-2.0
// Stands in front of libc's exit with a lock that one thread takes for ever, as glibc 2.41 has one of its own.

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock;

__attribute__((constructor)) static void make_lock(void) {
  pthread_mutexattr_t recursive;
  pthread_mutexattr_init(&recursive);
  pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&lock, &recursive);
}

void exit(int status) {
  void (*libcs)(int) = (void (*)(int))dlsym(RTLD_NEXT, "exit");
  pthread_mutex_lock(&lock);
  libcs(status);
  __builtin_unreachable();
}
