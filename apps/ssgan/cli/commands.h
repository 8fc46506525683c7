#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

// The command line of each command: its flags, and how they become its request.

namespace gradus::ssgan {

/// What the command line asks for; returns the exit status.
using Chosen = std::function<int()>;

/// Each adds a command to `program`, which sets `chosen` where the command line has it.
void add_train(CLI::App& program, Chosen& chosen);
void add_data(CLI::App& program, Chosen& chosen);
void add_eval(CLI::App& program, Chosen& chosen);
void add_sample(CLI::App& program, Chosen& chosen);
void add_import(CLI::App& program, Chosen& chosen);
void add_step(CLI::App& program, Chosen& chosen);
void add_replay(CLI::App& program, Chosen& chosen);
void add_compare(CLI::App& program, Chosen& chosen);
void add_bench(CLI::App& program, Chosen& chosen);
void add_summary(CLI::App& program, Chosen& chosen);
void add_explain(CLI::App& program, Chosen& chosen);

/// A command without flags; `example` stands below its help.
CLI::App* add_command(CLI::App& program, const std::string& name, const std::string& description,
                      const std::string& example);

}  // namespace gradus::ssgan
