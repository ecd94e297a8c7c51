// SPDX-License-Identifier: Apache-2.0
//
// Calling one handler. Its frame, on the stack of the thread that runs it, says which one it is: to those who observe
// the run, to the deadline's thread, and to the handler of a crash.

#include "internal.h"

PER_THREAD struct running *_Atomic cexit_running;

uint64_t cexit_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static const char *keep(char *copy, size_t size, const char *text) {
  if (text == NULL) return NULL;
  size_t length = strnlen(text, size - 1);
  memcpy(copy, text, length);
  copy[length] = 0;
  return copy;
}

// The strings may go with the release, in the middle of which somebody may want to name the handler.
static void release_watched(struct running *here) {
  const struct entry *entry = here->entry;
  struct entry kept;
  char name[128], file[208];
  if (entry->release != NULL && !entry->own_release) {
    kept = *entry;
    kept.name = keep(name, sizeof name, kept.name);
    kept.file = keep(file, sizeof file, kept.file);
    here->entry = &kept;
    cexit_stay_if_firing();
    cexit_entry_release(&kept);
  }
  atomic_store_explicit(&cexit_running, here->outer, memory_order_release);
  cexit_watch_frames();
}

void cexit_call(struct entry *taken, cexit_observer observer, void *context) {
  int saved = errno;
  bool timed = observer != NULL || (atomic_load_explicit(&cexit_watched, memory_order_relaxed) & WATCHED_FOR_TIME) != 0;
  struct running here = {cexit_running, taken, observer, context, NULL, timed ? cexit_now() : 0, 0, 0};
  atomic_store_explicit(&cexit_running, &here, memory_order_release);
  taken->function(taken->context);
  if (here.observer != NULL) {
    uint64_t time = cexit_now() - here.started;
    observer(context, &(cexit_record){taken->name, taken->file, taken->line, time, here.outcome});
  }
  if (atomic_load_explicit(&cexit_watched, memory_order_relaxed) != 0) {
    release_watched(&here);
  } else {
    cexit_entry_release(taken);
    atomic_store_explicit(&cexit_running, here.outer, memory_order_release);
  }
  errno = saved;
}

bool cexit_set_outcome(void *outcome) {
  struct running *here = cexit_running;
  if (here == NULL || here->observer == NULL) return false;
  here->outcome = outcome;
  return true;
}
