#include "apps/ssgan/study/explanation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/errors.h"
#include "autograd/shaping.h"
#include "tensor/update.h"

namespace gradus::ssgan {
namespace {

using Values = std::vector<double>;

Tensor row_of(const Tensor& t, int64_t i) {
  return slice(t, 0, i, i + 1).value().reshape(Shape(t.shape().extents().subspan(1)));
}

double log_sum_exp(std::span<const double> x) {
  const double most = *std::ranges::max_element(x);
  double sum = 0;
  for (const double v : x) sum += std::exp(v - most);
  return most + std::log(sum);
}

Values softmax_of(std::span<const double> x) {
  Values p(x.begin(), x.end());
  const double total = log_sum_exp(x);
  for (double& v : p) v = std::exp(v - total);
  return p;
}

double rms(const Values& v) {
  const double squares = std::inner_product(v.begin(), v.end(), v.begin(), 0.0);
  return v.empty() ? 0 : std::sqrt(squares / double(v.size()));
}

double largest_of(const Values& v) {
  double most = 0;
  for (const double x : v) most = std::max(most, std::abs(x));
  return most;
}

double largest_difference(const Values& a, const Values& b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(a[i] - b[i]);
    if (!(d <= most)) most = d;  // NaN, too
  }
  return most;
}

/// As a program computes it that does not subtract the maximum, in f32.
Explanation::Overflow in_f32(std::span<const double> logits, double fake) {
  float z = 0;
  for (const double l : logits) z += std::exp(static_cast<float>(l));
  const float naive = z / (z + std::exp(static_cast<float>(fake)));
  const auto gan_logit = static_cast<float>(log_sum_exp(logits) - fake);
  return {*std::ranges::max_element(logits), z, naive, 1 / (1 + std::exp(-gan_logit))};
}

/// Whether d is the sum that model_loss has, whatever the generator learns.
bool d_is_plain(const Options& options) {
  Objective o = objective_of(options);
  o.g_loss = GLoss::match;
  return o.is_plain();
}

class Builder {
 public:
  Builder(const StepRecord& record, const Options& options, const ImageSet& train,
          std::optional<int64_t> chosen)
      : record_(record),
        options_(options),
        chosen_(chosen),
        is_plain_(d_is_plain(options)),
        classes_(static_cast<size_t>(options.network.num_classes)),
        labels_(record.tensor("labels").to_vector<double>()),
        mask_(record.tensor("label_mask").to_vector<double>()) {
    e_.record = &record;
    e_.classes = train.classes;
    e_.images = static_cast<int64_t>(labels_.size());
    e_.labelled = static_cast<int64_t>(std::reduce(mask_.begin(), mask_.end()));
    if (record.tensors.contains("z")) e_.generated = record.tensor("z").shape()[0];
    e_.d_is_plain_sum = is_plain_ && e_.generated > 0;
  }

  Explanation build() {
    choose_examples();
    add_overflow();
    add_sums();
    add_parameters();
    add_adam();
    return std::move(e_);
  }

 private:
  bool is_zero(int64_t i) const {
    return has_raw_zeros(options_) && labels_[i] == (options_.zero_as == ZeroAs::raw ? 10 : 0);
  }

  void choose_examples() {
    require<UsageError>(!chosen_ || *chosen_ < e_.images,
                        "--image {}: the batch of this step has {} real images, 0 to {}",
                        chosen_.value_or(0), e_.images, e_.images - 1);
    const auto first = [&](const char* kind, const auto& fits) {
      if (chosen_ && fits(*chosen_)) return e_.examples.push_back(example(kind, "real", *chosen_));
      for (int64_t i = 0; i < e_.images; ++i)
        if (fits(i)) {
          e_.examples.push_back(example(kind, "real", i));
          return;
        }
    };
    first("unlabelled", [&](int64_t i) { return mask_[i] == 0; });
    first("labelled", [&](int64_t i) { return mask_[i] != 0 && !is_zero(i); });
    first("labelled zero", [&](int64_t i) { return mask_[i] != 0 && is_zero(i); });
    if (e_.generated > 0) e_.examples.push_back(example("generated", "fake", 0));
  }

