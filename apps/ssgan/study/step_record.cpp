#include "apps/ssgan/study/step_record.h"

#include "apps/ssgan/golden/step_dump.h"

namespace gradus::ssgan {
namespace {

/// Whether `loss` depends on `on`, both on the tape.
bool depends(const Tape& tape, const Var& loss, const Var& on) {
  const int first = tape.node_of(on), last = tape.node_of(loss);
  std::vector<char> reached(static_cast<size_t>(tape.size()));
  reached[first] = true;
  for (int i = first + 1; i <= last; ++i)
    for (const int in : tape.operation(i).inputs)
      if (in >= 0 && reached[in]) reached[i] = true;
  return reached[last];
}

}  // namespace

Tensor StepRecord::tensor(const std::string& name) const {
  const auto it = tensors.find(name);
  require<Error>(it != tensors.end(), "step {}: it has no {}", step, name);
  return it->second.to(DType::f64);
}

StepRecord record_step(RunAt& run) {
  StepRecord record;
  record.step = run.next_step();
  record.lr = run.lr();
  StepDump dump;
  Trainer::Trace trace = dump.trace(run.trainer());
  std::map<std::string, Var> logits;
  trace.activation = [&, keep = trace.activation](const std::string& name, const Var& value) {
    keep(name, value);
    record.activations.push_back(name);
    if (name.ends_with(".class_logits")) logits[name.substr(0, name.find('.'))] = value;
  };
  trace.forward = [&](const Pass& pass, const ModelLoss& loss) {
    for (const auto& [of, logits_of] : logits)
      for (const auto& [name, value] : {std::pair{"d_real", &loss.d_real},
                                        {"d_class", &loss.d_class},
                                        {"d_fake", &loss.d_fake},
                                        {"d", &loss.d},
                                        {"g", &loss.g}})
        if (value->tracked() && depends(*pass.tape(), *value, logits_of))
          record.logit_gradients.push_back(
              {name, of,
               pass.tape()->gradients(*value, std::vector<Var>{logits_of}, true)[0].to(kCpu)});
    record.graph = graph_of(pass, run.trainer().generator(), run.trainer().discriminator(), loss);
    logits.clear();
  };
  record.metrics = run.take(trace);
  dump.add(record.metrics);
  record.tensors = std::move(dump.finish(run.trainer()).tensors);
  return record;
}

}  // namespace gradus::ssgan
