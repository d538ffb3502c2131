# clasp_gtest(NAME TARGET)
#
# One ctest test for the whole of a GoogleTest program. (A process per case cost more than the cases: three thousand starts of sanitized
# programs that each read the wire vectors.) A single case: build/dev/src/router/clasp_router_tests --gtest_filter='Contract*'
function(clasp_gtest name target)
  add_test(NAME ${name} COMMAND ${target} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES TIMEOUT 900)
endfunction()

# What every test of a module includes is parsed once: GoogleTest and the standard library are a quarter of what a test takes to compile.
function(clasp_test_prelude target)
  if(NOT TARGET clasp_test_prelude)
    file(WRITE ${CMAKE_BINARY_DIR}/test_prelude.cpp "int main() { return 0; }\n")
    add_executable(clasp_test_prelude EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/test_prelude.cpp)
    clasp_test_options(clasp_test_prelude)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      target_compile_options(clasp_test_prelude PRIVATE "SHELL:-Xclang -fno-pch-timestamp")  # the compiler cache tells by content
    endif()
    target_precompile_headers(clasp_test_prelude PRIVATE <gmock/gmock.h> <gtest/gtest.h> <chrono> <functional> <map> <optional> <string> <vector> <fmt/format.h>)
  endif()
  target_precompile_headers(${target} REUSE_FROM clasp_test_prelude)
endfunction()
function(clasp_test_options target)
  target_link_libraries(${target} PRIVATE clasp_warnings fmt::fmt GTest::gmock GTest::gtest_main)
  target_compile_definitions(${target} PRIVATE CLASP_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)  # the code under test stays at -O3; its tests only take long to compile
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # a false positive of GCC 12 in std::string's operator+, told of system headers too if they are precompiled
    target_compile_options(${target} PRIVATE -Wno-array-bounds)
  endif()
endfunction()

# clasp_library(NAME core SRCS a.cpp b.cpp DEPS clasp::x [PRIVATE_DEPS y] [TESTS a_test.cpp] [TEST_DEPS z] [BENCHES a_bench.cpp])
#
# Declares the module in the current folder as target clasp::NAME. Its headers are reached as "NAME/file.hpp", and only by targets that
# link it: each module gets an include root of its own that holds nothing but a link to its folder. So a forbidden dependency does not compile.
# NAME may have a slash (bridge/osc): the target is then clasp::bridge_osc. With TARGET, the target has another name than the folder: a folder
# can thereby hold a second target with a part of its files (net and net_wire).
function(clasp_library)
  cmake_parse_arguments(ARG "" "NAME;TARGET" "SRCS;DEPS;PRIVATE_DEPS;TESTS;TEST_DEPS;BENCHES" ${ARGN})
  string(REPLACE "/" "_" flat ${ARG_NAME})
  if(ARG_TARGET)
    set(flat ${ARG_TARGET})
  endif()
  set(target clasp_${flat})
  set(include_root ${CMAKE_BINARY_DIR}/modules/${flat})
  get_filename_component(parent ${include_root}/${ARG_NAME} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${include_root}/${ARG_NAME} SYMBOLIC)

  if(ARG_SRCS)
    add_library(${target} STATIC ${ARG_SRCS})
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${include_root}>)
    target_link_libraries(${target} PUBLIC ${ARG_DEPS} PRIVATE $<BUILD_INTERFACE:clasp_warnings> ${ARG_PRIVATE_DEPS})
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE $<BUILD_INTERFACE:${include_root}>)
    target_link_libraries(${target} INTERFACE ${ARG_DEPS})
  endif()
  add_library(clasp::${flat} ALIAS ${target})

  if(CLASP_BUILD_TESTS AND ARG_TESTS)
    add_executable(${target}_tests ${ARG_TESTS})
    target_link_libraries(${target}_tests PRIVATE clasp::${flat} ${ARG_PRIVATE_DEPS} ${ARG_TEST_DEPS})
    clasp_test_options(${target}_tests)
    clasp_test_prelude(${target}_tests)
    clasp_gtest(${flat} ${target}_tests)
  endif()
  if(CLASP_BUILD_BENCH AND ARG_BENCHES)
    add_executable(${target}_bench ${ARG_BENCHES})
    target_link_libraries(${target}_bench PRIVATE clasp::${flat} clasp_warnings ${ARG_PRIVATE_DEPS} benchmark::benchmark_main)
    if(CLASP_BUILD_TESTS)  # Run once with tiny inputs, so that it never rots.
      add_test(NAME bench.${flat} COMMAND ${target}_bench --benchmark_min_time=0.001 "--benchmark_filter=-/[0-9]{7,}")
    endif()
  endif()
endfunction()

# clasp_fuzzer(NAME foo SRC foo_fuzz.cpp DEPS clasp::core [CORPUS dir] [SECONDS_MAX 15])
#
# A libFuzzer target, and a test that runs it for CLASP_FUZZ_SECONDS from the inputs of tests/fuzz/make_corpus.py and from CORPUS, always in the same
# way (seed 1): what a change breaks shows, not what chance finds; SECONDS_MAX: not longer than that. tests/fuzz/soak tries other seeds.
function(clasp_fuzzer)
  cmake_parse_arguments(ARG "" "NAME;SRC;CORPUS;SECONDS_MAX" "DEPS" ${ARGN})
  if(NOT CLASP_BUILD_FUZZ)
    return()
  endif()
  if(NOT TARGET fuzzers)
    add_custom_target(fuzzers)
  endif()
  add_executable(fuzz_${ARG_NAME} ${ARG_SRC})
  add_dependencies(fuzzers fuzz_${ARG_NAME})
  target_link_libraries(fuzz_${ARG_NAME} PRIVATE ${ARG_DEPS} clasp_warnings)
  target_compile_options(fuzz_${ARG_NAME} PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz_${ARG_NAME} PRIVATE -fsanitize=fuzzer)
  set(found ${CMAKE_CURRENT_BINARY_DIR}/found/${ARG_NAME})  # new inputs go to the first folder
  set(seeds ${CMAKE_CURRENT_BINARY_DIR}/corpus/${ARG_NAME})
  file(MAKE_DIRECTORY ${found} ${seeds})
  set(folders ${found} ${seeds})
  if(ARG_CORPUS)
    list(APPEND folders ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_CORPUS})
  endif()
  set(seconds ${CLASP_FUZZ_SECONDS})
  if(ARG_SECONDS_MAX AND ARG_SECONDS_MAX LESS seconds)
    set(seconds ${ARG_SECONDS_MAX})
  endif()
  add_test(NAME fuzz.${ARG_NAME}
           COMMAND fuzz_${ARG_NAME} -seed=1 -max_total_time=${seconds} -print_final_stats=1 -artifact_prefix=${CMAKE_CURRENT_BINARY_DIR}/${ARG_NAME}- ${folders})
  math(EXPR limit "${CLASP_FUZZ_SECONDS} + 120")
  set_tests_properties(fuzz.${ARG_NAME} PROPERTIES TIMEOUT ${limit} LABELS fuzz FIXTURES_REQUIRED corpus)
endfunction()
