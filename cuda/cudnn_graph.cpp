#include "cuda/cudnn_graph.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "cuda/check.h"

namespace gradus::cuda::cudnn {

void check(cudnnStatus_t status, const char* function, const std::string& operation) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char message[1024] = {};
  cudnnGetLastErrorString(message, sizeof message);
  throw DeviceError(cuda::failure(
      operation, function, fmt::format("{} ({})", cudnnGetErrorString(status), message), ""));
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  check(cudnnBackendCreateDescriptor(type, &raw_), "cudnnBackendCreateDescriptor");
}

Descriptor::~Descriptor() {
  if (raw_) cudnnBackendDestroyDescriptor(raw_);
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                     int64_t count, const void* values) {
  check(cudnnBackendSetAttribute(raw_, name, type, count, values), "cudnnBackendSetAttribute");
}

void Descriptor::set(cudnnBackendAttributeName_t name, int64_t value) {
  set(name, CUDNN_TYPE_INT64, 1, &value);
}

void Descriptor::set(cudnnBackendAttributeName_t name, std::span<const int64_t> values) {
  set(name, CUDNN_TYPE_INT64, static_cast<int64_t>(values.size()), values.data());
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnDataType_t value) {
  set(name, CUDNN_TYPE_DATA_TYPE, 1, &value);
}

void Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& value) {
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.raw_);
}

void Descriptor::set_scalar(cudnnBackendAttributeName_t name, cudnnDataType_t compute,
                            double value) {
  const float single = static_cast<float>(value);
  if (compute == CUDNN_DATA_DOUBLE)
    set(name, CUDNN_TYPE_DOUBLE, 1, &value);
  else
    set(name, CUDNN_TYPE_FLOAT, 1, &single);
}

void Descriptor::finalize(const char* what) {
  check(cudnnBackendFinalize(raw_), "cudnnBackendFinalize", what);
}

int64_t Descriptor::get_int(cudnnBackendAttributeName_t name) const {
  int64_t value = 0;
  get(name, CUDNN_TYPE_INT64, 1, &value);
  return value;
}

int64_t Descriptor::get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                        int64_t room, void* values) const {
  int64_t count = 0;
  check(cudnnBackendGetAttribute(raw_, name, type, room, &count, values),
        "cudnnBackendGetAttribute");
  return count;
}

Descriptor tensor(const ImageDims& d, cudnnDataType_t type, int64_t id) {
  const int64_t dims[] = {d.n, d.c, d.h, d.w};
  const int64_t strides[] = {d.h * d.w * d.c, 1, d.w * d.c, d.c};
  Descriptor t(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  t.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type);
  t.set(CUDNN_ATTR_TENSOR_DIMENSIONS, dims);
  t.set(CUDNN_ATTR_TENSOR_STRIDES, strides);
  t.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
  t.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, int64_t{16});
  t.finalize("a tensor");
  return t;
}

namespace {

/// The names that the three convolutions give to the same things.
struct ConvNames {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t conv, x, w, y, alpha, beta;
};

ConvNames names_of(ConvKind kind) {
  switch (kind) {
    case ConvKind::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case ConvKind::grad_input:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case ConvKind::grad_weight:
      break;
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
}

Descriptor convolution(cudnnDataType_t compute, const Spatial& s) {
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  Descriptor c(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  c.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, compute);
  c.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  c.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2});
  c.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, s.before);
  c.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, s.after);
  c.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, s.stride);
  c.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, s.dilation);
  c.finalize("a convolution");
  return c;
}

}  // namespace

Descriptor conv_graph(ConvKind kind, cudnnDataType_t type, const ImageDims& x, const ImageDims& w,
                      const ImageDims& y, const Spatial& spatial, cudnnHandle_t handle) {
  const ConvNames names = names_of(kind);
  const Descriptor conv = convolution(type, spatial);
  const Descriptor tx = tensor(x, type, kX), tw = tensor(w, type, kW), ty = tensor(y, type, kY);
  Descriptor operation(names.operation);
  operation.set(names.conv, conv);
  operation.set(names.x, tx);
  operation.set(names.w, tw);
  operation.set(names.y, ty);
  operation.set_scalar(names.alpha, type, 1);
  operation.set_scalar(names.beta, type, 0);
  operation.finalize("a convolution's operation");
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  if (handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
  graph.finalize("a convolution's graph");
  return graph;
}

Descriptor device_from_json(std::string_view json) {
  Descriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  device.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
             static_cast<int64_t>(json.size()), json.data());
  device.finalize("a device's description");
  return device;
}

namespace {

Candidate candidate_of(Descriptor config) {
  Candidate c{std::move(config)};
  const Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t raw = engine.raw();
  c.config.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &raw);
  c.engine = engine.get_int(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);

  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
  const int64_t numerical = engine.get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                       notes.size(), notes.data());
  for (int64_t i = 0; i < numerical; ++i) {
    c.tensor_core |= notes[i] == CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
    c.down_converts |= notes[i] == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
    c.deterministic &= notes[i] != CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
  }
  std::array<cudnnBackendBehaviorNote_t, CUDNN_BEHAVIOR_NOTE_TYPE_COUNT> habits{};
  const int64_t behavior = engine.get(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE,
                                      habits.size(), habits.data());
  for (int64_t i = 0; i < behavior; ++i)
    c.compiles_at_run_time |= habits[i] == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
  return c;
}

void append_candidates(const Descriptor& graph, const Descriptor* device,
                       cudnnBackendHeurMode_t mode, std::vector<Candidate>& all) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (device) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *device);
  heuristics.finalize("engines for a convolution");
  const int64_t count =
      heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, nullptr);
  std::vector<Descriptor> configs;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int64_t i = 0; i < count; ++i)
    raw.push_back(configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).raw());
  const int64_t got = count ? heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                             CUDNN_TYPE_BACKEND_DESCRIPTOR, count, raw.data())
                            : 0;
  for (int64_t i = 0; i < got; ++i) all.push_back(candidate_of(std::move(configs[i])));
}

}  // namespace

std::vector<Candidate> candidates(const Descriptor& graph, const Descriptor* device) {
  std::vector<Candidate> all;
  append_candidates(graph, device, CUDNN_HEUR_MODE_A, all);
  append_candidates(graph, device, CUDNN_HEUR_MODE_FALLBACK, all);
  std::stable_partition(all.begin(), all.end(),
                        [](const Candidate& c) { return !c.compiles_at_run_time; });
  return all;
}

Descriptor plan(const Candidate& candidate, cudnnHandle_t handle, const Descriptor* device) {
  Descriptor p(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  p.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, candidate.config);
  if (handle) p.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
  if (device) p.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *device);
  p.finalize("a convolution's plan");
  return p;
}

}  // namespace gradus::cuda::cudnn
