#include <unistd.h>

#include <iostream>

#include "tests/catch.h"
#include "tests/program.h"
#include "tests/temp_dir.h"

// The program beside plug-ins and drivers of every kind: the CPU works, and --device cuda says why
// it does not.

using namespace gradus;
namespace fs = std::filesystem;

namespace {

/// A folder of libraries that the program finds before its own.
class Libraries {
 public:
  Libraries() {
    const fs::path tensor(GRADUS_TENSOR_LIBRARY);
    add(tensor, tensor.filename().string());
  }
  void add(const fs::path& file, const fs::path& name) {
    fs::create_directories((dir_ / name).parent_path());
    fs::copy_file(file, dir_ / name);
  }
  void add_stub(const std::string& stub, const std::string& name) {
    add(fs::path(GRADUS_PLUGIN_STUBS) / ("lib" + stub + ".so"), name);
  }

  const fs::path& path() const { return dir_.path(); }

  /// Runs steps on the CPU, then asks for cuda; checks the reason.
  void check(const std::string& reason) const {
    INFO(reason);
    const ProgramSetting setting{{{"LD_LIBRARY_PATH", dir_.path().string()}}};
    const std::string words = " --batch-size 2 --g-size-mult 1 --d-size-mult 1 --steps 3";
    const ProgramResult automatic = run_program("bench" + words, setting);
    CHECK(automatic.status == 0);
    CHECK_THAT(automatic.err, ContainsSubstring("device cpu: ") && ContainsSubstring(reason));
    const ProgramResult asked = run_program("bench --device cuda" + words, setting);
    CHECK(asked.status == 1);
    CHECK_THAT(asked.err, ContainsSubstring("device cuda:0: ") && ContainsSubstring(reason));
    CHECK_THAT(run_program("--version", setting).out, ContainsSubstring(reason));
  }

 private:
  TempDir dir_;
};

}  // namespace

TEST_CASE("plug-in: a build without it", "[plugin]") {
  Libraries libraries;
  libraries.check("this build has no CUDA backend");
}

TEST_CASE("plug-in: one that needs a library that is missing", "[plugin]") {
  Libraries libraries;
  libraries.add_stub("empty", "libcuda.so.1");
  libraries.add_stub("needs_missing", "libgradus_cuda.so");
  libraries.check("libcublas_of_another_day.so: cannot open shared object file");
}

TEST_CASE("plug-in: one that is none, of another version, or without a device", "[plugin]") {
  const std::pair<const char*, const char*> stubs[] = {
      {"empty", "is no Gradus plug-in"},
      {"other_abi", "has plug-in interface"},
      {"no_device", "no device, says the plug-in"}};
  for (const auto& [stub, reason] : stubs) {
    Libraries libraries;
    libraries.add_stub("empty", "libcuda.so.1");
    libraries.add_stub(stub, "libgradus_cuda.so");
    libraries.check(reason);
  }
}

TEST_CASE("plug-in: one beside a library for newer processors", "[plugin]") {
  Libraries libraries;
  const fs::path tensor(GRADUS_TENSOR_LIBRARY);
  libraries.add(tensor, "glibc-hwcaps" / fs::path("x86-64-v2") / tensor.filename());
  libraries.add_stub("empty", "libcuda.so.1");
  libraries.add_stub("no_device", "libgradus_cuda.so");
  libraries.check("no device, says the plug-in");
}

TEST_CASE("plug-in: a driver in the current folder is not loaded", "[plugin]") {
  Libraries libraries;
  libraries.add_stub("no_device", "libgradus_cuda.so");
  const TempDir here;
  fs::copy_file(fs::path(GRADUS_PLUGIN_STUBS) / "libloud.so", here / "libcuda.so.1");
  const auto said = [&](const std::string& path) {
    const ProgramResult r =
        run_program("--version", {.environment = {{"LD_LIBRARY_PATH", path}}, .before_start = [&] {
                                    if (::chdir(here.path().c_str())) _exit(9);
                                  }});
    INFO(r.err);
    REQUIRE(r.status == 0);
    return r.err.find("loud") != r.err.npos;
  };
  const std::string own = libraries.path().string();
  CHECK(said(own + ":" + here.path().string()));
  for (const std::string& path : {own + ":", ":" + own, own + ":.", own + "::" + own, own + ";./"})
    CHECK(!said(path));
}

TEST_CASE("plug-in: the real one with a driver that is a stub", "[plugin]") {
  const fs::path plugin = fs::path(GRADUS_TENSOR_LIBRARY).parent_path() / "libgradus_cuda.so";
  if (!fs::exists(plugin)) {
    std::cout << "skipped: this build has no CUDA backend\n";
    return;
  }
  Libraries libraries;
  libraries.add_stub("empty", "libcuda.so.1");
  libraries.add(plugin, "libgradus_cuda.so");
  libraries.check("no usable CUDA device");
}
