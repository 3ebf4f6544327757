# find_package(libcni): the targets libcni::static and libcni::shared.
include(CMakeFindDependencyMacro)
find_dependency(nlohmann_json)
include(${CMAKE_CURRENT_LIST_DIR}/libcniTargets.cmake)
