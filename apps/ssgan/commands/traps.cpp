#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "apps/ssgan/commands/commands.h"

namespace gradus::ssgan {
namespace {

/// Prints where the printed program departs from its prose, and this one's switch for each.
int traps() {
  fmt::print(
      R"(The tutorial's program does not do all that its prose says. Each difference is a switch; the preset
tutorial has the printed program's value, the preset mended the other one.

  switch         tutorial    mended         what
  --zero-as      raw         class          Digit 0 has label 10, outside the 10 classes: as raw it
                                            can never be right, and its labels push towards "fake".
  --dropout      off         on             The printed dropout never acts: nothing tells it that
                                            it is training.
  --relu2        conv2       bn2            The printed relu2 reads conv2's output, past bn2.
  --dead-layers  keep        drop           Nothing reads relu6, so conv6 and bn6 (and an unread
                                            bn2) never get a gradient.
  --eval-stats   batch       running        The printed evaluation normalises test images by their
                                            own batch's statistics.
  --labels       first:1000  per-class:100  The notebook shows the first 1,000 labels of the file,
  --test-images  notebook    all            and scores the first half of the test file.
  --extra-class  0           0              The prose speaks of an 11th class for generated images;
                                            the program has 10 logits and that one fixed at 0.

What scored better, and the preset mended has beside these:

  --labelled-batch  0          32           Labelled images in each batch, at least (in turn:
                                            a pass through them may end with fewer).
  --drop-rate       0.5        0.2          Where dropout is on.
  --lr              3e-4       1.2e-3       The learning rate at the start.
  --schedule        staircase  exponential  times 0.9 an epoch, or to 0.467 over the whole run
                                            (--lr-final).
  --epochs          25         20
)");
  return kDone;
}

}  // namespace

void add_traps(CLI::App& program, Chosen& chosen) {
  add_command(program, "traps",
              "Where the printed program departs from its prose, and the switches", "ssgan traps")
      ->callback([&chosen] { chosen = traps; });
}

}  // namespace gradus::ssgan
