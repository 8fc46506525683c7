#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/ssgan/data/download.h"
#include "nn/data/png.h"
#include "tensor/error.h"
#include "tests/catch.h"
#include "tests/environment.h"
#include "tests/http_server.h"
#include "tests/idx_writer.h"
#include "tests/message_of.h"
#include "tests/program.h"
#include "tests/small_folder.h"
#include "tests/small_svhn.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

const std::string kContent = "The quick brown fox jumps over the lazy dog";
const char* const kContentMd5 = "9e107d9d372bb6826bd81d3542a419d6";

const ssgan::DownloadLimits kLimits{.most_bytes = 1000};

bool curl_is_missing() {
  if (has_curl()) return false;
  std::cout << "skipped: no curl, or no network on loopback\n";
  return true;
}

}  // namespace

TEST_CASE("cli data: counts, visible labels, examples") {
  const SmallSvhn data;
  const TempDir dir;
  const std::string set = "data --data svhn --data-dir " + data.path().string();
  const ProgramResult r =
      run_program(set + " --labels first:12 --out " + (dir / "examples.png").string());
  INFO(r.err);
  REQUIRE(r.status == 0);
  const auto row = [](const char* name, int training, int visible, int test) {
    return fmt::format("{:20} {:9} {:9} {:9}\n", name, training, visible, test);
  };
  for (const std::string& line : {row("0", 3, 1, 2), row("1", 4, 2, 2), row("all", 36, 12, 20)})
    CHECK_THAT(r.out, ContainsSubstring(line));
  CHECK_THAT(r.out, ContainsSubstring("train_32x32.mat, MD5 ") &&
                        ContainsSubstring("labels visible: first:12") &&
                        ContainsSubstring("digit 0 as class 0"));
  const Picture picture = read_picture(dir / "examples.png");
  CHECK(picture.width == 10 * 34 + 2);
  CHECK(picture.height == 10 * 34 + 2);
  const auto at = [&](int row, int column) {
    return picture.rgb[3 * size_t((34 * row + 2) * picture.width + 34 * column + 2)];
  };
  CHECK(at(0, 0) >= 200);  // a zero, of the label 10
  CHECK(at(1, 0) < 70);
  CHECK(at(1, 3) > 0);
  CHECK(at(1, 4) == 0);  // there are but four

  const ProgramResult json = run_program(set + " --labels per-class:1 --json");
  const auto classes = nlohmann::json::parse(json.out).at("classes");
  CHECK(classes.size() == 10);
  CHECK(classes[3] == nlohmann::json{{"name", "3"}, {"training", 4}, {"visible", 1}, {"test", 2}});

  const ProgramResult raw = run_program(set + " --labels first:12 --preset tutorial");
  CHECK(raw.status == 2);  // data takes no preset
}

TEST_CASE("cli data: what is damaged or missing") {
  const SmallMnist mnist;
  const std::string line =
      "data --labels per-class:1 --data mnist --data-dir " + mnist.path().string();
  CHECK(run_program(line).status == 0);
  const auto refused = [&](const std::string& reason) {
    const ProgramResult r = run_program(line);
    CHECK(r.status == 3);
    CHECK(r.out.empty());
    CHECK_THAT(r.err, ContainsSubstring(mnist.path().string()) && ContainsSubstring(reason));
  };
  mnist.dir().put("t10k-labels-idx1-ubyte", mnist_labels(20).substr(0, 20));
  refused("t10k-labels-idx1-ubyte: truncated: 12 of 20 values");
  fs::remove(mnist.path() / "t10k-labels-idx1-ubyte");
  refused("t10k-labels-idx1-ubyte: no such file");
  const SmallFolder folder;
  const ProgramResult r = run_program("data --data folder --data-dir " + folder.path().string());
  CHECK(r.status == 3);
  CHECK_THAT(r.err,
             ContainsSubstring("labels per-class:100: the training set has 12 images of cat"));
}

