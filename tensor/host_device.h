#pragma once

// Functions marked GRADUS_HD compile for the host and, under nvcc, for the GPU too.
#ifdef __CUDACC__
#define GRADUS_HD __host__ __device__
#else
#define GRADUS_HD
#endif
