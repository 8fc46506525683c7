#include "tests/program.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <iomanip>
#include <sstream>
#include <stdexcept>
#include <vector>

extern char** environ;

namespace gradus {
namespace {

struct Ends {
  int read = -1, write = -1;
};

Ends make_pipe() {
  int fd[2];
  if (::pipe2(fd, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  return {fd[0], fd[1]};
}

Ends make_terminal() {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0)
    throw std::runtime_error("no pseudo-terminal");
  const int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) throw std::runtime_error("no pseudo-terminal");
  return {master, slave};
}

}  // namespace

bool has_pseudo_terminals() {
  try {
    const Ends ends = make_terminal();
    ::close(ends.read);
    ::close(ends.write);
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

std::string quoted(const std::filesystem::path& path) { return "\"" + path.string() + "\""; }

namespace {

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& w : words) all.push_back(w.data());
  all.push_back(nullptr);
  return all;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& changes) {
  // Idle threads would spin, and several tests run at a time.
  std::vector<std::string> all = {"OMP_WAIT_POLICY=passive"};
  for (char** e = environ; *e; ++e) {
    const std::string entry = *e;
    if (!changes.contains(entry.substr(0, entry.find('=')))) all.push_back(entry);
  }
  for (const auto& [name, value] : changes) all.push_back(name + "=" + value);
  return all;
}

/// Appends what has come; false at the end.
bool take(int fd, std::string& text) {
  char buffer[4096];
  const ssize_t n = ::read(fd, buffer, sizeof buffer);
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) return false;  // a terminal whose other end is closed: EIO
  text.append(buffer, static_cast<size_t>(n));
  return true;
}

}  // namespace

ProgramResult run_program(const std::string& line, const ProgramSetting& setting) {
  std::vector<std::string> words = {SSGAN_PROGRAM};
  std::istringstream in(line);
  for (std::string word; in >> std::quoted(word);) words.push_back(word);
  std::map<std::string, std::string> changes = setting.environment;
  if (!setting.preload.empty()) {
    changes["LD_PRELOAD"] = setting.preload.filename();  // ends at a space, which a path may have
    changes["LD_LIBRARY_PATH"] = setting.preload.parent_path();
  }
  std::vector<std::string> environment = environment_with(changes);
  const std::vector<char*> argv = pointers(words), envp = pointers(environment);
  const Ends out = make_pipe(), err = setting.terminal ? make_terminal() : make_pipe();

  const int full = setting.full_output ? ::open("/dev/full", O_WRONLY | O_CLOEXEC) : -1;

  // A signal that comes early is for the program, and not for the handlers of these tests.
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0)
    for (const int number : {SIGINT, SIGTERM}) ::signal(number, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw std::runtime_error("cannot fork");
  if (pid == 0) {
    if (setting.largest_file) {
      const rlimit limit{*setting.largest_file, *setting.largest_file};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ::dup2(setting.full_output ? full : out.write, STDOUT_FILENO);
    ::dup2(err.write, STDERR_FILENO);
    if (setting.before_start) setting.before_start();
    ::execve(SSGAN_PROGRAM, argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(out.write);
  ::close(err.write);
  if (full >= 0) ::close(full);

  ProgramResult result;
  bool late = false;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(10);
  pollfd ends[] = {{out.read, POLLIN, 0}, {err.read, POLLIN, 0}};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    ::poll(ends, 2, 20);
    if (ends[0].revents && !take(out.read, result.out)) ends[0].fd = -1;
    if (ends[1].revents && !take(err.read, result.err)) ends[1].fd = -1;
    if (setting.meanwhile) setting.meanwhile(pid, result);
    if (!late && std::chrono::steady_clock::now() > deadline) {
      late = true;
      ::kill(pid, SIGKILL);
    }
  }
  ::close(out.read);
  ::close(err.read);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (late) throw std::runtime_error("ssgan did not end within ten minutes");
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (result.status == 127) throw std::runtime_error("cannot start " SSGAN_PROGRAM);
  if (!setting.preload.empty() && result.err.find("cannot be preloaded") != result.err.npos)
    throw std::runtime_error(result.err);
  return result;
}

}  // namespace gradus
