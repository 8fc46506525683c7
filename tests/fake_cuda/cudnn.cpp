#include <cudnn.h>

#include <cstdio>

#include "tensor/cpu/cpu.h"
#include "tests/fake_cuda/cudnn_descriptor.h"
#include "tests/fake_cuda/host_tensors.h"

using namespace gradus;
using namespace gradus::fake_cuda;

struct cudnnContext {
  int device;
  cudaStream_t stream = nullptr;
};

struct cudnnDescriptor {
  std::shared_ptr<Contents> contents;
};

namespace {

thread_local std::string last_message;

// In the order of the heuristics' answers, those of the fallback mode apart.
constexpr Engine kSingle[] = {{71, true, false, false, false},
                              {30, false, false, true, false},
                              {74, false, false, false, true}};
constexpr Engine kSingleFallback[] = {{63, false, true, false, false},
                                      {5, false, false, false, false}};
constexpr Engine kDouble[] = {{72, true, false, false, false}};
constexpr Engine kDoubleFallback[] = {{0, false, false, false, false}};

cudnnStatus_t fails(cudnnStatus_t status, const std::string& why) {
  last_message = why;
  return status;
}

cudnnStatus_t begin(const char* function, cudnnStatus_t natural) {
  const auto status = static_cast<cudnnStatus_t>(enter(function, natural));
  return status ? fails(status, "injected") : CUDNN_STATUS_SUCCESS;
}

/// The status of what the work throws.
template <class Fn>
cudnnStatus_t status_of(const Fn& work) {
  try {
    work();
    return CUDNN_STATUS_SUCCESS;
  } catch (const BadParam& e) {
    return fails(CUDNN_STATUS_BAD_PARAM, e.what());
  } catch (const std::domain_error& e) {
    return fails(CUDNN_STATUS_NOT_SUPPORTED, e.what());
  } catch (const std::exception& e) {
    return fails(CUDNN_STATUS_INTERNAL_ERROR, e.what());
  }
}

bool is_operation(cudnnBackendDescriptorType_t type) {
  return type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR ||
         type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR ||
         type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR;
}

Convolution convolution_of(const Contents& graph) {
  const auto it = graph.values.find(CUDNN_ATTR_OPERATIONGRAPH_OPS);
  if (graph.type != CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR || it == graph.values.end() ||
      it->second.descriptors.size() != 1 || !is_operation(it->second.descriptors[0]->type))
    throw BadParam("a graph of something else than one convolution");
  return Convolution(*it->second.descriptors[0]);
}

/// The convolution of a configuration or, through it, of a plan.
Convolution convolution_of_config(const Contents& config) {
  return convolution_of(descriptor_of(config, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
                                      CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR));
}

size_t bytes_of(const Convolution& c, const Engine& engine) {
  static const int64_t asked = std::stoll(setting("GRADUS_FAKE_WORKSPACE", "0"));
  const int64_t elements = c.x.count() + c.w.count() + c.y.count();
  return !engine.needs_workspace ? 0 : asked ? asked : elements * size_of(c.dtype);
}

std::span<const Engine> engines(const Contents& heuristics) {
  const Convolution c = convolution_of(descriptor_of(
      heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR));
  const bool is_first =
      values_of<cudnnBackendHeurMode_t>(heuristics, CUDNN_ATTR_ENGINEHEUR_MODE,
                                        CUDNN_TYPE_HEUR_MODE, 1)[0] == CUDNN_HEUR_MODE_A;
  if (c.dtype == DType::f64) return is_first ? kDouble : std::span<const Engine>(kDoubleFallback);
  return is_first ? std::span<const Engine>(kSingle) : kSingleFallback;
}

void finalize(Contents& c) {
  if (is_operation(c.type)) Convolution checked(c);
  if (c.type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) convolution_of(c);
  if (c.type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR) engines(c);
  if (c.type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
    const Contents& config = descriptor_of(c, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                                           CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    c.engine = config.engine;
    // An engine may know only at the end that it does not support the shape.
    if (c.engine->compiles_at_run_time && convolution_of_config(config).params.groups > 1)
      throw std::domain_error("groups");
  }
  c.is_final = true;
}

template <class T>
void put(std::initializer_list<T> all, int64_t room, int64_t* count, void* to) {
  *count = room ? std::min<int64_t>(room, all.size()) : all.size();
  if (room) std::copy_n(all.begin(), *count, static_cast<T*>(to));
}

void get(const Contents& c, cudnnBackendAttributeName_t name, int64_t room, int64_t* count,
         void* to) {
  if (!c.is_final) throw BadParam("a descriptor that is not finished");
  switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS: {
      const auto all = engines(c);
      *count = room ? std::min<int64_t>(room, all.size()) : all.size();
      for (int64_t i = 0; i < (room ? *count : 0); ++i) {
        Contents config{CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, true, c.values, &all[i]};
        *static_cast<cudnnBackendDescriptor_t*>(to)[i]->contents = std::move(config);
      }
      return;
    }
    case CUDNN_ATTR_ENGINECFG_ENGINE:
      *count = 1;
      *static_cast<cudnnBackendDescriptor_t*>(to)[0]->contents = {
          CUDNN_BACKEND_ENGINE_DESCRIPTOR, true, {}, c.engine};
      return;
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
      return put({c.engine->number}, room, count, to);
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE: {
      const bool rounds = c.engine->tensor_core && c.engine->number == kSingle[0].number;
      if (rounds)
        return put({CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS},
                   room, count, to);
      if (c.engine->tensor_core) return put({CUDNN_NUMERICAL_NOTE_TENSOR_CORE}, room, count, to);
      if (c.engine->nondeterministic)
        return put({CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC}, room, count, to);
      *count = 0;
      return;
    }
    case CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE:
      if (c.engine->compiles_at_run_time)
        return put({CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION}, room, count, to);
      *count = 0;
      return;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE: {
      const Contents& config = descriptor_of(c, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                                             CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
      const auto bytes = static_cast<int64_t>(bytes_of(convolution_of_config(config), *c.engine));
      return put({bytes}, room, count, to);
    }
    default:
      throw std::domain_error("an attribute that this fake does not have");
  }
}

/// The pointers of a convolution's arguments, checked when the work runs.
void compute(int device, const Convolution& c, const Engine& engine,
             const std::map<int64_t, void*>& at, void* workspace) {
  if (engine.needs_workspace) scribble(device, workspace, bytes_of(c, engine));
  void *const px = at.at(c.id_x), *const pw = at.at(c.id_w), *const py = at.at(c.id_y);
  const bool rounds = engine.tensor_core && c.dtype == DType::f32;
  const auto operand = [&](const void* p, const Shape& shape) {
    return read(device, p, shape, c.dtype, rounds);
  };
  cpu::Reference& cpu = cpu::reference_backend();
  switch (c.result) {
    case Convolution::Result::y: {
      Tensor y(c.y, c.dtype);
      cpu.conv(c.params, operand(px, c.x), operand(pw, c.w), {}, y);
      return write(device, y, py);
    }
    case Convolution::Result::x: {
      Tensor x(c.x, c.dtype);
      cpu.conv_grad_input(c.params, operand(pw, c.w), operand(py, c.y), {}, x);
      return write(device, x, px);
    }
    case Convolution::Result::w: {
      Tensor w(c.w, c.dtype);
      cpu.conv_grad_weight(c.params, operand(px, c.x), operand(py, c.y), w);
      return write(device, w, pw);
    }
  }
}

}  // namespace

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  if (const cudnnStatus_t s = begin("cudnnCreate", CUDNN_STATUS_NOT_INITIALIZED)) return s;
  *handle = new cudnnContext{current_device()};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  delete handle;
  return begin("cudnnDestroy", CUDNN_STATUS_NOT_INITIALIZED);
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  if (const cudnnStatus_t s = begin("cudnnSetStream", CUDNN_STATUS_BAD_PARAM)) return s;
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

size_t cudnnGetVersion() { return 91900; }

const char* cudnnGetErrorString(cudnnStatus_t status) {
  switch (status) {
    case CUDNN_STATUS_SUCCESS:
      return "CUDNN_STATUS_SUCCESS";
    case CUDNN_STATUS_NOT_INITIALIZED:
      return "CUDNN_STATUS_NOT_INITIALIZED";
    case CUDNN_STATUS_BAD_PARAM:
      return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_NOT_SUPPORTED:
      return "CUDNN_STATUS_NOT_SUPPORTED";
    case CUDNN_STATUS_INTERNAL_ERROR:
      return "CUDNN_STATUS_INTERNAL_ERROR";
    case CUDNN_STATUS_EXECUTION_FAILED:
      break;
  }
  return "CUDNN_STATUS_EXECUTION_FAILED";
}

void cudnnGetLastErrorString(char* message, size_t room) {
  std::snprintf(message, room, "%s", last_message.c_str());
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t* descriptor) {
  if (const cudnnStatus_t s = begin("cudnnBackendCreateDescriptor", CUDNN_STATUS_INTERNAL_ERROR))
    return s;
  *descriptor = new cudnnDescriptor{std::make_shared<Contents>(Contents{type})};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  delete descriptor;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count,
                                       const void* values) {
  if (const cudnnStatus_t s = begin("cudnnBackendSetAttribute", CUDNN_STATUS_INTERNAL_ERROR))
    return s;
  Contents& c = *descriptor->contents;
  if (c.is_final) return fails(CUDNN_STATUS_BAD_PARAM, "a descriptor that is finished");
  Value value{type, count, {}, {}};
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    const auto* all = static_cast<const cudnnBackendDescriptor_t*>(values);
    for (int64_t i = 0; i < count; ++i) {
      if (!all[i]->contents->is_final)
        return fails(CUDNN_STATUS_BAD_PARAM, "a descriptor that is not finished");
      value.descriptors.push_back(all[i]->contents);
    }
  } else {
    const bool is_short = type == CUDNN_TYPE_FLOAT || type == CUDNN_TYPE_INT32 ||
                          type == CUDNN_TYPE_DATA_TYPE || type == CUDNN_TYPE_CONVOLUTION_MODE ||
                          type == CUDNN_TYPE_HEUR_MODE;
    const size_t size = type == CUDNN_TYPE_CHAR ? 1 : is_short ? 4 : 8;
    const char* first = static_cast<const char*>(values);
    value.bytes.assign(first, first + size * count);
  }
  c.values[name] = std::move(value);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t, int64_t room, int64_t* count,
                                       void* values) {
  if (const cudnnStatus_t s = begin("cudnnBackendGetAttribute", CUDNN_STATUS_INTERNAL_ERROR))
    return s;
  return status_of([&] { get(*descriptor->contents, name, room, count, values); });
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  if (const cudnnStatus_t s = begin("cudnnBackendFinalize", CUDNN_STATUS_NOT_SUPPORTED)) return s;
  return status_of([&] { finalize(*descriptor->contents); });
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t pack) {
  const Lock lock(mutex());
  if (const cudnnStatus_t s = begin("cudnnBackendExecute", CUDNN_STATUS_EXECUTION_FAILED)) return s;
  if (handle->device != current_device())
    return fails(CUDNN_STATUS_EXECUTION_FAILED, "another device is the thread's");
  const Contents &p = *plan->contents, &arguments = *pack->contents;
  return status_of([&] {
    if (!p.is_final || !arguments.is_final) throw BadParam("a descriptor that is not finished");
    const Convolution c = convolution_of_config(descriptor_of(
        p, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    const auto ids =
        values_of<int64_t>(arguments, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, -1);
    const auto pointers =
        values_of<void*>(arguments, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, -1);
    void* const workspace =
        values_of<void*>(arguments, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1)[0];
    if (ids.size() != pointers.size()) throw BadParam("as many ids as pointers");
    std::map<int64_t, void*> at;
    for (size_t i = 0; i < ids.size(); ++i) at[ids[i]] = pointers[i];
    for (const int64_t id : {c.id_x, c.id_w, c.id_y})
      if (!at.count(id)) throw BadParam("a tensor without a pointer");
    if (p.engine->number == broken_engine()) throw std::runtime_error("an engine that is broken");
    note("engine " + std::to_string(p.engine->number));
    const auto work = [=, device = handle->device, engine = p.engine,
                       alive = std::weak_ptr<const Contents>(plan->contents)] {
      if (alive.expired()) throw std::runtime_error("the plan was destroyed before it ran");
      compute(device, c, *engine, at, workspace);
    };
    if (enqueue(handle->stream, {Kind::conv, work}))
      throw std::runtime_error("the stream takes no work");
  });
}
