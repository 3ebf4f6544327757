# cni_flags: the compiler options of every target of the tree.
add_library(cni_flags INTERFACE)
target_include_directories(cni_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_options(cni_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -Werror
  -fstack-protector-strong -fstack-clash-protection -ffunction-sections -fdata-sections)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  # FORTIFY needs optimisation; -Os costs nothing measurable here (the kernel does the work)
  # and keeps the page-fault count of every exec down.
  set(CMAKE_CXX_FLAGS_RELEASE "-Os -DNDEBUG")
  # For code that sorts and compares thousands of nodes: it saves a fifth of the processor time.
  set(PLUMB_MANY -O2)
  # An index beyond the end of a container ends the process instead of reading other memory.
  target_compile_definitions(cni_flags INTERFACE _FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
endif()
if(PLUMB_SANITIZE)
  target_compile_options(cni_flags INTERFACE -fsanitize=${PLUMB_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(cni_flags INTERFACE -fsanitize=${PLUMB_SANITIZE})
else()
  add_compile_options(-fno-plt)
endif()
if(PLUMB_FUZZ)
  target_compile_options(cni_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# cni_ship_flags: the linker options of the executables that are shipped.
add_library(cni_ship_flags INTERFACE)
target_link_options(cni_ship_flags INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,--gc-sections)
if(PLUMB_STATIC)
  # Not static-PIE: relocating itself costs each exec 10 us of 400 (medians of 1500 alternating VERSION calls).
  # The rest keeps exceptions and the start cheap: cmake/static_unwind.c and cmake/static_start.c say how.
  target_link_options(cni_ship_flags INTERFACE -static -s -Wl,--eh-frame-hdr
    -Wl,--wrap=__register_frame_info -Wl,--wrap=__deregister_frame_info
    -Wl,--wrap=__libc_start_main -Wl,--wrap=_dl_get_origin)
  target_sources(cni_ship_flags INTERFACE ${CMAKE_SOURCE_DIR}/cmake/static_unwind.c ${CMAKE_SOURCE_DIR}/cmake/static_start.c)
endif()

# plumbd_ship_flags: the same for the agent, which links shared libraries. Lazy binding would save 0.1 MB of 7 and leave
# the table of functions writable: not worth it.
add_library(plumbd_ship_flags INTERFACE)
target_link_options(plumbd_ship_flags INTERFACE -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,--gc-sections)
if(PLUMB_STATIC)
  # Static libstdc++ adds 0.7 MB to plumbd; libstdc++.so, libm.so and libgcc_s.so would take 2.1 MB of resident memory.
  # One word, because g++ moves an -lm that it sees behind its own libraries.
  target_link_options(plumbd_ship_flags INTERFACE -s -static-libgcc -static-libstdc++ -Wl,--as-needed)
  target_sources(plumbd_ship_flags INTERFACE ${CMAKE_SOURCE_DIR}/cmake/find_object.c)
  target_link_libraries(plumbd_ship_flags INTERFACE -Wl,-Bstatic,-lstdc++,-lm,-Bdynamic)
endif()
