#include <omp.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <filesystem>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/version.h"
#include "apps/ssgan/errors.h"

namespace gradus::ssgan {
namespace {

int run(int argc, char** argv) {
  CLI::App app("Trains the semi-supervised GAN of a tutorial on SVHN.", "ssgan");
  app.set_version_flag("--version", version);
  app.require_subcommand(1);
  Chosen chosen;
  for (const auto add : kCommands) add(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (app.get_subcommands().empty() && !app.remaining().empty())
      throw UsageError(
          fmt::format("{}: no such command; `ssgan --help` lists them", app.remaining().front()));
    return app.exit(e) ? kUsage : kDone;
  }
  return chosen();
}

/// libgomp's threads spin while they wait, by default for long, and with other processes on the
/// cores a step then takes several times as long; not to spin at all costs a tenth on quiet ones.
/// It reads the setting when it is loaded, before main, so where there are threads that wait the
/// program sets it and starts itself again, by the same name. What the user has set stays.
void spin_briefly(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT")) return;
  if (omp_get_max_threads() == 1) return;
  // 0 where ld.so was started and told to load this program: then it is the executable.
  if (getauxval(AT_BASE) == 0) return;
  std::error_code none;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", none);
  if (none) return;
  setenv("GOMP_SPINCOUNT", "1000", 1);
  execv(program.c_str(), argv);  // returns only where it fails: then with spinning
}

int guarded_main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const UsageError& e) {
    fmt::print(stderr, "ssgan: {}\n", e.what());
    return kUsage;
  } catch (const DataError& e) {
    fmt::print(stderr, "ssgan: {}\n", e.what());
    return kBadData;
  } catch (const NotFinite& e) {
    fmt::print(stderr, "ssgan: {}\n", e.what());
    return kNotFinite;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "ssgan: out of memory\n");
    return kFailed;
  } catch (const std::exception& e) {
    fmt::print(stderr, "ssgan: {}\n", e.what());
    return kFailed;
  }
}

}  // namespace
}  // namespace gradus::ssgan

int main(int argc, char** argv) {
  gradus::ssgan::spin_briefly(argv);
  std::signal(SIGXFSZ, SIG_IGN);  // a file too large is then an error like a full disk
  std::signal(SIGPIPE, SIG_IGN);
  const int status = gradus::ssgan::guarded_main(argc, argv);
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return status;
  fmt::print(stderr, "ssgan: the results could not be written to stdout\n");
  return status ? status : gradus::ssgan::kFailed;
}
