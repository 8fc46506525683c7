#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/program.h"
#include "tests/small_folder.h"
#include "tests/temp_dir.h"

using namespace gradus;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

class Pets {
 public:
  Pets() {
    const ProgramResult r =
        run_program("train --data folder --data-dir " + folder.path().string() +
                    " --batch-size 8 --g-size-mult 2 --d-size-mult 4 --labels per-class:4 --epochs "
                    "8 --out " +
                    run());
    INFO(r.err);
    REQUIRE(r.status == 0);
  }
  std::string run() const { return (dir / "run").string(); }
  std::string command(const std::string& flags) const {
    return "predict --checkpoint " + run() + " " + flags;
  }
  std::string image(const std::string& name) const { return (folder.path() / name).string(); }
  Json json(const std::string& flags, const ProgramSetting& setting = {}, int status = 0) const {
    const ProgramResult r = run_program(command("--json " + flags), setting);
    INFO(flags << "\n" << r.err);
    REQUIRE(r.status == status);
    return Json::parse(r.out);
  }

  SmallFolder folder;
  TempDir dir;
};

ProgramSetting with_stdin(const fs::path& file) {
  ProgramSetting setting;
  setting.before_start = [file] {
    const int fd = ::open(file.c_str(), O_RDONLY);
    ::dup2(fd, STDIN_FILENO);
    ::close(fd);
  };
  return setting;
}

}  // namespace

TEST_CASE("predict: as eval, image by image") {
  const Pets pets;
  const Json json = pets.json(pets.image("test"));
  CHECK(json.at("classes") == Json({"cat", "dog", "emu"}));
  REQUIRE(json.at("images").size() == 18);
  CHECK(json["images"][0].at("image") == pets.image("test/cat/0.png"));
  int right = 0;
  for (const Json& image : json["images"]) {
    right += fs::path(image.at("image").get<std::string>()).parent_path().filename() ==
             image.at("class").get<std::string>();
    double sum = 0, largest = 0;
    for (const double p : image.at("probabilities")) {
      sum += p;
      largest = std::max(largest, p);
    }
    CHECK(std::abs(sum - 1) < 1e-9);
    CHECK(image.at("probability") == largest);
    CHECK(image.at("p_real").get<double>() > 0);
    CHECK(image.at("p_real").get<double>() < 1);
  }
  const ProgramResult eval = run_program("eval --json --checkpoint " + pets.run());
  CHECK(Json::parse(eval.out).at("accuracy") == right / 18.0);

  const ProgramResult table = run_program(pets.command(pets.image("test/dog/3.png")));
  CHECK(table.status == 0);
  CHECK_THAT(table.out, ContainsSubstring("P(real)") &&
                            ContainsSubstring(pets.image("test/dog/3.png") + "  "));
  const std::string csv = run_program(pets.command("--csv " + pets.image("test/dog/3.png"))).out;
  CHECK(csv.starts_with("image,class,probability,p_real,p_cat,p_dog,p_emu\n" +
                        pets.image("test/dog/3.png") + ","));
}

TEST_CASE("predict: no P(real) where no generator taught it") {
  const SmallFolder folder;
  const TempDir dir;
  const std::string run = (dir / "run").string();
  for (const char* arm : {"--no-unlabeled", "--preset best"}) {
    INFO(arm);
    REQUIRE(run_program("train --data folder --data-dir " + folder.path().string() +
                        " --batch-size 8 --labelled-batch 4 --g-size-mult 1 --d-size-mult 2 "
                        "--labels per-class:4 --max-steps 1 --overwrite --out " +
                        run + " " + arm)
                .status == 0);
    const std::string line =
        "predict --checkpoint " + run + " " + (folder.path() / "test/cat/0.png").string();
    CHECK(run_program(line).out.find("P(real)") == std::string::npos);
    CHECK(!Json::parse(run_program(line + " --json").out)["images"][0].contains("p_real"));
    CHECK(run_program(line + " --csv").out.starts_with("image,class,probability,p_cat,"));
  }
}

TEST_CASE("predict: pictures of any size, and what cannot be read") {
  const Pets pets;
  pets.folder.put("more/large.png", plain(50, 40, 160, 30, 99));
  pets.folder.put("more/below/small.png", plain(32, 32, 160, 30, 99));
  pets.folder.put("more/.hidden.png", plain(32, 32, 1, 2, 3));
  pets.folder.dir().put("more/notes.txt", "no picture");
  const Json same = pets.json(pets.image("more"));
  REQUIRE(same.at("images").size() == 2);
  CHECK(same["images"][0].at("image") == pets.image("more/below/small.png"));
  CHECK(same["images"][0].at("probabilities") == same["images"][1].at("probabilities"));

  pets.folder.dir().put("more/cut.png", "\x89PNG\r\n\x1a\n");
  pets.folder.dir().put("a, \"b\".png", text_of(pets.image("more/large.png")));
  const std::string words = pets.image("more/cut.png") + " /nowhere.png " +
                            pets.image("more/notes.txt") + " \"" + pets.image("more/large.png") +
                            "\"";
  const ProgramResult r = run_program(pets.command("--json " + words));
  CHECK(r.status == 3);
  CHECK(Json::parse(r.out).at("images").size() == 1);
  for (const std::string& named : {pets.image("more/cut.png") + ": ", std::string("/nowhere.png: "),
                                   pets.image("more/notes.txt") + ": no PNG, nor a JPEG",
                                   std::string("3 could not be read, 1 predicted")})
    CHECK_THAT(r.err, ContainsSubstring(named));

  // A name that JSON cannot hold comes as a URL, which begins at the root.
  const fs::path odd = "odd\xff.png";
  fs::copy_file(pets.image("more/large.png"), pets.dir / odd);
  ProgramSetting there;
  there.before_start = [&] {
    if (::chdir(pets.dir.path().c_str())) _exit(9);
  };
  CHECK(pets.json("odd\xff.png", there)["images"][0]["image"] ==
        "file://" + (pets.dir.path() / "odd%FF.png").string());

  fs::create_directory(pets.image("empty"));
  const ProgramResult none = run_program(pets.command(pets.image("empty")));
  CHECK(none.status == 3);
  CHECK(none.out.empty());
  CHECK_THAT(none.err, ContainsSubstring(pets.image("empty") + ": no PNG or JPEG there"));
}

TEST_CASE("predict: from stdin an image, or names") {
  const Pets pets;
  const std::string image = pets.image("test/emu/2.png");
  const Json expected = pets.json(image).at("images")[0].at("probabilities");
  const Json piped = pets.json("-", with_stdin(image));
  CHECK(piped.at("images")[0].at("image") == "-");
  CHECK(piped.at("images")[0].at("probabilities") == expected);
  const fs::path list = pets.dir.put("list", image + "\n\n" + pets.image("test/cat/1.png"));
  const Json named = pets.json("-", with_stdin(list));
  REQUIRE(named.at("images").size() == 2);
  CHECK(named["images"][0].at("image") == image);
  // Batches of other sizes may be summed in another order.
  for (size_t c = 0; c < 3; ++c)
    CHECK(std::abs(named["images"][0]["probabilities"][c].get<double>() -
                   expected[c].get<double>()) < 1e-5);
  CHECK(named["images"][1].at("image") == pets.image("test/cat/1.png"));
}

TEST_CASE("predict: flags that it has not") {
  CHECK(run_program("predict --checkpoint x").status == 2);
  CHECK(run_program("predict --checkpoint x --csv --json y").status == 2);
  CHECK(run_program("predict --checkpoint /nowhere x.png").status == 3);
}
