#include "apps/ssgan/golden/step_dump.h"

namespace gradus::ssgan {

Trainer::Trace StepDump::trace(Trainer& trainer) {
  std::map<std::string, Tensor> before;
  trainer.save(before);
  for (const auto& [name, t] : before) file_.tensors["before." + name] = t.to(kCpu).clone();
  return {.activation = [this](const std::string& name,
                               const Var& v) { file_.tensors[name] = v.value().to(kCpu).clone(); },
          .gradient = [this](const std::string& name,
                             const Tensor& g) { file_.tensors["grad." + name] = g.to(kCpu); }};
}

void StepDump::add(const Metrics& m) {
  losses_["loss.d_real"].push_back(m.d_real);
  losses_["loss.d_fake"].push_back(m.d_fake);
  losses_["loss.d_class"].push_back(m.d_class);
  losses_["loss.d"].push_back(m.d);
  losses_["loss.g"].push_back(m.g);
  losses_["correct"].push_back(m.correct);
  losses_["masked_correct"].push_back(m.masked_correct);
}

TensorFile StepDump::finish(Trainer& trainer) {
  for (const auto& [name, values] : losses_)
    file_.tensors[name] =
        Tensor::from(std::span<const double>(values), {static_cast<int64_t>(values.size())});
  std::map<std::string, Tensor> updated;
  trainer.generator().save(updated, "updated.generator.");
  trainer.discriminator().save(updated, "updated.discriminator.");
  for (const auto& [name, t] : updated)
    if (name.find(".running_") == std::string::npos) file_.tensors[name] = t.to(kCpu);
  return std::move(file_);
}

}  // namespace gradus::ssgan
