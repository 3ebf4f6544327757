# The packages that `cpack` makes of a release build; scripts/package runs it. A package is a group of the components that
# `cmake --install` knows, so that no list of files is kept here.
set(PLUMB_CONTACT "Plumb maintainers <maintainers@plumb.invalid>" CACHE STRING "Maintainer in the packages' metadata")
set(PLUMB_PACKAGE_RELEASE 1 CACHE STRING "Number of the packaging of one version")

set(CPACK_PACKAGE_NAME plumb)
set(CPACK_PACKAGE_VENDOR Plumb)
set(CPACK_PACKAGE_CONTACT ${PLUMB_CONTACT})
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
# DESTDIR: the plugins' folder is an absolute path.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES OFF)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/packaging/finish.cmake)
set(CPACK_THREADS 1)

set(CPACK_COMPONENTS_ALL plugins tools agent examples)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENT_PLUGINS_GROUP plumb-cni-plugins)
set(CPACK_COMPONENT_EXAMPLES_GROUP plumb-cni-plugins)
set(CPACK_COMPONENT_TOOLS_GROUP plumb-cnitool)
set(CPACK_COMPONENT_AGENT_GROUP plumbd)

# plumb_package(<name> <summary> <description>): its maintainer scripts are in packaging/debian/<name>; in *.in, @plugins@ is
# the list of plugins, and @restore@ is packaging/restore.sh.
get_property(plugins GLOBAL PROPERTY PLUMB_SHIPPED_PLUGINS)
list(SORT plugins)
list(JOIN plugins " " plugins)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/packaging/restore.sh)
file(READ ${CMAKE_SOURCE_DIR}/packaging/restore.sh restore)
macro(plumb_package name summary description)
  string(TOUPPER ${name} group)
  set(CPACK_COMPONENT_GROUP_${group}_DESCRIPTION "${description}")
  set(CPACK_DEBIAN_${group}_PACKAGE_NAME ${name})
  set(CPACK_DEBIAN_${group}_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_${group}_DESCRIPTION "${summary}\n${description}")
  set(CPACK_DEBIAN_${group}_PACKAGE_SECTION net)
  set(CPACK_RPM_${group}_PACKAGE_NAME ${name})
  set(CPACK_RPM_${group}_FILE_NAME RPM-DEFAULT)
  set(CPACK_RPM_${group}_PACKAGE_SUMMARY "${summary}")
  set(CPACK_RPM_${group}_PACKAGE_DESCRIPTION "${description}")
  file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/packaging/debian/${name}/*)
  foreach(script IN LISTS scripts)
    if(script MATCHES "/([a-z]+)\\.in$")
      list(REMOVE_ITEM scripts ${script})
      set(written ${CMAKE_BINARY_DIR}/packaging/${name}/${CMAKE_MATCH_1})
      configure_file(${script} ${written} @ONLY USE_SOURCE_PERMISSIONS)
      list(APPEND scripts ${written})
    endif()
  endforeach()
  set(CPACK_DEBIAN_${group}_PACKAGE_CONTROL_EXTRA "${scripts}")
endmacro()

plumb_package(plumb-cni-plugins "CNI plugins that connect pods to the network"
  "Container runtimes start these programs to attach a pod to networks. They read\nthe configurations and the state of the plugins of the CNI project, so that\na node changes to them while pods run. They are linked statically.")
plumb_package(plumb-cnitool "command line for CNI networks"
  "cnitool attaches network namespaces to CNI networks, checks and detaches them,\nlists attachments, and tests plugins against the CNI specification.")
plumb_package(plumbd "node agent for networks of pods that span machines"
  "plumbd connects the pods of a cluster by VXLAN, plain routes or BGP. It learns\nthe nodes from a file, etcd or Kubernetes. The service is not enabled by\ninstalling the package, because it needs a configuration first.")

# Not in CPACK_COMPONENTS_ALL: it is packed by itself, where it is built.
set(CPACK_COMPONENT_LIBCNI-DEV_GROUP libcni-dev)
plumb_package(libcni-dev "library for CNI plugins and CNI runtimes in C++"
  "Both sides of the Container Network Interface: a plugin is a few functions, a\nruntime is one object. Headers, the static and the shared library, a CMake\npackage, a pkg-config file, and an example of each side.")
set(CPACK_DEBIAN_LIBCNI-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBCNI-DEV_PACKAGE_DEPENDS "libmd-dev, nlohmann-json3-dev")
set(CPACK_DEBIAN_LIBCNI-DEV_PACKAGE_SHLIBDEPS ON)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${PLUMB_PACKAGE_RELEASE})
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PLUMBD_PACKAGE_SHLIBDEPS ON)
# libcurl is loaded at run time, and only for etcd and Kubernetes.
set(CPACK_DEBIAN_PLUMBD_PACKAGE_RECOMMENDS "libcurl4, plumb-cni-plugins")
set(CPACK_DEBIAN_PLUMBD_PACKAGE_SUGGESTS "bird2, plumb-cnitool")
set(CPACK_DEBIAN_PLUMB-CNITOOL_PACKAGE_RECOMMENDS plumb-cni-plugins)

set(CPACK_RPM_COMPONENT_INSTALL ON)
set(CPACK_RPM_PACKAGE_RELEASE ${PLUMB_PACKAGE_RELEASE})
set(CPACK_RPM_PACKAGE_LICENSE "Apache-2.0 AND GPL-2.0-or-later AND LGPL-2.1-or-later")
set(CPACK_RPM_COMPRESSION_TYPE xz)
set(CPACK_RPM_PACKAGE_GROUP System/Networking)
set(CPACK_RPM_PLUMBD_POST_INSTALL_SCRIPT_FILE ${CMAKE_SOURCE_DIR}/packaging/rpm/plumbd.post)
set(CPACK_RPM_PLUMBD_PRE_UNINSTALL_SCRIPT_FILE ${CMAKE_SOURCE_DIR}/packaging/rpm/plumbd.preun)
set(CPACK_RPM_PLUMBD_POST_UNINSTALL_SCRIPT_FILE ${CMAKE_SOURCE_DIR}/packaging/rpm/plumbd.postun)
# Folders of the distribution stay the distribution's.
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION /opt /usr/lib/systemd /usr/lib/systemd/system /usr/lib/tmpfiles.d /usr/sbin
  /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/fish /usr/share/fish/vendor_completions.d
  /usr/share/man /usr/share/man/man1 /usr/share/man/man8 /usr/share/zsh /usr/share/zsh/site-functions)
# The same bytes at any time and on any machine; the files are stripped and their manuals compressed.
set(CPACK_RPM_SPEC_MORE_DEFINE "%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
%define _buildhost plumb
%define _build_id_links none
%define __os_install_post %{nil}")

include(CPack)
