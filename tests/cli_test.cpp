#include <filesystem>
#include <initializer_list>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "apps/ssgan/run/checkpoint.h"
#include "tensor/cuda_plugin.h"
#include "tensor/file.h"
#include "tests/catch.h"
#include "tests/idx_writer.h"
#include "tests/program.h"
#include "tests/small_folder.h"
#include "tests/small_svhn.h"
#include "tests/source_dir.h"
#include "tests/temp_dir.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

/// The program must end so, tell each of `parts` on stderr, and print no result.
void check_refused(const std::string& line, int status, std::initializer_list<std::string> parts,
                   const ProgramSetting& setting = {}) {
  const ProgramResult r = run_program(line, setting);
  INFO(line << "\n" << r.err);
  CHECK(r.status == status);
  for (const std::string& part : parts) CHECK_THAT(r.err, ContainsSubstring(part));
  CHECK(r.out.empty());
}

/// A run of five steps, and its checkpoint.
class SmallRun {
 public:
  SmallRun() {
    const ProgramResult r = run_program("train" + data.flags() + "--epochs 1 --out " + path());
    INFO(r.err);
    REQUIRE(r.status == 0);
  }
  std::string path() const { return (dir / "run").string(); }
  std::string checkpoint() const { return path() + "/checkpoints/step_00000005.safetensors"; }

  TempDir dir;
  SmallSvhn data;
};

/// Trains on `train` in the place of an earlier run, which must stay as it is.
void check_data_refused(const SmallRun& run, const std::string& train, const std::string& reason) {
  const TempDir dir;
  dir.put("train_32x32.mat", train);
  dir.put("test_32x32.mat", svhn_file(10));
  const auto before = contents_of(run.path());
  check_refused("train --data svhn --data-dir " + dir.path().string() +
                    " --labels first:1 --epochs 1 --overwrite --out " + run.path(),
                3, {(dir / "train_32x32.mat").string(), reason});
  CHECK((contents_of(run.path()) == before));
}

}  // namespace

TEST_CASE("cli: data that is missing or broken") {
  const SmallRun run;
  check_refused("train --data svhn --data-dir /nowhere --out " + (run.dir / "new").string(), 3,
                {"/nowhere", "no such folder"});
  CHECK(!fs::exists(run.dir / "new"));
  const TempDir empty;
  check_refused("train --data svhn --out " + (run.dir / "new").string(), 3,
                {(empty / "train_32x32.mat").string(), "no such file"},
                {.environment = {{"GRADUS_DATA", empty.path().string()}}});
  check_refused("eval --checkpoint " + run.checkpoint() + " --data-dir " + empty.path().string(), 3,
                {(empty / "test_32x32.mat").string(), "no such file"});

  check_data_refused(run, "<!DOCTYPE html><html></html>", "HTML page");
  check_data_refused(run, "", "it is empty");
  const std::string whole = svhn_file(10);
  check_data_refused(run, whole.substr(0, whole.size() / 2), "truncated");
  const MatWriter y{"y", {1, 1}, raw<uint8_t>({1})};
  const MatWriter planes{"X", {3, 32, 32, 1}, std::string(3072, 'x')};
  check_data_refused(run, mat(planes.compressed() + y.compressed()), "[3, 32, 32, 1]");
  const MatWriter x{"X", {32, 32, 3, 1}, std::string(3072, 'x')};
  for (const uint8_t label : {0, 11}) {
    const MatWriter wrong{"y", {1, 1}, raw<uint8_t>({label})};
    check_data_refused(run, mat(x.compressed() + wrong.compressed()), std::to_string(int{label}));
  }
}

