// Property 1: no order of requests, copies, answers, losses, broken connections and refused memory
//             fails an assertion; effects are drained, no deadline lies in the past, limits hold.
// Property 2: a server transaction has one final answer, every copy of it is the same bytes, and no
//             copy of the request reaches the user.
// Property 3: a client transaction sends the same bytes again, and reports once: one final
// response,
//             or one failure.
// Property 4: once the user has answered and time has passed nothing is left: no transaction, no
//             connection, no timer.
//
// The input is a script, one command a line: see the table at the end.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "fuzz/scripts/script.hpp"
#include "sip/base/assert.hpp"
#include "tests/sim/wire.hpp"
#include "tests/support/stack_world.hpp"

namespace {

using namespace sip;
using scripts::Command;
using scripts::Words;

constexpr std::array<std::string_view, 6> methods{"MESSAGE", "INVITE",    "REGISTER",
                                                  "BYE",     "SUBSCRIBE", "OPTIONS"};
constexpr std::array<std::uint16_t, 8> statuses{200, 404, 486, 500, 503, 202, 300, 603};

/// A stack with a user, and one peer that speaks to it in raw messages.
class Peers {
public:
    explicit Peers(std::string_view script) : world_(options(script), true) {
        world_.net.answer_notify = false;
        world_.user.script = [this](const Request&) { return later_ ? 0 : int{status_}; };
    }
    void check();
    void finish();

