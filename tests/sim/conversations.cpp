#include "tests/sim/conversations.hpp"

#include <functional>

namespace sim {
namespace {

constexpr std::int64_t timer_f = 32 * second, timer_j = 32 * second;

/// RFC 6665 4.2.2: what takes the subscription with it.
bool ends_subscription(int status) {
    return status == 404 || status == 405 || status == 410 || status == 416 || status == 489 ||
           status == 501 || status == 604 || (status >= 480 && status <= 485);
}

template <class... Parts>
std::uint64_t hash_of(const Parts&... parts) {
    std::uint64_t hash = 0;
    ((hash = Random::scramble(hash * 31 + std::hash<std::string_view>{}(parts))), ...);
    return hash;
}

}  // namespace

void Conversations::fail(std::string_view invariant, const Wire& wire, std::string_view what) {
    world_.fail(invariant, name_ + ": " + std::string(what) + ": " + std::string(wire.start_line) +
                               ", CSeq " + std::to_string(wire.cseq) + " of " +
                               std::string(wire.call_id));
}

void Conversations::sent(std::string_view text, const Wire& wire, std::int64_t at) {
    if (text == "\r\n") return;  // RFC 5626 4.4.1: the answer to a keep-alive
    if (wire.is_request && wire.vias > 1)
        carried(text, wire);
    else if (wire.is_request)
        request(text, wire, at);
    else
        response(wire, at);
}

/// What somebody else began: his Via stands below ours.
void Conversations::carried(std::string_view text, const Wire& wire) {
    // RFC 3261 16.6 item 3: everybody here begins with 70, and there is one server on the way.
    if (text.find("\r\nMax-Forwards: 69\r\n") == std::string_view::npos)
        fail("what is carried on has one hop less", wire, "not 69");
    if (wire.start_line.substr(wire.method.size()).starts_with(" sips:") &&
        !text.substr(wire.start_line.size()).starts_with("\r\nVia: SIP/2.0/TLS "))
        fail("SIPS goes by TLS alone", wire, "carried on by another transport");
}

void Conversations::request(std::string_view text, const Wire& wire, std::int64_t at) {
    // RFC 3857 4.9: several notifiers may answer one SUBSCRIBE, each in a dialog of its own.
    const bool forks = wire.method == "SUBSCRIBE" && wire.event == "presence.winfo";
    Series& series = forks ? series_[hash_of(wire.method, wire.call_id, wire.from_tag, wire.to_tag)]
                           : series_[hash_of(wire.method, wire.call_id, wire.from_tag)];
    const std::uint64_t branch = hash_of(wire.branch), bytes = hash_of(text);
    for (const auto& [known, its_bytes] : series.sent) {
        if (branch != known) continue;
        if (bytes != its_bytes)
            fail("a retransmission is the same bytes", wire, "other bytes under one branch");
        return;
    }
    // RFC 3261 26.2.2: never a downgrade.
    const bool is_sips = wire.start_line.substr(wire.method.size()).starts_with(" sips:");
    if (is_sips && text.find("\r\nVia: SIP/2.0/TLS ") == std::string_view::npos)
        fail("SIPS goes by TLS alone", wire, "by another transport");
    if (wire.method == "ACK") return;  // of each branch of what was forked (RFC 3261 17.1.1.3)
    if (series.gone) fail("who is gone is told nothing more", wire, "another one");
    const bool was_silent = !strangers_speak_ && series.by_datagram && !series.answered &&
                            series.decisions == decisions_;
    if (was_silent && wire.method == "NOTIFY" && at - series.sent_at > timer_f + second)
        fail("who is silent is told nothing more", wire, "no answer came to the one before");
    // RFC 3261 17.1.1.3: each branch of a forked INVITE that failed has an ACK of its own.
    if (wire.cseq <= series.cseq && wire.method != "ACK")
        fail("CSeq strictly rises", wire, "not above " + std::to_string(series.cseq));
    series.cseq = wire.cseq;
    series.sent_at = at;
    // What its connection broke under is said again.
    series.forced |= !series.answered && !series.by_datagram && wire.method == "NOTIFY";
    series.answered = false;
    series.by_datagram = text.find("SIP/2.0/UDP") != std::string_view::npos;
    series.sent[series.next++ % series.sent.size()] = {branch, bytes};
    if (wire.method == "NOTIFY") notify(series, wire, at);
}

void Conversations::notify(Series& series, const Wire& wire, std::int64_t at) {
    const bool over = wire.state.starts_with("terminated");
    // The last one may be said once more, where a stream broke under it.
    if (series.over && !over) fail("no NOTIFY after terminated", wire, "another one");
    series.over = over;
    const bool forced = series.forced || over || series.decisions != decisions_;
    series.forced = false;
    series.decisions = decisions_;
    if (interval_ == 0 || strangers_speak_) return;
    if (!forced && !tells_of_changes_)
        fail("who is politely blocked hears of no change", wire, "nobody asked");
    if (forced) {
        series.since = at;
        series.unforced = 0;
        return;
    }
    // The hold is of the presentity: one that waited for a 200 may come just before the next.
    ++series.unforced;
    if (series.unforced > 2 + static_cast<unsigned>((at - series.since) / interval_))
        fail("changes are held to the rate", wire,
             std::to_string(series.unforced) + " NOTIFYs in " +
                 std::to_string((at - series.since) / millisecond) + " ms");
}

void Conversations::response(const Wire& wire, std::int64_t at) {
    if (wire.status < 200 || wire.status > 299) return;
    const std::uint64_t key =
        hash_of(wire.method, wire.call_id, wire.from_tag, std::to_string(wire.cseq));
    if (wire.method == "SUBSCRIBE") {
        const std::uint64_t tag = hash_of(wire.to_tag);
        const auto [made, is_first] =
            made_by_.try_emplace(hash_of(wire.call_id, wire.from_tag), Made{tag, at, wire.cseq});
        // RFC 3263 4.3: whoever heard nothing in time asks the next server, which may be the same.
        const bool is_next = made->second.cseq != wire.cseq && outside_.contains(key);
        // RFC 3261 17.2.2: a copy that comes after Timer J is a new request to any server, but
        // for its nonce count.
        if (made->second.tag != tag && !strangers_speak_ && !agents_answer_ && !is_next &&
            (signed_ || at - made->second.at < timer_j))
            fail("one dialog a subscription", wire, "a second To tag");
        if (made->second.tag != tag) made->second = {tag, at, wire.cseq};
        // What we send in this dialog has the tags the other way round.
        if (answered_.insert(key).second)
            series_[hash_of(std::string_view("NOTIFY"), wire.call_id, wire.to_tag)].forced = true;
    } else if (wire.method == "PUBLISH") {
        const auto asked = asked_with_.find(key);
        if (asked != asked_with_.end() && !asked->second.empty() && !strangers_speak_) {
            const auto [first, is_first] = accepted_.try_emplace(asked->second, key);
            if (first->second != key)
                fail("an entity-tag is accepted at most once", wire, asked->second);
        }
        const auto [given, is_first] = given_.try_emplace(std::string(wire.etag), key);
        if (given->second != key) fail("entity-tags never come again", wire, wire.etag);
    } else if (wire.method == "NOTIFY") {
        if (!answered_.insert(key).second) return;  // the same answer to a copy
        std::uint32_t& taken = taken_[hash_of(wire.call_id, wire.from_tag)];
        if (wire.cseq < taken)
            fail("a watcher takes NOTIFYs in order", wire, "below " + std::to_string(taken));
        taken = wire.cseq;
    }
}

void Conversations::arrived(const Wire& wire) {
    if (wire.is_request && wire.method == "PUBLISH") {
        asked_with_[hash_of(wire.method, wire.call_id, wire.from_tag, std::to_string(wire.cseq))] =
            std::string(wire.if_match);
        return;
    }
    if (wire.is_request && wire.method == "SUBSCRIBE" && wire.to_tag.empty())
        outside_.insert(
            hash_of(wire.method, wire.call_id, wire.from_tag, std::to_string(wire.cseq)));
    if (wire.is_request || wire.method != "NOTIFY" || wire.status < 200) return;
    const auto found = series_.find(hash_of(wire.method, wire.call_id, wire.from_tag));
    if (found == series_.end()) return;
    Series& series = found->second;
    // A forged one, one to a NOTIFY before, or a second one changes nothing.
    const auto& [branch, bytes] =
        series.sent[(series.next + series.sent.size() - 1) % series.sent.size()];
    if (series.answered || wire.cseq != series.cseq || hash_of(wire.branch) != branch) return;
    series.answered = true;
    series.gone =
        !strangers_speak_ && series.decisions == decisions_ && ends_subscription(wire.status);
    // A NOTIFY that failed is tried again, whatever the rate.
    if (wire.status >= 300) series.forced = true;
}

}  // namespace sim
