#include "tests/onnx_model.h"

#include <bit>
#include <functional>
#include <stdexcept>

namespace gradus {
namespace {

/// The fields of a protobuf message, in order.
struct Field {
  int number;
  uint64_t value;         // of a varint, or of 4 bytes
  std::string_view text;  // of a string or message
};

uint64_t varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    if (bytes.empty() || shift > 63) throw std::runtime_error("protobuf: cut short");
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
}

std::string_view take(std::string_view& bytes, uint64_t size) {
  if (size > bytes.size()) throw std::runtime_error("protobuf: cut short");
  const std::string_view taken = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return taken;
}

template <class T>
T little_endian(std::string_view bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::vector<Field> fields(std::string_view bytes) {
  std::vector<Field> all;
  while (!bytes.empty()) {
    const uint64_t key = varint(bytes);
    Field f{static_cast<int>(key >> 3), 0, {}};
    if ((key & 7) == 0)
      f.value = varint(bytes);
    else if ((key & 7) == 2)
      f.text = take(bytes, varint(bytes));
    else if ((key & 7) == 5)
      f.value = little_endian<uint32_t>(take(bytes, 4));
    else
      throw std::runtime_error("protobuf: a wire type that ONNX's messages have not");
    all.push_back(f);
  }
  return all;
}

OnnxModel::Node read_node(std::string_view bytes) {
  OnnxModel::Node node;
  for (const Field& f : fields(bytes)) {
    if (f.number == 1) node.inputs.emplace_back(f.text);
    if (f.number == 2) node.output = f.text;
    if (f.number == 4) node.op = f.text;
    if (f.number != 5) continue;
    std::string name;
    for (const Field& a : fields(f.text)) {
      if (a.number == 1) name = a.text;
      if (a.number == 2) node.floats[name] = std::bit_cast<float>(uint32_t(a.value));
      if (a.number == 3 || a.number == 8) node.ints[name].push_back(int64_t(a.value));
    }
  }
  return node;
}

std::pair<std::string, Array> read_tensor(std::string_view bytes) {
  std::string name;
  std::string_view raw;
  std::vector<int64_t> dims;
  int type = 0;
  for (const Field& f : fields(bytes)) {
    if (f.number == 1) dims.push_back(int64_t(f.value));
    if (f.number == 2) type = int(f.value);
    if (f.number == 8) name = f.text;
    if (f.number == 9) raw = f.text;
  }
  Array a{Shape(dims)};
  const size_t width = type == 1 ? 4 : 8;  // f32 or i64
  if ((type != 1 && type != 7) || raw.size() != width * a.v.size())
    throw std::runtime_error("onnx: tensor " + name + " is of another size than it says");
  for (size_t i = 0; i < a.v.size(); ++i)
    a.v[i] = type == 1 ? double(little_endian<float>(raw.substr(4 * i)))
                       : double(little_endian<int64_t>(raw.substr(8 * i)));
  return {name, a};
}

OnnxModel::Port read_port(std::string_view bytes) {
  OnnxModel::Port port;
  for (const Field& f : fields(bytes)) {
    if (f.number == 1) port.name = f.text;
    if (f.number != 2) continue;
    for (const Field& tensor : fields(fields(f.text).at(0).text)) {
      if (tensor.number == 1) port.type = int(tensor.value);
      if (tensor.number != 2) continue;
      for (const Field& dim : fields(tensor.text)) {
        const Field d = fields(dim.text).at(0);
        port.dims.push_back(d.number == 1 ? std::to_string(d.value) : std::string(d.text));
      }
    }
  }
  return port;
}

using Ints = std::vector<int64_t>;

Array map(const Array& a, const std::function<double(double)>& f) {
  Array y = a;
  for (double& v : y.v) v = f(v);
  return y;
}

/// b is broadcast to a.
Array map(const Array& a, const Array& b, const std::function<double(double, double)>& f) {
  Array y(a.shape);
  size_t i = 0;
  for_each_index(a.shape, [&](const Index& at) {
    y.v[i] = f(a.v[i], broadcast_at(b, at));
    ++i;
  });
  return y;
}

/// Sums over axes, which stay as 1.
Array sums(const Array& a, const Ints& axes) {
  Shape shape = a.shape;
  for (const int64_t axis : axes) shape = shape.with(int(axis), 1);
  Array y(shape);
  size_t i = 0;
  for_each_index(a.shape, [&](const Index& at) {
    int64_t offset = 0;
    for (int axis = 0; axis < shape.rank(); ++axis)
      offset = offset * shape[axis] + (shape[axis] == 1 ? 0 : at[size_t(axis)]);
    y.v[size_t(offset)] += a.v[i++];
  });
  return y;
}

/// x [N, C, H, W]; w [K, C, R, S] reads it; transposed: w [C, K, R, S] is added to y.
Array conv(const OnnxModel::Node& n, const Array& x, const Array& w, const Array& b,
           bool transposed) {
  const Ints stride = n.ints.at("strides"), pads = n.ints.at("pads");
  const auto extent = [&](int axis) {
    const int64_t in = x.shape[2 + axis], kernel = w.shape[2 + axis], s = stride[size_t(axis)];
    const int64_t pad = pads[size_t(axis)] + pads[size_t(axis) + 2];
    return transposed ? s * (in - 1) + kernel - pad : (in + pad - kernel) / s + 1;
  };
  const int64_t out = transposed ? w.shape[1] : w.shape[0];
  Array y({x.shape[0], out, extent(0), extent(1)});
  for_each_index(y.shape, [&](const Index& at) { y(at[0], at[1], at[2], at[3]) = b(at[1]); });
  // `small` positions of the kernel over `large` pixels.
  const Array& small = transposed ? x : y;
  const Array& large = transposed ? y : x;
  for_each_index({x.shape[0], w.shape[0], w.shape[1], w.shape[2], w.shape[3]}, [&](const Index& i) {
    for (int64_t p = 0; p < small.shape[2]; ++p)
      for (int64_t q = 0; q < small.shape[3]; ++q) {
        const int64_t h = p * stride[0] + i[3] - pads[0], v = q * stride[1] + i[4] - pads[1];
        if (h < 0 || v < 0 || h >= large.shape[2] || v >= large.shape[3]) continue;
        const double weight = w(i[1], i[2], i[3], i[4]);
        if (transposed)
          y(i[0], i[2], h, v) += weight * x(i[0], i[1], p, q);
        else
          y(i[0], i[1], p, q) += weight * x(i[0], i[2], h, v);
      }
  });
  return y;
}

Array transpose(const Array& x, const Ints& perm) {
  Shape shape = x.shape;
  for (size_t i = 0; i < perm.size(); ++i) shape = shape.with(int(i), x.shape[int(perm[i])]);
  Array y(shape);
  size_t i = 0;
  for_each_index(shape, [&](const Index& at) {
    Index from(at.size());
    for (size_t a = 0; a < at.size(); ++a) from[size_t(perm[a])] = at[a];
    y.v[i++] = broadcast_at(x, from);
  });
  return y;
}

Array gemm(const Array& a, const Array& w, const Array& b) {
  Array y({a.shape[0], w.shape[0]});
  for_each_index(y.shape, [&](const Index& at) {
    double sum = b(at[1]);
    for (int64_t k = 0; k < a.shape[1]; ++k) sum += a(at[0], k) * w(at[1], k);
    y(at[0], at[1]) = sum;
  });
  return y;
}

Array reshaped(Array x, Ints dims) {
  int64_t known = 1;
  for (const int64_t d : dims) known *= d < 0 ? 1 : d;
  for (int64_t& d : dims)
    if (d < 0) d = int64_t(x.v.size()) / known;
  x.shape = Shape(dims);
  return x;
}

/// [C] against [N, C, H, W].
Array along_channels(const Array& a) { return reshaped(a, {1, -1, 1, 1}); }

Array compute(const OnnxModel::Node& n, const std::vector<Array>& in) {
  const Array& x = in.at(0);
  const auto ints = [&](const char* name) { return n.ints.at(name); };
  const auto plus = [](double a, double b) { return a + b; };
  const auto minus = [](double a, double b) { return a - b; };
  const auto times = [](double a, double b) { return a * b; };
  const auto over = [](double a, double b) { return a / b; };
  const auto mean = [&](const Ints& axes) {
    const Array s = sums(x, axes);
    const double count = double(x.v.size()) / double(s.v.size());
    return map(s, [=](double v) { return v / count; });
  };
  if (n.op == "Cast")
    return map(x, [&](double v) { return ints("to")[0] == 2 ? std::floor(v) : v; });
  if (n.op == "Add") return map(x, in.at(1), plus);
  if (n.op == "Sub") return map(x, in.at(1), minus);
  if (n.op == "Mul") return map(x, in.at(1), times);
  if (n.op == "Div") return map(x, in.at(1), over);
  if (n.op == "Sqrt") return map(x, [](double v) { return std::sqrt(v); });
  if (n.op == "Tanh") return map(x, [](double v) { return std::tanh(v); });
  if (n.op == "Sigmoid") return map(x, [](double v) { return 1 / (1 + std::exp(-v)); });
  if (n.op == "LeakyRelu") {
    const double alpha = n.floats.at("alpha");
    return map(x, [=](double v) { return v < 0 ? alpha * v : v; });
  }
  if (n.op == "Clip")
    return map(x, [&](double v) { return std::clamp(v, in.at(1).v[0], in.at(2).v[0]); });
  if (n.op == "Transpose") return transpose(x, ints("perm"));
  if (n.op == "Conv") return conv(n, x, in.at(1), in.at(2), false);
  if (n.op == "ConvTranspose") return conv(n, x, in.at(1), in.at(2), true);
  if (n.op == "Gemm" && ints("transB")[0] == 1) return gemm(x, in.at(1), in.at(2));
  if (n.op == "Flatten") return reshaped(x, {x.shape[0], -1});
  if (n.op == "Reshape") {
    Ints dims;
    for (const double d : in.at(1).v) dims.push_back(int64_t(d));
    return reshaped(x, dims);
  }
  if (n.op == "GlobalAveragePool") return mean({2, 3});
  if (n.op == "ReduceMean" && ints("keepdims")[0] == 1) return mean(ints("axes"));
  if (n.op == "ReduceSum" && ints("keepdims")[0] == 0)
    return reshaped(sums(x, {int64_t(in.at(1).v.at(0))}), {x.shape[0]});
  if (n.op == "BatchNormalization") {
    const double epsilon = n.floats.at("epsilon");
    const Array deviation = map(in.at(4), [=](double v) { return std::sqrt(v + epsilon); });
    const Array y = map(map(x, along_channels(in.at(3)), minus), along_channels(deviation), over);
    return map(map(y, along_channels(in.at(1)), times), along_channels(in.at(2)), plus);
  }
  if (n.op == "Softmax" || n.op == "ReduceLogSumExp") {
    const Array e = map(x, [](double v) { return std::exp(v); });
    const Array s = sums(e, {1});
    if (n.op == "Softmax") return map(e, s, over);
    return reshaped(map(s, [](double v) { return std::log(v); }), {x.shape[0]});
  }
  if (n.op == "Slice" && in.at(3).v == std::vector<double>{1}) {
    const auto begin = int64_t(in.at(1).v[0]), end = int64_t(in.at(2).v[0]);
    Array y({x.shape[0], end - begin});
    for_each_index(y.shape, [&](const Index& at) { y(at[0], at[1]) = x(at[0], begin + at[1]); });
    return y;
  }
  throw std::runtime_error("onnx: operator " + n.op + " used so");
}

}  // namespace

OnnxModel::OnnxModel(std::string_view file) {
  std::string_view graph;
  for (const Field& f : fields(file)) {
    if (f.number == 1) ir_version = int64_t(f.value);
    if (f.number == 7) graph = f.text;
    if (f.number == 8) opset = int64_t(fields(f.text).at(0).value);
    if (f.number == 14) {
      const auto pair = fields(f.text);
      metadata[std::string(pair.at(0).text)] = pair.at(1).text;
    }
  }
  for (const Field& f : fields(graph)) {
    if (f.number == 1) nodes.push_back(read_node(f.text));
    if (f.number == 5) constants.insert(read_tensor(f.text));
    if (f.number == 11) inputs.push_back(read_port(f.text));
    if (f.number == 12) outputs.push_back(read_port(f.text));
  }
}

std::map<std::string, Array> OnnxModel::run(const Array& input) const {
  std::map<std::string, Array> values = constants;
  values[inputs.at(0).name] = input;
  for (const Node& node : nodes) {
    std::vector<Array> in;
    for (const std::string& name : node.inputs) in.push_back(values.at(name));
    if (!values.emplace(node.output, compute(node, in)).second)
      throw std::runtime_error("onnx: two values are called " + node.output);
  }
  return values;
}

}  // namespace gradus
