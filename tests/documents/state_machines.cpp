// Prints every state machine as it stands in its table: docs/state_machines.md. A test fails when
// the two differ; `./dev docs` writes the page anew.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "presence/watcher_info/watcher_machine.hpp"
#include "sip/event/subscription_machine.hpp"
#include "sip/event/watch_machine.hpp"
#include "sip/transaction/invite_client.hpp"
#include "sip/transaction/invite_server.hpp"
#include "sip/transaction/non_invite_client.hpp"
#include "sip/transaction/non_invite_server.hpp"

namespace {

using Names = std::vector<std::string_view>;

/// The bits of `set`, by name. A bit without a name ends the program: the test fails then.
std::string actions_text(std::uint32_t set, const Names& names) {
    std::string text;
    for (std::size_t bit = 0; bit < 32; ++bit) {
        if ((set & (std::uint32_t{1} << bit)) == 0) continue;
        if (bit >= names.size()) std::abort();
        if (!text.empty()) text += ", ";
        text += names[bit];
    }
    return text;
}

/// Mermaid, as the sites that show the page draw it. Rows that change nothing are left out, rows
/// between the same two states with the same actions share an arrow.
template <class Table, class StateNames, class EventNames>
void print(std::string_view title, std::string_view source, const Table& table,
           const StateNames& states, const EventNames& events, const Names& actions) {
    std::printf("\n## %s\n\n`%s`\n\n```mermaid\nstateDiagram-v2\n", std::string(title).c_str(),
                std::string(source).c_str());
    std::printf("    [*] --> %s\n", std::string(states.front()).c_str());
    using Arrow = std::pair<std::string, std::string>;
    std::vector<Arrow> order;
    std::map<Arrow, std::string> arrows;
    for (const auto& row : table) {
        const auto from = static_cast<std::size_t>(row.from), to = static_cast<std::size_t>(row.to);
        const std::string done = actions_text(static_cast<std::uint32_t>(row.act), actions);
        if (from == to && done.empty()) continue;
        const Arrow arrow{std::string(states[from]) + " --> " + std::string(states[to]), done};
        std::string& on = arrows[arrow];
        if (on.empty())
            order.push_back(arrow);
        else
            on += ", ";
        on += events[static_cast<std::size_t>(row.on)];
    }
    for (const Arrow& arrow : order)
        std::printf("    %s: %s%s\n", arrow.first.c_str(), arrows[arrow].c_str(),
                    arrow.second.empty() ? "" : (" / " + arrow.second).c_str());
    std::printf("    terminated --> [*]\n```\n");
}

}  // namespace

int main() {
    std::printf(
        "# The state machines\n\nWritten by `./dev docs` from the tables that the code runs on; do "
        "not edit. An arrow says\nwhat happens, and behind the slash what is done about it. Events "
        "that change nothing in a\nstate are left out; the tables have them all, and one that is "
        "missing does not compile.\n");
    print("INVITE server transaction", "sip/transaction/invite_server.hpp",
          sip::invite_server::table, sip::invite_server::state_names,
          sip::invite_server::event_names,
          {"send", "resend", "send 100", "start G", "start H", "start I", "start L", "pass ACK up",
           "report timeout", "stop 100"});
    print("Non-INVITE server transaction", "sip/transaction/non_invite_server.hpp",
          sip::non_invite_server::table, sip::non_invite_server::state_names,
          sip::non_invite_server::event_names,
          {"send", "resend", "send 100", "start J", "stop 100"});
    print("INVITE client transaction", "sip/transaction/invite_client.hpp",
          sip::invite_client::table, sip::invite_client::state_names,
          sip::invite_client::event_names,
          {"pass up", "resend", "stop A and B", "send ACK", "start D", "start M", "remember CANCEL",
           "send CANCEL", "send CANCEL if remembered", "report timeout", "report transport"});
    print("Non-INVITE client transaction", "sip/transaction/non_invite_client.hpp",
          sip::non_invite_client::table, sip::non_invite_client::state_names,
          sip::non_invite_client::event_names,
          {"pass up", "resend", "start K", "report timeout", "report transport"});
    print("Subscription, at its notifier", "sip/event/subscription_machine.hpp",
          sip::subscription_machine::table, sip::subscription_machine::state_names,
          sip::subscription_machine::event_names, {"NOTIFY", "say why", "remove"});
    print("Subscription, at its subscriber", "sip/event/watch_machine.hpp",
          sip::watch_machine::table, sip::watch_machine::state_names,
          sip::watch_machine::event_names,
          {"tell accepted", "deliver", "SUBSCRIBE Expires 0", "SUBSCRIBE anew", "wait",
           "tell the end"});
    print("Watcher, as watcher information sees it", "presence/watcher_info/watcher_machine.hpp",
          presence::watcher_machine::table, presence::watcher_machine::state_names,
          presence::watcher_machine::event_names, {"start giveup", "report", "remove"});
}
