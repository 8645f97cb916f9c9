#include "apps/vigil/recent_decisions.hpp"

#include <algorithm>
#include <functional>

namespace vigil {

namespace {

std::string cut(std::string_view text) {
    return std::string(text.substr(0, RecentDecisions::text_bytes_max));
}

std::uint64_t hash_of(const sip::TraceDecision& decision) {
    std::uint64_t hash = decision.status;
    for (const std::string_view text :
         {decision.what, decision.reason, decision.subject, decision.about})
        hash = hash * 0x9e3779b97f4a7c15ULL + std::hash<std::string_view>{}(text);
    return hash;
}

}  // namespace

void RecentDecisions::add(const sip::Now& now, const sip::TraceDecision& decision) {
    if (decision.subject.empty()) return;
    std::deque<Entry>& line = decision.status == 401 || decision.status == 407 ? claimed_ : proved_;
    const std::uint64_t hash = hash_of(decision);
    Entry entry;
    const auto same = std::find_if(line.begin(), line.end(), [&](const Entry& each) {
        return each.hash == hash && each.subject == cut(decision.subject) &&
               each.about == cut(decision.about) && each.reason == cut(decision.reason);
    });
    if (same != line.end()) {
        entry = std::move(*same);
        line.erase(same);
    } else {
        entry = {cut(decision.what),
                 cut(decision.reason),
                 cut(decision.subject),
                 cut(decision.about),
                 decision.status,
                 0,
                 0,
                 hash};
    }
    ++entry.count;
    entry.last_wall_ms = now.wall_ms;
    if (line.size() == capacity) {
        line.pop_front();
        ++forgotten_;
    }
    line.push_back(std::move(entry));
}

}  // namespace vigil
