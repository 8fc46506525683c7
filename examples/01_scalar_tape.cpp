// 01: what a tape is. Numbers only, and nothing of the library: 01_scalar_tape [PICTURE.svg]

#include "svg.h"

/// A leaf, or an operation: its value, where its operands stand on the tape, and by how much the
/// value changes with each of them.
struct Node {
  std::string name;
  double value;
  std::vector<int> operands = {};
  std::vector<double> slopes = {};
  double gradient = 0;
};

struct Tape {
  std::vector<Node> nodes;

  int append(Node node) {
    nodes.push_back(std::move(node));
    return int(nodes.size()) - 1;
  }
  double value(int i) const { return nodes[i].value; }

  int leaf(const char* name, double value) { return append({name, value}); }
  int add(int a, int b) { return append({"+", value(a) + value(b), {a, b}, {1, 1}}); }
  int multiply(int a, int b) {
    return append({"*", value(a) * value(b), {a, b}, {value(b), value(a)}});
  }
  int tanh(int a) {
    const double y = std::tanh(value(a));
    return append({"tanh", y, {a}, {1 - y * y}});
  }

  /// d nodes[output] / d node, for every node. Operands stand before what reads them, so one walk
  /// from the end meets a node when everything that reads it has added its share.
  void backward(int output) {
    for (Node& n : nodes) n.gradient = 0;
    nodes[output].gradient = 1;
    for (int i = output; i >= 0; --i)
      for (size_t k = 0; k < nodes[i].operands.size(); ++k)
        nodes[nodes[i].operands[k]].gradient += nodes[i].gradient * nodes[i].slopes[k];
  }
};

/// tanh(w * x + b) * x: x is read twice, so its gradient has two shares.
int function(Tape& tape, double w, double x, double b) {
  const int w_ = tape.leaf("w", w), x_ = tape.leaf("x", x), b_ = tape.leaf("b", b);
  return tape.multiply(tape.tanh(tape.add(tape.multiply(w_, x_), b_)), x_);
}

int main(int argc, char** argv) {
  Tape tape;
  const int y = function(tape, 0.5, 2, -0.3);
  tape.backward(y);
  Svg svg(660, 260);
  for (int i = 0; i <= y; ++i) {
    const Node& n = tape.nodes[i];
    fmt::print("{} {:5} value {:8.5f}  gradient {:8.5f}\n", i, n.name, n.value, n.gradient);
    const auto x = [](int place) { return 60 + 90.0 * place; };
    for (const int k : n.operands)
      svg.path(fmt::format("M{} 150A1 0.45 0 0 1 {} 150", x(k), x(i)), 0);
    svg.circle(x(i), 158, 8, n.operands.empty() ? 1 : 0);
    svg.text(x(i), 190, fmt::format("{}: {}", i, n.name), "middle");
    svg.text(x(i), 212, fmt::format("{:.4f}", n.value), "middle");
    svg.text(x(i), 234, fmt::format("{:.4f}", n.gradient), "middle", 3);
  }
  svg.text(16, 24, "tanh(w * x + b) * x on a tape: place and name, value, gradient (last line)");
  if (argc > 1) svg.save(argv[1]);

  Tape up, down;
  const double h = 1e-6, slope = (up.value(function(up, 0.5, 2 + h, -0.3)) -
                                  down.value(function(down, 0.5, 2 - h, -0.3))) /
                                 (2 * h);
  fmt::print("d y / d x by differences {:8.5f}\n", slope);
  return std::abs(slope - tape.nodes[1].gradient) < 1e-8 ? 0 : 1;
}
