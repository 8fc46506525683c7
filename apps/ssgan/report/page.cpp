#include "apps/ssgan/report/page.h"

#include <fmt/format.h>

#include "apps/ssgan/report/page_script.h"
#include "apps/ssgan/report/page_style.h"
#include "apps/ssgan/report/text.h"

namespace gradus::ssgan {

std::string make_page(const std::string& title, const std::string& body, Refresh refresh,
                      const PageExtras& extras) {
  const std::string name = escape_html(title);
  const bool script = !extras.script.empty();
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; img-src data:; script-src 'sha256-{}'{}\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "{}<title>{}</title>\n<style>{}{}</style>\n</head>\n<body>\n<main>\n<h1>{}</h1>\n{}</main>\n"
      "<script>{}</script>\n{}</body>\n</html>\n",
      kPageScriptSha256, script ? fmt::format(" 'sha256-{}'", extras.script_sha256) : "",
      refresh == Refresh::yes ? "<meta http-equiv=\"refresh\" content=\"30\">\n" : "", name,
      kPageStyle, extras.style, name, body, kPageScript,
      script ? fmt::format("<script>{}</script>\n", extras.script) : "");
}

}  // namespace gradus::ssgan
