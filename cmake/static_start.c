// SPDX-License-Identifier: Apache-2.0
// The start of a static executable, without questions to the processor. glibc's own start executes
// about 50 CPUID instructions, most of them for the sizes of caches, by which memcpy() of large
// blocks is chosen. A hypervisor emulates each: 0.5 ms per exec on the machine that was measured
// (docs/decisions/013-start-of-a-plugin.md). This is the start of glibc 2.36 (csu/libc-start.c)
// without them: the features stay zero, and so each function is taken in the variant that every
// x86-64 processor can execute. Any other libc starts as it always does. The linker's --wrap puts
// this in place.

#include <elf.h>
#include <features.h>
#include <stddef.h>
#include <stdint.h>

typedef int main_function(int, char**, char**);

extern int __real___libc_start_main(main_function*, int, char**, void (*)(void), void (*)(void),
                                    void (*)(void), void*);
int __wrap___libc_start_main(main_function*, int, char**, void (*)(void), void (*)(void),
                             void (*)(void), void*);

// The canary is not set yet.
#define BEFORE_CANARY __attribute__((no_stack_protector))

#if defined(__x86_64__) && defined(__GLIBC__) && __GLIBC__ == 2 && __GLIBC_MINOR__ == 36

typedef void start_function(int, char**, char**);
typedef void end_function(void);

extern char** __environ;
extern void *__libc_stack_end, *_dl_random;
extern int __libc_enable_secure;
extern long __x86_shared_non_temporal_threshold, __x86_rep_movsb_stop_threshold,
    __x86_shared_cache_size;
extern const Elf64_Rela __rela_iplt_start[], __rela_iplt_end[];
extern start_function *__preinit_array_start[], *__preinit_array_end[], *__init_array_start[],
    *__init_array_end[];
extern end_function *__fini_array_start[], *__fini_array_end[], _init, _fini;

void _dl_aux_init(Elf64_auxv_t*);
void __tunables_init(char**);
void __libc_setup_tls(void);
void __libc_early_init(_Bool);
void __libc_init_first(int, char**, char**);
void __libc_check_standard_fds(void);
int __cxa_atexit(void (*)(void*), void*, void*);
void exit(int) __attribute__((noreturn));

static void finish(void* unused) {
  (void)unused;
  for (end_function** each = __fini_array_end; each-- > __fini_array_start;) (*each)();
  _fini();
}

/// Chooses the variant of each function that has several; before this, memcpy() cannot be called.
BEFORE_CANARY static void resolve(void) {
  for (const Elf64_Rela* each = __rela_iplt_start; each < __rela_iplt_end; ++each)
    *(uintptr_t*)each->r_offset = ((uintptr_t(*)(void))each->r_addend)();
}

/// The canary of the stack and the key of saved pointers, from the kernel's random bytes.
BEFORE_CANARY static void set_guards(void) {
  const uintptr_t* random = _dl_random;
  __asm__ volatile("mov %0, %%fs:0x28" ::"r"(random[0] & ~(uintptr_t)0xff));
  __asm__ volatile("mov %0, %%fs:0x30" ::"r"(random[1]));
}

static void call_all(start_function** first, start_function** end, int argc, char** argv) {
  for (; first < end; ++first) (*first)(argc, argv, __environ);
}

BEFORE_CANARY int __wrap___libc_start_main(main_function* main, int argc, char** argv,
                                           void (*init)(void), void (*fini)(void),
                                           void (*rtld_fini)(void), void* stack_end) {
  (void)init, (void)fini, (void)rtld_fini;
  __environ = &argv[argc + 1];
  __libc_stack_end = stack_end;
  char** end = __environ;
  while (*end != NULL) ++end;
  _dl_aux_init((Elf64_auxv_t*)(end + 1));
  __tunables_init(__environ);
  // Three quarters of the cache that glibc assumes when it knows none.
  __x86_shared_non_temporal_threshold = __x86_rep_movsb_stop_threshold =
      __x86_shared_cache_size * 3 / 4;
  resolve();
  __libc_setup_tls();
  set_guards();
  __libc_early_init(1);
  __libc_init_first(argc, argv, __environ);
  __cxa_atexit(finish, NULL, NULL);
  if (__libc_enable_secure) __libc_check_standard_fds();
  call_all(__preinit_array_start, __preinit_array_end, argc, argv);
  _init();
  call_all(__init_array_start, __init_array_end, argc, argv);
  exit(main(argc, argv, __environ));
}

/// Where the executable is, for the libraries that a dynamic program would look for beside it:
/// glibc's answer for "unknown". The symbolic link /proc/self/exe is made when it is read, and that
/// takes a tenth of an ADD.
const char* __wrap__dl_get_origin(void);
const char* __wrap__dl_get_origin(void) {
  return (const char*)-1;
}

#else

const char* __real__dl_get_origin(void);
const char* __wrap__dl_get_origin(void);
const char* __wrap__dl_get_origin(void) {
  return __real__dl_get_origin();
}

BEFORE_CANARY int __wrap___libc_start_main(main_function* main, int argc, char** argv,
                                           void (*init)(void), void (*fini)(void),
                                           void (*rtld_fini)(void), void* stack_end) {
  return __real___libc_start_main(main, argc, argv, init, fini, rtld_fini, stack_end);
}

#endif
