#include <fmt/format.h>

#include "tensor/safetensors.h"
#include "tests/catch.h"
#include "tests/checkpoint_files.h"
#include "tests/fake_cuda/program.h"
#include "tests/small_svhn.h"

// ssgan train --device cuda as a whole, on a CUDA that needs no card: the plug-in's own sources,
// its kernels run thread by thread, the libraries' part by the CPU's reference.

using namespace gradus;
namespace fs = std::filesystem;

namespace gradus {

ProgramResult run_on_fake_cuda(const std::string& line, Environment environment) {
  environment["LD_LIBRARY_PATH"] = GRADUS_FAKE_CUDA;
  return run_program(line, {std::move(environment)});
}

}  // namespace gradus

namespace {

ProgramResult run_ok(const std::string& line, const Environment& environment = {}) {
  ProgramResult r = run_on_fake_cuda(line, environment);
  INFO(line << "\n" << r.err);
  REQUIRE(r.status == 0);
  return r;
}

}  // namespace

TEST_CASE("fake cuda: the device is found and described", "[fake_cuda]") {
  CHECK_THAT(run_ok("--version").out, ContainsSubstring("no card, a fake for tests"));
  const ProgramResult none =
      run_on_fake_cuda("bench --device cuda --steps 3", {{"GRADUS_FAKE_DEVICES", "0"}});
  CHECK(none.status == 1);
  CHECK_THAT(none.err, ContainsSubstring("no CUDA-capable device is detected"));
}

TEST_CASE("fake cuda: eager, captured, cut and resumed, a run has the same bits", "[fake_cuda]") {
  const SmallSvhn data;
  const TempDir dir;
  // 5 steps an epoch, the last of which is a partial batch: 2 of each are eager.
  const std::string train = "train --device cuda --epochs 4 --save-every 10" + data.flags();
  const fs::path captured = dir / "captured", eager = dir / "eager", parts = dir / "parts";
  run_ok(train + "--out " + captured.string(), {{"GRADUS_FAKE_LOG", (dir / "log").string()}});
  run_ok(train + "--no-graph --out " + eager.string());
  run_ok(train + "--max-steps 9 --out " + parts.string());
  run_ok("train --device cuda --resume --out " + parts.string());
  const auto counts = read_log(dir / "log");
  CHECK(counts.at("call cudaGraphInstantiate") == 2);  // whole batches and partial ones
  CHECK(counts.at("call cudaGraphLaunch") > 10);
  for (const fs::path& other : {eager, parts}) {
    check_same_file(checkpoint(captured, 20), checkpoint(other, 20));
    check_same_file(captured / "metrics.jsonl", other / "metrics.jsonl");
  }
  // The engines that were taken are strict and have the same bits each time.
  CHECK(counts.count("engine 71") == 0);
  CHECK(counts.count("engine 63") == 0);

  const std::string from =
      checkpoint(captured, 20).string() + " --data-dir " + data.path().string();
  const ProgramResult cpu = run_program("eval --device cpu --checkpoint " + from);
  INFO(cpu.err);
  REQUIRE(cpu.status == 0);
  CHECK(run_ok("eval --device cuda --checkpoint " + from).out == cpu.out);
}

TEST_CASE("fake cuda: tf32 and engines whose bits differ are taken where they are asked for",
          "[fake_cuda]") {
  const TempDir dir;
  const auto engines = [&](const std::string& more) {
    const std::string log = (dir / "log").string();
    run_ok("bench --device cuda --batch-size 2 --g-size-mult 1 --d-size-mult 1 --steps 3 " + more,
           {{"GRADUS_FAKE_LOG", log}, {"GRADUS_FAKE_COMPUTE", "0"}});
    return read_log(log);
  };
  CHECK(engines("--precision tf32").count("engine 71") == 1);
  CHECK(engines("--allow-nondeterministic").count("engine 71") == 0);
}