    // The peer's requests.
    void request(Words& words);
    void again() { say(said_, said_flow_); }
    void other_branch();
    void acknowledge(Words& words, std::string_view method);
    void bend(Words& words);
    void bytes(Words& words) { say(scripts::bytes_of(words.rest()), {}); }
    // The user.
    void answers(Words& words);
    void say_answer(Words& words);
    void send(Words& words);
    void forget(Words& words, bool withdrawn);
    // The peer's responses.
    void respond(Words& words, bool forged);
    // Connections and time.
    void connect();
    void connected(Words& words, bool made);
    void cut(Words& words);
    void pass(Words& words) { world_.net.pass(milliseconds{words.number(0, 200'000, 10)}); }
    void refuse(Words& words) {
        world_.stack.shard().memory.refuse_after(
            static_cast<std::uint64_t>(words.number(0, 100, 0)));
    }

private:
    static StackOptions options(std::string_view script) {
        StackOptions options;
        if (script.find("setup tight") == std::string_view::npos) return options;
        options.limits.server_transactions = options.limits.client_transactions = 3;
        options.limits.flows = 2;
        options.limits.memory_bytes = 65'536;
        return options;
    }
    std::string text_of(std::string_view method, std::string_view branch, bool stream) const;
    void say(const std::string& text, FlowId flow);
    FlowId flow_of(Words& words) const {
        if (flows_.empty()) return {};
        return flows_[static_cast<std::size_t>(words.number(0, 99, 0)) % flows_.size()];
    }
    void see(const RawMessage& message);
    void see(const ScriptedUser::Seen& seen);

    StackWorld world_;
    bool later_ = false;
    std::uint16_t status_ = 200;
    unsigned requests_ = 0;
    std::string said_, method_ = "MESSAGE", branch_ = "z9hG4bK0";
    FlowId said_flow_{};
    std::vector<FlowId> flows_;
    std::vector<OpenFlow> opening_;
    std::vector<RawMessage> heard_;  ///< requests of the stack's
    std::vector<ClientTransactionId> sent_;
    std::set<std::uint32_t> abandoned_;
    std::map<std::string, std::string> requests_by_branch_;
    std::map<std::string, RawMessage> finals_;
    std::map<std::string, Instant> handed_up_;
    std::size_t seen_ = 0;
};

// What must hold ----------------------------------------------------------------------------------

void Peers::see(const RawMessage& message) {
    const sim::Wire wire = sim::read_wire(message.text);
    if (wire.is_request) {
        const auto [known, is_first] =
            requests_by_branch_.try_emplace(std::string(wire.branch), message.text);
        SIP_ASSERT(known->second == message.text);
        if (is_first && heard_.size() < 16) heard_.push_back(message);
        return;
    }
    // Known by branch as long as its transaction lives: by datagram, and an INVITE until Timer I.
    if (wire.status < 200 || message.flow != FlowId{} || wire.method == "CANCEL" ||
        !wire.branch.starts_with("z9hG4bKours"))
        return;
    const auto [known, is_first] = finals_.try_emplace(std::string(wire.branch), message);
    if (known->second.text == message.text) return;
    const Duration lives = wire.method == "INVITE" ? seconds{5} : seconds{32};
    // Without state each copy is judged anew.
    const auto is_stateless = [](const RawMessage& one) {
        return one.status() == 500 || one.status() == 503 || one.status() == 400;
    };
    if (message.at - known->second.at >= lives || is_stateless(known->second)) {
        known->second = message;
        return;
    }
    SIP_ASSERT(is_stateless(message));
}

void Peers::see(const ScriptedUser::Seen& seen) {
    const sim::Wire wire = sim::read_wire(seen.text);
    if (!wire.branch.starts_with("z9hG4bKours") || wire.method == "ACK" ||
        wire.method == "CANCEL" || seen.text.find("/TCP") != std::string::npos)
        return;
    const Instant now = world_.net.now.mono;
    const auto [known, is_first] = handed_up_.try_emplace(std::string(wire.branch), now);
    if (is_first) return;
    SIP_ASSERT(now - known->second >= seconds{wire.method == "INVITE" ? 5 : 32});
    known->second = now;
}

void Peers::check() {
    auto& net = world_.net;
    while (const RawMessage message = net.take()) see(message);
    for (; seen_ < world_.user.seen.size(); ++seen_) see(world_.user.seen[seen_]);
    for (; !net.opened.empty(); net.opened.pop_front()) opening_.push_back(net.opened.front());
    for (; !net.closed.empty(); net.closed.pop_front()) std::erase(flows_, net.closed.front());
    Stack& stack = world_.stack;
    SIP_ASSERT(!stack.poll(net.now));
    SIP_ASSERT(!stack.deadline() || *stack.deadline() > net.now.mono);
    const Limits& limits = stack.shard().limits;
    const std::size_t completed = stack.servers().completed();
    SIP_ASSERT(stack.servers().size() - completed <= limits.server_transactions);
    SIP_ASSERT(completed <= limits.completed_transactions);
    SIP_ASSERT(stack.clients().size() <= limits.client_transactions);
    SIP_ASSERT(stack.transport().flow_count() <= limits.flows);
    SIP_ASSERT(stack.shard().memory.used() <= limits.memory_bytes);
    std::set<std::uint32_t> ended;
    for (const ScriptedUser::Told& told : world_.user.told) {
        SIP_ASSERT(told.object.index <= sent_.size() && !abandoned_.contains(told.object.index));
        SIP_ASSERT(!ended.contains(told.object.index));
        if (told.status == 0 || told.status >= 200) ended.insert(told.object.index);
    }
}

void Peers::finish() {
    auto& net = world_.net;
    world_.stack.shard().memory.refuse_none();
    // For a request whose answer found no memory there is one now.
    constexpr std::string_view late = "SIP/2.0 500 Late\r\nContent-Length: 0\r\n\r\n";
    const Packet answer{SharedBytes::copy(world_.stack.shard().memory, late), {}};
    for (const ScriptedUser::Seen& seen : world_.user.seen) {
        if (seen.transaction)
            world_.stack.servers().respond(net.now, seen.transaction, 500, answer);
        net.drain();
    }
    check();
    for (const OpenFlow& wanted : std::exchange(opening_, {})) {
        world_.stack.closed(net.now, wanted.flow);
        net.drain();
    }
    net.pass(seconds{300});
    check();
    for (const FlowId flow : std::exchange(flows_, {})) world_.stack.closed(net.now, flow);
    net.drain();
    net.pass(seconds{2'000});
    check();
    SIP_ASSERT(world_.stack.servers().size() == 0 && world_.stack.clients().size() == 0);
    SIP_ASSERT(world_.stack.transport().flow_count() == 0 && !world_.stack.deadline());
    std::set<std::uint32_t> told;
    for (const auto& one : world_.user.told)
        if (one.status == 0 || one.status >= 200) told.insert(one.object.index);
    SIP_ASSERT(told.size() + abandoned_.size() >= sent_.size());
}

// Commands ----------------------------------------------------------------------------------------

std::string Peers::text_of(std::string_view method, std::string_view branch, bool stream) const {
    return StackWorld::text(std::string(method),
                            std::string("SIP/2.0/") + (stream ? "TCP" : "UDP") +
                                " 192.0.2.99:5062;rport;branch=" + std::string(branch),
                            "sip:alice@example.com", "call-" + std::to_string(requests_));
}

void Peers::say(const std::string& text, FlowId flow) {
    if (flow == FlowId{})
        world_.net.input(text);
    else
        world_.net.input(flow, text);
}

void Peers::request(Words& words) {
    method_ = methods[words.one_of(methods)];
    const bool stream = words.takes("tcp");
    said_flow_ = stream ? flow_of(words) : FlowId{};
    branch_ = "z9hG4bKours" + std::to_string(++requests_);
    said_ = text_of(method_, branch_, said_flow_ != FlowId{});
    again();
}

void Peers::other_branch() {
    branch_ += "b";
    said_ = text_of(method_, branch_, said_flow_ != FlowId{});
    again();
}

/// ACK or CANCEL, with the branch of the request said last or (`anew`) another one.
void Peers::acknowledge(Words& words, std::string_view method) {
    const std::string branch = words.takes("anew") ? branch_ + "x" : branch_;
    say(text_of(method, branch, said_flow_ != FlowId{}), said_flow_);
}

void Peers::bend(Words& words) {
    const auto seed = static_cast<std::uint64_t>(words.number(0, INT64_MAX, 1));
    // Under another branch, so that what is said of this one stays true.
    std::string text = said_;
    const auto at = text.find("z9hG4bKours");
    if (at != std::string::npos) text.replace(at, 11, "z9hG4bKbent");
    say(scripts::bent(std::move(text), seed), said_flow_);
}

void Peers::answers(Words& words) {
    later_ = words.takes("later");
    status_ = statuses[static_cast<std::size_t>(words.number(0, 700, 200)) % statuses.size()];
    world_.user.later = status_;
}

void Peers::say_answer(Words& words) {
    auto& seen = world_.user.seen;
    if (seen.empty()) return;
    const auto i = static_cast<std::size_t>(words.number(0, 999, 0)) % seen.size();
    if (seen[i].later) world_.user.say(world_.net.now, i);
    world_.net.drain();
}

void Peers::send(Words& words) {
    if (sent_.size() >= 16) return;
    Target target = world_.peer_by_udp();
    if (words.takes("tcp")) target = world_.peer_by_tcp();
    if (words.takes("flow")) target.flow = flow_of(words);
    const auto number = static_cast<std::uint32_t>(sent_.size() + 1);
    const auto made = world_.user.send(world_.net.now, target, Method::message, number);
    if (made) sent_.push_back(*made);
    world_.net.drain();
}

void Peers::forget(Words& words, bool withdrawn) {
    if (sent_.empty()) return;
    const auto i = static_cast<std::size_t>(words.number(0, 99, 0)) % sent_.size();
    for (const auto& told : world_.user.told)
        if (told.object.index == i + 1 && (told.status == 0 || told.status >= 200)) return;
    abandoned_.insert(static_cast<std::uint32_t>(i + 1));
    std::erase_if(world_.user.told, [&](const auto& told) { return told.object.index == i + 1; });
    if (withdrawn)
        world_.stack.clients().withdraw(sent_[i]);
    else
        world_.stack.clients().abandon(sent_[i]);
    world_.net.drain();
}

void Peers::respond(Words& words, bool forged) {
    if (heard_.empty()) return;
    const auto status = static_cast<int>(words.number(100, 699, 200));
    RawMessage request = heard_[heard_.size() - 1 -
                                static_cast<std::size_t>(words.number(0, 99, 0)) % heard_.size()];
    const auto at = request.text.find("branch=z9hG4bK");
    if (forged && at != std::string::npos) request.text[at + 16] ^= 1;
    world_.net.answer(request, status);
}

void Peers::connect() {
    if (flows_.size() >= 4) return;
    const FlowId flow = world_.net.connect();
    if (flow != FlowId{}) flows_.push_back(flow);
    world_.net.drain();
}

void Peers::connected(Words& words, bool made) {
    if (opening_.empty()) return;
    const auto i = static_cast<std::size_t>(words.number(0, 99, 0)) % opening_.size();
    const OpenFlow wanted = opening_[i];
    opening_.erase(opening_.begin() + static_cast<std::ptrdiff_t>(i));
    if (made) {
        world_.stack.connected(world_.net.now, wanted.flow, world_.net.server);
        flows_.push_back(wanted.flow);
    } else {
        world_.stack.closed(world_.net.now, wanted.flow);
    }
    world_.net.drain();
}

void Peers::cut(Words& words) {
    const FlowId flow = flow_of(words);
    if (flow == FlowId{}) return;
    std::erase(flows_, flow);
    world_.stack.closed(world_.net.now, flow);
    world_.net.drain();
}

constexpr Command<Peers> table[] = {
    // The peer asks, METHOD [tcp NUMBER], and asks again.
    {"request", [](Peers& p, Words& words) { p.request(words); }},
    {"again", [](Peers& p, Words&) { p.again(); }},
    {"merged", [](Peers& p, Words&) { p.other_branch(); }},
    {"ack", [](Peers& p, Words& words) { p.acknowledge(words, "ACK"); }},
    {"cancel", [](Peers& p, Words& words) { p.acknowledge(words, "CANCEL"); }},
    {"bend", [](Peers& p, Words& words) { p.bend(words); }},
    {"bytes", [](Peers& p, Words& words) { p.bytes(words); }},
    // The user answers what comes from now on, [later] STATUS; and says what he kept.
    {"answers", [](Peers& p, Words& words) { p.answers(words); }},
    {"say", [](Peers& p, Words& words) { p.say_answer(words); }},
    // The user asks, [tcp] [flow NUMBER], and the peer answers, STATUS NUMBER; 0 is the latest.
    {"send", [](Peers& p, Words& words) { p.send(words); }},
    {"abandon", [](Peers& p, Words& words) { p.forget(words, false); }},
    {"withdraw", [](Peers& p, Words& words) { p.forget(words, true); }},
    {"respond", [](Peers& p, Words& words) { p.respond(words, false); }},
    {"forge", [](Peers& p, Words& words) { p.respond(words, true); }},
    // Connections, time in milliseconds, memory.
    {"connect", [](Peers& p, Words&) { p.connect(); }},
    {"connected", [](Peers& p, Words& words) { p.connected(words, true); }},
    {"unreachable", [](Peers& p, Words& words) { p.connected(words, false); }},
    {"cut", [](Peers& p, Words& words) { p.cut(words); }},
    {"pass", [](Peers& p, Words& words) { p.pass(words); }},
    {"refuse", [](Peers& p, Words& words) { p.refuse(words); }},
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view script(reinterpret_cast<const char*>(data), size);
    if (size > 4'096) return 0;
    Peers peers(script);
    scripts::run<Peers>(script, table, peers, [&] { peers.check(); });
    peers.finish();
    return 0;
}
