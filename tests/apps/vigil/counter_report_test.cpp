#include "apps/vigil/counter_report.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "apps/vigil/file.hpp"
#include "tests/support/paths.hpp"

using namespace vigil;

namespace {

/// The fields of type std::uint64_t that the header at `path` declares.
std::set<std::string> fields_of(const char* path) {
    const auto text = read_file((source_root() / path).string());
    REQUIRE(text);
    std::set<std::string> found;
    constexpr std::string_view type = "std::uint64_t ";
    for (auto at = text->find(type); at != std::string::npos; at = text->find(type, at)) {
        at += type.size();
        const std::string list = text->substr(at, text->find(';', at) - at);
        for (std::size_t i = 0; i < list.size();) {
            const auto start = list.find_first_not_of(" \n", i);
            found.insert(list.substr(start, list.find(" =", start) - start));
            i = std::min(list.find(',', start), list.size() - 1) + 1;
        }
    }
    return found;
}

}  // namespace

TEST_CASE("Every counter is told by its own name") {
    std::set<std::string> declared = fields_of("sip/transport/counters.hpp");
    declared.merge(fields_of("apps/edge/net/net_counters.hpp"));
    const sip::Counters core{};
    const edge::NetCounters net{};
    std::set<std::string> told;
    for (const auto& each : CounterReport::all(core, net)) told.emplace(each.name);
    CHECK(told == declared);
    CHECK(told.size() * sizeof(std::uint64_t) == sizeof core + sizeof net);
}

TEST_CASE("What is 0 is left out, and no line is longer than the log writes") {
    sip::Counters core{};
    edge::NetCounters net{};
    CHECK(CounterReport(core, net).lines().empty());
    core.challenges = 7;
    net.icmp_errors = 1;
    CHECK(CounterReport(core, net).lines() ==
          std::vector<std::string>{"challenges 7, icmp_errors 1"});
    auto* const first = reinterpret_cast<std::uint64_t*>(&core);
    std::fill(first, first + sizeof core / sizeof *first, UINT64_MAX);
    std::size_t commas = 0;
    const auto lines = CounterReport(core, net).lines();
    for (const std::string& line : lines) {
        CHECK(line.size() < 980);
        commas += static_cast<std::size_t>(std::count(line.begin(), line.end(), ','));
    }
    CHECK(commas + lines.size() == sizeof core / sizeof *first + 1);
}

TEST_CASE("T-36: trouble is told once, and again only where there is more of it") {
    sip::Counters core{};
    edge::NetCounters net{};
    CounterReport report(core, net);
    CHECK(report.new_trouble().empty());
    core.requests_in = 1'000'000;
    CHECK(report.new_trouble().empty());
    core.limit_memory = 2;
    net.accept_errors = 5;
    CHECK(report.new_trouble() == "limit_memory 2, accept_errors 5");
    CHECK(report.new_trouble().empty());
    net.accept_errors = 6;
    CHECK(report.new_trouble() == "accept_errors 1");
}
