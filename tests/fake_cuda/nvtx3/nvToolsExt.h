#pragma once

// As much of NVTX as cuda/ calls: ranges that nobody looks at.
inline int nvtxRangePushA(const char*) { return 0; }
inline int nvtxRangePop() { return 0; }
