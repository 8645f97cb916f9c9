#include "sip/base/tally.hpp"

namespace sip {

std::uint32_t Tally::find(std::uint64_t key) const {
    return by_key_.find(key, access(), [&](std::uint32_t i) { return cells_.at(i).key == key; });
}

std::uint32_t Tally::count(std::uint64_t key) const {
    if (common_ != nullptr) return common_->count(common_key(key));
    const std::uint32_t at = find(key);
    return at == none ? 0 : cells_.at(at).count;
}

Tally::Counted Tally::add(std::uint64_t key, std::uint32_t most) {
    if (common_ != nullptr) return common_->add(common_key(key), most);
    const std::uint32_t at = find(key);
    if (at != none) {
        std::uint32_t& count = cells_.at(at).count;
        if (count >= most) return Counted::too_many;
        ++count;
        return Counted::yes;
    }
    if (most == 0) return Counted::too_many;
    if (!by_key_.reserve_one()) return Counted::no_room;
    const Handle made = cells_.create(Cell{key, 1});
    return made && by_key_.insert(made.index, access()) ? Counted::yes : Counted::no_room;
}

void Tally::remove(std::uint64_t key) {
    if (common_ != nullptr) {
        common_->remove(common_key(key));
        return;
    }
    const std::uint32_t at = find(key);
    SIP_ASSERT(at != none);
    if (--cells_.at(at).count > 0) return;
    by_key_.erase(at, access());
    cells_.destroy(cells_.handle_at(at));
}

}  // namespace sip
