#include <fcntl.h>
#include <omp.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <utility>
#include <vector>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/say.h"
#include "apps/ssgan/utf8.h"
#include "apps/ssgan/version.h"
#include "tensor/mpi_plugin.h"

namespace gradus::ssgan {
namespace {

/// Levenshtein's distance.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

/// "; train is one" where a word is like one that there is, else nothing.
std::string nearest(const std::string& word, const std::vector<std::string>& all) {
  const auto distance = [&](const std::string& name) { return edit_distance(word, name); };
  const auto best = std::ranges::min_element(all, {}, distance);
  return best != all.end() && distance(*best) <= word.size() / 2 ? "; " + *best + " is one" : "";
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

/// What a command of `app` was given and does not take: a line for each flag, with the nearest that
/// there is, and for each word that belongs to none of them.
std::string refused_words(const CLI::App& app, std::string name = "ssgan") {
  if (app.get_subcommands().empty()) return {};
  const CLI::App& command = *app.get_subcommands().front();
  name += " " + command.get_name();
  std::vector<std::string> flags;
  for (const CLI::Option* o : command.get_options())
    for (const std::string& flag : o->get_lnames()) flags.push_back("--" + flag);
  const std::vector<std::string> commands = commands_of(command);
  std::string lines;
  bool is_value = false;  // of the flag before it
  for (const std::string& word : command.remaining()) {
    const bool is_number =
        word.size() > 1 && std::string_view("0123456789.").find(word[1]) != std::string_view::npos;
    if (word.starts_with('-') && !is_number) {
      const std::string flag = word.substr(0, word.find('='));
      lines += flag + ": no such flag" + nearest(flag, flags) + "\n";
      is_value = flag.size() == word.size();
    } else if (!std::exchange(is_value, false)) {
      lines += word +
               (commands.empty() ? ": a flag was expected, which begins with --"
                                 : ": no such command" + nearest(word, commands)) +
               "\n";
    }
  }
  return lines.empty() ? refused_words(command, name)
                       : lines + "`" + name + " --help` lists the flags\n";
}

int run(int argc, char** argv) {
  CLI::App app("Trains the semi-supervised GAN of a tutorial on SVHN.", "ssgan");
  app.set_version_flag("--version", version);
  app.require_subcommand(1);
  Chosen chosen;
  for (const auto add : kCommands) add(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (launched_rank() > 0) return e.get_exit_code() != 0 ? kUsage : kDone;  // rank 0 says it
    if (app.get_subcommands().empty() && !app.remaining().empty()) {
      const std::string word = app.remaining().front();
      throw UsageError(fmt::format("{}: no such command{}; `ssgan --help` lists them", word,
                                   nearest(word, commands_of(app))));
    }
    if (e.get_exit_code() != 0) {
      if (app.get_subcommands().empty()) {
        throw UsageError(
            fmt::format("a command was expected, one of {}; `ssgan --help` tells of them",
                        fmt::join(commands_of(app), " ")));
      }
      const bool extras = e.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
      const std::string lines = refused_words(app);
      if (!lines.empty()) {
        say("{}", printable(extras ? lines : e.what() + ("\n" + lines)));
        return kUsage;
      }
    }
    std::ostringstream out, err;
    const int status = app.exit(e, out, err);
    fmt::print("{}", out.str());
    say("{}", printable(err.str()));
    return status ? kUsage : kDone;
  }
  use_threads(0);
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

/// A stream that is closed would become the first file that is opened. What is written to stdout
/// then fails as it should; what is written to stderr is lost.
void open_standard_streams() {
  const int flags[] = {O_RDONLY, O_RDONLY, O_WRONLY};
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags[fd]) < 0) std::_Exit(kFailed);
}

int guarded_main(int argc, char** argv) {
  const auto fail = [](int status, const char* what) {
    say("ssgan: {}\n", printable(what));
    return status;
  };
  try {
    return run(argc, argv);
  } catch (const UsageError& e) {
    if (launched_rank() > 0) return kUsage;
    return fail(kUsage, e.what());
  } catch (const DataError& e) {
    return fail(kBadData, e.what());
  } catch (const nlohmann::json::exception& e) {
    return fail(kBadData, e.what());
  } catch (const std::filesystem::filesystem_error& e) {
    return fail(kBadData, e.what());
  } catch (const NotFinite& e) {
    return fail(kNotFinite, e.what());
  } catch (const std::bad_alloc&) {
    return fail(kFailed, "out of memory");
  } catch (const std::exception& e) {
    return fail(kFailed, e.what());
  }
}

}  // namespace
}  // namespace gradus::ssgan

int main(int argc, char** argv) {
  gradus::ssgan::open_standard_streams();
  gradus::ssgan::spin_briefly(argv);
  std::signal(SIGXFSZ, SIG_IGN);  // a file too large is then an error like a full disk
  std::signal(SIGPIPE, SIG_IGN);
  const int status = gradus::ssgan::guarded_main(argc, argv);
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return status;
  if (status == gradus::ssgan::kFailed) return status;  // that was said
  gradus::ssgan::say("ssgan: the results could not be written to stdout\n");
  return status ? status : gradus::ssgan::kFailed;
}
