// What the program says when it ends because it cannot go on.
#pragma once

namespace clasp::server {

// An exception that nobody catches ends the program at once, with a core file where those are kept. Want of memory is named as such, with the
// options that bound it; nothing is allocated for it.
void name_the_reason_of_death();

}  // namespace clasp::server
