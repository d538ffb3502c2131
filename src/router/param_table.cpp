#include "router/param_table.hpp"

#include <limits>

#include "core/check.hpp"

namespace clasp::router {

std::uint32_t ParamTable::create(std::string_view address) {
  CLASP_CHECK(size_ < params_max && address.size() <= std::numeric_limits<std::uint16_t>::max());
  if (free_ == Param::none) make_chunk();
  const std::uint32_t id = free_;
  Param& param = (*this)[id];
  free_ = param.after;
  param = Param{};
  param.used = true;
  param.address = addresses_.store(as_bytes(address));
  param.address_bytes = static_cast<std::uint16_t>(address.size());
  ++size_;
  return id;
}

void ParamTable::destroy(std::uint32_t id) {
  CLASP_CHECK(exists(id));
  Param& param = (*this)[id];
  addresses_.free(param.address);
  values_.free(param.value);
  param = Param{};
  param.after = free_;
  free_ = id;
  --size_;
}

void ParamTable::resize_value(Param& param, Bytes bytes) {
  static_assert(Slabs::bytes_max <= 0xff'ffff);
  CLASP_CHECK(bytes.size() <= Slabs::bytes_max);
  param.value = values_.replace(param.value, bytes);
  param.value_bytes = static_cast<std::uint32_t>(bytes.size()) & 0xff'ffff;
}

void ParamTable::append(std::uint32_t id) {
  Param& param = (*this)[id];
  param.before = last_;
  param.after = Param::none;
  (last_ == Param::none ? first_ : (*this)[last_].after) = id;
  last_ = id;
}

void ParamTable::unlink(std::uint32_t id) {
  const Param& param = (*this)[id];
  (param.before == Param::none ? first_ : (*this)[param.before].after) = param.after;
  (param.after == Param::none ? last_ : (*this)[param.after].before) = param.before;
}

void ParamTable::make_chunk() {
  const auto first = static_cast<std::uint32_t>(chunks_.size() << chunk_shift);
  chunks_.push_back(std::make_unique<Param[]>(std::size_t{1} << chunk_shift));
  for (std::uint32_t id = first + chunk_mask + 1; id-- > first;) {  // the lowest ids are used first
    (*this)[id].after = free_;
    free_ = id;
  }
}

std::size_t ParamTable::memory_bytes() const {
  return sizeof *this + addresses_.memory_bytes() + values_.memory_bytes() + chunks_.capacity() * sizeof(chunks_[0]) +
         (chunks_.size() << chunk_shift) * sizeof(Param);
}

}  // namespace clasp::router
