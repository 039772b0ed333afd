# What every target of this project shares: language level, warnings, sanitizers. Must not know single targets.
# Warnings become errors through CMAKE_COMPILE_WARNING_AS_ERROR, which our presets set and nobody else has to.

if(ZEROBUFFER_SANITIZE)
  add_compile_options(-fsanitize=${ZEROBUFFER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ZEROBUFFER_SANITIZE})
endif()
if(ZEROBUFFER_BUILD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# zerobuffer_set_up(TARGET [PRIVATE]): PRIVATE where those who link it need not speak C++20.
function(zerobuffer_set_up target)
  if("PRIVATE" IN_LIST ARGN)
    target_compile_features(${target} PRIVATE cxx_std_20)
  else()
    target_compile_features(${target} PUBLIC cxx_std_20)
  endif()
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
endfunction()