TEST_CASE("cli: images in MNIST's format and in folders") {
  const TempDir out;
  const std::string small =
      " --batch-size 8 --g-size-mult 2 --d-size-mult 4 --labels per-class:2 --epochs 1 --out ";
  const auto train = [&](const std::string& flags, const std::string& run) {
    const ProgramResult r = run_program("train" + flags + small + (out / run).string());
    INFO(r.err);
    REQUIRE(r.status == 0);
    return r.out;
  };
  const auto checkpoint = [&](const std::string& run) {
    return (out / run / "checkpoints" / "step_00000005.safetensors").string();
  };
  const SmallMnist mnist;
  const SmallFolder folder;
  const std::string of_mnist = " --data fashion-mnist --data-dir " + mnist.path().string();
  const std::string of_folder = " --data folder --data-dir " + folder.path().string();
  const std::string report = train(of_mnist, "mnist");
  CHECK_THAT(report, ContainsSubstring("fashion-mnist train set, 40 images, not the official"));
  CHECK_THAT(report, !ContainsSubstring("digit 0"));
  CHECK_THAT(train(of_folder, "folder"), ContainsSubstring("36 images of 3 classes"));
  const auto config = nlohmann::json::parse(text_of(out / "folder" / "config.json"));
  CHECK(config.at("classes") == 3);
  for (const char* run : {"mnist", "folder"}) {
    const ProgramResult r = run_program("eval --checkpoint " + checkpoint(run));
    INFO(r.err);
    CHECK(r.status == 0);
  }
  check_refused("eval --checkpoint " + checkpoint("folder") + of_mnist, 3,
                {"10 classes, but the network has 3"});

  check_refused("train --data folder", 2, {"--data folder", "--data-dir"});
  check_refused("train --data folder --data-dir /nowhere", 3,
                {"/nowhere/train: no such folder", "CLASS/NAME.png"});
  check_refused("train --data mnist --data-dir /nowhere", 3,
                {"/nowhere/train-images-idx3-ubyte: no such file"});
  check_refused("train --data mnist", 3, {"/nowhere/mnist: no such folder", "--data-dir"},
                {.environment = {{"GRADUS_DATA", "/nowhere"}}});
  check_refused("train --zero-as raw" + of_mnist, 2, {"--zero-as", "fashion-mnist"});
  check_refused("train --test-images notebook", 2, {"--test-images"});
}

TEST_CASE("cli: a real download that broke off") {
  const fs::path file =
      source_dir() / ".." / "shared" / "data" / "fixtures" / "svhn_extra_truncated.mat";
  if (!fs::exists(file)) {
    std::cout << "skipped: no SVHN at " << file.string() << "\n";
    return;
  }
  check_data_refused(SmallRun(), text_of(file), "truncated");
}

TEST_CASE("cli: more labels than images") {
  const SmallRun run;
  check_refused("train --data svhn --data-dir /x --labels nonsense", 2, {"--labels", "nonsense"});
  check_refused("train --labels per-class:x", 2, {"--labels", "per-class:x"});
  check_refused("train --labels first:0", 2, {"--labels", "first:0"});
  const std::string flags = " --data svhn --batch-size 8 --out " + (run.dir / "new").string() +
                            " --data-dir " + run.data.path().string();
  check_refused("train --labels per-class:4" + flags, 3,
                {"labels per-class:4", "has 3 images of "});
  check_refused("train --labels first:37" + flags, 3, {"labels first:37", "has 36 images only"});
  CHECK(!fs::exists(run.dir / "new"));
}

TEST_CASE("cli: checkpoints that are damaged or of something else") {
  const SmallRun run;
  const std::string whole = text_of(run.checkpoint());
  const auto check = [&](const std::string& bytes, const std::string& reason) {
    const std::string file = run.dir.put("damaged.safetensors", bytes).string();
    check_refused("eval --checkpoint " + file, 3, {file, reason});
    check_refused("sample --checkpoint " + file + " --out " + (run.dir / "x.png").string(), 3,
                  {file, reason});
    check_refused("train --resume " + file + " --out " + run.path(), 3, {file, reason});
  };
  const auto before = contents_of(run.path());
  for (const size_t size : {size_t{0}, size_t{7}, size_t{100}, whole.size() / 2, whole.size() - 1})
    check(whole.substr(0, size), "");
  for (const size_t at : {size_t{0}, size_t{3}, size_t{8}, whole.find("dtype"),
                          whole.find("data_offsets") + 15, whole.find("\"format\"") + 2}) {
    INFO("byte " << at);
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    check(flipped, "");
  }
  std::string flipped = whole;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  check(flipped, "checksum");
  check(svhn_file(1), "");
  const auto with = [&](const char* key, const std::string& value) {
    TensorFile file = load_safetensors(run.checkpoint());
    file.metadata[key] = value;
    file.metadata["crc32c"] = gradus::ssgan::checkpoint_checksum(file);
    save_safetensors(run.dir / "other.safetensors", file);
    return text_of(run.dir / "other.safetensors");
  };
  check(with("format", "another program's"), "another program's");
  check(with("config", "{}"), "no key preset");
  check(with("step", "x"), "damaged metadata");
  auto config = nlohmann::json::parse(load_safetensors(run.checkpoint()).metadata.at("config"));
  config["d_size_mult"] = -3;
  check(with("config", config.dump()), "d_size_mult is -3");
  config["d_size_mult"] = 4;
  for (const char* key : {"data", "preset"}) {
    auto other = config;
    other[key] = "unheard-of";
    check(with("config", other.dump()), std::string(key) + " is unheard-of");
  }
  config["d_size_mult"] = 5;
  const std::string other = run.dir.put("d.safetensors", with("config", config.dump())).string();
  check_refused("eval --checkpoint " + other, 3, {other, "discriminator.conv1.weight has shape"});
  TensorFile bare;
  bare.tensors["a"] = Tensor::zeros({2}, DType::f32);
  save_safetensors(run.dir / "bare.safetensors", bare);
  check(text_of(run.dir / "bare.safetensors"), "not a checkpoint of ssgan");

  check_refused("eval --checkpoint /nowhere.safetensors", 3, {"/nowhere.safetensors"});
  check_refused("train --resume /nowhere.safetensors", 3, {"/nowhere.safetensors"});
  check_refused("train --resume --out /nowhere", 3, {"/nowhere/checkpoints", "no checkpoint"});
  check_refused("train --resume --d-size-mult 5 --out " + run.path(), 3,
                {run.checkpoint(), "of another architecture", "d_size_mult"});
  check_refused("train --resume --preset tutorial --out " + run.path(), 2, {"--preset tutorial"});
  CHECK((contents_of(run.path()) == before));
}

