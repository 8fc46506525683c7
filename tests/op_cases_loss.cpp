#include "tests/op_cases.h"

namespace gradus {
namespace {

struct Loss {
  const char* name;
  Var (*call)(const Var& prediction, const Var& target, Total total);
  double (*of_difference)(double);
};

const Loss kLosses[] = {
    {"l1_loss", [](const Var& p, const Var& t, Total total) { return l1_loss(p, t, total); },
     [](double d) { return std::abs(d); }},
    {"mse_loss", [](const Var& p, const Var& t, Total total) { return mse_loss(p, t, total); },
     [](double d) { return d * d; }},
    {"huber_loss",
     [](const Var& p, const Var& t, Total total) { return huber_loss(p, t, 1, total); },
     [](double d) { return std::abs(d) < 1 ? d * d / 2 : std::abs(d) - 0.5; }},
    {"huber_loss 0.3",
     [](const Var& p, const Var& t, Total total) { return huber_loss(p, t, 0.3, total); },
     [](double d) { return std::abs(d) < 0.3 ? d * d / 2 : 0.3 * (std::abs(d) - 0.15); }},
};

}  // namespace

void add_loss_cases(std::vector<OpCase>& cases) {
  for (const Loss& loss : kLosses)
    for (const Shape& shape : {Shape{}, Shape{5, 7}, Shape{3, 4, 900}})
      for (const Total total : {Total::mean, Total::sum})
        cases.push_back(
            {fmt::format("{} {} {}", loss.name, total == Total::mean ? "mean" : "sum", shape),
             {{shape}, {shape}},
             [&loss, total](const auto& in) { return loss.call(in[0], in[1], total); },
             [&loss, total](const auto& in) {
               Array y;
               for (size_t i = 0; i < in[0].v.size(); ++i)
                 y.v[0] += loss.of_difference(in[0].v[i] - in[1].v[i]);
               if (total == Total::mean) y.v[0] /= double(in[0].v.size());
               return y;
             }});
}

}  // namespace gradus
