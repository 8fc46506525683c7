#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <thread>

namespace gradus {

/// A web server on loopback for as long as this object lives: GET of what `files` holds by path,
/// from a byte on where the request says so. One request at a time.
class HttpServer {
 public:
  explicit HttpServer(std::map<std::string, std::string> files);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// "http://127.0.0.1:PORT".
  std::string url() const;
  /// The next answer breaks off after so many bytes of the body.
  void break_off_after(size_t bytes) { most_ = bytes; }
  /// Whether it goes on from a byte, or answers with status 416.
  void allow_ranges(bool allowed) { ranges_ = allowed; }
  /// The next answer is this status, without a body.
  void refuse_once(int status) { refusal_ = status; }
  /// The next answer sends so many bytes of the body, then one in 200 ms until the client leaves.
  void drip_after(size_t bytes) { drip_ = bytes; }
  /// Whether it does so now.
  bool drips() const { return drips_; }
  /// Waits at most so long until no client is dripped to; whether there is none.
  bool wait_until_left(std::chrono::seconds most) const;
  /// Whether answers say how long they are.
  void tell_length(bool told) { tells_length_ = told; }
  /// Bytes of bodies that were sent so far.
  size_t sent() const { return sent_; }

 private:
  void serve();
  void answer(int connection);

  std::map<std::string, std::string> files_;
  int listener_ = -1, port_ = 0;
  void drip(int connection, const std::string& body);
  std::atomic<size_t> most_ = SIZE_MAX, drip_ = SIZE_MAX, sent_ = 0;
  std::atomic<int> refusal_ = 0;
  std::atomic<bool> ranges_ = true, tells_length_ = true, drips_ = false, ends_ = false;
  std::thread thread_;
};

/// Whether downloads can be tried here: the program curl, and a network of loopback.
bool has_curl();

}  // namespace gradus
