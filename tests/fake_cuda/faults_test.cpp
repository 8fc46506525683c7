#include <fmt/format.h>

#include <cstdlib>
#include <set>

#include "tests/catch.h"
#include "tests/fake_cuda/program.h"
#include "tests/small_svhn.h"
#include "tests/source_dir.h"

// Every function of CUDA, cuBLAS and cuDNN that the backend calls fails, in tests/fake_cuda/.

using namespace gradus;
namespace fs = std::filesystem;

namespace {

/// A run that is as short as one that captures can be, and ends within its first epoch.
class ShortRun {
 public:
  ProgramResult run(Environment environment = {}, const std::string& more = "",
                    int steps = 4) const {
    environment["GRADUS_FAKE_LOG"] = log().string();
    return run_on_fake_cuda(
        fmt::format(
            "train --device cuda --preset tutorial --data svhn --data-dir {} --batch-size 2 "
            "--labels per-class:1 --g-size-mult 1 --d-size-mult 1 --max-steps {} "
            "--overwrite --out {} {}",
            data_.path().string(), steps, out().string(), more),
        std::move(environment));
  }
  ProgramResult run_with(const std::string& fault, const std::string& more = "") const {
    return run({{"GRADUS_FAKE_FAIL", fault}}, more);
  }
  std::map<std::string, int> counts() const { return read_log(log()); }
  /// What the run leaves, which is the same after each that ends well.
  std::vector<std::byte> weights() const {
    return read_file(out() / "checkpoints" / "step_00000004.safetensors");
  }

