#pragma once

namespace gradus::ssgan {

/// After the first call SIGINT (Ctrl-C), SIGTERM and SIGHUP ask a run to stop after its step; a
/// second one ends the program at once. Those that the program was started to ignore stay ignored.
void stop_on_signals();
/// The signal that has asked, or 0.
int stop_signal();

}  // namespace gradus::ssgan
