#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>

#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/errors.h"
#include "autograd/augment.h"

namespace gradus::ssgan {

void OptionFlags::add_objective(CLI::App& app) {
  app.add_option("--augment", augment,
                 "How the images that D trains on are changed, generated ones too: none, shift, "
                 "strong, or some of affine, colour, invert, noise, cutout, flip with commas");
  app.add_option("--gan-weight", gan_weight,
                 "Weight of telling real from generated images; 0: no generator")
      ->check(between(0, 1e6));
  app.add_option("--gan-real", gan_real,
                 "The real images that this is about: all, or the unlabelled stream's")
      ->check(one_of({"all", "unlabelled"}));
  app.add_option("--g-loss", g_loss,
                 "What the generator learns: to match the mean features of real images, to fool D, "
                 "or both")
      ->check(one_of({std::begin(kGLosses), std::end(kGLosses)}));
  app.add_option("--pseudo-label", pseudo_label,
                 "D learns the class of an unlabelled image that its average is so sure of; above "
                 "0, at most 1. 0: it does not")
      ->check(between(0, 1));
  app.add_option("--consistency", consistency,
                 "mse: D's probabilities of unlabelled images are drawn to those of its average")
      ->check(one_of({"none", "mse"}));
  app.add_option("--consistency-weight", consistency_weight,
                 "Weight of what the average teaches (--pseudo-label, --consistency)")
      ->check(between(0, 1e6));
  for (size_t i = 0; i < std::size(kLossWeights); ++i) {
    std::string flag = kLossWeights[i].name;
    std::ranges::replace(flag, '_', '-');
    app.add_option("--" + flag, loss_weights[i], kLossWeights[i].meaning)->check(between(0, 1e6));
  }
  app.add_option("--ema", ema, "Decay of the moving average of D's weights; 0: none")
      ->check(between(0, 0.999999));
}

void OptionFlags::resolve_objective(Options& o) const {
  set(augment, o.objective.augment);
  set(gan_weight, o.objective.gan_weight);
  if (gan_real) o.objective.gan_real = *gan_real == "all" ? GanReal::all : GanReal::unlabelled;
  if (g_loss)
    o.objective.g_loss =
        static_cast<GLoss>(std::ranges::find(kGLosses, *g_loss) - std::begin(kGLosses));
  set(pseudo_label, o.objective.pseudo_label);
  if (consistency) o.objective.mean_teacher = *consistency == "mse";
  set(consistency_weight, o.objective.consistency_weight);
  for (size_t i = 0; i < std::size(kLossWeights); ++i)
    set(loss_weights[i], o.objective.*kLossWeights[i].weight);
  set(ema, o.ema);
  if (eval_weights) o.eval_ema = *eval_weights == "ema";

  bool flips = false;
  try {
    flips = augmentation(o.objective.augment).flip_horizontal;
  } catch (const Error& e) {
    throw UsageError(fmt::format("--augment: {}", e.what()));
  }
  const bool digits = o.data == "digits" || o.data == "svhn" || o.data == "mnist";
  require<UsageError>(!flips || !digits,
                      "--augment {}: a flipped digit is another or none; leave flip out for {}",
                      o.objective.augment, o.data);
  require<UsageError>(!o.eval_ema || o.ema > 0,
                      "--eval-weights ema: there is no average; add --ema .999, say");
  const Objective used = objective_of(o);
  require<UsageError>(!used.has_teacher() || o.ema > 0,
                      "--pseudo-label, --consistency: the average of D teaches; add --ema .999, "
                      "say");
  if (!o.unlabeled) return;
  require<UsageError>(used.has_gan() || used.reads_unlabelled(),
                      "--gan-weight 0: nothing is learned from unlabelled images; add "
                      "--pseudo-label .95, say, or --no-unlabeled");
  require<UsageError>(used.has_gan() || (used.manifold == 0 && used.pull_away == 0),
                      "--manifold, --pull-away: they are about generated images, and with "
                      "--gan-weight 0 there are none");
  const bool sizes = batch_size || labelled_batch || unlabelled_batch;  // not an older run's
  require<UsageError>(!sizes || o.labelled_batch < o.batch_size,
                      "--labelled-batch {}: leaves nothing of {} images for the unlabelled stream",
                      o.labelled_batch, o.batch_size);
}

}  // namespace gradus::ssgan
