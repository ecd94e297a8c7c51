// SPDX-License-Identifier: Apache-2.0
//
// How the stacks lie in memory, for a reader outside of the process: `exitkit dump PID`, a debugger, a core file. The
// reader finds the description by an ELF note, as copies find each other: owner "CExitShim", type 2, eight bytes: the way
// from there to `cexit__layout`, and the version. The description needs no symbols and no debug information.
//
// A reader knows one version and refuses others. Fields are added at the end with the same version, while `size` tells how
// many there are; a field that changes its meaning makes a new version. Offsets and sizes are in bytes.
//
// To walk: stack 0 is the process stack. Chunk k of a slab holds 1 << k elements: element i is at
// chunk[floor(log2(i + first_chunk))] + (i + first_chunk) * element size. In a stack, `newest` holds four indexes, by phase
// (normal, early, late, asleep), and `older` leads on; UINT32_MAX ends a list. An entry belongs to this process if its
// epoch is at least `born`, or its bit `inherited` is set; a run takes early, normal, late. A nested stack is an entry of
// kind 4, whose context is the address of the stack. `kinds` says how to show an entry without a name: by the noun (0), by the
// symbol of `function` (1) or of `release` (2). `asleep_from` is the phase of an entry that is asleep (`phase` 3). In another
// entry `asleep_from` 3 says that `file` is no file.

#include "../events/events.h"

#include "copies.h"

struct field {
  uint16_t offset, size;
};
#define FIELD(type, name)                                                                                              \
  { offsetof(type, name), sizeof(((type *)0)->name) }

enum { LAYOUT_VERSION = 1 };

__attribute__((used)) const struct layout {
  uint32_t version, size;
  const struct cexit__copy *copy; // whose `claimed` says that this copy is the leader, and so has the stacks
  const struct slab *entries, *stacks;
  const struct process *process;
  const struct process_exit *leaving;
  struct { // a slab: element i is in use if i < fresh
    struct field fresh, chunk;
    uint32_t first_chunk;
  } slab;
  struct {
    uint32_t size;
    struct field function, context, release, name, file, newer, older, generation, epoch, bits;
    struct { // in `bits`, the number of the lowest bit and how many they are
      uint8_t stack[2], kind[2], phase[2], inherited[2], asleep_from[2], line[2], owner[2];
    } in_bits;
  } entry;
  struct {
    uint32_t size;
    struct field newest, index, parent, count, runner, place, references, name;
  } stack;
  struct {
    struct field epoch, born;
  } of_process;
  struct { // `owner`: the exiter, as the address of what the library remembers of that thread; the two lowest bits are
           // no part of the address
    struct field owner, status, status_known;
  } of_leaving;
  struct { // of a thread, such as an exiter and a stack's runner: its innermost frame
    struct field running;
  } thread;
  struct
  { // the handler that a thread is in, and the frame around it; `started`: nanoseconds of CLOCK_MONOTONIC less the
    // time for which the process was stopped, or 0
    struct field outer, entry, started;
  } frame;
  const _Atomic uint64_t *deadline; // nanoseconds; 0: none
  const _Atomic uint64_t *signals;  // bit n - 1: signal n becomes an exit
  const struct kind_facts *kinds;   // by number
  struct {
    uint32_t size;
    struct field noun, shows;
  } of_kind;
} cexit__layout = {
    .version = LAYOUT_VERSION,
    .size = sizeof(struct layout),
    .copy = &cexit__copy,
    .entries = &cexit__entries,
    .stacks = &cexit__stacks,
    .process = &cexit__process,
    .leaving = &cexit__leaving,
    .slab = {FIELD(struct slab, fresh), FIELD(struct slab, chunk), FIRST_CHUNK},
    .entry = {sizeof(struct entry), FIELD(struct entry, function), FIELD(struct entry, context),
              FIELD(struct entry, release), FIELD(struct entry, name), FIELD(struct entry, file),
              FIELD(struct entry, newer), FIELD(struct entry, older), FIELD(struct entry, generation),
              FIELD(struct entry, epoch), FIELD(struct entry, bits),
              .in_bits = {{0, 26}, {26, 3}, {29, 2}, {31, 1}, {32, 2}, {34, 18}, {52, 12}}},
    .stack = {sizeof(cexit_stack), FIELD(cexit_stack, newest), FIELD(cexit_stack, index), FIELD(cexit_stack, parent),
              FIELD(cexit_stack, count), FIELD(cexit_stack, runner), FIELD(cexit_stack, place),
              FIELD(cexit_stack, references), FIELD(cexit_stack, name)},
    .of_process = {FIELD(struct process, epoch), FIELD(struct process, born)},
    .of_leaving = {FIELD(struct process_exit, owner), FIELD(struct process_exit, status),
                   FIELD(struct process_exit, status_known)},
    .thread = {FIELD(struct thread, running)},
    .frame = {FIELD(struct frame, outer), FIELD(struct frame, entry), FIELD(struct frame, started)},
    .deadline = &cexit__deadline_length,
    .signals = &cexit__signals_chosen,
    .kinds = cexit__kinds,
    .of_kind = {sizeof(struct kind_facts), FIELD(struct kind_facts, noun), FIELD(struct kind_facts, shows)},
};

// Eight bytes of contents: a copy of an earlier version, which looks for a note of four, passes over this one.
__asm__(".pushsection .note.CExitShim, \"a\", %note\n"
        ".balign 4\n"
        ".long 10, 8, 2\n"
        ".asciz \"CExitShim\"\n"
        ".balign 4\n"
        ".long cexit__layout - ., 1\n"
        ".popsection\n");
