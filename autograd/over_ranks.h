#pragma once

#include "autograd/augment.h"
#include "autograd/dropout.h"
#include "autograd/norm.h"
#include "tensor/communicator.h"

// Operations on a batch that is split over ranks along its first axis. What is differentiated is
// the sum over ranks of what each rank's tape starts from: where all ranks compute the same loss,
// one of them starts from 1 and the others from 0. The Communicator must outlive the tape.

namespace gradus {

/// The sum of x, of one shape on all ranks, over them: the same on all. Throws Error where x is
/// undefined, TypeError unless it is f32 or f64.
Var sum_over_ranks(const Var& x, Communicator& ranks);

/// batch_norm of the whole batch, by statistics of all ranks' x [..., C]; that of one rank, not of
/// all, may be empty.
BatchNormResult batch_norm_over_ranks(const Var& x, const Var& gamma, const Var& beta,
                                      double epsilon, Communicator& ranks);

/// What a draw gives from this block of four words on, its block 0 then. `device` is where it
/// draws.
Draw starting_at(const Draw& draw, int64_t block, Device device);
/// dropout and augment of a part of a batch, as the whole batch's: so many elements, or images, of
/// it lie before the part. Throw as these; augment with noise Error, too, unless images have a
/// multiple of 4 elements.
Var dropout(const Var& x, double rate, const Draw& draw, int64_t elements_before);
Var augment(const Var& x, const Augmentation& a, const Draw& draw, int64_t images_before);

}  // namespace gradus
