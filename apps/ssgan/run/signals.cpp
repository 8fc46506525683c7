#include "apps/ssgan/run/signals.h"

#include <csignal>
#include <initializer_list>

namespace gradus::ssgan {
namespace {

volatile std::sig_atomic_t asked = 0;

void on_signal(int number) {
  if (asked == 0) {
    asked = number;
    return;
  }
  std::signal(number, SIG_DFL);
  std::raise(number);  // acts when this handler returns
}

}  // namespace

void stop_on_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    if (sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(number, &action, nullptr);
  }
}

int stop_signal() { return asked; }

}  // namespace gradus::ssgan
