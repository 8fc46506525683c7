#include "tensor/cpu/convolution/geometry.h"

namespace gradus::cpu::convolution {

Geometry::Geometry(const ConvParams& params, const Shape& x, const Shape& weight, const Shape& y)
    : n(x[0]),
      h(x[1]),
      w(x[2]),
      c(x[3]),
      k(weight[0]),
      r(weight[1]),
      s(weight[2]),
      p(y[1]),
      q(y[2]),
      stride_h(params.stride_h),
      stride_w(params.stride_w),
      pad_top(params.pad_top),
      pad_left(params.pad_left),
      dilation_h(params.dilation_h),
      dilation_w(params.dilation_w),
      groups(params.groups) {}

}  // namespace gradus::cpu::convolution
