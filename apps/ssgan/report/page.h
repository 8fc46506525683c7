#pragma once

#include <string>
#include <string_view>

namespace gradus::ssgan {

/// Refresh::yes: a browser that shows the page reads it again every half minute.
enum class Refresh { no, yes };

/// What one page has beside the others' style and script.
struct PageExtras {
  std::string_view style = {};          ///< CSS
  std::string_view script = {};         ///< runs after kPageScript
  std::string_view script_sha256 = {};  ///< of it, in base64
};

/// A page of HTML that needs nothing else: `title` is text, `body` is HTML. Nothing is fetched and
/// nothing runs but kPageScript and the extra script, whatever the body holds.
std::string make_page(const std::string& title, const std::string& body, Refresh refresh,
                      const PageExtras& extras = {});

}  // namespace gradus::ssgan
