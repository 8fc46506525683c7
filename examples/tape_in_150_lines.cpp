// A tape of matrices, its operations, Adam and a network that learns, with nothing but the standard
// library: what autograd/tape.h is about. docs/guide/07-tape.md reads it line by line.

#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>
#include <random>
#include <vector>

struct Matrix {
  int rows = 0, columns = 0;
  std::vector<double> v;  // row by row
  Matrix() = default;
  Matrix(int rows, int columns, double value = 0)
      : rows(rows), columns(columns), v(size_t(rows) * columns, value) {}
  double& at(int r, int c) { return v[size_t(r) * columns + c]; }
  double at(int r, int c) const { return v[size_t(r) * columns + c]; }
};

// a times b; either may be read as its transpose.
Matrix product(const Matrix& a, const Matrix& b, bool turn_a = false, bool turn_b = false) {
  const int rows = turn_a ? a.columns : a.rows, inner = turn_a ? a.rows : a.columns;
  Matrix y(rows, turn_b ? b.rows : b.columns);
  for (int r = 0; r < rows; ++r)
    for (int k = 0; k < inner; ++k)
      for (int c = 0; c < y.columns; ++c)
        y.at(r, c) += (turn_a ? a.at(k, r) : a.at(r, k)) * (turn_b ? b.at(c, k) : b.at(k, c));
  return y;
}

class Tape;

// A value and its place on the tape. Constants have no place.
struct Var {
  Matrix value;
  Tape* tape = nullptr;
  int place = -1;
};

using Gradients = std::vector<Matrix>;  // one a place; empty until somebody adds to it

class Tape {
 public:
  // From the gradient dy of an operation's result to those of what it read.
  using Rule = std::function<void(const Matrix& dy, Gradients& gradients)>;

  Var append(Matrix value, Rule rule) {
    rules_.push_back(std::move(rule));
    return {std::move(value), this, int(rules_.size()) - 1};
  }
  Var watch(const Matrix& value) { return append(value, nullptr); }

  // d loss / d target. An operation stands behind what it reads, so the walk from the loss to the
  // start finds every gradient complete when it gets there.
  Gradients gradients(const Var& loss, const std::vector<Var>& targets) const {
    Gradients all(rules_.size());
    all[loss.place] = Matrix(1, 1, 1);
    for (int i = loss.place; i >= 0; --i)
      if (rules_[i] && !all[i].v.empty()) rules_[i](all[i], all);
    Gradients result;
    for (const Var& t : targets)
      result.push_back(all[t.place].v.empty() ? Matrix(t.value.rows, t.value.columns)
                                              : all[t.place]);
    return result;
  }

 private:
  std::vector<Rule> rules_;
};

// Adds to the gradient of an operand; two operations that read one value both add.
void add(Gradients& gradients, int place, const Matrix& d) {
  if (place < 0) return;
  Matrix& sum = gradients[place];
  if (sum.v.empty()) sum = Matrix(d.rows, d.columns);
  for (size_t i = 0; i < d.v.size(); ++i) sum.v[i] += d.v[i];
}

Tape* tape_of(const Var& a, const Var& b) { return a.tape ? a.tape : b.tape; }
// An operation: its value, and the rule with what that has to remember.
Var matmul(const Var& a, const Var& b) {
  return tape_of(a, b)->append(product(a.value, b.value), [a, b](const Matrix& dy, Gradients& g) {
    if (a.place >= 0) add(g, a.place, product(dy, b.value, false, true));
    if (b.place >= 0) add(g, b.place, product(a.value, dy, true, false));
  });
}

Var add_row(const Var& x, const Var& row) {
  Matrix y = x.value;
  for (int r = 0; r < y.rows; ++r)
    for (int c = 0; c < y.columns; ++c) y.at(r, c) += row.value.at(0, c);
  return tape_of(x, row)->append(y, [x = x.place, row = row.place](const Matrix& dy, Gradients& g) {
    Matrix sum(1, dy.columns);  // the row was used once a row of x
    for (int r = 0; r < dy.rows; ++r)
      for (int c = 0; c < dy.columns; ++c) sum.at(0, c) += dy.at(r, c);
    add(g, x, dy);
    add(g, row, sum);
  });
}

Var tanh(const Var& x) {
  Matrix y = x.value;
  for (double& v : y.v) v = std::tanh(v);
  return x.tape->append(y, [x = x.place, y](const Matrix& dy, Gradients& g) {
    Matrix dx = dy;
    for (size_t i = 0; i < dx.v.size(); ++i) dx.v[i] *= 1 - y.v[i] * y.v[i];
    add(g, x, dx);
  });
}

Var mean_square(const Var& x, const Matrix& target) {
  Matrix error = x.value, loss(1, 1);
  for (size_t i = 0; i < error.v.size(); ++i) error.v[i] -= target.v[i];
  const double n = double(error.v.size());
  for (const double e : error.v) loss.v[0] += e * e / n;
  return x.tape->append(loss, [x = x.place, error, n](const Matrix& dy, Gradients& g) {
    Matrix dx = error;
    for (double& v : dx.v) v *= 2 * dy.v[0] / n;
    add(g, x, dx);
  });
}

int main() {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  std::vector<Matrix> weights{Matrix(1, 16), Matrix(1, 16), Matrix(16, 1), Matrix(1, 1)};
  for (Matrix& w : weights)
    for (double& v : w.v) v = normal(random);
  std::vector<Matrix> m, v;  // Adam's moments
  for (const Matrix& w : weights) m.emplace_back(w.rows, w.columns), v.push_back(m.back());
  Matrix x(64, 1), y(64, 1);
  for (int i = 0; i < 64; ++i) x.v[i] = i / 10. - 3.2, y.v[i] = std::sin(2 * x.v[i]);
  for (int t = 1; t <= 2001; ++t) {
    Tape tape;
    std::vector<Var> w;
    for (const Matrix& value : weights) w.push_back(tape.watch(value));
    const Var hidden = tanh(add_row(matmul(Var{x}, w[0]), w[1]));
    const Var loss = mean_square(add_row(matmul(hidden, w[2]), w[3]), y);
    const Gradients g = tape.gradients(loss, w);
    for (size_t p = 0; p < w.size(); ++p)
      for (size_t i = 0; i < g[p].v.size(); ++i) {
        m[p].v[i] = 0.9 * m[p].v[i] + 0.1 * g[p].v[i];
        v[p].v[i] = 0.999 * v[p].v[i] + 0.001 * g[p].v[i] * g[p].v[i];
        weights[p].v[i] -= 0.01 * m[p].v[i] / (1 - std::pow(0.9, t)) /
                           (std::sqrt(v[p].v[i] / (1 - std::pow(0.999, t))) + 1e-8);
      }
    if (t % 500 == 1) std::printf("step %4d: loss %.5f\n", t, loss.value.v[0]);
  }
}
