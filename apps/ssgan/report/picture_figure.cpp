#include "apps/ssgan/report/picture_figure.h"

#include <fmt/format.h>

#include <span>

#include "apps/ssgan/report/text.h"
#include "nn/data/jpeg.h"

namespace gradus::ssgan {

std::string picture_figure(const Picture& picture, const std::string& alt,
                           const std::string& caption) {
  constexpr int kQuality = 80;
  const std::vector<uint8_t> jpeg = encode_jpeg(picture, kQuality);
  return fmt::format(
      "<figure><img src=\"data:image/jpeg;base64,{}\" width=\"{}\" height=\"{}\" alt=\"{}\">"
      "<figcaption>{}</figcaption></figure>\n",
      base64(std::as_bytes(std::span(jpeg))), picture.width, picture.height, escape_html(alt),
      escape_html(caption));
}

}  // namespace gradus::ssgan
