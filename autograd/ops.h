#pragma once

// Every differentiable operation.

#include "autograd/augment.h"
#include "autograd/compare.h"
#include "autograd/conv.h"
#include "autograd/cross_entropy.h"
#include "autograd/dropout.h"
#include "autograd/elementwise.h"
#include "autograd/loss.h"
#include "autograd/matmul.h"
#include "autograd/norm.h"
#include "autograd/outputs.h"
#include "autograd/permute.h"
#include "autograd/pool.h"
#include "autograd/reduce.h"
#include "autograd/shaping.h"
#include "autograd/upsample.h"