TEST_CASE("download: to .part, checked, renamed, resumed") {
  if (curl_is_missing()) return;
  HttpServer server({{"/a", kContent}});
  const Environment proxy("http_proxy", nullptr);
  const TempDir dir;
  const fs::path path = dir / "new" / "a", part = dir / "new" / "a.part";
  ssgan::download(server.url() + "/a", kContentMd5, path, kLimits);
  CHECK(text_of(path) == kContent);
  CHECK(!fs::exists(part));

  fs::remove(path);
  server.break_off_after(10);
  CHECK_THAT(
      message_of<Error>([&] { ssgan::download(server.url() + "/a", kContentMd5, path, kLimits); }),
      ContainsSubstring(server.url() + "/a: the download failed (curl's exit status is 18)"));
  CHECK(!fs::exists(path));
  CHECK(text_of(part) == kContent.substr(0, 10));
  const size_t before = server.sent();
  ssgan::download(server.url() + "/a", kContentMd5, path, kLimits);
  CHECK(text_of(path) == kContent);
  CHECK(server.sent() - before == kContent.size() - 10);
  CHECK(!fs::exists(part));
}

TEST_CASE("download: a part of something else, a server that cannot go on, another checksum") {
  if (curl_is_missing()) return;
  HttpServer server({{"/a", kContent}});
  const TempDir dir;
  const fs::path path = dir / "a";
  for (const bool ranges : {true, false}) {
    server.allow_ranges(ranges);
    dir.put("a.part", "something else");
    ssgan::download(server.url() + "/a", kContentMd5, path, kLimits);
    CHECK(text_of(path) == kContent);
    CHECK(!fs::exists(dir / "a.part"));
    fs::remove(path);
  }
  const std::string other(32, '0');
  CHECK(message_of<DataError>([&] {
          ssgan::download(server.url() + "/a", other, path, kLimits);
        }) == fmt::format("{}/a: its MD5 is {}, but the official file's is {}; nothing is kept",
                          server.url(), kContentMd5, other));
  CHECK(fs::is_empty(dir.path()));
}

TEST_CASE("download: what came stays where the server refuses for now") {
  if (curl_is_missing()) return;
  HttpServer server({{"/a", kContent}});
  const TempDir dir;
  for (const int status : {403, 404, 503}) {
    dir.put("a.part", kContent.substr(0, 9));
    server.refuse_once(status);
    CHECK_THROWS_AS(ssgan::download(server.url() + "/a", kContentMd5, dir / "a", kLimits), Error);
    CHECK(text_of(dir / "a.part") == kContent.substr(0, 9));
  }
  ssgan::download(server.url() + "/a", kContentMd5, dir / "a", kLimits);
  CHECK(text_of(dir / "a") == kContent);
}

TEST_CASE("download: no more bytes than allowed, whether the server tells the size or not") {
  if (curl_is_missing()) return;
  const std::string large(5 << 20, 'x');
  HttpServer server({{"/a", large}});
  const Environment proxy("http_proxy", nullptr);
  const TempDir dir;
  for (const bool told : {true, false}) {
    server.tell_length(told);
    CHECK(message_of<DataError>([&] {
            ssgan::download(server.url() + "/a", kContentMd5, dir / "a", kLimits);
          }) == server.url() + "/a: has more than 1000 bytes; nothing is kept");
    CHECK(fs::is_empty(dir.path()));
  }
  // As many as allowed are taken.
  ssgan::DownloadLimits exact = kLimits;
  exact.most_bytes = static_cast<int64_t>(kContent.size());
  HttpServer small({{"/a", kContent}});
  small.tell_length(false);
  ssgan::download(small.url() + "/a", kContentMd5, dir / "a", exact);
  CHECK(text_of(dir / "a") == kContent);
}

TEST_CASE("download: a server that drips is given up, and what came is kept") {
  if (curl_is_missing()) return;
  HttpServer server({{"/a", kContent}});
  const Environment proxy("http_proxy", nullptr);
  const TempDir dir;
  server.drip_after(10);
  ssgan::DownloadLimits limits = kLimits;
  limits.slow_seconds = 2;
  CHECK_THAT(message_of<Error>(
                 [&] { ssgan::download(server.url() + "/a", kContentMd5, dir / "a", limits); }),
             ContainsSubstring("less than 1024 bytes a second for 2 s"));
  CHECK_THAT(kContent, Catch::Matchers::StartsWith(text_of(dir / "a.part")));
  CHECK(text_of(dir / "a.part").size() >= 10);
}

