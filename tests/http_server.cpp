#include "tests/http_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace gradus {
namespace {

bool send_all(int connection, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = ::send(connection, text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

std::string receive_request(int connection) {
  std::string request;
  char buffer[4096];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t n = ::recv(connection, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    request.append(buffer, static_cast<size_t>(n));
  }
  return request;
}

/// Of "Range: bytes=N-".
size_t first_byte(const std::string& request) {
  const std::string key = "Range: bytes=";
  const size_t at = request.find(key);
  return at == std::string::npos ? 0 : std::stoul(request.substr(at + key.size()));
}

}  // namespace

HttpServer::HttpServer(std::map<std::string, std::string> files) : files_(std::move(files)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* as_any = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || ::bind(listener_, as_any, size) != 0 || ::listen(listener_, 4) != 0 ||
      ::getsockname(listener_, as_any, &size) != 0)
    throw std::runtime_error("no server on loopback");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

HttpServer::~HttpServer() {
  ends_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::string HttpServer::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

void HttpServer::serve() {
  while (true) {
    const int connection = ::accept(listener_, nullptr, nullptr);
    if (connection < 0) return;
    answer(connection);
    ::close(connection);
  }
}

void HttpServer::answer(int connection) {
  const std::string request = receive_request(connection);
  std::string method, path;
  std::istringstream(request) >> method >> path;
  const auto file = files_.find(path);
  const int refusal = refusal_.exchange(0);
  if (refusal || file == files_.end()) {
    send_all(connection, "HTTP/1.1 " + std::to_string(refusal ? refusal : 404) +
                             " No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return;
  }
  const size_t first = first_byte(request), size = file->second.size();
  if (first > 0 && (first >= size || !ranges_)) {
    send_all(
        connection,
        "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return;
  }
  std::ostringstream head;
  head << "HTTP/1.1 " << (first ? "206 Partial Content" : "200 OK") << "\r\n";
  if (tells_length_) head << "Content-Length: " << size - first << "\r\n";
  if (first) head << "Content-Range: bytes " << first << "-" << size - 1 << "/" << size << "\r\n";
  head << "Connection: close\r\n\r\n";
  const size_t dripped_after = drip_.exchange(SIZE_MAX);
  if (dripped_after < size) {
    send_all(connection, head.str() + file->second.substr(first, dripped_after));
    drip(connection, file->second.substr(first + dripped_after));
    return;
  }
  const std::string body = file->second.substr(first, most_.exchange(SIZE_MAX));
  sent_ += body.size();  // before the client can have it
  send_all(connection, head.str() + body);
}

void HttpServer::drip(int connection, const std::string& body) {
  drips_ = true;
  // A client that has left resets the connection at the second byte after that.
  for (size_t i = 0; i < body.size() && !ends_ && send_all(connection, body.substr(i, 1)); ++i) {
    ++sent_;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  drips_ = false;
}

bool HttpServer::wait_until_left(std::chrono::seconds most) const {
  const auto end = std::chrono::steady_clock::now() + most;
  while (drips_ && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return !drips_;
}

bool has_curl() {
  if (std::system("curl --version >/dev/null 2>&1") != 0) return false;
  try {
    HttpServer({});
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

}  // namespace gradus
