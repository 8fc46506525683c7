#include "autograd/gradcheck.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/study/grad_cases.h"

namespace gradus::ssgan {
namespace {

struct GradcheckRequest {
  std::string what;       ///< a case's name, or the beginning of some; empty: all
  std::vector<double> h;  ///< empty: the table's own
  bool break_it = false;
};

const std::vector<double> kSteps{1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10};

/// "model" is all of the model's; a name is itself alone.
bool is_meant(const GradCase& c, const std::string& what) {
  return what.empty() || c.name == what || c.name.starts_with(what + ".");
}

/// "input 1 at [0, 2]: ..." with the input's name.
std::string with_name(const std::string& worst, const GradCase& c) {
  const size_t at = worst.find(" at ");
  if (!worst.starts_with("input ") || at == worst.npos) return worst;
  return c.input_names.at(std::stoul(worst.substr(6))) + worst.substr(at);
}

bool check(const GradCase& c) {
  const GradcheckResult r = gradcheck(c.f, c.inputs, {.coordinates = c.coordinates});
  fmt::print("{:<22} {:<6} {:>4} coordinates, {} at kinks, worst relative error {:.1e}\n", c.name,
             r.ok ? "ok" : "WRONG", r.checked, r.kinks, r.worst_error);
  fmt::print("{:<22} {}\n", "", with_name(r.worst, c));
  return r.ok;
}

/// One coordinate's difference quotient for each h.
void print_steps(const GradCase& c, const std::vector<double>& steps) {
  const StepSizes s = vary_step(c, steps);
  fmt::print(
      "\n{} towards element {} of {}: the tape says {:.12g}\n"
      "(f is the result; if that is several numbers, their sum weighted by random numbers).\n"
      "(f(x + h) - f(x - h)) / 2h is off by about h^2 while h is large, since it cuts off the\n"
      "series of f (of a linear f nothing is cut off), and by about 1e-16 |f| / h while it is "
      "small, since f is rounded.\n"
      "{:>10} {:>20} {:>12}\n",
      c.name, s.coordinate, c.input_names.front(), s.by_tape, "h", "differences", "error");
  const auto best = std::ranges::min_element(s.quotients, {}, &Quotient::error);
  for (const Quotient& q : s.quotients)
    fmt::print("{:>10.0e} {:>20.12g} {:>12.1e}{}\n", q.h, q.differences, q.error,
               &q == &*best ? "   the smallest" : "");
}

int run(const GradcheckRequest& r) {
  std::vector<GradCase> cases = grad_cases();
  std::string names;
  for (const GradCase& c : cases) names += " " + c.name;
  std::erase_if(cases, [&](const GradCase& c) { return !is_meant(c, r.what); });
  require<UsageError>(!cases.empty(),
                      "gradcheck {}: there is no such operation, layer or loss; there are model{}",
                      r.what, names);
  bool ok = true;
  for (GradCase& c : cases) {
    if (r.break_it) c = broken(std::move(c));
    ok = check(c) && ok;
  }
  if (cases.size() == 1 || !r.h.empty())
    for (const GradCase& c : cases) print_steps(c, r.h.empty() ? kSteps : r.h);
  if (r.break_it)
    fmt::print(
        "\nThe rule was broken on purpose: it forgets the first half of the result, as if that\n"
        "did not depend on the inputs.\n");
  return ok ? kDone : kCheckFailed;
}

}  // namespace

void add_gradcheck(CLI::App& program, Chosen& chosen) {
  CLI::App* app = add_command(program, "gradcheck",
                              "The tape's gradients against differences, in 64-bit numbers",
                              "ssgan gradcheck conv2d --break");
  auto r = std::make_shared<GradcheckRequest>();
  app->add_option("what", r->what,
                  "An operation (conv2d), a layer (BatchNorm), model.d, model.g, or model for both "
                  "(else all)");
  // A group of its own: newer versions of CLI11 take --h for -h where both are in one.
  CLI::App* table = app->add_option_group("The table");
  table->set_help_flag();
  table->add_option("--h", r->h, "Steps of the difference quotient, for a table of their errors")
      ->delimiter(',')
      ->check(CLI::Validator(
          [](const std::string& h) {
            double v = 0;
            return CLI::detail::lexical_cast(h, v) && v >= 1e-15 && v <= 1
                       ? ""
                       : h + ": expected a number from 1e-15 to 1";
          },
          ""));
  app->add_flag("--break", r->break_it, "Break the rule on purpose, to see how that looks");
  app->callback([r, &chosen] { chosen = [r] { return run(*r); }; });
}

}  // namespace gradus::ssgan
