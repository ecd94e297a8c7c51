// SPDX-License-Identifier: Apache-2.0
//
// Dying of a signal, so that the parent sees the truth, after everything else has been done.
//
// libc calls the last act when it closes its streams (cexit__libc_calls_last). Where a libc does not do that, the status
// 128 + n is what remains.
//
// A thread that exits while another thread does, and meets no slot, comes to the stream as well, and waits. A thread that
// waits at the gate makes the stream, having nothing else to do; so does an exiter whose status differs from libc's.

#include "events.h"

_Atomic bool cexit__last_act_made; // or being made, a stream that is never closed

static bool is_the_end(void) { // fcloseall() closes the stream as well, and the process goes on
  if (!cexit__libc_refuses_late()) return cexit__is_exiting() && cexit__thread.running == NULL;
  // Not with an empty function: clang leaves such a call out, and reports success.
  return __cxa_atexit(free, NULL, &__dso_handle) != 0;
}

// libc would do the same with the streams after ours. A stream whose lock another thread holds is left out.
static void sync_standard_streams(void) {
  FILE *streams[] = {stdout, stderr, stdin};
  for (int i = 0; i < 3; i++) {
    if (ftrylockfile(streams[i]) != 0) continue;
    fflush(streams[i]); // unread input goes back to a file, for the next process that reads the file
    funlockfile(streams[i]);
  }
}

static void end(void) {
  int status = 0;
  if (!is_the_end()) return;
  cexit__exit_ends();
  bool differs = cexit__status_differs(&status);
  if (differs || cexit__exit_signal(NULL) != 0) sync_standard_streams();
  cexit__signals_end();
  if (differs) _exit(status);
}

void cexit__end(int status) {
  fflush(NULL);
  sync_standard_streams();
  cexit__signals_end();
  _exit(status);
}

int cexit__last_act_prepare(void) {
  if (atomic_exchange(&cexit__last_act_made, true)) return 0;
  cexit__pin();
  if (cexit__libc_calls_last(end)) return 0;
  atomic_store(&cexit__last_act_made, false);
  return ENOMEM;
}
