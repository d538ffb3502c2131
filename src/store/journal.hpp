// A journal as the router's process sees it: it hears of every commit, and answers questions about them later.
#pragma once

#include <functional>
#include <string>

#include "router/hooks.hpp"
#include "store/query.hpp"

namespace clasp::store {

class Journal : public router::Observer {
 public:
  // `done` is called on the router's thread, at once or later, but never after this object is gone. Too many questions waiting: error overloaded.
  virtual void read(Query query, std::function<void(Result<Page>)> done) = 0;
  virtual void last_seq(std::function<void(Result<JournalSeq>)> done) = 0;
  virtual void snapshot_text(std::function<void(Result<std::string>)> done) = 0;  // a JSON array (journal specification 2.4)
};

}  // namespace clasp::store