  Explanation::Example example(const char* kind, const std::string& of, int64_t row) const {
    Explanation::Example x;
    x.kind = kind;
    x.row = row;
    const bool real = of == "real";
    if (real) x.label = class_name(row);
    x.image = row_of(record_.tensor(real ? "images" : "fake"), row);
    for (const std::string& name : record_.activations) {
      const bool of_generator = !real && name.starts_with("generator.");
      if (!of_generator && !name.starts_with(of + ".")) continue;
      const Tensor t = record_.tensor(name);
      if (t.shape().rank() >= 2) x.activations.emplace_back(name, row_of(t, row));
    }
    x.logits = row_of(record_.tensor(of + ".class_logits"), row).to_vector<double>();
    const double fake = fake_logit(x.logits);
    x.gan_logit = record_.tensor(of + ".gan_logits").to_vector<double>()[row];
    const auto p = in_f32(real_logits(x.logits), fake);
    x.naive = p.naive;
    x.stable = p.stable;
    Values all(x.logits.begin(), x.logits.begin() + classes_);
    all.push_back(fake);
    x.probabilities = softmax_of(all);
    for (const StepRecord::LogitGradient& g : record_.logit_gradients)
      if (g.of == of) x.pulls.push_back(pull(g, x, row));
    return x;
  }

  std::string class_name(int64_t row) const {
    const auto label = static_cast<size_t>(labels_[row]);
    return label < e_.classes.size() ? e_.classes[label] : "0, as label 10: outside the classes";
  }

  std::span<const double> real_logits(const Values& logits) const {
    return std::span(logits).first(classes_);
  }
  double fake_logit(const Values& logits) const {
    return logits.size() > classes_ ? logits[classes_] : 0;
  }

  /// What the formulas of docs/ssgan.md say of one loss and one image.
  Explanation::Pull pull(const StepRecord::LogitGradient& g, const Explanation::Example& x,
                         int64_t row) const {
    Explanation::Pull p{g.loss, "", row_of(g.gradient.to(DType::f64), row).to_vector<double>(), {}};
    const double real = 1 / (1 + std::exp(-x.gan_logit));
    const auto n = static_cast<double>(e_.images), m = static_cast<double>(e_.generated);
    if (g.loss == "d_class") {
      const double share = mask_[row] / std::max<double>(1, double(e_.labelled));
      p.formula = mask_[row] != 0 ? "(softmax - one_hot) / labelled images of the batch"
                                  : "0: its label is not shown";
      const bool with_fake = options_.network.scores_with_fake;
      p.by_formula = softmax_of(with_fake ? std::span(x.logits) : real_logits(x.logits));
      p.by_formula.resize(x.logits.size());
      if (labels_[row] < double(x.logits.size()))
        p.by_formula[static_cast<size_t>(labels_[row])] -= 1;
      for (double& v : p.by_formula) v *= share;
      return p;
    }
    if (!is_plain_ && g.loss != "g") {
      p.formula = "as this run's objective has it";
      return p;
    }
    if (g.loss == "d") {
      p.formula = "their sum";
      p.by_formula.assign(x.logits.size(), 0);
      for (const Explanation::Pull& part : x.pulls)
        std::ranges::transform(part.by_formula, p.by_formula, p.by_formula.begin(), std::plus<>());
      return p;
    }
    // gan_logit = logsumexp(the classes) - l_fake: its derivative is softmax, and -1.
    // g, where it reads the logits, is for generated images what d_real is for real ones.
    const double factor = g.loss == "d_fake" ? real / m : -(1 - real) / (g.loss == "g" ? m : n);
    p.formula = g.loss == "d_fake" ? "P(real) softmax / images" : "-(1 - P(real)) softmax / images";
    if (x.logits.size() > classes_)
      p.formula += g.loss == "d_fake" ? "; the last: -P(real) / images"
                                      : "; the last: (1 - P(real)) / images";
    p.by_formula = softmax_of(real_logits(x.logits));
    p.by_formula.resize(x.logits.size(), -1);
    for (double& v : p.by_formula) v *= factor;
    return p;
  }

