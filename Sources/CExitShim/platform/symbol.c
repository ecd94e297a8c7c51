// SPDX-License-Identifier: Apache-2.0
//
// The name of a function without a name, for messages. dladdr takes the loader's lock, which a thread that hangs may hold,
// and does not know static functions. So the kernel tells which file is mapped at the address (/proc/self/maps), and the
// symbol table is read from that file, piece by piece.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "symbol.h"
#include "text.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

// ---- Which file

struct mapping {
  uintptr_t begin, end, offset;
  char path[512];
};

static const char *hexadecimal(const char *at, uintptr_t *number) {
  for (*number = 0;; at++) {
    unsigned digit = (unsigned)*at - '0', letter = (unsigned)*at - 'a';
    if (digit >= 10 && letter >= 6) return at;
    *number = *number << 4 | (digit < 10 ? digit : letter + 10);
  }
}

// "begin-end rights offset device inode   path"
static void parse(const char *line, struct mapping *out) {
  const char *at = hexadecimal(line, &out->begin);
  if (*at == '-') at = hexadecimal(at + 1, &out->end);
  if (strlen(at) > 6) at = hexadecimal(at + 6, &out->offset);
  const char *path = strchr(at, '/');
  size_t length = path != NULL ? strlen(path) : 0;
  if (length >= sizeof out->path) length = 0;
  if (length != 0) memcpy(out->path, path, length);
  out->path[length] = 0;
}

static bool find_mapping(uintptr_t address, struct mapping *out) {
  char buffer[1024];
  size_t held = 0;
  int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  bool found = false;
  for (ssize_t count; !found && (count = read(file, buffer + held, sizeof buffer - 1 - held)) > 0;) {
    held += (size_t)count;
    buffer[held] = 0;
    char *line = buffer;
    for (char *end; !found && (end = strchr(line, '\n')) != NULL; line = end + 1) {
      *end = 0;
      *out = (struct mapping){0};
      parse(line, out);
      found = out->begin <= address && address < out->end;
    }
    held = strlen(line);
    if (held == sizeof buffer - 1) held = 0; // no line of a mapping with a path that could be opened
    memmove(buffer, line, held);
  }
  close(file);
  return found;
}

// ---- Which symbol

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
  if (!find_mapping((uintptr_t)address, &mapping) || mapping.path[0] == 0)
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
