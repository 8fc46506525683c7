#include <algorithm>
#include <cmath>
#include <iterator>

#include "apps/ssgan/study/explanation.h"
#include "apps/ssgan/utf8.h"

namespace gradus::ssgan {
namespace {

template <class... Args>
void line(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
  out += '\n';
}

std::string row(const char* name, const std::vector<double>& values) {
  std::string out = fmt::format("  {:<14}", name);
  for (const double v : values) out += fmt::format(" {:>8.4f}", v);
  return out;
}

std::string small_row(const char* name, const std::vector<double>& values) {
  std::string out = fmt::format("  {:<14}", name);
  for (const double v : values) out += fmt::format(" {:>8.1e}", v + 0.0);
  return out;
}

void add_example(std::string& out, const Explanation::Example& x) {
  line(out, "\n{} image, row {} of its batch{}{}", x.kind, x.row, x.label.empty() ? "" : ", class ",
       printable(x.label));
  line(out, "  activations (shape, largest magnitude)");
  for (const auto& [name, t] : x.activations) {
    double most = 0;
    for (const double v : t.to_vector<double>()) most = std::max(most, std::abs(v));
    line(out, "    {:<20} {:<14} {:.4g}", name, to_string(t.shape()), most);
  }
  const size_t shown = 10;
  if (x.logits.size() <= shown + 1) {
    line(out, "{}", row("logits", x.logits));
    line(out, "{}    the last: generated", row("probabilities", x.probabilities));
    if (x.logits.size() < x.probabilities.size())
      line(out,
           "  (the softmax of the formulas is over the classes alone: these probabilities / "
           "P(real))");
  }
  line(out, "  P(real)        Z / (Z + exp(l_fake)) = {:.6f}; sigmoid(logsumexp - l_fake) = {:.6f}",
       x.naive, x.stable);
  for (const Explanation::Pull& p : x.pulls) {
    line(out, "  gradient of {} with respect to the logits: {}", p.loss, p.formula);
    if (x.logits.size() > shown + 1) continue;
    line(out, "{}", small_row("  by the tape", p.by_tape));
    if (!p.by_formula.empty()) line(out, "{}", small_row("  by formula", p.by_formula));
  }
  if (!x.pulls.empty()) line(out, "  (a step moves each logit against its gradient)");
  if (x.kind == "generated" &&
      std::ranges::find(x.pulls, "g", &Explanation::Pull::loss) == x.pulls.end())
    line(out, "  g, feature matching, reads the features and not the logits: it pulls on none");
}

}  // namespace

std::string to_text(const Explanation& e) {
  const Metrics& m = e.record->metrics;
  std::string out;
  line(out, "step {}: {} real images, {} of them with their label, and {} generated ones",
       e.record->step, e.images, e.labelled, e.generated);
  if (e.d_is_plain_sum)
    line(out, "losses: d = d_real {:.4f} + d_fake {:.4f} + d_class {:.4f} = {:.4f}; g = {:.4f}",
         m.d_real, m.d_fake, m.d_class, m.d, m.g);
  else if (e.generated > 0)
    line(out,
         "losses: d_real {:.4f}, d_fake {:.4f}, d_class {:.4f}; with the run's weights, and what "
         "else it\nlearns from, d = {:.4f}; g = {:.4f}",
         m.d_real, m.d_fake, m.d_class, m.d, m.g);
  else
    line(out, "losses: d_class {:.4f}; d = {:.4f}. Without a generator nothing trains P(real).",
         m.d_class, m.d);
  for (const Explanation::Example& x : e.examples) add_example(out, x);
  if (std::ranges::none_of(e.examples, [](const auto& x) { return x.kind == "labelled"; }))
    line(out, "\nno image of this batch shows its label (another --step may have one)");

  line(out,
       "\nthe parts are the whole: d's gradients with respect to all images' logits, added up, "
       "against");
  line(out, "that of the last layer's bias (largest relative difference {:.1e})", e.bias_error());
  line(out, "{}", small_row("sum of images", e.sum_of_pulls));
  line(out, "{}", small_row("dense.bias", e.bias_gradient));

  line(out, "\nwhy the maximum is subtracted: P(real) in f32 as the logits move up");
  line(out, "  {:>13} {:>12} {:>16} {:>12}", "largest logit", "Z", "Z / (Z + e^fake)",
       "by logsumexp");
  for (const auto& o : e.overflow)
    line(out, "  {:>13.4g} {:>12.4g} {:>16.6f} {:>12.6f}", o.largest, o.z, o.naive, o.stable);

  line(out, "\nwhat does not learn");
  for (const Explanation::Parameter& p : e.parameters) {
    if (p.learns == StepGraph::Learns::unread)
      line(out, "  {:<28} no loss depends on it: its gradient is 0", p.name);
    if (p.learns == StepGraph::Learns::absorbed)
      line(out,
           "  {:<28} a batch norm subtracts it again: its gradient is rounding (rms {:.1e}),\n"
           "  {:<28} Adam, which divides by its size, moved it by {:.2f} of lr (rms)",
           p.name, p.gradient_rms, "", p.update_rms);
  }
  const Explanation::AdamStep& a = e.adam;
  line(out, "\none step of Adam: {}, whose gradient is the largest of its layer; step t = {:.0f}",
       a.name, a.t);
  line(out, "  gradient g = {:.6e}", a.g);
  line(out, "  m = {} m + {} g = {:.6e} -> {:.6e}", a.beta1, 1 - a.beta1, a.m, a.m_new);
  line(out, "  v = {} v + {:.3g} g^2 = {:.6e} -> {:.6e}", a.beta2, 1 - a.beta2, a.v, a.v_new);
  line(out, "  rate = lr sqrt(1 - beta2^t) / (1 - beta1^t) = {:.6e}, with lr {:.4g}", a.rate, a.lr);
  line(out, "  w - rate m / (sqrt(v) + {:.0e}) = {:.8f} -> {:.8f}; the program has {:.8f}",
       a.epsilon, a.w, a.by_hand, a.by_program);
  return out;
}

}  // namespace gradus::ssgan
