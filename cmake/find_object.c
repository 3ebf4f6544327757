// SPDX-License-Identifier: Apache-2.0
// The unwinder in gcc 12's libgcc_eh.a asks _dl_find_object(3) where an exception comes from, which glibc has since 2.35 only.
// This one serves plumbd alone, on older systems too: it looks the table of the unwinder up in the list of objects, as gcc did before.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <features.h>
#include <link.h>

#if __GLIBC_PREREQ(2, 35)

struct search {
  ElfW(Addr) pc;
  struct dl_find_object *found;
};

static int look(struct dl_phdr_info *object, size_t size, void *data) {
  struct search *search = data;
  const ElfW(Phdr) *table = 0;
  int here = 0;
  (void)size;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr) *part = &object->dlpi_phdr[i];
    if (part->p_type == PT_GNU_EH_FRAME) table = part;
    if (part->p_type == PT_LOAD && search->pc - object->dlpi_addr - part->p_vaddr < part->p_memsz) here = 1;
  }
  if (!here || !table) return 0;
  search->found->dlfo_eh_frame = (void *)(object->dlpi_addr + table->p_vaddr);
  return 1;
}

// The unwinder reads dlfo_eh_frame only, and on 32-bit x86 dlfo_eh_dbase.
__attribute__((visibility("hidden"))) int _dl_find_object(void *pc, struct dl_find_object *found) {
  struct search search = {(ElfW(Addr))pc, found};
  return dl_iterate_phdr(look, &search) ? 0 : -1;
}

#endif
