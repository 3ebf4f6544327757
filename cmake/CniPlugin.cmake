# plumb_add_folders(<parent>): every sub-folder with a CMakeLists.txt. Adding a plugin edits no list.
function(plumb_add_folders parent)
  file(GLOB entries CONFIGURE_DEPENDS LIST_DIRECTORIES true ${CMAKE_SOURCE_DIR}/${parent}/*)
  foreach(entry IN LISTS entries)
    if(EXISTS ${entry}/CMakeLists.txt)
      add_subdirectory(${entry})
    endif()
  endforeach()
endfunction()

# plumb_tests(<core target> [label]): one gtest executable of the current folder's *_test.cpp.
function(plumb_tests core)
  if(NOT PLUMB_TESTS)
    return()
  endif()
  file(GLOB tests CONFIGURE_DEPENDS *_test.cpp)
  if(NOT tests)
    return()
  endif()
  add_executable(${core}_test ${tests})
  target_link_libraries(${core}_test PRIVATE ${core} test_support GTest::gmock GTest::gtest_main)
  set_target_properties(${core}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  gtest_discover_tests(${core}_test TEST_PREFIX ${core}. WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

# plumb_uses(<name> <used plugins...>): the table of interface plugins that plugin <name> runs in process, each from its
# folder's plugin.h. An object library, because its definition must override the weak one in cni_plugin_main.
function(plumb_uses name)
  set(includes "")
  set(rows "")
  set(libraries "")
  foreach(used IN LISTS ARGN)
    string(REPLACE "-" "_" namespace ${used})
    string(APPEND includes "#include \"plugins/${used}/plugin.h\"\n")
    string(APPEND rows "    {\"${used}\", &${namespace}::plugin},\n")
    list(APPEND libraries ${used}_core)
  endforeach()
  set(source ${CMAKE_BINARY_DIR}/generated/${name}_uses.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT
"// Generated from USES in the plugin's CMakeLists.txt.
#include \"libcni/plugin/delegate.h\"
@includes@
namespace cni {
namespace {
constexpr InProcessDelegate kUsed[] = {
@rows@};
}  // namespace
std::span<const InProcessDelegate> used_plugins() { return kUsed; }
}  // namespace cni
" @ONLY)
  add_library(${name}_uses OBJECT ${source})
  target_link_libraries(${name}_uses PUBLIC cni_flags cni_plugin_main ${libraries})
endfunction()

# cni_plugin(<name> [IPAM] [USES <plugin>...] [LINK_KIND <words>] [NEEDS_SERVER]): build the CNI executable <name> from the current folder.
# main.cpp is the executable; every other *.cpp is its core; *_test.cpp are tests. The folder's `plugin.h` declares
# `const cni::Plugin& plugin()` in the namespace of the plugin: its name with _ for -, behind `ipam_` with IPAM.
# IPAM: other plugins run it in process if CNI_PATH resolves to an executable of the same build.
# USES: interface plugins that this one runs as a part of itself (cni::get_used_plugin). Their own executables are not
# changed by it.
# LINK_KIND: the kind of link that the plugin makes, as the words behind `type` of ip-link(8), for a kind that not every
# kernel has. Where it is missing, the suites skip the plugin; tests/vm runs them on Debian's kernel.
# NEEDS_SERVER: ADD needs a server of the plugin's own, which its tests start; conformance and chains leave it out.
function(cni_plugin name)
  cmake_parse_arguments(ARG "IPAM;NEEDS_SERVER" "LINK_KIND" "USES" ${ARGN})
  file(GLOB core CONFIGURE_DEPENDS *.cpp)
  list(FILTER core EXCLUDE REGEX "(/main|_test)\\.cpp$")
  add_library(${name}_core STATIC ${core})
  target_link_libraries(${name}_core PUBLIC cni_flags cni_plugin_main)
  add_executable(${name} main.cpp)
  target_link_libraries(${name} PRIVATE ${name}_core cni_ship_flags)
  if(ARG_IPAM)
    set_property(GLOBAL APPEND PROPERTY PLUMB_IPAM ${name})
  else()
    target_link_libraries(${name}_core PUBLIC attach)
    target_link_libraries(${name} PRIVATE delegate_table)
  endif()
  set_property(GLOBAL APPEND PROPERTY PLUMB_PLUGINS ${name})
  set_property(GLOBAL PROPERTY PLUMB_NEEDS_SERVER_${name} "${ARG_NEEDS_SERVER}")
  set_property(GLOBAL PROPERTY PLUMB_LINK_KIND_${name} "${ARG_LINK_KIND}")
  set_property(GLOBAL APPEND PROPERTY PLUMB_PLUGIN_FOLDERS ${CMAKE_CURRENT_SOURCE_DIR})
  plumb_install_plugin(${name})
  plumb_tests(${name}_core)
  if(TARGET ${name}_core_test)
    target_link_libraries(${name}_core_test PRIVATE test_host)
  endif()
  if(ARG_USES)
    set_property(GLOBAL APPEND PROPERTY PLUMB_USED_PLUGINS ${ARG_USES})
    plumb_uses(${name} ${ARG_USES})
    foreach(target ${name} ${name}_core_test)
      if(TARGET ${target})
        target_link_libraries(${target} PRIVATE ${name}_uses)
      endif()
    endforeach()
  endif()
endfunction()

# The table of IPAM plugins that can run in process, generated from the folders with IPAM.
function(plumb_write_delegate_table)
  get_property(ipam GLOBAL PROPERTY PLUMB_IPAM)
  set(includes "")
  set(rows "")
  set(libraries "")
  foreach(name IN LISTS ipam)
    string(REPLACE "-" "_" namespace ${name})
    string(APPEND includes "#include \"ipam/${name}/plugin.h\"\n")
    string(APPEND rows "    {\"${name}\", &ipam_${namespace}::plugin},\n")
    list(APPEND libraries ${name}_core)
  endforeach()
  set(source ${CMAKE_BINARY_DIR}/generated/delegate_table.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT
"// Generated from the folders in ipam/.
#include \"libcni/plugin/delegate.h\"
@includes@
namespace cni {
namespace {
constexpr InProcessDelegate kDelegates[] = {
@rows@};
}  // namespace
std::span<const InProcessDelegate> in_process_delegates() { return kDelegates; }
}  // namespace cni
" @ONLY)
  # An object library, not an archive: its definition must override the weak one in cni_plugin_main.
  add_library(delegate_table OBJECT ${source})
  target_link_libraries(delegate_table PUBLIC cni_flags cni_plugin_main ${libraries})
endfunction()

# plumb_layer(<target> <linked libraries...>): a library of the current folder's sources, with its tests.
# *_main.cpp are executables of their own.
function(plumb_layer name)
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  list(FILTER sources EXCLUDE REGEX "_(test|main)\\.cpp$")
  add_library(${name} STATIC ${sources})
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${name} PUBLIC ${ARGN})
  plumb_tests(${name})
endfunction()
