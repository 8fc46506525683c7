#pragma once

/// \file
/// The whole library. What this file includes, and what that includes in turn, is installed below
/// include/gradus; all other headers are private.

#include <gradus/version.h>

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "nn/checkpoint.h"
#include "nn/clip.h"
#include "nn/data/batch_loader.h"
#include "nn/data/batches.h"
#include "nn/data/idx.h"
#include "nn/data/image_folder.h"
#include "nn/data/mat.h"
#include "nn/data/mnist.h"
#include "nn/data/png.h"
#include "nn/data/svhn.h"
#include "nn/layers.h"
#include "nn/moving_average.h"
#include "nn/optim.h"
#include "nn/schedule.h"
#include "nn/sequential.h"
#include "nn/summary.h"
#include "nn/weight_norm.h"
#include "tensor/communicator.h"
#include "tensor/profiler.h"
#include "tensor/safetensors.h"
#include "tensor/scope.h"