  void add_overflow() {
    const auto labelled = std::ranges::find(e_.examples, "labelled", &Explanation::Example::kind);
    const Explanation::Example& x = labelled == e_.examples.end() ? e_.examples[0] : *labelled;
    const double most = *std::ranges::max_element(real_logits(x.logits));
    for (const double shift : {most, 80.0, 100.0, 1000.0}) {
      Values moved = x.logits;
      for (double& v : moved) v += shift - most;
      e_.overflow.push_back(in_f32(real_logits(moved), fake_logit(x.logits)));
    }
  }

  void add_sums() {
    e_.bias_gradient = record_.tensor("grad.discriminator.dense.bias").to_vector<double>();
    e_.sum_of_pulls.assign(e_.bias_gradient.size(), 0);
    for (const StepRecord::LogitGradient& g : record_.logit_gradients) {
      if (g.loss != "d") continue;
      const Values all = g.gradient.to(DType::f64).to_vector<double>();
      for (size_t i = 0; i < all.size(); ++i) e_.sum_of_pulls[i % e_.sum_of_pulls.size()] += all[i];
    }
  }

  void add_parameters() {
    for (const auto& [name, learns] : record_.graph.parameters) {
      if (!record_.tensors.contains("grad." + name)) continue;  // one that is frozen
      const Values before = record_.tensor("before." + name).to_vector<double>();
      Values moved = record_.tensor("updated." + name).to_vector<double>();
      for (size_t i = 0; i < moved.size(); ++i) moved[i] -= before[i];
      e_.parameters.push_back({name, learns,
                               rms(record_.tensor("grad." + name).to_vector<double>()),
                               rms(moved) / record_.lr});
    }
  }

  /// Of the weight of the last layer with the largest gradient.
  void add_adam() {
    const std::string name = "discriminator.dense.weight";
    const Tensor gradient = record_.tensor("grad." + name);
    const Values g = gradient.to_vector<double>();
    const auto at =
        std::ranges::max_element(g, {}, [](double v) { return std::abs(v); }) - g.begin();
    const auto of = [&](const std::string& tensor) {
      return record_.tensor(tensor).to_vector<double>()[at];
    };
    Explanation::AdamStep& a = e_.adam;
    const int64_t columns = gradient.shape()[1];
    a.name = fmt::format("{}[{}, {}]", name, at / columns, at % columns);
    const AdamUpdate update{.beta1 = options_.beta1};
    a.beta1 = update.beta1;
    a.beta2 = update.beta2;
    a.epsilon = update.epsilon;
    a.lr = record_.lr;
    a.t = record_.tensor("before.adam.discriminator.t").item() + 1;
    a.w = of("before." + name);
    a.g = g[at];
    a.m = of("before.adam.discriminator.m.dense.weight");
    a.v = of("before.adam.discriminator.v.dense.weight");
    a.m_new = a.beta1 * a.m + (1 - a.beta1) * a.g;
    a.v_new = a.beta2 * a.v + (1 - a.beta2) * a.g * a.g;
    a.rate = a.lr * std::sqrt(1 - std::pow(a.beta2, a.t)) / (1 - std::pow(a.beta1, a.t));
    a.by_hand = a.w - a.rate * a.m_new / (std::sqrt(a.v_new) + a.epsilon);
    a.by_program = of("updated." + name);
  }

  const StepRecord& record_;
  const Options& options_;
  std::optional<int64_t> chosen_;
  bool is_plain_;  // the losses are those of model_loss, at its weights
  size_t classes_;
  Values labels_, mask_;
  Explanation e_;
};

}  // namespace

