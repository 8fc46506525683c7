#include <CLI/CLI.hpp>
#include <memory>

#include "apps/ssgan/cli/commands.h"
#include "apps/ssgan/cli/flags.h"
#include "apps/ssgan/commands/commands.h"

namespace gradus::ssgan {
namespace {

void add_fetch(CLI::App& data, Chosen& chosen) {
  struct Flags {
    std::string data_dir;
    FetchRequest request;
  };
  CLI::App* app = add_command(data, "fetch", "Download SVHN's files (for non-commercial use)",
                              "ssgan data fetch --data-dir ~/svhn");
  auto f = std::make_shared<Flags>();
  app->add_option("--data-dir", f->data_dir,
                  "Folder to put them into (else $GRADUS_DATA, else ~/.cache/gradus)");
  app->add_option("--url", f->request.url, "Folder to take them from")->capture_default_str();
  app->add_flag("--extra", f->request.extra, "The 531,131 further images, too (1.3 GB)");
  app->callback([f, &chosen] {
    chosen = [f] {
      if (!f->data_dir.empty()) f->request.data_dir = f->data_dir;
      return fetch(f->request);
    };
  });
}

}  // namespace

void add_data(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    DataRequest request;
  };
  CLI::App* app = add_command(program, "data", "Check a data set and show what it holds",
                              "ssgan data --data fashion-mnist --out examples.png");
  auto f = std::make_shared<Flags>();
  f->options.add_data_set(*app);
  f->options.add_labels(*app);
  app->add_option("--out", f->request.out, "PNG to write: ten training images of each class");
  app->add_flag("--json", f->request.json, "Print the result as JSON");
  app->callback([app, f, &chosen] {
    if (!app->get_subcommands().empty()) return;
    chosen = [f] {
      f->request.options = f->options.resolve();
      return data(f->request);
    };
  });
  add_fetch(*app, chosen);
}

}  // namespace gradus::ssgan
