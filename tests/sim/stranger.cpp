#include "tests/sim/stranger.hpp"

#include <algorithm>

#include "tests/sim/host.hpp"
#include "tests/sim/wire.hpp"

namespace sim {
namespace {

constexpr std::size_t heard_max = 400;
/// Timer J of everybody, with the slowest clock and the longest delay, is over by then.
constexpr Time old_enough = 50 * second;

void replace(std::string& text, std::string_view what, const std::string& with) {
    const std::string from(what);
    if (from.empty()) return;
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + with.size()))
        text.replace(at, from.size(), with);
}

std::string made_up(Random& random) {
    std::string text;
    for (int i = 0; i < 16; ++i) text += "0123456789abcdef"[random.below(16)];
    return text;
}

}  // namespace

void Stranger::hears(const sip::Endpoint& source, const sip::Endpoint& to,
                     const std::string& text) {
    heard_.push_back({world_.now, source, to, text});
    if (heard_.size() > heard_max) heard_.pop_front();
}

const Stranger::Heard* Stranger::old(Random& random) const {
    std::size_t count = 0;
    while (count < heard_.size() && world_.now - heard_[count].at > old_enough) ++count;
    return count == 0 ? nullptr : &heard_[random.below(count)];
}

void Stranger::send(Random& random, const Heard& model, std::string text) {
    const sip::Endpoint own{sip::Address::v4(203, 0, 113, 66), 5060};
    world_.datagram(nullptr, random.percent(50) ? own : model.source, model.to, std::move(text));
}

std::string Stranger::mangle(Random& random, std::string text) const {
    for (auto rounds = random.between(1, 6); rounds > 0 && !text.empty(); --rounds) {
        const std::size_t at = random.below(text.size());
        const std::size_t size = std::min<std::size_t>(random.below(40), text.size() - at);
        switch (random.below(5)) {
            case 0: text[at] = static_cast<char>(random.below(256)); break;
            case 1: text.erase(at, size); break;
            case 2: text.insert(at, text.substr(random.below(text.size()), size)); break;
            case 3: text.resize(at); break;
            default: text.insert(at, random.below(40), static_cast<char>(random.below(256))); break;
        }
    }
    return text;
}

void Stranger::send_garbage(std::uint64_t seed) {
    Random random(seed);
    for (auto n = random.between(1, 12); n > 0; --n) {
        const Heard* model = old(random);
        if (model == nullptr) return;
        std::string text = model->text;
        // A NOTIFY is not signed: who can hear one can change it. That is for TLS to prevent.
        if (text.starts_with("NOTIFY")) text = "x" + text;
        send(random, *model, mangle(random, std::move(text)));
    }
}

void Stranger::replay(std::uint64_t seed) {
    Random random(seed);
    for (auto n = random.between(1, 12); n > 0; --n)
        if (const Heard* model = old(random)) send(random, *model, model->text);
}

void Stranger::forge_notify(std::uint64_t seed) {
    Random random(seed);
    for (int tries = 40; tries > 0; --tries) {
        const Heard* model = old(random);
        if (model == nullptr) return;
        if (!model->text.starts_with("NOTIFY")) continue;
        const Wire wire = read_wire(model->text);
        std::string text = model->text;
        replace(text, wire.branch, "z9hG4bK" + made_up(random));
        replace(text, "~", "~FORGED~");
        replace(text, "CSeq: ", "CSeq: 77");
        if (random.percent(50)) replace(text, wire.state, "terminated;reason=rejected");
        // What he could not know.
        replace(text, random.percent(50) ? wire.to_tag : wire.call_id, made_up(random));
        send(random, *model, std::move(text));
        if (random.percent(30)) return;
    }
}

void Stranger::forge_response(std::uint64_t seed) {
    Random random(seed);
    constexpr std::string_view lines[] = {"200 OK",    "481 Gone",    "404 Not Found", "503 Busy",
                                          "302 Moved", "412 Changed", "100 Trying"};
    for (auto n = random.between(1, 20); n > 0 && !heard_.empty(); --n) {
        // Of a request that may well be under way: all of it is right but the branch.
        const Heard& model = heard_[random.below(heard_.size())];
        if (model.text.starts_with("SIP/2.0")) continue;
        const Wire wire = read_wire(model.text);
        if (wire.branch.empty()) continue;
        std::string text = "SIP/2.0 " + std::string(lines[random.below(std::size(lines))]) +
                           "\r\n" + model.text.substr(model.text.find("\r\n") + 2);
        replace(text, wire.branch, "z9hG4bK" + made_up(random));
        world_.datagram(nullptr, model.to, model.source, std::move(text));
    }
}

void Stranger::flood(std::uint64_t seed) {
    Random random(seed);
    const Heard* model = old(random);
    if (model == nullptr) return;
    // Half of it is for the server; the rest is for phones, from another domain.
    constexpr std::string_view methods[] = {"SUBSCRIBE", "SUBSCRIBE", "MESSAGE",
                                            "INVITE",    "OPTIONS",   "NOTIFY"};
    for (int i = 0; i < 40; ++i) {
        const std::string id = made_up(random);
        const std::string method(methods[random.below(std::size(methods))]);
        const std::string user = method == "SUBSCRIBE" ? "u0" : "u" + std::to_string(i % 8);
        const std::string from =
            method == "SUBSCRIBE" ? "sip:u1@d0.example" : "sip:u1@elsewhere.example";
        world_.datagram(
            nullptr, {sip::Address::v4(203, 0, 113, static_cast<std::uint8_t>(i)), 5060}, model->to,
            method + " sip:" + user +
                "@d0.example SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9;branch=" + "z9hG4bK" + id +
                "\r\nMax-Forwards: 70\r\nFrom: <" + from + ">;tag=" + id + "\r\nTo: <sip:" + user +
                "@d0.example>\r\nCall-ID: " + id + "\r\nCSeq: 1 " + method +
                "\r\nEvent: presence\r\nSubscription-State: active\r\n"
                "Contact: <sip:203.0.113.9>\r\nContent-Length: 0\r\n\r\n");
    }
}

}  // namespace sim