double Explanation::bias_error() const {
  return largest_difference(bias_gradient, sum_of_pulls) /
         std::max(largest_of(bias_gradient), std::numeric_limits<double>::min());
}

double Explanation::formula_error() const {
  double most = 0;
  for (const Example& x : examples)
    for (const Pull& p : x.pulls) {
      if (p.by_formula.empty()) continue;
      const double scale = std::max(largest_of(p.by_tape), largest_of(p.by_formula));
      if (scale > 0) most = std::max(most, largest_difference(p.by_tape, p.by_formula) / scale);
    }
  return most;
}

Explanation explain(const StepRecord& record, const Options& options, const ImageSet& train,
                    std::optional<int64_t> chosen) {
  return Builder(record, options, train, chosen).build();
}

nlohmann::ordered_json to_json(const Explanation& e) {
  using Json = nlohmann::ordered_json;
  const Metrics& m = e.record->metrics;
  Json json{{"step", e.record->step},
            {"lr", e.record->lr},
            {"images", e.images},
            {"labelled", e.labelled},
            {"generated", e.generated},
            {"losses",
             {{"d_real", m.d_real},
              {"d_fake", m.d_fake},
              {"d_class", m.d_class},
              {"d", m.d},
              {"g", m.g}}}};
  for (const Explanation::Example& x : e.examples) {
    Json pulls = Json::array(), layers = Json::array();
    for (const Explanation::Pull& p : x.pulls)
      pulls.push_back({{"loss", p.loss},
                       {"formula", p.formula},
                       {"by_tape", p.by_tape},
                       {"by_formula", p.by_formula}});
    for (const auto& [name, t] : x.activations)
      layers.push_back(
          {{"name", name},
           {"shape", std::vector<int64_t>(t.shape().extents().begin(), t.shape().extents().end())},
           {"rms", rms(t.to_vector<double>())},
           {"largest", largest_of(t.to_vector<double>())}});
    json["examples"].push_back({{"kind", x.kind},
                                {"row", x.row},
                                {"label", x.label},
                                {"logits", x.logits},
                                {"probabilities", x.probabilities},
                                {"gan_logit", x.gan_logit},
                                {"p_real_naive", x.naive},
                                {"p_real", x.stable},
                                {"gradients", pulls},
                                {"activations", layers}});
  }
  for (const auto& o : e.overflow)
    json["overflow"].push_back(
        {{"largest_logit", o.largest}, {"z", o.z}, {"naive", o.naive}, {"stable", o.stable}});
  json["dense_bias"] = {{"gradient", e.bias_gradient},
                        {"sum_of_parts", e.sum_of_pulls},
                        {"relative_difference", e.bias_error()}};
  json["formula_difference"] = e.formula_error();
  for (const auto& p : e.parameters)
    json["parameters"].push_back({{"name", p.name},
                                  {"learns", p.learns == StepGraph::Learns::yes      ? "yes"
                                             : p.learns == StepGraph::Learns::unread ? "unread"
                                                                                     : "absorbed"},
                                  {"gradient_rms", p.gradient_rms},
                                  {"update_rms_over_lr", p.update_rms}});
  const Explanation::AdamStep& a = e.adam;
  json["adam"] = {{"weight", a.name},
                  {"t", a.t},
                  {"lr", a.lr},
                  {"beta1", a.beta1},
                  {"beta2", a.beta2},
                  {"epsilon", a.epsilon},
                  {"before", a.w},
                  {"gradient", a.g},
                  {"m", a.m},
                  {"v", a.v},
                  {"m_new", a.m_new},
                  {"v_new", a.v_new},
                  {"rate", a.rate},
                  {"after_by_hand", a.by_hand},
                  {"after", a.by_program}};
  return json;
}

}  // namespace gradus::ssgan
