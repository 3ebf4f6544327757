# The files that `cmake --install` installs, and their places. Components: plugins, tools (cnitool), agent (plumbd),
# examples.
include(GNUInstallDirs)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(PLUMB_CNI_BIN_DIR /opt/cni/bin CACHE PATH "Folder of the plugins; an absolute path does not depend on the prefix")

# Plugins that tests generate elsewhere are not a part of the suite.
function(plumb_install_plugin name)
  file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  if(folder MATCHES "^(plugins|ipam)/")
    install(TARGETS ${name} RUNTIME DESTINATION ${PLUMB_CNI_BIN_DIR} COMPONENT plugins)
    set_property(GLOBAL APPEND PROPERTY PLUMB_SHIPPED_PLUGINS ${name})
    plumb_install_plugin_manual(${name})
  endif()
endfunction()

# The manual of a plugin is made from its README.md. Its name begins with plumb-, because bridge(8) is iproute2's.
function(plumb_install_plugin_manual name)
  set(manual ${CMAKE_BINARY_DIR}/man/plumb-${name}.8)
  set(writer ${CMAKE_SOURCE_DIR}/scripts/plugin_manual.py)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/man)
  add_custom_command(OUTPUT ${manual} VERBATIM
    COMMAND ${Python3_EXECUTABLE} -B ${writer} ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_VERSION} > ${manual}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/README.md ${writer})
  add_custom_target(${name}_manual ALL DEPENDS ${manual})
  install(FILES ${manual} DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT plugins)
endfunction()

# plumb_install_program(<target> <folder> <manual> <component>): with its manual in docs/man and its completions, which the
# program prints itself.
function(plumb_install_program name folder manual component)
  string(REGEX REPLACE ".*\\." "" section ${manual})
  install(TARGETS ${name} RUNTIME DESTINATION ${folder} COMPONENT ${component})
  install(FILES ${CMAKE_SOURCE_DIR}/docs/man/${manual} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT ${component})
  set(bash ${CMAKE_INSTALL_DATADIR}/bash-completion/completions/${name})
  set(zsh ${CMAKE_INSTALL_DATADIR}/zsh/site-functions/_${name})
  set(fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d/${name}.fish)
  set(scripts "")
  foreach(shell bash zsh fish)
    set(script ${CMAKE_BINARY_DIR}/completions/${name}.${shell})
    add_custom_command(OUTPUT ${script} COMMAND ${name} completion ${shell} > ${script} DEPENDS ${name} VERBATIM)
    cmake_path(GET ${shell} PARENT_PATH target)
    cmake_path(GET ${shell} FILENAME file)
    install(FILES ${script} DESTINATION ${target} RENAME ${file} COMPONENT ${component})
    list(APPEND scripts ${script})
  endforeach()
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/completions)
  add_custom_target(${name}_completions ALL DEPENDS ${scripts})
endfunction()

# The unit contains the path of plumbd, which depends on the prefix; `cmake --install --prefix` may change it. It is written
# at its place, because several installations with other prefixes may run at once.
function(plumb_install_unit unit)
  set(folder lib/systemd/system)
  install(FILES ${CMAKE_SOURCE_DIR}/conf-examples/${unit} DESTINATION ${folder} COMPONENT agent)
  install(CODE "
    set(written \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${folder}/${unit}\")
    file(READ \"\${written}\" text)
    string(REPLACE \"=/usr/local/sbin/\" \"=\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}/\" text \"\${text}\")
    file(WRITE \"\${written}\" \"\${text}\")" COMPONENT agent)
  install(FILES ${CMAKE_SOURCE_DIR}/packaging/plumb.tmpfiles DESTINATION lib/tmpfiles.d RENAME plumb.conf COMPONENT agent)
endfunction()

function(plumb_install_documents)
  install(DIRECTORY conf-examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT examples
    PATTERN plumbd.service EXCLUDE)
  install(DIRECTORY docs/schema DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT examples)
  install(FILES docs/plumbd.yaml LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT examples)
endfunction()
