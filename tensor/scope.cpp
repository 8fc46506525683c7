#include "tensor/scope.h"

#include <utility>

#include "tensor/backend.h"

namespace gradus {
namespace {

thread_local const Scope* innermost = nullptr;

}  // namespace

Scope::Scope(Device device, std::string name)
    : name_(std::move(name)), backend_(&backend(device)), outer_(innermost) {
  backend_->begin_range(name_.c_str());
  innermost = this;
}

Scope::Scope(std::string name) : name_(std::move(name)), outer_(innermost) { innermost = this; }

Scope::~Scope() {
  innermost = outer_;
  if (backend_) backend_->end_range();
}

std::string Scope::path() {
  std::string path;
  for (const Scope* s = innermost; s; s = s->outer_)
    path = path.empty() ? s->name_ : s->name_ + ": " + path;
  return path;
}

}  // namespace gradus
