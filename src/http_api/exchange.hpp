// An answer that takes longer than its request: it waits, or comes in pieces. Belongs to its ApiConnection, one at a time.
#pragma once

#include <cstddef>

namespace clasp::http_api {

class Exchange {
 public:
  virtual ~Exchange() = default;  // touches neither router nor connection
  virtual void on_sent(std::size_t bytes) { static_cast<void>(bytes); }
  virtual void on_end() {}       // the peer has closed its side
  virtual void on_closed() = 0;  // give back what the router holds for it; the last call
  virtual void resume() {}       // HttpApi::wake() was called: the turn ends, the router may be called
  virtual void on_deadline() {}  // HttpApi::set_deadline()
  bool done() const { return done_; }

 protected:
  bool done_ = false;  // the answer is complete: the connection may go on
};

}  // namespace clasp::http_api
