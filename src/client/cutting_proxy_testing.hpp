// A TCP proxy that can cut all connections it carries, without a word, at once or after so many more bytes from the router.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace clasp::client::testing {

namespace asio = boost::asio;
using asio::ip::tcp;

class CuttingProxy {
 public:
  explicit CuttingProxy(std::uint16_t target)
      : target_(asio::ip::address_v4::loopback(), target), acceptor_(loop_, {asio::ip::address_v4::loopback(), 0}) {
    accept();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~CuttingProxy() {
    loop_.stop();
    thread_.join();
  }
  CuttingProxy(const CuttingProxy&) = delete;

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void cut() {
    on_loop([this] { cut_now(); });
  }
  void cut_after(std::size_t bytes) {
    on_loop([this, bytes] { left_ = bytes; });
  }
  std::size_t cuts() {
    std::size_t cuts = 0;
    on_loop([&] { cuts = cuts_; });
    return cuts;
  }

 private:
  struct Carriage {
    explicit Carriage(asio::io_context& loop) : near(loop), far(loop) {}
    tcp::socket near;
    tcp::socket far;
    std::array<std::byte, 4'096> up{};
    std::array<std::byte, 4'096> down{};
  };

  template <typename F>
  void on_loop(F f) {
    std::promise<void> done;
    asio::post(loop_, [&] {
      f();
      done.set_value();
    });
    done.get_future().get();
  }
  void accept() {
    auto carriage = std::make_shared<Carriage>(loop_);
    acceptor_.async_accept(carriage->near, [this, carriage](const boost::system::error_code& error) {
      if (error) return;
      boost::system::error_code refused;
      carriage->far.connect(target_, refused);
      if (!refused) {
        carriages_.push_back(carriage);
        carry(carriage, carriage->near, carriage->far, carriage->up, false);
        carry(carriage, carriage->far, carriage->near, carriage->down, true);
      }
      accept();
    });
  }
  void carry(const std::shared_ptr<Carriage>& carriage, tcp::socket& from, tcp::socket& to, std::array<std::byte, 4'096>& buffer, bool counts) {
    from.async_read_some(asio::buffer(buffer),
                         [this, carriage, &from, &to, &buffer, counts](const boost::system::error_code& error, std::size_t bytes) {
                           if (error) return close(*carriage);
                           const bool ends = counts && left_ != 0 && bytes >= left_;
                           if (counts && left_ != 0) left_ -= ends ? left_ : bytes;
                           boost::system::error_code broken;
                           asio::write(to, asio::buffer(buffer.data(), ends ? bytes / 2 : bytes), broken);
                           if (ends) return cut_now();
                           if (broken) return close(*carriage);
                           carry(carriage, from, to, buffer, counts);
                         });
  }
  static void close(Carriage& carriage) {
    boost::system::error_code ignored;
    carriage.near.close(ignored);
    carriage.far.close(ignored);
  }
  void cut_now() {
    ++cuts_;
    for (const auto& carriage : carriages_) close(*carriage);
    carriages_.clear();
  }

  asio::io_context loop_;
  tcp::endpoint target_;
  tcp::acceptor acceptor_;
  std::vector<std::shared_ptr<Carriage>> carriages_;
  std::size_t left_ = 0;  // bytes from the router until the next cut; 0: none is planned
  std::size_t cuts_ = 0;
  std::thread thread_;
};

}  // namespace clasp::client::testing
