#include "tests/fake_cuda/cudnn_descriptor.h"

namespace gradus::fake_cuda {
namespace {

struct TensorDescription {
  std::vector<int64_t> dims;
  int64_t id;
  cudnnDataType_t type;

  explicit TensorDescription(const Contents& c)
      : dims(values_of<int64_t>(c, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4)),
        id(values_of<int64_t>(c, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1)[0]),
        type(values_of<cudnnDataType_t>(c, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE,
                                        1)[0]) {
    const auto strides = values_of<int64_t>(c, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4);
    const int64_t channels = dims[1], height = dims[2], width = dims[3];
    if (strides != std::vector<int64_t>{height * width * channels, 1, width * channels, channels})
      throw std::domain_error("a tensor that is not packed NHWC");
  }
  Shape shape() const { return {dims[0], dims[2], dims[3], dims[1]}; }
};

/// Where the three kinds of operation have what they have.
struct Names {
  cudnnBackendAttributeName_t conv, x, w, y, alpha, beta;
};

Names names_of(cudnnBackendDescriptorType_t type) {
  if (type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR)
    return {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
  if (type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR)
    return {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
  return {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
}

double scalar_of(const Contents& c, cudnnBackendAttributeName_t name, bool is_double) {
  return is_double ? values_of<double>(c, name, CUDNN_TYPE_DOUBLE, 1)[0]
                   : values_of<float>(c, name, CUDNN_TYPE_FLOAT, 1)[0];
}

}  // namespace

const Contents& descriptor_of(const Contents& c, cudnnBackendAttributeName_t name,
                              cudnnBackendDescriptorType_t type) {
  const auto it = c.values.find(name);
  if (it == c.values.end() || it->second.descriptors.size() != 1 ||
      it->second.descriptors[0]->type != type)
    throw BadParam("a descriptor's attribute is missing or of another type");
  return *it->second.descriptors[0];
}

Convolution::Convolution(const Contents& operation) {
  const Names names = names_of(operation.type);
  const auto tensor = [&](cudnnBackendAttributeName_t name) {
    return TensorDescription(descriptor_of(operation, name, CUDNN_BACKEND_TENSOR_DESCRIPTOR));
  };
  const TensorDescription tx = tensor(names.x), tw = tensor(names.w), ty = tensor(names.y);
  const Contents& conv = descriptor_of(operation, names.conv, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const auto computes = values_of<cudnnDataType_t>(conv, CUDNN_ATTR_CONVOLUTION_COMP_TYPE,
                                                   CUDNN_TYPE_DATA_TYPE, 1)[0];
  if (tx.type != computes || tw.type != computes || ty.type != computes)
    throw std::domain_error("data types that differ");
  if (tx.id == tw.id || tx.id == ty.id || tw.id == ty.id) throw BadParam("equal ids");
  if (values_of<cudnnConvolutionMode_t>(conv, CUDNN_ATTR_CONVOLUTION_CONV_MODE,
                                        CUDNN_TYPE_CONVOLUTION_MODE,
                                        1)[0] != CUDNN_CROSS_CORRELATION ||
      values_of<int64_t>(conv, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1)[0] != 2)
    throw std::domain_error("not a cross-correlation of images");
  const bool is_double = computes == CUDNN_DATA_DOUBLE;
  if (scalar_of(operation, names.alpha, is_double) != 1 ||
      scalar_of(operation, names.beta, is_double) != 0)
    throw std::domain_error("factors other than 1 and 0");
  const auto of_axes = [&](cudnnBackendAttributeName_t name) {
    return values_of<int64_t>(conv, name, CUDNN_TYPE_INT64, 2);
  };
  const auto before = of_axes(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
  const auto after = of_axes(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
  const auto stride = of_axes(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
  const auto dilation = of_axes(CUDNN_ATTR_CONVOLUTION_DILATIONS);
  for (int i = 0; i < 2; ++i) {
    const int64_t reach = (tw.dims[2 + i] - 1) * dilation[i] + 1;
    const int64_t padded = tx.dims[2 + i] + before[i] + after[i];
    if (padded < reach || ty.dims[2 + i] != (padded - reach) / stride[i] + 1)
      throw BadParam("an output whose size does not follow from the input's");
  }
  if (tx.dims[0] != ty.dims[0] || tw.dims[0] != ty.dims[1] || tx.dims[1] % tw.dims[1] != 0)
    throw BadParam("channels or images that do not agree");

  result = operation.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR ? Result::y
           : operation.type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR
               ? Result::x
               : Result::w;
  dtype = is_double ? DType::f64 : DType::f32;
  x = tx.shape(), w = tw.shape(), y = ty.shape();
  id_x = tx.id, id_w = tw.id, id_y = ty.id;
  const auto as_int = [](int64_t v) { return static_cast<int>(v); };
  params = {as_int(stride[0]),
            as_int(stride[1]),
            as_int(before[0]),
            as_int(before[1]),
            as_int(dilation[0]),
            as_int(dilation[1]),
            as_int(tx.dims[1] / tw.dims[1])};
}

}  // namespace gradus::fake_cuda
