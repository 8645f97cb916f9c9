#include "apps/load/plan.hpp"

namespace load {

namespace {

constexpr std::array<std::string_view, kind_count> names{"subscribe", "refresh",   "unsubscribe",
                                                         "publish",   "modify",    "fan-out",
                                                         "touch",     "unpublish", "options"};

template <class Member>
std::uint64_t sum(const std::vector<StreamResult>& streams, Member member) {
    std::uint64_t all = 0;
    for (const StreamResult& stream : streams) all += stream.*member;
    return all;
}

}  // namespace

std::string_view name_of(Kind kind) { return names[static_cast<std::size_t>(kind)]; }

std::uint64_t PhaseResult::started() const { return sum(streams, &StreamResult::started); }
std::uint64_t PhaseResult::succeeded() const { return sum(streams, &StreamResult::succeeded); }
std::uint64_t PhaseResult::failed() const { return sum(streams, &StreamResult::failed); }

}  // namespace load
