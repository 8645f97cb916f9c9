#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sip/auth/digest_client.hpp"
#include "sip/dialog/uac.hpp"
#include "sip/stack.hpp"
#include "tests/support/raw_peer.hpp"
#include "tests/support/seeded_entropy.hpp"

/// A stack with one client-side part (`Part`), and its server played in raw messages from
/// 192.0.2.99:5062 (UDP), or a connection to it (TCP).
template <class Part>
class UacWorld {
public:
    using Raw = RawWorld<sip::Stack>;

    explicit UacWorld(const sip::Limits& limits = {}, std::uint64_t seed = 1)
        : entropy(seed), stack(options_of(limits), entropy), raw(stack), part(stack.core()) {
        part.attach_as(stack.attach(part, Part::methods));
    }

    SeededEntropy entropy;
    sip::Stack stack;
    Raw raw;
    Part part;

    sip::UacOptions peer(std::string_view uri = "sip:alice@example.com",
                         std::string_view from = "sip:bob@example.com") {
        sip::UacOptions options;
        options.uri = uri;
        options.from = from;
        options.contact_user = "bob";
        options.next_hop = {sip::Transport::udp, Raw::udp, {}, raw.peer};
        return options;
    }
    /// Credentials of bob; live as long as this world.
    sip::DigestClient* credentials() {
        if (!credentials_) {
            credentials_.emplace(stack.shard().memory, entropy);
            (void)credentials_->add_password("example.com", "bob", "secret");
        }
        return &*credentials_;
    }
    /// The one request that left just now; none or several give an empty message.
    RawMessage only() {
        raw.drain();
        if (raw.sent.size() != 1) return {};
        return raw.take();
    }
    /// What left last, copies before it thrown away.
    RawMessage last() {
        raw.drain();
        RawMessage found;
        while (!raw.sent.empty()) found = raw.take();
        return found;
    }
    bool silent() {
        raw.drain();
        return raw.sent.empty();
    }
    /// Answers `request`, with a To tag of ours where it has none.
    void reply(const RawMessage& request, int status, std::vector<std::string> fields = {},
               const std::string& to_tag = "server") {
        std::string to = request.field("To");
        if (to.find(";tag=") == std::string::npos && !to_tag.empty()) to += ";tag=" + to_tag;
        std::string text = "SIP/2.0 " + std::to_string(status) +
                           " Said\r\nVia: " + request.field("Via") +
                           "\r\nFrom: " + request.field("From") + "\r\nTo: " + to +
                           "\r\nCall-ID: " + request.field("Call-ID") +
                           "\r\nCSeq: " + request.field("CSeq") + "\r\n";
        if (status < 300 && request.method() == "SUBSCRIBE")
            text += "Contact: <sip:192.0.2.99:5062>\r\n";
        for (const std::string& field : fields) text += field + "\r\n";
        text += "Content-Length: 0\r\n\r\n";
        if (request.flow != sip::FlowId{})
            raw.input(request.flow, text);
        else
            raw.input(text);
    }
    static std::string challenge(const std::string& nonce, bool stale = false) {
        return "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"" + nonce +
               "\", algorithm=MD5, qop=\"auth\"" + (stale ? ", stale=true" : "");
    }
    void pass(sip::Duration by) { raw.pass(by); }

private:
    static sip::StackOptions options_of(const sip::Limits& limits) {
        sip::StackOptions options;
        options.limits = limits;
        return options;
    }
    std::optional<sip::DigestClient> credentials_;
};

inline std::string tag_of(const std::string& value) {
    const auto at = value.find(";tag=");
    return at == std::string::npos ? std::string{} : value.substr(at + 5);
}
inline unsigned cseq_of(const RawMessage& message) {
    return static_cast<unsigned>(std::stoul(message.field("CSeq")));
}
