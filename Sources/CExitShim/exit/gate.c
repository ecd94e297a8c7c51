// SPDX-License-Identifier: Apache-2.0
//
// The exiter and the status. The states are drawn in exit.h.

#include "exit.h"

struct process_exit cexit__leaving, cexit__leaving_quickly;

bool cexit__is_exiting(void) {
  return (atomic_load(&cexit__leaving.owner) | atomic_load(&cexit__leaving_quickly.owner)) != 0 && is_here();
}

bool cexit__is_entering_libc(void) {
  return atomic_load(&cexit__leaving.owner) == (this_thread() | ENTERING);
}

bool cexit__gate_is_own(const struct process_exit *leaving) {
  return (atomic_load(&leaving->owner) & ~(uintptr_t)ENTERING) == this_thread();
}

enum claim cexit__gate_claim(struct process_exit *leaving, bool at_slot, uintptr_t *seen) {
  uintptr_t self = this_thread(), now = atomic_load(&leaving->owner);
  for (;;) {
    uintptr_t thread = now & ~(uintptr_t)ENTERING;
    bool free = now == 0 || thread == self, handed_over = at_slot && (now & ENTERING) != 0;
    *seen = now;
    if (!free && !handed_over) return NOT_CLAIMED;
    if (!atomic_compare_exchange_weak(&leaving->owner, &now, self)) continue;
    if (at_slot) atomic_store(&leaving->inside, self);
    if (thread != self) atomic_store(&leaving->owner_task, cexit__task());
    return free ? CLAIMED : TAKEN_OVER;
  }
}

void cexit__gate_enter_libc(struct process_exit *leaving) {
  atomic_store(&leaving->inside, this_thread());
  atomic_store(&leaving->owner, this_thread() | ENTERING);
  cexit__futex_wake(cexit__futex_half(&leaving->owner), INT32_MAX);
}

void cexit__gate_close(struct process_exit *leaving, struct slots *slots) {
  atomic_store(&leaving->closed, true);
  cexit__slots_note_called(slots);
}

void cexit__gate_forked(struct process_exit *leaving) {
  uintptr_t inside = atomic_load(&leaving->inside);
  bool can_go_on = LIBC_EXITS_IN_CHILD && inside == this_thread();
  bool taken = leaving->libc_is_taken || (inside != 0 && !can_go_on);
  memset(leaving, 0, sizeof *leaving);
  leaving->libc_is_taken = taken;
}

// ---- Status

bool cexit__exit_status(int *status) {
  if (!atomic_load(&cexit__leaving.status_known) || !is_here()) return false;
  if (status != NULL) *status = atomic_load(&cexit__leaving.status);
  return true;
}

void cexit__set_status(int status) {
  atomic_store(&cexit__leaving.status, status);
  atomic_store(&cexit__leaving.status_known, true);
}

void cexit__set_told(const int *status) {
  if (status != NULL) atomic_store(&cexit__leaving.told, *status);
  atomic_store(&cexit__leaving.told_known, status != NULL);
}

void cexit__leave_status(int status) {
  atomic_store(&cexit__leaving.waiting_status, (uint64_t)1 << 32 | (uint32_t)status);
}

void cexit__inherit_status(void) {
  uint64_t waiting = atomic_load(&cexit__leaving.waiting_status);
  if (waiting != 0) cexit__set_status((int)(uint32_t)waiting);
}

void cexit__request_status(int status) {
  atomic_store(&cexit__leaving.requested_status, status);
}

static bool is_same(int status, int other) { // as the parent sees them, which gets eight bits
  return ((status ^ other) & 0xFF) == 0;
}

bool cexit__status_differs(int *status) {
  if (!cexit__exit_status(status)) return false;
  return !atomic_load(&cexit__leaving.told_known) || !is_same(*status, atomic_load(&cexit__leaving.told));
}

void cexit__grant_status(void) {
  int asked = atomic_load(&cexit__leaving.requested_status), now;
  if (is_same(asked, 0) || !cexit__exit_status(&now) || !is_same(now, 0)) return;
  atomic_store(&cexit__leaving.requested_status, 0);
  cexit__set_status(asked);
}

int cexit__exit_signal(pid_t *sender) {
  uint64_t seen = is_here() ? atomic_load(&cexit__leaving.signal) : 0;
  if (sender != NULL) *sender = (pid_t)(seen >> 32);
  return (int)(uint32_t)seen;
}
