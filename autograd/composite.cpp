#include "autograd/composite.h"

namespace gradus {
namespace {

thread_local const char* outermost = nullptr;

}  // namespace

Composite::Composite(const char* operation) : is_outermost_(!outermost) {
  if (is_outermost_) outermost = operation;
}

Composite::~Composite() {
  if (is_outermost_) outermost = nullptr;
}

const char* Composite::name(const char* operation) { return outermost ? outermost : operation; }

}  // namespace gradus
