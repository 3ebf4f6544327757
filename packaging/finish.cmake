# cpack runs it between the installation of the files below CPACK_TEMPORARY_DIRECTORY and the packing: adds the documents
# that Debian's policy asks for, compresses them, and gives every file the time of SOURCE_DATE_EPOCH.
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH} OR NOT DEFINED ENV{PLUMB_DOCUMENTS})
  message(FATAL_ERROR "SOURCE_DATE_EPOCH or PLUMB_DOCUMENTS is not set: run scripts/package, which sets both")
endif()
set(epoch $ENV{SOURCE_DATE_EPOCH})

function(compress file)
  execute_process(COMMAND gzip -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(write_debian_changelog file name)
  execute_process(COMMAND date -u -R -d @${epoch} OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  file(WRITE ${file} "${name} (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium

  * Release ${CPACK_PACKAGE_VERSION}; changelog.gz lists the changes.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
endfunction()

function(add_documents root name)
  set(documents ${root}/usr/share/doc/${name})
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/copyright ${documents}/copyright COPYONLY)
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../CHANGELOG.md ${documents}/changelog COPYONLY)
  compress(${documents}/changelog)
  # Made by scripts/sbom.py.
  foreach(file plumb.spdx.json libraries.copyright)
    configure_file($ENV{PLUMB_DOCUMENTS}/${file} ${documents}/${file} COPYONLY)
    compress(${documents}/${file})
  endforeach()
  if(CPACK_GENERATOR STREQUAL "DEB")
    write_debian_changelog(${documents}/changelog.Debian ${name})
    compress(${documents}/changelog.Debian)
    if(EXISTS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/debian/${name}.lintian-overrides)
      configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/debian/${name}.lintian-overrides ${root}/usr/share/lintian/overrides/${name} COPYONLY)
    endif()
  endif()
endfunction()

file(GLOB packages LIST_DIRECTORIES true ${CPACK_TEMPORARY_DIRECTORY}/*)
foreach(root IN LISTS packages)
  cmake_path(GET root FILENAME name)
  add_documents(${root} ${name})
  file(GLOB_RECURSE manuals ${root}/usr/share/man/*)
  foreach(manual IN LISTS manuals)
    compress(${manual})
  endforeach()
  execute_process(COMMAND chmod -R u=rwX,go=rX ${root} COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND find ${root} -exec touch -h -d @${epoch} {} + COMMAND_ERROR_IS_FATAL ANY)
endforeach()
