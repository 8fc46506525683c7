#include "tensor/file.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <string>
#include <string_view>

#include "tensor/error.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

using namespace gradus;

namespace {

std::span<const std::byte> bytes_of(std::string_view s) { return std::as_bytes(std::span(s)); }

size_t entries(const std::filesystem::path& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

/// Makes writes beyond `bytes` fail with EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now = before_;
    now.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

}  // namespace

TEST_CASE("file: what is written is read") {
  const TempDir dir;
  const auto path = dir / "a";
  write_file(path, bytes_of("first"));
  CHECK(text_of(path) == "first");
  const std::string big(3'000'000, 'x');
  const std::span<const std::byte> pieces[] = {bytes_of("head"), {}, bytes_of(big)};
  write_file(path, pieces);
  CHECK((text_of(path) == "head" + big));  // not printed: it is long
  write_file(path, std::span<const std::byte>());
  CHECK(text_of(path).empty());
  CHECK(entries(dir.path()) == 1);
}

TEST_CASE("file: a missing file and a folder are not read") {
  const TempDir dir;
  CHECK_THROWS_AS(read_file(dir / "none"), DataError);
  CHECK_THROWS_WITH(read_file(dir / "none"), ContainsSubstring("none: cannot be read: No such"));
  CHECK_THROWS_AS(read_file(dir.path()), DataError);
  CHECK_THROWS_WITH(read_file(dir.path()), ContainsSubstring("folder"));
}

TEST_CASE("file: what may have no end is not read") {
  const TempDir dir;
  REQUIRE(::mkfifo((dir / "pipe").c_str(), 0600) == 0);
  std::filesystem::create_symlink("/dev/zero", dir / "link");
  for (const auto& path : {dir / "pipe", dir / "link", std::filesystem::path("/dev/zero")})
    CHECK_THROWS_WITH(
        read_file(path),
        ContainsSubstring(path.string() + ": cannot be read: it is not a regular file"));
  CHECK(!read_file("/proc/self/status").empty());  // a regular file of unknown size
}

TEST_CASE("file: a full disk leaves the earlier file and nothing else") {
  const TempDir dir;
  const auto path = dir / "a";
  write_file(path, bytes_of("earlier"));
  const std::string big(100'000, 'x');
  std::string message;
  {
    const FileSizeLimit limit(4096);
    try {
      write_file(path, bytes_of(big));
    } catch (const OutputError& e) {
      message = e.what();
    }
  }
  CHECK_THAT(message, ContainsSubstring("a: cannot be written: File too large"));
  CHECK(text_of(path) == "earlier");
  CHECK(entries(dir.path()) == 1);
}

TEST_CASE("file: places that cannot be written") {
  const TempDir dir;
  const auto text = bytes_of("text");
  CHECK_THROWS_AS(write_file(dir / "no" / "a", text), OutputError);
  CHECK_THROWS_WITH(write_file(dir / "no" / "a", text), ContainsSubstring("No such file"));
  write_file(dir / "plain", text);
  CHECK_THROWS_WITH(write_file(dir / "plain" / "a", text), ContainsSubstring("Not a directory"));
  CHECK_THROWS_WITH(write_file(dir.path(), text), ContainsSubstring("it is a folder"));
  CHECK_THROWS_WITH(write_file("/dev/null", text), ContainsSubstring("not a regular file"));
  CHECK(entries(dir.path()) == 1);
}

TEST_CASE("file: a link stays a link") {
  const TempDir dir;
  write_file(dir / "target", bytes_of("before"));
  std::filesystem::create_symlink("target", dir / "link");
  write_file(dir / "link", bytes_of("after"));
  CHECK(std::filesystem::is_symlink(dir / "link"));
  CHECK(text_of(dir / "target") == "after");
}
