// SPDX-License-Identifier: Apache-2.0
//
// The objects that are loaded: keeping one loaded, and telling the executable from the others.

#include "platform.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

// Weak: a static executable has no use for them, and should not be warned that it links them.
#pragma weak dlopen
#pragma weak dladdr

void cexit__pin_object(const void *owner) {
  Dl_info info;
  if (owner == NULL || dlopen == NULL || dladdr == NULL || dladdr(owner, &info) == 0) return;
  dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE); // fails for the executable, which stays anyway
}

static int find_in_executable(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  const void **owner = data;
  uintptr_t address = (uintptr_t)*owner - info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    if (segment->p_type == PT_LOAD && address - segment->p_vaddr < segment->p_memsz) *owner = NULL;
  }
  return 1; // the first one is the executable
}

bool cexit__is_in_executable(const void *address) {
  dl_iterate_phdr(find_in_executable, &address);
  return address == NULL;
}

void cexit__pin_path(const char *path) {
  if (dlopen != NULL && path[0] != 0) dlopen(path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

void cexit__pin(void) {
  static atomic_flag pinned = ATOMIC_FLAG_INIT;
  if (atomic_flag_test_and_set(&pinned) || cexit__is_in_executable(&__dso_handle)) return;
  cexit__pin_object(&__dso_handle);
}

bool cexit__is_unloading_call(const void *return_address) {
  Dl_info info;
  return dladdr != NULL && dladdr(return_address, &info) != 0 && info.dli_sname != NULL &&
         strcmp(info.dli_sname, "__cxa_finalize") == 0;
}
