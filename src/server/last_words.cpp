#include "server/last_words.hpp"

#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>

namespace clasp::server {

namespace {

void say(std::string_view words) { [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, words.data(), words.size()); }

[[noreturn]] void die() {
  try {
    if (const std::exception_ptr thrown = std::current_exception()) std::rethrow_exception(thrown);
    say("clasp server: ended without a reason\n");
  } catch (const std::bad_alloc&) {
    say("clasp server: out of memory, the system gives no more; bound it with --max-params, --history-bytes and --outbox-memory, or allow it more\n");
  } catch (const std::exception& error) {
    say("clasp server: ");
    say(error.what());
    say("\n");
  } catch (...) {
    say("clasp server: ended by something that is no std::exception\n");
  }
  std::abort();
}

}  // namespace

void name_the_reason_of_death() { std::set_terminate(die); }

}  // namespace clasp::server
