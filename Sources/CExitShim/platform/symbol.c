// SPDX-License-Identifier: Apache-2.0
//
// The name of a function without a name, for messages. dladdr takes the loader's lock, which a thread that hangs may hold,
// and does not know static functions. So the kernel tells which file is mapped at the address, and the symbol table is
// read from that file, piece by piece.

#include "symbol.h"
#include "platform.h"
#include "text.h"

#include <elf.h>
#include <link.h>

static bool read_at(int file, void *out, size_t size, uint64_t offset) {
  return pread(file, out, size, (off_t)offset) == (ssize_t)size;
}

// From an offset in the file to the address that the linker gave.
static bool linked_address(int file, const ElfW(Ehdr) * header, uintptr_t offset, uintptr_t *out) {
  for (int i = 0; i < header->e_phnum; i++) {
    ElfW(Phdr) segment;
    if (!read_at(file, &segment, sizeof segment, header->e_phoff + (uint64_t)i * sizeof segment)) return false;
    if (segment.p_type != PT_LOAD || offset - segment.p_offset >= segment.p_filesz) continue;
    *out = segment.p_vaddr + (offset - segment.p_offset);
    return true;
  }
  return false;
}

static bool find_section(int file, const ElfW(Ehdr) * header, unsigned type, ElfW(Shdr) * out) {
  for (int i = 0; i < header->e_shnum; i++) {
    if (!read_at(file, out, sizeof *out, header->e_shoff + (uint64_t)i * sizeof *out)) return false;
    if (out->sh_type == type) return true;
  }
  return false;
}

static bool find_symbol(int file, const ElfW(Ehdr) * header, unsigned type, uintptr_t address, struct text *out) {
  ElfW(Shdr) table, names;
  if (!find_section(file, header, type, &table)) return false;
  if (!read_at(file, &names, sizeof names, header->e_shoff + (uint64_t)table.sh_link * sizeof names)) return false;
  ElfW(Sym) symbols[64];
  size_t count = table.sh_size / sizeof *symbols;
  for (size_t first = 0; first < count; first += 64) {
    size_t some = count - first < 64 ? count - first : 64;
    if (!read_at(file, symbols, some * sizeof *symbols, table.sh_offset + first * sizeof *symbols)) return false;
    for (size_t i = 0; i < some; i++) {
      uintptr_t distance = address - symbols[i].st_value;
      if ((symbols[i].st_info & 15) != STT_FUNC || symbols[i].st_value == 0) continue;
      if (distance != 0 && distance >= symbols[i].st_size) continue;
      char name[128] = {0};
      if (pread(file, name, sizeof name - 1, (off_t)(names.sh_offset + symbols[i].st_name)) <= 0) return false;
      cexit__text(out, distance != 0 ? "!%s+%x" : "!%s", name, (uint64_t)distance);
      return true;
    }
  }
  return false;
}

void cexit__symbol(const void *address, char *out, size_t size) {
  int saved = errno;
  struct text text = {out, out + size - 1};
  struct mapping mapping;
  if (!cexit__find_mapping((uintptr_t)address, &mapping) || mapping.path[0] == 0)
    return cexit__text(&text, "%x", (uint64_t)(uintptr_t)address), (void)(errno = saved);
  uintptr_t offset = (uintptr_t)address - mapping.begin + mapping.offset, linked = offset;
  const char *slash = strrchr(mapping.path, '/');
  cexit__text(&text, "%s", slash + 1);
  int file = open(mapping.path, O_RDONLY | O_CLOEXEC);
  ElfW(Ehdr) header;
  bool known = file >= 0 && read_at(file, &header, sizeof header, 0) && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
               linked_address(file, &header, offset, &linked);
  bool named = known && (find_symbol(file, &header, SHT_SYMTAB, linked, &text) ||
                         find_symbol(file, &header, SHT_DYNSYM, linked, &text));
  if (file >= 0) close(file);
  if (!named) cexit__text(&text, "+%x", (uint64_t)linked);
  errno = saved;
}
