# The library as a product, component libcni-dev: public headers, libcni.a, libcni.so, a CMake package and a pkg-config file
# (docs/libcni.md). It is compiled once more, position independent, without sanitizers and with the options of a plain C++ program,
# so that programs with other options can link it. Built with the tests, else by `cmake --build ... --target libcni-dev`.
set(PLUMB_LIBCNI_LAYERS base spec json plugin runtime)

# The headers that users include; the others that these include are installed with them.
set(PLUMB_LIBCNI_HEADERS
  plugin/plugin.h plugin/conf.h plugin/delegate.h
  runtime/cni.h runtime/conf_dir.h
  spec/args.h spec/error.h spec/result.h spec/version.h
  json/object.h json/result.h
  base/undo.h base/failures.h base/sys_error.h)

# Sets <result> to PLUMB_LIBCNI_HEADERS and all headers of libcni that they include, as paths in libcni/.
function(plumb_public_headers result)
  set(todo ${PLUMB_LIBCNI_HEADERS})
  set(headers "")
  while(todo)
    list(POP_FRONT todo header)
    if(header IN_LIST headers)
      continue()
    endif()
    list(APPEND headers ${header})
    file(STRINGS ${CMAKE_SOURCE_DIR}/libcni/${header} includes REGEX "^#include \"libcni/")
    list(TRANSFORM includes REPLACE "^#include \"libcni/([^\"]+)\".*" "\\1")
    list(APPEND todo ${includes})
  endwhile()
  set(${result} ${headers} PARENT_SCOPE)
endfunction()

function(plumb_libcni_objects)
  set(sources "")
  foreach(layer IN LISTS PLUMB_LIBCNI_LAYERS)
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/libcni/${layer}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  list(FILTER sources EXCLUDE REGEX "_(test|main)\\.cpp$")
  add_library(cni_objects OBJECT EXCLUDE_FROM_ALL ${sources})
  set_target_properties(cni_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_include_directories(cni_objects PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(cni_objects PRIVATE nlohmann_json::nlohmann_json)
  target_compile_options(cni_objects PRIVATE -fstack-protector-strong -fstack-clash-protection)
  # A plugin of this library contains no other plugin, so its build identity is never compared.
  target_compile_definitions(cni_objects PRIVATE PLUMB_VERSION="${PROJECT_VERSION}" PLUMB_BUILD_ID="libcni-${PROJECT_VERSION}")
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_definitions(cni_objects PRIVATE _FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  endif()
endfunction()

function(plumb_libcni_libraries)
  add_library(cni_static STATIC EXCLUDE_FROM_ALL $<TARGET_OBJECTS:cni_objects>)
  add_library(cni_shared SHARED EXCLUDE_FROM_ALL $<TARGET_OBJECTS:cni_objects>)
  # Before 1.0, each minor version may change the interface of binaries.
  set_target_properties(cni_shared PROPERTIES VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_link_options(cni_shared PRIVATE -Wl,-z,relro,-z,now -Wl,-z,defs)
  target_link_libraries(cni_shared PRIVATE -lmd)
  target_link_libraries(cni_static INTERFACE -lmd)
  foreach(kind static shared)
    set_target_properties(cni_${kind} PROPERTIES OUTPUT_NAME cni EXPORT_NAME ${kind} LINKER_LANGUAGE CXX)
    target_compile_features(cni_${kind} INTERFACE cxx_std_20)
    target_link_libraries(cni_${kind} INTERFACE nlohmann_json::nlohmann_json)
    target_include_directories(cni_${kind} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  endforeach()
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_link_options(cni_shared PRIVATE -s)
    add_custom_command(TARGET cni_static POST_BUILD VERBATIM
      COMMAND ${CMAKE_STRIP} --strip-debug --remove-section=.comment --remove-section=.note $<TARGET_FILE:cni_static>)
  endif()
  set(all "")
  if(PLUMB_TESTS)
    set(all ALL)
  endif()
  add_custom_target(libcni-dev ${all} DEPENDS cni_static cni_shared)
endfunction()

# EXCLUDE_FROM_ALL: `cmake --install` without a component installs what a node needs.
function(plumb_install_libcni)
  set(package ${CMAKE_INSTALL_LIBDIR}/cmake/libcni)
  set(once COMPONENT libcni-dev EXCLUDE_FROM_ALL)
  install(TARGETS cni_static cni_shared EXPORT libcni
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} ${once} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ${once})
  install(EXPORT libcni NAMESPACE libcni:: FILE libcniTargets.cmake DESTINATION ${package} ${once})
  plumb_public_headers(headers)
  foreach(header IN LISTS headers)
    cmake_path(GET header PARENT_PATH folder)
    install(FILES ${CMAKE_SOURCE_DIR}/libcni/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/libcni/${folder} ${once})
  endforeach()
  include(CMakePackageConfigHelpers)
  set(generated ${CMAKE_BINARY_DIR}/generated)
  write_basic_package_version_file(${generated}/libcniConfigVersion.cmake VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
  file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  configure_file(${CMAKE_SOURCE_DIR}/cmake/libcni.pc.in ${generated}/libcni.pc @ONLY)
  install(FILES ${CMAKE_SOURCE_DIR}/cmake/libcniConfig.cmake ${generated}/libcniConfigVersion.cmake DESTINATION ${package} ${once})
  install(FILES ${generated}/libcni.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig ${once})
  install(FILES ${CMAKE_SOURCE_DIR}/docs/libcni.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libcni-dev ${once})
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/examples/libcni DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libcni-dev/examples ${once})
endfunction()

plumb_libcni_objects()
plumb_libcni_libraries()
plumb_install_libcni()