 private:
  fs::path log() const { return dir_ / "log"; }
  fs::path out() const { return dir_ / "run"; }
  SmallSvhn data_;
  TempDir dir_;
};

bool is_in(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Which calls of a function that is called `count` times fail in turn: all where
/// GRADUS_FAKE_EVERY=1 is in the environment, else the first, one in the middle and the last; under
/// sanitizers, where a run takes long, that in the middle.
std::set<int> chosen_calls(int count) {
  std::set<int> calls{(count + 1) / 2};
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  calls.insert({1, count});
#endif
  if (std::getenv("GRADUS_FAKE_EVERY"))
    for (int i = 1; i <= count; ++i) calls.insert(i);
  return calls;
}

/// Those whose failure ends nothing: what they are for is over, or another engine is taken.
bool may_end_well(const std::string& function) {
  return is_in(function, "Destroy") || function == "cudaFree" || function == "cublasGetProperty" ||
         function == "cudnnBackendFinalize" || function == "cudnnBackendExecute" ||
         function == "cudnnBackendSetAttribute" || function == "cudnnBackendGetAttribute" ||
         function == "cudnnBackendCreateDescriptor" || function == "cudaMalloc" ||
         function == "cudaSetDevice" || function == "cudaStreamSynchronize";
}

}  // namespace

TEST_CASE("fake cuda: any call may fail, and a run ends with its name or as it should",
          "[fake_cuda]") {
  const ShortRun run;
  const ProgramResult whole = run.run();
  INFO(whole.err);
  REQUIRE(whole.status == 0);
  const auto weights = run.weights();
  const auto counts = run.counts();
  int functions = 0;
  for (const auto& [what, count] : counts) {
    if (!what.starts_with("call ") || what == "call run") continue;
    const std::string function = what.substr(5);
    ++functions;
    for (const int call : chosen_calls(count)) {
      const ProgramResult r = run.run_with(fmt::format("{}:{}", function, call));
      INFO(function << ", call " << call << " of " << count << ": status " << r.status << "\n"
                    << r.err);
      if (r.status == 0) {
        CHECK(may_end_well(function));
        CHECK((run.weights() == weights));
      } else {
        CHECK(r.status == 1);
        CHECK_THAT(r.err, ContainsSubstring(function));
      }
    }
  }
  CHECK(functions >= 25);
}

TEST_CASE("fake cuda: a kernel that fails while it runs ends the run", "[fake_cuda]") {
  const ShortRun run;
  REQUIRE(run.run().status == 0);
  const int count = run.counts().at("call run");
  for (const int call : chosen_calls(count)) {
    const ProgramResult r = run.run_with(fmt::format("run:{}", call));
    INFO("work " << call << " of " << count << "\n" << r.err);
    CHECK(r.status == 1);
    CHECK_THAT(r.err, ContainsSubstring("illegal memory access") &&
                          ContainsSubstring("GRADUS_SYNC=1") &&
                          !ContainsSubstring("out of memory"));
  }
}

TEST_CASE("fake cuda: memory that is out is told from an error that stays", "[fake_cuda]") {
  const ShortRun run;
  const ProgramResult out = run.run({{"GRADUS_FAKE_FREE", "33600000"}});
  INFO(out.err);
  CHECK(out.status == 1);
  CHECK_THAT(out.err, ContainsSubstring("out of memory for"));
  const ProgramResult lost = run.run_with("cudaMalloc:9=700");
  INFO(lost.err);
  CHECK(lost.status == 1);
  CHECK_THAT(lost.err, ContainsSubstring("cudaMalloc: an illegal memory access") &&
                           !ContainsSubstring("out of memory"));
}

TEST_CASE("fake cuda: an engine that plans and cannot run gives way to the next", "[fake_cuda]") {
  const ShortRun run;
  REQUIRE(run.run().status == 0);
  const auto weights = run.weights();
  CHECK(run.counts().count("engine 74") == 1);
  CHECK(run.counts().count("engine 30") == 0);  // compiled at run time: the last resort
  const ProgramResult r = run.run({{"GRADUS_FAKE_BROKEN_ENGINE", "74"}});
  INFO(r.err);
  CHECK(r.status == 0);
  CHECK_THAT(r.err, ContainsSubstring("cuDNN's engine 74 is passed over: ") &&
                        ContainsSubstring("an engine that is broken"));
  CHECK(run.counts().count("engine 5") == 1);
  CHECK((run.weights() == weights));
}

TEST_CASE("fake cuda: an engine whose workspace is too large gives way to the next",
          "[fake_cuda]") {
  const ShortRun run;
  REQUIRE(run.run().status == 0);
  const auto weights = run.weights();
  const auto with = [&](const char* workspace, const char* free) {
    ProgramResult r = run.run({{"GRADUS_FAKE_WORKSPACE", workspace}, {"GRADUS_FAKE_FREE", free}});
    INFO(r.err);
    CHECK(r.status == 0);
    CHECK(run.counts().count("engine 74") == 0);
    CHECK(run.counts().at("engine 5") > 0);
    CHECK((run.weights() == weights));
    return r.err;
  };
  // Beyond the limit of 1 GiB it is not tried; below, there is no memory for it.
  CHECK_THAT(with("1073741825", "4294967296"), !ContainsSubstring("passed over"));
  CHECK_THAT(with("1073741824", "1073741824"),
             ContainsSubstring("cuDNN's engine 74 is passed over: ") &&
                 ContainsSubstring("out of memory for 1073741824 bytes"));
}

TEST_CASE(
    "fake cuda: f64 takes tensor cores, which do not round it, and its errors speak of no fp32",
    "[fake_cuda]") {
  const TempDir dir;
  const auto golden = source_dir() / "tests" / "golden" / "random";
  const auto step = [&](const std::string& fault) {
    return run_on_fake_cuda(
        fmt::format("step --preset tutorial --extra-class 1 --g-size-mult 2 --d-size-mult 3 "
                    "--device cuda --dtype f64 --weights {} --batch {} --out {}",
                    quoted(golden / "weights.safetensors"), quoted(golden / "batch.safetensors"),
                    quoted(dir / "out")),
        {{"GRADUS_FAKE_LOG", (dir / "log").string()}, {"GRADUS_FAKE_FAIL", fault}});
  };
  const ProgramResult well = step("cudaMalloc:1000000");
  INFO(well.err);
  REQUIRE(well.status == 0);
  CHECK(read_log(dir / "log").count("engine 72") == 1);
  const ProgramResult r = step("cudnnBackendExecute:1+");
  INFO(r.err);
  CHECK(r.status == 1);
  CHECK_THAT(r.err, ContainsSubstring("cuDNN has no deterministic engine for it: "));
}

TEST_CASE("fake cuda: no engine that obeys is an error that says what was asked for",
          "[fake_cuda]") {
  const ShortRun run;
  const ProgramResult r = run.run_with("cudnnBackendExecute:1+");
  INFO(r.err);
  CHECK(r.status == 1);
  CHECK_THAT(r.err, ContainsSubstring("cuDNN has no strict fp32 deterministic engine for it: "));
}

TEST_CASE("fake cuda: a capture that fails says how to run without one", "[fake_cuda]") {
  const ShortRun run;
  for (const char* fault :
       {"cudaStreamBeginCapture:1", "cudaStreamEndCapture:1=901", "cudaGraphInstantiate:1"}) {
    const ProgramResult r = run.run_with(fault);
    INFO(fault << "\n" << r.err);
    CHECK(r.status == 1);
    CHECK_THAT(r.err, ContainsSubstring("--no-graph"));
  }
  CHECK(run.run_with("cudaGraphInstantiate:1+", "--no-graph").status == 0);
}

TEST_CASE("fake cuda: a card that the build has no code for is named with its architecture",
          "[fake_cuda]") {
  const ShortRun run;
  const ProgramResult r = run.run_with("cudaFuncGetAttributes:1");
  INFO(r.err);
  CHECK(r.status == 1);
  CHECK_THAT(r.err,
             ContainsSubstring("compute capability 9.0, and this build's code is for sm_90"));
}

TEST_CASE("fake cuda: what a step needs from the host is written without a copy that waits",
          "[fake_cuda]") {
  const ShortRun run;
  REQUIRE(run.run().status == 0);
  const int four = run.counts().at("run from_host");
  REQUIRE(run.run({}, "", 3).status == 0);
  CHECK(run.counts().at("run from_host") == four);
}

TEST_CASE("fake cuda: a device that cannot be described is a reason for the CPU", "[fake_cuda]") {
  const ProgramResult r =
      run_on_fake_cuda("bench --batch-size 2 --g-size-mult 1 --d-size-mult 1 --steps 3",
                       {{"GRADUS_FAKE_FAIL", "cudaGetDeviceProperties:1+"}});
  INFO(r.err);
  CHECK(r.status == 0);
  CHECK_THAT(r.err, ContainsSubstring("device cpu: cudaGetDeviceProperties: unknown error"));
}
