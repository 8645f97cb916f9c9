// Property 1: no order of requests, answers, CANCELs and time fails an assertion; effects are
//             drained, no deadline lies in the past, limits hold.
// Property 2: what goes on is a whole message that we read ourselves; a request has our Via on top,
// a
//             Max-Forwards, and the body that it came with; a response has lost our Via.
// Property 3: once time has passed nothing is left: no context, no branch, no transaction.
//
// The input is a script, one command a line: see the table at the end.

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "fuzz/scripts/script.hpp"
#include "sip/base/assert.hpp"
#include "sip/message/essentials.hpp"
#include "sip/message/message_parser.hpp"
#include "tests/support/server_world.hpp"

namespace {

using namespace sip;
using scripts::Command;
using scripts::Words;

constexpr std::array<std::string_view, 7> methods{"INVITE", "MESSAGE", "ACK",  "BYE",
                                                  "NOTIFY", "OPTIONS", "REFER"};
constexpr std::array<std::string_view, 3> users{"bob", "carol", "dave"};

class Peers {
public:
    explicit Peers(std::string_view script) : world_(options(script)), net_(world_.raw) {
        net_.answer_notify = false;
    }
    void check();
    void finish();

    void bind(Words& words);
    void say(Words& words);
    void raw(Words& words);
    void route(Words& words);
    void answer(Words& words);
    void again(Words& words);
    void bend(Words& words);
    void cancel(Words& words);
    void pass(Words& words) { net_.pass(milliseconds{words.number(0, 200'000, 1'000)}); }
    void refuse(Words& words) {
        world_.server.stack().shard().memory.refuse_after(
            static_cast<std::uint64_t>(words.number(0, 30, 0)));
    }

private:
    static presence::ServerOptions options(std::string_view script) {
        presence::ServerOptions made = ServerWorld::open();
        made.relay =
            script.starts_with("anywhere") ? Proxy::Relay::authenticated : Proxy::Relay::local;
        made.limits.response_contexts = 8;
        made.limits.forks = 3;
        made.limits.response_context_bytes = 4'000;
        return made;
    }
    static Endpoint at(unsigned last) {
        return {Address::v4(192, 0, 2, static_cast<std::uint8_t>(last)), 5060};
    }
    unsigned place(Words& words) { return static_cast<unsigned>(words.number(10, 29, 10)); }
    void from(unsigned last, const std::string& text) {
        net_.peer = at(last);
        said_ = text;
        said_by_ = last;
        const auto body = text.find("\r\n\r\n");
        if (body != std::string::npos) bodies_.insert(text.substr(body + 4));
        net_.input(text);
    }
    void look(const RawMessage& message);

