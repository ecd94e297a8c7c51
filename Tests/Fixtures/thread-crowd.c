// SPDX-License-Identifier: Apache-2.0
// <threads>: so many threads are between libc's taking of a slot and its coming back, all at once. This program stands
// in front of libc's __cxa_atexit, by which a slot comes back, and lets no thread go on before the last of them has
// come.

#include "fixture.h"

typedef int registrar(void (*handler)(void *), void *argument, void *object);
registrar __cxa_atexit;

static pthread_barrier_t at_exit, between;
static _Atomic bool leaving;

int __cxa_atexit(void (*handler)(void *), void *argument, void *object) {
  static _Thread_local bool came;
  if (leaving && !came) {
    came = true;
    pthread_barrier_wait(&between);
  }
  return ((registrar *)dlsym(RTLD_NEXT, "__cxa_atexit"))(handler, argument, object);
}

static void *leave(void *unused) {
  pthread_barrier_wait(&at_exit);
  leaving = true;
  exit(5);
  return unused;
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  unsigned threads = (unsigned)atoi(argv[1]);
  push_name(NULL, "oldest");
  push_name(NULL, "middle");
  push_name(NULL, "newest");
  pthread_barrier_init(&at_exit, NULL, threads);
  pthread_barrier_init(&between, NULL, threads);
  for (unsigned i = 1; i < threads; i++) start(leave, NULL);
  leave(NULL);
}
