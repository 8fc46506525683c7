#pragma once

#include <functional>
#include <string>

#include "apps/ssgan/errors.h"

namespace CLI {
class App;
}

// The commands of `ssgan`, a file each: its flags, the request that they become, and what it does.
// Each returns the exit status, or throws (errors.h). Results go to stdout.

namespace gradus::ssgan {

/// What the command line asks for; returns the exit status.
using Chosen = std::function<int()>;

/// Each adds a command to `program`, which sets `chosen` where the command line has it.
void add_train(CLI::App& program, Chosen& chosen);
void add_data(CLI::App& program, Chosen& chosen);
void add_watch(CLI::App& program, Chosen& chosen);
void add_eval(CLI::App& program, Chosen& chosen);
void add_predict(CLI::App& program, Chosen& chosen);
void add_sample(CLI::App& program, Chosen& chosen);
void add_step(CLI::App& program, Chosen& chosen);
void add_replay(CLI::App& program, Chosen& chosen);
void add_export(CLI::App& program, Chosen& chosen);
void add_import(CLI::App& program, Chosen& chosen);
void add_compare(CLI::App& program, Chosen& chosen);
void add_compare_runs(CLI::App& program, Chosen& chosen);
void add_bench(CLI::App& program, Chosen& chosen);
void add_summary(CLI::App& program, Chosen& chosen);
void add_explain(CLI::App& program, Chosen& chosen);
void add_inspect(CLI::App& program, Chosen& chosen);
void add_graph(CLI::App& program, Chosen& chosen);
void add_gradcheck(CLI::App& program, Chosen& chosen);
void add_toy(CLI::App& program, Chosen& chosen);
void add_traps(CLI::App& program, Chosen& chosen);
/// `data fetch`.
void add_fetch(CLI::App& data, Chosen& chosen);

/// In the order of the help.
inline constexpr void (*kCommands[])(CLI::App&, Chosen&) = {
    add_train,   add_watch,   add_compare_runs, add_data,    add_eval,
    add_predict, add_sample,  add_step,         add_replay,  add_export,
    add_import,  add_compare, add_bench,        add_summary, add_explain,
    add_inspect, add_graph,   add_gradcheck,    add_toy,     add_traps};

/// A command without flags; `example` stands below its help.
CLI::App* add_command(CLI::App& program, const std::string& name, const std::string& description,
                      const std::string& example);

}  // namespace gradus::ssgan
