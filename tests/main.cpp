// Catch2 2 defines main where this is set; Catch2 3 ignores it and links a main of its own.
#define CATCH_CONFIG_MAIN
#include "tests/catch.h"