TEST_CASE("download: a symbolic link is not written through") {
  if (curl_is_missing()) return;
  HttpServer server({{"/a", kContent}});
  const Environment proxy("http_proxy", nullptr);
  const TempDir dir;
  const fs::path victim = dir.put("victim", "The quick");
  for (const fs::path& target : {victim, dir / "nothing"}) {
    fs::create_symlink(target, dir / "a.part");
    CHECK(message_of<OutputError>([&] {
            ssgan::download(server.url() + "/a", kContentMd5, dir / "a", kLimits);
          }) == (dir / "a.part").string() + ": is a symbolic link, which is not followed");
    CHECK(text_of(victim) == "The quick");
    CHECK(!fs::exists(dir / "nothing"));
    fs::remove(dir / "a.part");
  }
}

TEST_CASE("download: braces and brackets are part of a URL") {
  if (curl_is_missing()) return;
  HttpServer server({{"/a[1-2]{b,c}", kContent}});
  const Environment proxy("http_proxy", nullptr);
  const TempDir dir;
  ssgan::download(server.url() + "/a[1-2]{b,c}", kContentMd5, dir / "a", kLimits);
  CHECK(text_of(dir / "a") == kContent);
}

TEST_CASE("cli data fetch: a signal ends curl, too") {
  if (curl_is_missing()) return;
  const size_t size = 100;  // 20 s of drops
  for (const int signal : {SIGTERM, SIGINT, SIGKILL}) {
    INFO("signal " << signal);
    HttpServer server({{"/train_32x32.mat", std::string(size, 'x')}});
    server.drip_after(0);
    const TempDir dir;
    const ProgramResult r =
        run_program("data fetch --url " + server.url() + " --data-dir " + dir.path().string(),
                    {.environment = {{"http_proxy", ""}},
                     .meanwhile = [&](pid_t program, const ProgramResult&) {
                       if (server.drips()) ::kill(program, signal);
                     }});
    CHECK(r.status == 128 + signal);
    CHECK(server.wait_until_left(std::chrono::seconds(10)));
    CHECK(server.sent() < size / 2);
  }
}

TEST_CASE("cli data fetch: what it tells where it fails") {
  if (curl_is_missing()) return;
  const SmallSvhn data;
  const TempDir dir;
  const auto fetch = [&](const std::string& url, const fs::path& to, int status,
                         const std::string& message) {
    const ProgramResult r = run_program("data fetch --url " + url + " --data-dir " + to.string());
    INFO(r.err);
    CHECK(r.status == status);
    CHECK(r.out.empty());
    CHECK_THAT(r.err, ContainsSubstring(message));
  };
  HttpServer server({{"/train_32x32.mat", kContent}});
  fetch(server.url(), dir.path(), 3,
        "train_32x32.mat: its MD5 is 9e107d9d372bb6826bd81d3542a419d6, but the official file's is "
        "e26dedcc434d2e4c54c9b2d4a06d8373");
  fetch(server.url() + "/no", dir.path(), 1, "/no/train_32x32.mat: the download failed");
  fetch("http://127.0.0.1:1", dir.path(), 1, "http://127.0.0.1:1/train_32x32.mat: the download");
  CHECK(fs::is_empty(dir.path()));
  fetch(server.url(), data.path(), 3, "train_32x32.mat: it is there, but its MD5 ");
  fetch(server.url(), dir.put("file", "x") / "below", 1, "file/below: cannot be made");
  const ProgramResult none =
      run_program("data fetch --data-dir " + dir.path().string(), {.environment = {{"PATH", "/"}}});
  CHECK(none.status == 1);
  CHECK_THAT(none.err, ContainsSubstring("install the package curl"));
}

TEST_CASE("cli data fetch: --data-dir counts before fetch, too") {
  const SmallSvhn data;
  const ProgramResult r = run_program("data --data-dir " + quoted(data.path()) + " fetch");
  CHECK(r.status == 3);
  CHECK_THAT(r.err, ContainsSubstring((data.path() / "train_32x32.mat").string()));
}
