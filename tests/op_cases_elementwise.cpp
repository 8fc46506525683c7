#include "tests/op_cases.h"

namespace gradus {
namespace {

struct Unary {
  const char* name;
  double low, high;
  Var (*call)(const Var&);
  double (*f)(double);
};

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

const Unary kUnary[] = {
    {"1.5 + x", -3, 3, [](const Var& x) { return 1.5 + x; }, [](double x) { return 1.5 + x; }},
    {"1.5 / x", 0.5, 3, [](const Var& x) { return 1.5 / x; }, [](double x) { return 1.5 / x; }},
    {"compound", 0.5, 3,
     [](const Var& x) {
       Var y = x;
       y += 1;
       y *= x;
       y -= x / 3;
       y /= 1 + x;
       return y;
     },
     [](double x) { return ((x + 1) * x - x / 3) / (1 + x); }},
    {"minimum with a number", -3, 3, [](const Var& x) { return minimum(x, 0.7); },
     [](double x) { return std::min(x, 0.7); }},
    {"exp", -3, 3, [](const Var& x) { return exp(x); }, [](double x) { return std::exp(x); }},
    {"log", 0.1, 4, [](const Var& x) { return log(x); }, [](double x) { return std::log(x); }},
    {"sqrt", 0.1, 4, [](const Var& x) { return sqrt(x); }, [](double x) { return std::sqrt(x); }},
    {"tanh", -3, 3, [](const Var& x) { return tanh(x); }, [](double x) { return std::tanh(x); }},
    {"sigmoid", -4, 4, [](const Var& x) { return sigmoid(x); }, sigmoid_of},
    {"sigmoid far out", -90, 90, [](const Var& x) { return sigmoid(x); }, sigmoid_of},
    {"softplus", -4, 4, [](const Var& x) { return softplus(x); },
     [](double x) { return std::log(1 + std::exp(x)); }},
    {"softplus far out", -90, 90, [](const Var& x) { return softplus(x); },
     [](double x) { return std::log(1 + std::exp(x)); }},
    {"relu", -2, 2, [](const Var& x) { return relu(x); }, [](double x) { return x > 0 ? x : 0; }},
    {"leaky_relu 0.2", -2, 2, [](const Var& x) { return leaky_relu(x, 0.2); },
     [](double x) { return std::max(0.2 * x, x); }},
    {"leaky_relu 0.01", -2, 2, [](const Var& x) { return leaky_relu(x, 0.01); },
     [](double x) { return std::max(0.01 * x, x); }},
    {"abs", -2, 2, [](const Var& x) { return abs(x); }, [](double x) { return std::fabs(x); }},
    {"clamp", -2, 2, [](const Var& x) { return clamp(x, -0.8, 1.1); },
     [](double x) { return std::min(std::max(x, -0.8), 1.1); }},
    {"pow 2.5", 0.1, 2, [](const Var& x) { return pow(x, 2.5); },
     [](double x) { return x * x * std::sqrt(x); }},
    {"pow -1", 0.3, 2, [](const Var& x) { return pow(x, -1); }, [](double x) { return 1 / x; }},
    {"pow 3", -2, 2, [](const Var& x) { return pow(x, 3); }, [](double x) { return x * x * x; }},
    {"sin", -7, 7, [](const Var& x) { return sin(x); }, [](double x) { return std::sin(x); }},
    {"cos", -7, 7, [](const Var& x) { return cos(x); }, [](double x) { return std::cos(x); }},
    {"gelu", -4, 4, [](const Var& x) { return gelu(x); },
     [](double x) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; }},
    {"silu", -4, 4, [](const Var& x) { return silu(x); },
     [](double x) { return x * sigmoid_of(x); }},
    {"elu", -3, 3, [](const Var& x) { return elu(x); },
     [](double x) { return x > 0 ? x : std::exp(x) - 1; }},
    {"elu 0.3", -3, 3, [](const Var& x) { return elu(x, 0.3); },
     [](double x) { return x > 0 ? x : 0.3 * (std::exp(x) - 1); }},
    {"affine", -2, 2, [](const Var& x) { return affine(x, 1.7, -0.3); },
     [](double x) { return 1.7 * x - 0.3; }},
    {"-x", -2, 2, [](const Var& x) { return -x; }, [](double x) { return -x; }},
    {"x + c", -2, 2, [](const Var& x) { return x + 0.7; }, [](double x) { return x + 0.7; }},
    {"x - c", -2, 2, [](const Var& x) { return x - 0.7; }, [](double x) { return x - 0.7; }},
    {"c - x", -2, 2, [](const Var& x) { return 0.7 - x; }, [](double x) { return 0.7 - x; }},
    {"x * c", -2, 2, [](const Var& x) { return x * 0.7; }, [](double x) { return x * 0.7; }},
    {"c * x", -2, 2, [](const Var& x) { return 0.7 * x; }, [](double x) { return 0.7 * x; }},
    {"x / c", -2, 2, [](const Var& x) { return x / 0.7; }, [](double x) { return x / 0.7; }},
    {"maximum with a number", -2, 2, [](const Var& x) { return maximum(x, 0.3); },
     [](double x) { return std::max(x, 0.3); }},
    {"x * x", -2, 2, [](const Var& x) { return x * x; }, [](double x) { return x * x; }},
    {"x + x", -2, 2, [](const Var& x) { return x + x; }, [](double x) { return x + x; }},
    {"x / (x * x)", 0.5, 2, [](const Var& x) { return x / (x * x); },
     [](double x) { return 1 / x; }},
};

struct Binary {
  const char* name;
  double low;  // of the second operand
  Var (*call)(const Var&, const Var&);
  double (*f)(double, double);
};

const Binary kBinary[] = {
    {"add", -2, [](const Var& a, const Var& b) { return a + b; },
     [](double a, double b) { return a + b; }},
    {"sub", -2, [](const Var& a, const Var& b) { return a - b; },
     [](double a, double b) { return a - b; }},
    {"mul", -2, [](const Var& a, const Var& b) { return a * b; },
     [](double a, double b) { return a * b; }},
    {"div", 0.5, [](const Var& a, const Var& b) { return a / b; },
     [](double a, double b) { return a / b; }},
    {"maximum", -2, [](const Var& a, const Var& b) { return maximum(a, b); },
     [](double a, double b) { return std::max(a, b); }},
    {"minimum", -2, [](const Var& a, const Var& b) { return minimum(a, b); },
     [](double a, double b) { return std::min(a, b); }},
    {"where a > 0", -2, [](const Var& a, const Var& b) { return where(a > 0, a * b, b); },
     [](double a, double b) { return a > 0 ? a * b : b; }},
    {"where b <= a", -2,
     [](const Var& a, const Var& b) { return where(b <= a, 3, a) + where(b <= a, b, -1); },
     [](double a, double b) { return b <= a ? 3 + b : a - 1; }},
};

const std::pair<Shape, Shape> kBroadcasts[] = {
    {{2, 3, 4}, {2, 3, 4}}, {{}, {}},
    {{}, {2, 3}},           {{2, 3}, {}},
    {{1}, {3, 2}},          {{2, 3, 4}, {4}},
    {{4}, {2, 3, 4}},       {{2, 3, 4}, {3, 1}},
    {{2, 3, 4}, {2, 1, 1}}, {{2, 1, 4}, {1, 3, 1}},
    {{3, 1}, {1, 5}},       {{2, 1, 3, 1, 2, 1}, {1, 4, 1, 2, 1, 3}},
    {{200, 90}, {90}},      {{200, 90}, {200, 1}},
    {{20000}, {20000}},
};

}  // namespace

void add_elementwise_cases(std::vector<OpCase>& cases) {
  for (const Unary& u : kUnary)
    for (const Shape& shape : {Shape{}, Shape{3, 5}, Shape{170, 100}})
      cases.push_back({fmt::format("{} {}", u.name, shape),
                       {{shape, u.low, u.high}},
                       [&u](const auto& in) { return u.call(in[0]); },
                       [&u](const auto& in) {
                         Array y = in[0];
                         for (double& x : y.v) x = u.f(x);
                         return y;
                       }});
  for (const Binary& b : kBinary)
    for (const auto& [left, right] : kBroadcasts)
      cases.push_back({fmt::format("{} {} {}", b.name, left, right),
                       {{left}, {right, b.low}},
                       [&b](const auto& in) { return b.call(in[0], in[1]); },
                       [&b](const auto& in) {
                         Array y(broadcast_shape("test", in[0].shape, in[1].shape));
                         size_t i = 0;
                         for_each_index(y.shape, [&](const Index& at) {
                           y.v[i++] = b.f(broadcast_at(in[0], at), broadcast_at(in[1], at));
                         });
                         return y;
                       }});
}

}  // namespace gradus
