# Language level, warnings, sanitizers, linker and compiler cache: one place for all of them.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release or RelWithDebInfo" FORCE)
endif()

find_program(CLASP_CCACHE ccache)
if(CLASP_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without this sloppiness nothing is cached that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CLASP_CCACHE})
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld)
else()
  find_program(CLASP_MOLD mold)
  if(CLASP_MOLD)
    add_link_options(-fuse-ld=mold)
  endif()
endif()

if(CLASP_SANITIZE)
  add_compile_options(-fsanitize=${CLASP_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${CLASP_SANITIZE})
  if(CLASP_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

if(CLASP_BUILD_FUZZ)  # libraries too: a fuzzer is blind for code that does not report its branches
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# The library that runs lenses (docs/lenses.md) is opened at run time, by its name: programs find it along their run path, where scripts/wasmtime.sh puts it
# and, once installed, in lib/clasp.
include(GNUInstallDirs)
set(CLASP_WASMTIME_DIR ${CMAKE_SOURCE_DIR}/build/wasmtime CACHE PATH "Folder of libwasmtime-50.0.1.so")
list(APPEND CMAKE_BUILD_RPATH ${CLASP_WASMTIME_DIR})
list(APPEND CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/clasp")

add_library(clasp_warnings INTERFACE)
# Designated initialisers name what differs from the default; the rest is left out on purpose.
target_compile_options(clasp_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  if(CLASP_SANITIZE MATCHES "thread")
    target_compile_options(clasp_warnings INTERFACE -Wno-tsan)  # fences of Boost.Asio: what they order is also ordered by its mutexes
  endif()
  # Two false positives of GCC 12 inside libstdc++ headers at -O2/-O3 (its bugs 105329, 105562, 107919).
  target_compile_options(clasp_warnings INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow)
else()  # libstdc++ 12's own stable_sort calls the deprecated get_temporary_buffer, which it exempts for GCC only.
  target_compile_options(clasp_warnings INTERFACE -Wno-deprecated-declarations)
endif()
if(CLASP_WERROR)
  target_compile_options(clasp_warnings INTERFACE -Werror)
endif()
