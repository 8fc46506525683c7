#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/ssgan/study/step_record.h"

namespace gradus::ssgan {

/// One real step, told for a few images: every number is of this step.
struct Explanation {
  /// A loss's gradient towards one image's logits: by the tape, and by the formula.
  struct Pull {
    std::string loss, formula;
    std::vector<double> by_tape;
    std::vector<double> by_formula;  ///< empty where the run's objective is not model_loss
  };
  struct Example {
    std::string kind;   ///< "unlabelled", "labelled", "labelled zero" or "generated"
    int64_t row = 0;    ///< in the batch
    std::string label;  ///< its class's name; empty for a generated image
    Tensor image;       ///< f64 [S, S, 3] in [-1, 1]
    std::vector<std::pair<std::string, Tensor>> activations;  ///< f64 [H, W, C] or [C], in order
    std::vector<double> logits, probabilities;  ///< of the classes, with that of "generated"
    double gan_logit = 0;                       ///< log Z - l_fake
    double naive = 0, stable = 0;  ///< P(real) as Z / (Z + exp(l_fake)) and sigmoid(gan_logit), f32
    std::vector<Pull> pulls;
  };
  /// P(real) of the labelled image's logits, all moved up until the largest is `shift`.
  struct Overflow {
    double largest, z, naive, stable;
  };
  struct Parameter {
    std::string name;
    StepGraph::Learns learns;
    double gradient_rms, update_rms;  ///< the latter over the learning rate
  };
  struct AdamStep {
    std::string name;  ///< "discriminator.dense.weight[3, 7]"
    double t, lr, beta1, beta2, epsilon, w, g, m, v;
    double m_new, v_new, rate, by_hand, by_program;
  };

  const StepRecord* record = nullptr;
  std::vector<std::string> classes;
  int64_t images = 0, labelled = 0, generated = 0;  ///< in the step's batch
  bool d_is_plain_sum = false;  ///< d = d_real + d_fake + d_class, without weights and others
  std::vector<Example> examples;
  std::vector<Overflow> overflow;
  /// d's gradient towards the last layer's bias, and the sum of its gradients towards all images'
  /// logits.
  std::vector<double> bias_gradient, sum_of_pulls;
  std::vector<Parameter> parameters;
  AdamStep adam = {};

  /// The largest difference of that sum, relative to the largest gradient.
  double bias_error() const;
  /// The largest difference of by_tape and by_formula, relative to the largest pull of that loss.
  double formula_error() const;
  /// Whether both are within what f32 rounds.
  bool holds() const { return bias_error() < 1e-4 && formula_error() < 1e-4; }
};

/// `record` must outlive the result. Of a step without a generator there is no generated image. The
/// example of its kind is the batch's first, or the real image in the row that is `chosen`; throws
/// UsageError where there is no such row.
Explanation explain(const StepRecord& record, const Options& options, const ImageSet& train,
                    std::optional<int64_t> chosen = {});

nlohmann::ordered_json to_json(const Explanation& e);
/// For a terminal.
std::string to_text(const Explanation& e);
/// A page that needs nothing else.
std::string to_page(const Explanation& e, const std::string& title);

}  // namespace gradus::ssgan
