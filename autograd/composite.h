#pragma once

namespace gradus {

/// An operation that is made of others. While it lives, what this thread records or refuses carries
/// its name, which the caller wrote, and not those of its parts. Where one is made of another, the
/// outer counts.
class Composite {
 public:
  explicit Composite(const char* operation);
  ~Composite();
  Composite(const Composite&) = delete;
  Composite& operator=(const Composite&) = delete;

  /// The name of the composite that `operation` is a part of; its own where there is none.
  static const char* name(const char* operation);

 private:
  bool is_outermost_;
};

}  // namespace gradus
