// Catch2 2 defines main where this is set; Catch2 3 ignores it and links a main of its own.
#define CATCH_CONFIG_MAIN
#include "tests/catch.h"

// Sanitizers would end the program where a test asks for more memory than there is.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }
