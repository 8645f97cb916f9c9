#pragma once

#include <array>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sip/auth/credential_source.hpp"
#include "sip/auth/digest_server.hpp"
#include "sip/message/message_writer.hpp"
#include "tests/support/seeded_entropy.hpp"

/// Users with passwords, and how often they were looked for.
class TestUsers final : public sip::CredentialSource {
public:
    std::map<std::string, std::string, std::less<>> passwords{{"alice", "wonderland"},
                                                              {"bob", "builder"}};
    mutable std::vector<std::string> asked;

    bool find(std::string_view user, std::string_view realm, sip::DigestAlgorithm base,
              sip::Ha1& out) const override {
        asked.emplace_back(user);
        const auto found = passwords.find(user);
        if (found == passwords.end()) return false;
        out = sip::make_ha1(base, user, realm, found->second);
        return true;
    }
};

/// A message made by hand, so that nothing but digest is under test.
struct TestMessage {
    std::string method = "SUBSCRIBE";
    std::string uri = "sip:bob@example.com";
    std::string to = "sip:bob@example.com";
    bool in_dialog = false;
    std::string body;
    std::uint16_t status = 0;
    std::vector<std::pair<sip::HeaderId, std::string>> fields;

    TestMessage& with(sip::HeaderId id, std::string value) {
        fields.emplace_back(id, std::move(value));
        return *this;
    }
    /// Adds the header fields that a MessageWriter wrote.
    TestMessage& with_written(std::string_view text) {
        while (!text.empty()) {
            const auto end = text.find("\r\n"), colon = text.find(": ");
            if (end == std::string_view::npos || colon > end) throw std::string("not a header");
            with(sip::header_id_of(text.substr(0, colon)),
                 std::string(text.substr(colon + 2, end - colon - 2)));
            text.remove_prefix(end + 2);
        }
        return *this;
    }
    /// Lives as long as this message stays as it is.
    sip::MessageView view() {
        slots.clear();
        for (const auto& [id, value] : fields) slots.push_back({id, sip::name_of(id), value});
        sip::MessageView view;
        view.status = status;
        view.method_name = method;
        view.method = sip::method_of(method);
        view.request_uri = uri;
        view.headers = slots;
        view.body = body;
        return view;
    }
    sip::Essentials essentials() const {
        sip::Essentials essentials;
        if (const auto parsed = sip::parse_uri(uri)) essentials.request_uri = *parsed;
        if (const auto parsed = sip::parse_uri(to)) essentials.to.uri = *parsed;
        if (in_dialog) essentials.to_tag = "tag";
        return essentials;
    }

private:
    std::vector<sip::HeaderField> slots;
};

/// A parameter of a challenge or of credentials, without quotes; empty when it is not there.
inline std::string parameter(std::string_view value, std::string_view name) {
    const std::string key = std::string(name) + "=";
    for (auto at = value.find(key); at != std::string_view::npos; at = value.find(key, at + 1)) {
        if (value[at - 1] != ',' && value[at - 1] != ' ') continue;
        std::string_view rest = value.substr(at + key.size());
        if (rest.substr(0, 1) == "\"") return std::string(rest.substr(1, rest.find('"', 1) - 1));
        return std::string(rest.substr(0, rest.find(',')));
    }
    return {};
}

struct TestServer {
    static constexpr std::string_view realm = "example.com";

    explicit TestServer(const sip::DigestServerOptions& options = {}, std::uint64_t seed = 1)
        : entropy(seed), server(memory, entropy, options) {}

    sip::Now now() const { return {sip::Instant{} + clock, 0}; }
    /// The header fields of a 401, as they would be sent.
    std::string challenges(bool stale = false) {
        std::array<char, 4096> room;
        sip::Appender out(room);
        sip::MessageWriter writer(out);
        server.write_challenges(writer, now(), realm, stale);
        return std::string(out.view());
    }
    /// The value of the one challenge there is.
    std::string challenge(bool stale = false) {
        const std::string all = challenges(stale);
        return all.substr(all.find(": ") + 2, all.find("\r\n") - all.find(": ") - 2);
    }
    std::string nonce() { return parameter(challenge(), "nonce"); }
    sip::DigestVerdict verify(TestMessage& request) {
        return server.verify(now(), request.view(), request.essentials(), realm, users);
    }
    std::string info(const sip::DigestVerdict& accepted, std::string_view body = {}) {
        std::array<char, 4096> room;
        sip::Appender out(room);
        sip::MessageWriter writer(out);
        server.write_authentication_info(writer, now(), realm, accepted, body);
        return std::string(out.view());
    }

    sip::Memory memory;
    SeededEntropy entropy;
    TestUsers users;
    sip::Duration clock = sip::seconds{1000};
    sip::DigestServer server;
};
