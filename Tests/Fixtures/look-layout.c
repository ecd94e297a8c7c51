// SPDX-License-Identifier: Apache-2.0
// Reads the stacks of this process as a reader from outside would: by the note and the description that it leads to, with
// no header of the core's own.

#include "fixture.h"

#include <CExitBinding.h>
#include <CExitFinalizer.h>

#include <elf.h>
#include <link.h>

struct field {
  uint16_t offset, size;
};
struct layout { // version 1
  uint32_t version, size;
  const void *copy, *entries, *stacks, *process, *leaving;
  struct {
    struct field fresh, chunk;
    uint32_t first_chunk;
  } slab;
  struct {
    uint32_t size;
    struct field function, context, release, name, file, newer, older, generation, epoch, bits;
    struct {
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
  struct {
    struct field owner, status, status_known;
  } of_leaving;
  struct {
    struct field running;
  } thread;
  struct {
    struct field outer, entry, started;
  } frame;
  const uint64_t *deadline, *signals;
};

static int find_note(struct dl_phdr_info *object, size_t size, void *found) {
  (void)size;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    if (object->dlpi_phdr[i].p_type != PT_NOTE) continue;
    const char *at = (const char *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
    for (const char *end = at + object->dlpi_phdr[i].p_memsz; at < end;) {
      const ElfW(Nhdr) *note = (const void *)at;
      const char *name = (const char *)(note + 1), *contents = name + (note->n_namesz + 3) / 4 * 4;
      bool ours = note->n_type == 2 && note->n_namesz == 10 && strcmp(name, "CExitShim") == 0;
      if (ours && ((const uint32_t *)(const void *)contents)[1] == 1)
        *(const void **)found = contents + *(const int32_t *)(const void *)contents;
      at = contents + (note->n_descsz + 3) / 4 * 4;
    }
  }
  return 1; // the executable alone
}

static const struct layout *layout;

static uint64_t get(const void *base, struct field field) {
  uint64_t value = 0;
  memcpy(&value, (const char *)base + field.offset, field.size);
  return value;
}

static const void *element(const void *slab, uint32_t index, uint32_t size) {
  uint32_t number = index + layout->slab.first_chunk, chunk = 31u ^ (uint32_t)__builtin_clz(number);
  struct field field = layout->slab.chunk;
  field.offset = (uint16_t)(field.offset + chunk * sizeof(uintptr_t));
  field.size = sizeof(uintptr_t);
  return (const char *)(uintptr_t)get(slab, field) + (size_t)number * size;
}

static unsigned bits(uint64_t all, const uint8_t place[2]) {
  return (unsigned)(all >> place[0] & ((1u << place[1]) - 1));
}

static const char *text(uint64_t address) {
  return address != 0 ? (const char *)(uintptr_t)address : "-";
}

static void show_stack(const void *stack, int depth) {
  static const int order[] = {1, 0, 2, 3}; // early, normal, late, asleep
  uint64_t born = get(layout->process, layout->of_process.born);
  for (int i = 0; i < 4; i++) {
    struct field list = {(uint16_t)(layout->stack.newest.offset + 4 * order[i]), 4};
    for (uint64_t index = get(stack, list); index != UINT32_MAX;) {
      const void *entry = element(layout->entries, (uint32_t)index, layout->entry.size);
      uint64_t all = get(entry, layout->entry.bits);
      unsigned kind = bits(all, layout->entry.in_bits.kind), phase = bits(all, layout->entry.in_bits.phase);
      unsigned from = bits(all, layout->entry.in_bits.asleep_from);
      bool hinted = phase != 3 && from == 3;
      say("%*s%s %s:%u kind %u phase %u %u %u%s\n", 2 * depth, "", text(get(entry, layout->entry.name)),
          hinted ? "-" : text(get(entry, layout->entry.file)), bits(all, layout->entry.in_bits.line), kind, phase,
          hinted ? 0 : from,
          bits(all, layout->entry.in_bits.inherited),
          get(entry, layout->entry.epoch) < born && !bits(all, layout->entry.in_bits.inherited) ? " a parent's" : "");
      CHECK(get(entry, layout->entry.generation) % 2 == 1);
      CHECK(bits(all, layout->entry.in_bits.stack) == get(stack, layout->stack.index));
      if (kind == 4) show_stack((const void *)(uintptr_t)get(entry, layout->entry.context), depth + 1);
      index = get(entry, layout->entry.older);
    }
  }
}

static void show_running(void *context) {
  (void)context;
  uint64_t thread = get(layout->leaving, layout->of_leaving.owner) & ~(uint64_t)3;
  if (thread == 0) return say("no exit\n");
  uint64_t frame = get((const void *)(uintptr_t)thread, layout->thread.running);
  while (frame != 0) {
    const void *at = (const void *)(uintptr_t)frame;
    say("runs %s\n", text(get((const void *)(uintptr_t)get(at, layout->frame.entry), layout->entry.name)));
    frame = get(at, layout->frame.outer);
  }
  say("status %d\n", (int)get(layout->leaving, layout->of_leaving.status));
}

static cexit_handler add(cexit_stack *stack, const char *name, CExitPhase phase, uint32_t flags, uint32_t line) {
  cexit_handler handler;
  cexit_entry entry = {show_running, NULL, NULL, phase, flags, name, "main.c", line};
  CHECK(cexit_register(stack, &entry, &handler) == 0);
  return handler;
}

static int read_layout(int count, char **arguments) {
  (void)count, (void)arguments;
  dl_iterate_phdr(find_note, &layout);
  CHECK(layout != NULL && layout->version == 1 && layout->size >= sizeof *layout);
  CHECK(*layout->deadline == 0 && *layout->signals == 0);
  CHECK(cexit_set_deadline(7000000000) == 0 && cexit_exit_on_signals((int[]){SIGTERM}, 1) == 0);
  CHECK(*layout->deadline == 7000000000 && *layout->signals == 1 << (SIGTERM - 1));
  cexit_stack *nested;
  cexit_handler all[100]; // more than a chunk
  for (int i = 0; i < 100; i++) all[i] = add(NULL, "many", CExitPhaseNormal, 0, 1);
  for (int i = 0; i < 99; i++) CHECK(cexit_cancel(all[i]));
  CHECK(cexit_stack_nest(NULL, "nested", &nested) == 0);
  add(nested, "inner", CExitPhaseLate, 0, 262143);
  add(NULL, "early", CExitPhaseEarly, CEXIT_INHERITED, 3);
  CHECK(cexit_set_asleep(add(NULL, "asleep", CExitPhaseEarly, 0, 4), true));
  show_stack(element(layout->stacks, 0, layout->stack.size), 0);
  CHECK(cexit_run(all[99]));
  pid_t child = fork();
  if (child == 0) {
    add(NULL, "child's", CExitPhaseNormal, 0, 5);
    show_stack(element(layout->stacks, 0, layout->stack.size), 0);
    _exit(0);
  }
  say_end(child);
  return 6;
}

FIXTURE({"read", read_layout})
