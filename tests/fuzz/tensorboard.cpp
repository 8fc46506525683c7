#include "apps/ssgan/report/tensorboard_records.h"
#include "tests/fuzz/fuzz.h"

// A TensorBoard file that a resumed run cuts: what is kept is there, and is kept again.

using namespace gradus::fuzz;
using gradus::ssgan::records_upto;

namespace {

void run(std::string_view input) {
  const std::string kept = records_upto(input, 7);
  must(kept.size() <= input.size(), "no more than there is");
  must(records_upto(kept, 7) == kept, "whole records");
}

const Harness harness("tensorboard", run);

}  // namespace
