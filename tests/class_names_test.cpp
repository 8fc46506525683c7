#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/ssgan/run/checkpoint.h"
#include "tests/catch.h"
#include "tests/idx_writer.h"
#include "tests/program.h"
#include "tests/small_folder.h"
#include "tests/temp_dir.h"

using namespace gradus;
using namespace gradus::ssgan;
namespace fs = std::filesystem;

namespace {

const char* const kSmall =
    " --batch-size 8 --g-size-mult 2 --d-size-mult 4 --labels per-class:2 --epochs 2 --max-steps 1 "
    "--out ";

void check_refused(const std::string& line) {
  const ProgramResult r = run_program(line);
  INFO(line << "\n" << r.err);
  CHECK(r.status == 3);
  CHECK_THAT(r.err, ContainsSubstring("its classes are [dog, emu, zebra], but the network learned "
                                      "[cat, dog, emu]"));
}

}  // namespace

TEST_CASE("class names: images of others are refused") {
  const SmallFolder images;
  const TempDir dir;
  const std::string run = (dir / "run").string(), renamed = (dir / "renamed").string();
  REQUIRE(run_program("train --data folder --data-dir " + images.path().string() + kSmall + run)
              .status == 0);
  const std::vector<std::string> names{"cat", "dog", "emu"};
  const auto config = nlohmann::json::parse(text_of(dir / "run" / "config.json"));
  CHECK(config.at("class_names").get<std::vector<std::string>>() == names);
  const fs::path file = dir / "run" / "checkpoints" / "step_00000001.safetensors";
  Checkpoint c = read_checkpoint(file);
  CHECK(c.options.class_names == names);

  // As many folders, but cats are now the last of them.
  fs::copy(images.path(), renamed, fs::copy_options::recursive);
  for (const char* part : {"train", "test"})
    fs::rename(fs::path(renamed) / part / "cat", fs::path(renamed) / part / "zebra");
  check_refused("eval --checkpoint " + run + " --data-dir " + renamed);
  check_refused("train --resume --out " + run + " --data-dir " + renamed);
  check_refused("train --resume " + file.string() + " --out " + run + "2 --data-dir " + renamed);
  CHECK(!fs::exists(run + "2"));

  // Of a version that kept no names: what can be checked is how many there are.
  c.options.class_names.clear();
  write_checkpoint(dir / "old.safetensors", c);
  CHECK(run_program("eval --checkpoint " + (dir / "old.safetensors").string() + " --data-dir " +
                    renamed)
            .status == 0);
}

TEST_CASE("class names: garments are no digits") {
  const SmallMnist garments;
  const TempDir dir;
  const std::string run = (dir / "run").string(), folder = garments.path().string();
  REQUIRE(run_program("train --data fashion-mnist --data-dir " + folder + kSmall + run).status ==
          0);
  CHECK(run_program("eval --checkpoint " + run).status == 0);
  const ProgramResult r =
      run_program("eval --data mnist --checkpoint " + run + " --data-dir " + folder);
  CHECK(r.status == 3);
  CHECK_THAT(r.err, ContainsSubstring("[0, 1, 2, 3") && ContainsSubstring("[T-shirt/top, "));
}