TEST_CASE("cli: places that cannot be written") {
  const SmallRun run;
  const std::string in_file = run.dir.put("file", "mine").string() + "/run";
  check_refused("train" + run.data.flags() + "--epochs 1 --out " + in_file, 1, {in_file});
  check_refused("sample --checkpoint " + run.checkpoint() + " --out " + in_file, 1, {in_file});
  CHECK(text_of(run.dir / "file") == "mine");
  const ProgramResult r =
      run_program("eval --checkpoint " + run.checkpoint(), {.full_output = true});
  CHECK(r.status == 1);
  CHECK_THAT(r.err, ContainsSubstring("could not be written to stdout"));
}

TEST_CASE("cli: a full disk") {
  const SmallRun run;
  const auto before = contents_of(run.path() + "/checkpoints");
  const uint64_t size = fs::file_size(run.checkpoint());
  REQUIRE(size > 50'000);
  check_refused("train --resume --epochs 2 --out " + run.path(), 1,
                {"step_00000010.safetensors", "cannot be written", "File too large"},
                {.largest_file = size - 1000});
  CHECK((contents_of(run.path() + "/checkpoints") == before));
  CHECK(run_program("eval --checkpoint " + run.checkpoint()).status == 0);

  // Room for the first checkpoint, but not for all lines; the baseline has no pictures in tb/.
  check_refused("train --data svhn --data-dir " + run.data.path().string() +
                    " --batch-size 8 --labels per-class:2 --g-size-mult 1 --d-size-mult 1 "
                    "--no-unlabeled --epochs 4000 --out " +
                    (run.dir / "new").string(),
                1, {"metrics.jsonl", "cannot be written"}, {.largest_file = 150'000});
  const std::string grid = run.dir.put("grid.png", "earlier").string();
  check_refused("sample --checkpoint " + run.checkpoint() + " --out " + grid, 1, {grid},
                {.largest_file = 1500});
  CHECK(text_of(grid) == "earlier");
  for (const auto& [name, text] : contents_of(run.dir.path()))
    CHECK_THAT(name, !ContainsSubstring(".tmp"));
}

TEST_CASE("cli: losses that are not finite") {
  const SmallRun run;
  const auto before = contents_of(run.path() + "/checkpoints");
  check_refused("train --resume --epochs 4 --lr 1e30 --out " + run.path(), 5,
                {"step 7", "the loss ", "nan", "--lr"});
  CHECK((contents_of(run.path() + "/checkpoints") == before));
}

TEST_CASE("cli: flags, values and commands that do not exist") {
  check_refused("", 2, {"a command was expected, one of train "});
  check_refused("eval runs/x", 2, {"--checkpoint is required", "runs/x: a flag was expected"});
  check_refused("train --data-dir /x", 2, {"--data-dir /x", "--data svhn"});
  check_refused("frobnicate", 2, {"frobnicate: no such command"});
  check_refused("train extra", 2, {"extra: a flag was expected"});
  check_refused("train --bogus", 2, {"--bogus"});
  check_refused("eval", 2, {"--checkpoint"});
  check_refused("eval --checkpoint x --d-size-mult 4", 2, {"--d-size-mult"});
  check_refused("train --resume", 2, {"--resume"});
  check_refused("train --resume --overwrite --out x", 2, {"--overwrite"});
  check_refused("data frobnicate", 2, {"frobnicate"});
  check_refused("sample --checkpoint x --out x --interpolate 2 --count 4", 2, {"--interpolate"});
  check_refused("sample --checkpoint x --out x --interpolate 2 --columns 1", 2, {"--columns 1"});
  check_refused("bench --precision tf32", 2, {"--precision tf32"});
  for (const std::string unread : {"--data", "--eval-stats", "--test-images"})
    check_refused("step --weights x --batch x --out x " + unread + " x", 2, {unread});
  for (const char* flag : {"--preset x",      "--data x",
                           "--extra-class 2", "--g-size-mult 0",
                           "--zero-as x",     "--dropout x",
                           "--drop-rate 1",   "--drop-rate nan",
                           "--relu2 x",       "--dead-layers x",
                           "--epochs 0",      "--epochs x",
                           "--epochs 1.5",    "--epochs 99999999999999999999",
                           "--batch-size 1",  "--limit-batches -1",
                           "--lr 0",          "--lr nan",
                           "--lr inf",        "--schedule x",
                           "--lr-final 2",    "--lr-flat 1",
                           "--seed -1",       "--seed x",
                           "--eval-stats x",  "--test-images x",
                           "--threads 0",     "--color x",
                           "--max-steps 0",   "--log-every 0",
                           "--save-every 0",  "--device x",
                           "--device cuda:",  "--device cuda:x"}) {
    const std::string words = flag;
    check_refused("train --dry-run " + words, 2, {words.substr(0, words.find(' '))});
  }
  for (const char* flags : {"--no-unlabeled --labelled-batch 4 --colour never",
                            "--no-unlabelled --labeled-batch 4 --color never"})
    CHECK_THAT(
        run_program("train --dry-run " + std::string(flags)).out,
        ContainsSubstring("\"labelled_batch\": 4") && ContainsSubstring("\"unlabeled\": false"));
  CHECK_THAT(run_program("train --dry-run --seed 18446744073709551615").out,
             ContainsSubstring("\"seed\": 18446744073709551615"));
  check_refused("train --dry-run --seed 18446744073709551616", 2, {"--seed"});
  check_refused("train --x\033[2J", 2, {"--x\\x1b[2J"});
  check_refused("train --image-sizes 64 foo --epoch=3 bar", 2,
                {"--image-sizes: no such flag; --image-size is one\n"
                 "foo: a flag was expected, which begins with --\n"
                 "--epoch: no such flag; --epochs is one\n"
                 "bar: a flag was expected, which begins with --\n"
                 "`ssgan train --help` lists the flags\n"});
  check_refused("data fetc", 2, {"fetc: no such command; fetch is one"});
  check_refused("train --lrr -0.5", 2, {"--lrr: no such flag; --lr is one\n`ssgan train --help`"});
  check_refused("eval --checkpoint x --color never", 2, {"--color: no such flag"});
}

TEST_CASE("cli: samples of no generator") {
  const SmallRun run;
  const std::string out = " --out " + (run.dir / "x.png").string();
  const std::string alone = (run.dir / "alone").string();
  REQUIRE(
      run_program("train --no-unlabeled" + run.data.flags() + "--epochs 1 --out " + alone).status ==
      0);
  check_refused("sample --checkpoint " + alone + out, 2, {"without generator"});
  for (const char* stats : {" --stats batch", " --eval-stats batch"})
    CHECK(run_program("sample --checkpoint " + run.checkpoint() + out + stats).status == 0);
  fs::remove(run.dir / "x.png");
  CHECK(!fs::exists(run.dir / "x.png"));
}

TEST_CASE("cli: names with control characters are shown, not obeyed") {
  const SmallRun run;
  const fs::path odd = run.dir / "a\033[2Jb";
  for (const std::string& line :
       {"export --format safetensors --checkpoint " + run.checkpoint() + " --out ",
        "replay --step 2 --run " + run.path() + " --out ",
        "sample --checkpoint " + run.checkpoint() + " --out ",
        "graph --step 2 --run " + run.path() + " --svg ",
        "explain --step 2 --run " + run.path() + " --html ",
        "data --data svhn --data-dir " + run.data.path().string() + " --labels per-class:2 --out ",
        std::string("toy --steps 2 --html ")}) {
    const ProgramResult r = run_program(line + quoted(odd));
    INFO(line << r.err);
    CHECK(r.status == 0);
    CHECK_THAT(r.out, ContainsSubstring("a\\x1b[2Jb"));
    CHECK((r.out + r.err).find('\033') == std::string::npos);
  }
}

TEST_CASE("cli: objectives that cannot be") {
  for (const char* flag :
       {"--gan-weight -1", "--gan-weight x", "--gan-real x", "--pseudo-label 1.5",
        "--pseudo-label -0.1", "--consistency x", "--consistency-weight -1", "--ema 1", "--ema -1",
        "--eval-weights x", "--labelled-batch -1", "--unlabelled-batch 0", "--noise-batch -1",
        "--augment x"}) {
    const std::string words = flag;
    check_refused("train --dry-run " + words, 2, {words.substr(0, words.find(' '))});
  }
  for (const std::string weight : {"--gan-weight", "--consistency-weight", "--entropy", "--vat",
                                   "--manifold", "--pull-away", "--pseudo-label", "--ema"})
    for (const char* value : {" -1e-9", " nan", " inf", " 1e99", " x"})
      check_refused("train --dry-run " + weight + value, 2, {weight});
  const std::string train = "train --dry-run --preset mended ";
  check_refused(train + "--batch-size 9 --unlabelled-batch 9", 2, {"--unlabelled-batch"});
  check_refused(train + "--pseudo-label .9", 2, {"--pseudo-label", "--ema .999"});
  check_refused(train + "--consistency mse", 2, {"--consistency", "--ema .999"});
  check_refused(train + "--eval-weights ema", 2, {"--eval-weights ema", "--ema .999"});
  check_refused(train + "--gan-weight 0", 2, {"--gan-weight 0", "--no-unlabeled"});
  check_refused(train + "--gan-weight 0 --entropy 1 --manifold 1", 2, {"--manifold"});
  check_refused("train --dry-run --preset best --pull-away 1", 2,
                {"--pull-away", "--gan-weight 0"});
  check_refused(train + "--labelled-batch 128", 2, {"--labelled-batch 128", "unlabelled stream"});
  check_refused(train + "--labelled-batch 8 --batch-size 8", 2, {"--labelled-batch 8"});
  check_refused(train + "--gan-real unlabelled --labelled-batch 128", 2, {"--labelled-batch 128"});
  for (const std::string data : {"digits", "svhn", "mnist"})
    check_refused(train + "--augment shift,flip --data " + data, 2,
                  {"--augment shift,flip", "flipped digit", data});
  CHECK(run_program(train + "--augment shift,flip --data fashion-mnist").status == 0);

  const auto json = nlohmann::json::parse(
      run_program(train + "--labelled-batch 10 --unlabelled-batch 30 --noise-batch 20").out);
  CHECK(json.at("batch_size") == 40);
  CHECK(json.at("labelled_batch") == 10);
  CHECK(json.at("noise_batch") == 20);
  // A small batch has both streams.
  const auto small = nlohmann::json::parse(run_program(train + "--batch-size 8").out);
  CHECK(small.at("labelled_batch") == 4);
  for (const char* fine : {"--gan-weight 0 --entropy 1", "--gan-weight 0 --vat 1",
                           "--no-unlabeled --labelled-batch 128", "--pull-away 1 --manifold 1"}) {
    INFO(fine);
    CHECK(run_program(train + fine).status == 0);
  }
}

TEST_CASE("cli: a device that is not there") {
  check_refused("train --device cuda:999", 1, {"cuda:999"});
  const CudaReport cuda = cuda_report();
  if (cuda.devices > 0) return;
  check_refused("bench --device cuda", 1, {"cuda:0", cuda.reason});
  CHECK_THAT(run_program("train --dry-run").err, ContainsSubstring("device cpu: " + cuda.reason));
  CHECK_THAT(run_program("--version").out, ContainsSubstring(cuda.reason));
}
