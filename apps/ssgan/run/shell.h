#pragma once

#include <filesystem>
#include <string>

namespace gradus::ssgan {

/// As one word for a POSIX shell; as it is where it needs no quotes.
std::string for_shell(const std::string& word);
/// How to start this program again, for a shell: as the user did.
std::string this_program();
/// Whether ./gradus started it.
bool started_by_script();
/// The same for `train`, which ./gradus offers, too: "./gradus train", "build/bin/ssgan train".
std::string this_training();

}  // namespace gradus::ssgan
