#include <sys/mount.h>

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

// Runs in folders of odd names, behind links, moved, on a full disk, and with a clock set back:
// each stops and goes on there, and ends as one in a plain place.

using namespace gradus;
namespace fs = std::filesystem;

namespace {

/// A file system of its own in a folder, as long as this object.
class SmallDisk {
 public:
  SmallDisk(const fs::path& folder, const char* size) : folder_(folder) {
    mounted_ = ::mount("none", folder.c_str(), "tmpfs", 0, size) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool is_there() const { return mounted_; }

 private:
  fs::path folder_;
  bool mounted_;
};

/// A run of twelve steps in a plain place, and its beginning.
class Plain {
 public:
  Plain() { REQUIRE(run_program(start(dir_ / "whole")).status == 0); }

  std::string start(const fs::path& out) const {
    return "train" + data_.flags() + "--epochs 4 --limit-batches 3 --save-every 2 --out " +
           quoted(out);
  }
  void begin(const fs::path& out) const {
    const ProgramResult r = run_program(start(out) + " --max-steps 7");
    INFO(r.err);
    REQUIRE(r.status == 0);
  }
  void go_on(const fs::path& out, const ProgramSetting& setting = {}) const {
    const ProgramResult r = run_program("train --resume --out " + quoted(out), setting);
    INFO(r.err);
    REQUIRE(r.status == 0);
    const fs::path last = fs::path("checkpoints") / "step_00000012.safetensors";
    CHECK((text_of(out / last) == text_of(dir_ / "whole" / last)));
    CHECK((text_of(out / "metrics.jsonl") == text_of(dir_ / "whole" / "metrics.jsonl")));
    CHECK(fs::exists(out / "report.html"));
    for (const auto& entry : fs::recursive_directory_iterator(out))
      CHECK(entry.path().extension() != ".tmp");
  }

 private:
  SmallSvhn data_;
  TempDir dir_;
};

}  // namespace

TEST_CASE("run places: folders of odd names") {
  const Plain plain;
  const TempDir dir;
  for (const std::string& name : std::vector<std::string>{
           " two  words ", "a\nb", "\xff\xfe\x80", "-rf", "'$HOME `x` *", std::string(255, 'x')}) {
    INFO(name);
    plain.begin(dir / name);
    plain.go_on(dir / name);
    CHECK(run_program("eval --checkpoint " + quoted(dir / name)).status == 0);
  }
}

TEST_CASE("run places: a name that is too long is told") {
  const Plain plain;
  const TempDir dir;
  const ProgramResult r = run_program(plain.start(dir / std::string(256, 'x')));
  CHECK(r.status == 1);
  CHECK_THAT(r.err, ContainsSubstring("xxx: ") && ContainsSubstring("too long"));
}

TEST_CASE("run places: behind links, and moved between two sessions") {
  const Plain plain;
  const TempDir dir;
  const fs::path out = dir / "run";

  fs::create_directories(dir / "elsewhere");
  fs::create_directory_symlink("elsewhere", dir / "link");
  plain.begin(dir / "link");
  plain.go_on(dir / "link");
  CHECK(fs::is_symlink(dir / "link"));
  CHECK(fs::exists(dir / "elsewhere" / "report.html"));

  for (const char* part : {"checkpoints", "samples", "tb"}) {
    fs::create_directories(dir / "parts" / part);
    fs::create_directories(out);
    fs::create_directory_symlink(dir / "parts" / part, out / part);
  }
  plain.begin(out);
  plain.go_on(out);
  CHECK(fs::exists(dir / "parts" / "checkpoints" / "step_00000012.safetensors"));

  const fs::path moved = dir / "another folder" / "renamed";
  fs::create_directories(moved.parent_path());
  plain.begin(dir / "first");
  fs::rename(dir / "first", moved);
  plain.go_on(moved);
}

TEST_CASE("run places: the clock is set back between two sessions") {
  if (kSanitized) {
    std::cout << "skipped: sanitizers have to be loaded first\n";
    return;
  }
  const Plain plain;
  const TempDir dir;
  const fs::path out = dir / "run";
  plain.begin(out);
  plain.go_on(out, {.environment = {{"CLOCK_AHEAD", "-100000"}}, .preload = OTHER_CLOCK});
  const auto summary = nlohmann::json::parse(text_of(out / "summary.json"));
  CHECK(summary.at("seconds").get<double>() >= 0);
  CHECK(summary.at("seconds").get<double>() < 10'000);
}

TEST_CASE("run places: a full disk") {
  const TempDir dir;
  const SmallDisk disk(dir.path(), "size=16m");
  if (!disk.is_there()) {
    std::cout << "skipped: no file system can be mounted here\n";
    return;
  }
  const Plain plain;
  const fs::path out = dir / "run";
  plain.begin(out);
  dir.put("filler", std::string(fs::space(dir.path()).available, 'x'));
  const ProgramResult r = run_program("train --resume --out " + quoted(out));
  CHECK(r.status == 1);
  CHECK_THAT(r.err, ContainsSubstring("No space left on device"));
  fs::remove(dir / "filler");
  plain.go_on(out);
}
