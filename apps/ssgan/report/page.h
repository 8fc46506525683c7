#pragma once

#include <string>

namespace gradus::ssgan {

/// Refresh::yes: a browser that shows the page reads it again every half minute.
enum class Refresh { no, yes };

/// A page of HTML that needs nothing else: `title` is text, `body` is HTML. Nothing is fetched and
/// nothing runs but kPageScript, whatever the body holds.
std::string make_page(const std::string& title, const std::string& body, Refresh refresh);

}  // namespace gradus::ssgan