    ServerWorld world_;
    RawWorld<presence::Server>& net_;
    std::string said_;
    unsigned said_by_ = 10, number_ = 0;
    std::set<std::string> bodies_{""};
    std::map<unsigned, RawMessage> heard_;  ///< the last request that each place got
};

void Peers::look(const RawMessage& message) {
    // What is wrong with a request is said to its sender in a copy of his own fields.
    if (message.status() >= 300) return;
    std::array<HeaderField, 256> slots;
    const Scan scan = scan_message(message.text, slots, Framing::datagram, {}, {});
    SIP_ASSERT(scan.end == ScanEnd::complete);
    const auto essentials = decode_essentials(scan.message, {});
    SIP_ASSERT(essentials);
    if (message.status() != 0) return;
    SIP_ASSERT(scan.message.has(HeaderId::max_forwards));
    SIP_ASSERT(scan.message.count(HeaderId::content_length) == 1);
    SIP_ASSERT(essentials->via.host == "192.0.2.1");
    const auto branch = Branch::read(essentials->via.branch);
    if (!branch || !branch->carried) return;  // a NOTIFY of our own
    const bool own =
        message.method() == "CANCEL" || (message.method() == "ACK" && essentials->via_count == 1);
    SIP_ASSERT(own == (essentials->via_count == 1));
    // A datagram's body may be longer than its Content-Length says: the rest was never its.
    bool same = false;
    for (const std::string& body : bodies_) same |= body.starts_with(scan.message.body);
    SIP_ASSERT(own || same);
    const unsigned last = message.to.address.bytes[15];
    heard_[last] = message;
}

void Peers::check() {
    while (const RawMessage message = net_.take()) look(message);
    const Limits& limits = world_.server.stack().shard().limits;
    SIP_ASSERT(world_.server.proxy().size() <= limits.response_contexts);
    SIP_ASSERT(world_.server.proxy().branches() <=
               std::size_t{limits.response_contexts} * limits.forks);
    const auto next = world_.server.deadline();
    SIP_ASSERT(!next || *next > net_.now.mono);
}

void Peers::finish() {
    world_.server.stack().shard().memory.refuse_none();
    for (int i = 0; i < 2; ++i) {
        net_.pass(seconds{400});
        check();
    }
    SIP_ASSERT(world_.server.proxy().size() == 0);
    SIP_ASSERT(world_.server.proxy().branches() == 0);
    SIP_ASSERT(world_.server.stack().clients().size() == 0);
}

void Peers::bind(Words& words) {
    const std::string user(users[words.one_of(users)]);
    const unsigned last = place(words);
    RawRequest request =
        world_.register_(user, "<sip:" + user + "@192.0.2." + std::to_string(last) + ">" +
                                   scripts::bytes_of(words.rest()));
    request.call_id = "r" + std::to_string(++number_);
    from(last, net_.text_of(request));
}

/// PLACE METHOD URI BREADTH BODY...
void Peers::say(Words& words) {
    const unsigned last = place(words);
    RawRequest request{std::string(methods[words.one_of(methods)]), std::string(words.word())};
    if (request.uri.empty()) request.uri = "sip:bob@example.com";
    request.call_id = "c" + std::to_string(++number_);
    const auto breadth = words.number(0, 70'000, 60);
    if (breadth != 60) request.with("Max-Breadth: " + std::to_string(breadth));
    request.with("Contact: <sip:alice@192.0.2." + std::to_string(last) + ">");
    request.body = scripts::bytes_of(words.rest());
    if (!request.body.empty()) request.content_type = "text/plain";
    from(last, net_.text_of(request));
}

/// In the dialog of what PLACE heard last, by the routes that stand there.
void Peers::route(Words& words) {
    const unsigned last = place(words);
    const auto found = heard_.find(last);
    if (found == heard_.end()) return;
    const RawMessage& heard = found->second;
    RawRequest request{std::string(methods[words.one_of(methods)]), std::string(words.word())};
    const std::string contact = heard.field("Contact");
    if (request.uri.empty() && contact.size() > 2)
        request.uri = contact.substr(1, contact.find('>') - 1);
    if (request.uri.empty()) return;
    request.from = heard.field("To") + ";tag=t" + std::to_string(last);
    request.to = heard.field("From");
    request.call_id = heard.field("Call-ID");
    for (const std::string& one : heard.fields("Record-Route")) request.with("Route: " + one);
    from(last, net_.text_of(request));
}

void Peers::raw(Words& words) {
    const unsigned last = place(words);
    from(last, scripts::bytes_of(words.rest()));
}

/// PLACE STATUS FIELD
void Peers::answer(Words& words) {
    const unsigned last = place(words);
    const auto found = heard_.find(last);
    if (found == heard_.end()) return;
    const RawMessage& request = found->second;
    std::string text = "SIP/2.0 " + std::to_string(words.number(100, 699, 200)) + " Said\r\n";
    for (const char* name : {"Via", "Record-Route", "From"})
        for (const std::string& value : request.fields(name))
            text += std::string(name) + ": " + value + "\r\n";
    text += "To: " + request.field("To") + ";tag=t" + std::to_string(last) +
            "\r\nCall-ID: " + request.field("Call-ID") + "\r\nCSeq: " + request.field("CSeq") +
            "\r\n";
    if (!words.rest().empty()) text += scripts::bytes_of(words.rest()) + "\r\n";
    from(last, text + "Content-Length: 0\r\n\r\n");
}

void Peers::again(Words&) { from(said_by_, said_); }

void Peers::bend(Words& words) {
    from(said_by_, scripts::bent(said_, static_cast<std::uint64_t>(words.number(0, 1'000'000, 1))));
}

void Peers::cancel(Words&) {
    if (!said_.starts_with("INVITE ")) return;
    std::string text = said_;
    text.replace(0, 6, "CANCEL");
    const auto cseq = text.find(" INVITE\r\n");
    if (cseq == std::string::npos) return;
    text.replace(cseq, 9, " CANCEL\r\n");
    const std::string invite = said_;
    from(said_by_, text);
    said_ = invite;
}

constexpr Command<Peers> table[] = {
    {"bind", [](Peers& p, Words& w) { p.bind(w); }},
    {"say", [](Peers& p, Words& w) { p.say(w); }},
    {"route", [](Peers& p, Words& w) { p.route(w); }},
    {"raw", [](Peers& p, Words& w) { p.raw(w); }},
    {"answer", [](Peers& p, Words& w) { p.answer(w); }},
    {"again", [](Peers& p, Words& w) { p.again(w); }},
    {"bend", [](Peers& p, Words& w) { p.bend(w); }},
    {"cancel", [](Peers& p, Words& w) { p.cancel(w); }},
    {"pass", [](Peers& p, Words& w) { p.pass(w); }},
    {"refuse", [](Peers& p, Words& w) { p.refuse(w); }},
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
