// Property 1: no bytes as Authorization, challenge or Authentication-Info crash server or client.
// Property 2: the server accepts only a response that is the right hash of a user's secret, on a
//             nonce of its own, and never the same request twice.
// Property 3: whatever a server said, the client writes whole header fields that parse again, and
//             one for each realm that it has taken.
// Property 4: after any of it, client and server still come to an agreement.
//
// The first byte says what the rest is: "C" challenges, one a line; "I" Authentication-Info; any
// other byte Authorization fields, one a line, where "{nonce}" stands for a fresh nonce.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "sip/auth/digest_client.hpp"
#include "sip/auth/digest_server.hpp"
#include "sip/base/text.hpp"

using namespace sip;

namespace {

constexpr std::string_view realm = "example.com";
constexpr std::string_view uri = "sip:bob@example.com";
constexpr std::string_view method = "SUBSCRIBE";

void require(bool holds) {
    if (!holds) std::abort();
}

class CountingEntropy final : public Entropy {
public:
    void fill(std::span<std::byte> out) override {
        for (std::byte& byte : out) byte = static_cast<std::byte>(state_ = state_ * 29 + 7);
    }

private:
    unsigned state_ = 1;
};

class OneUser final : public CredentialSource {
public:
    bool find(std::string_view user, std::string_view of, DigestAlgorithm base,
              Ha1& out) const override {
        if (user != "alice") return false;
        out = make_ha1(base, user, of, "wonderland");
        return true;
    }
};

DigestServerOptions everything() {
    using enum DigestAlgorithm;
    DigestServerOptions options;
    for (const DigestAlgorithm algorithm :
         {md5, md5_sess, sha256, sha256_sess, sha512_256, sha512_256_sess})
        require(options.algorithms.push(algorithm));
    options.offer_auth_int = true;
    options.send_opaque = true;
    options.nonces = 4;
    return options;
}

struct World {
    CountingEntropy entropy;
    Memory memory;
    OneUser users;
    Essentials essentials;
    DigestServer server{memory, entropy, everything()};
    DigestClient client{memory, entropy};
    const Now now{Instant{} + seconds{100}, 0};

    World() {
        const auto parsed = parse_uri(uri);
        require(parsed.has_value());
        essentials.request_uri = essentials.to.uri = *parsed;
        require(client.add_password("", "alice", "wonderland"));
    }
    DigestVerdict verify(std::span<const HeaderField> fields) {
        MessageView request;
        request.method_name = method;
        request.method = Method::subscribe;
        request.request_uri = uri;
        request.headers = fields;
        return server.verify(now, request, essentials, realm, users);
    }
};

/// Header fields of one name, from lines of text; views into it.
std::vector<HeaderField> lines_of(std::string_view text, HeaderId id) {
    std::vector<HeaderField> fields;
    while (!text.empty() && fields.size() < 64) {
        const auto end = text.find('\n');
        fields.push_back({id, name_of(id), trim(text.substr(0, end))});
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return fields;
}

/// What a MessageWriter wrote, checked to be header fields and nothing else.
std::vector<HeaderField> fields_of(std::string_view text) {
    std::vector<HeaderField> fields;
    while (!text.empty()) {
        const auto colon = text.find(": "), end = text.find("\r\n");
        require(end != std::string_view::npos && colon < end);
        const HeaderField field{header_id_of(text.substr(0, colon)), text.substr(0, colon),
                                text.substr(colon + 2, end - colon - 2)};
        require(field.id != HeaderId::unknown);
        for (const char c : field.value) require(static_cast<unsigned char>(c) >= 0x20);
        fields.push_back(field);
        text.remove_prefix(end + 2);
    }
    return fields;
}

void try_authorization(World& world, std::string_view input) {
    std::array<char, 4096> space;
    Appender written(space);
    MessageWriter writer(written);
    world.server.write_challenges(writer, world.now, realm, false);
    const auto challenge = parse_challenge(fields_of(written.view())[0].value);
    require(challenge.has_value());
    std::string text(input);
    constexpr std::string_view hole = "{nonce}";
    for (auto at = text.find(hole); at != std::string::npos; at = text.find(hole, at + 1))
        text.replace(at, hole.size(), challenge->nonce);
    const auto fields = lines_of(text, HeaderId::authorization);
    const DigestVerdict verdict = world.verify(fields);
    if (verdict.outcome != DigestVerdict::Outcome::accepted) {
        require(verdict.user.empty() && !verdict.error.rule.empty());
        return;
    }
    require(verdict.user == "alice");
    const DigestCredentials& c = verdict.credentials;
    const HexDigest key = session_key(make_ha1(c.algorithm, "alice", realm, "wonderland"),
                                      c.algorithm, c.nonce, c.cnonce);
    const HexDigest right =
        digest_response(key, {c.algorithm, c.nonce, c.qop, c.cnonce, c.nc_text, method, c.uri, {}});
    require(HexDigest::parse(c.response) == right);
    require(world.server.nonces().check(world.now, realm, c.nonce).state ==
            NonceTable::State::current);
    require(world.verify(fields).outcome == DigestVerdict::Outcome::challenge);
}

void try_challenges(World& world, std::string_view input) {
    const auto fields = lines_of(input, HeaderId::www_authenticate);
    MessageView response;
    response.status = 401;
    response.headers = fields;
    DigestAttempt attempt;
    const bool answered = world.client.answer(response, method, attempt).has_value();
    require(answered == (world.client.sessions() > 0));
    std::vector<char> room(65'536);
    for (int i = 0; i < 2; ++i) {
        Appender out(room);
        MessageWriter writer(out);
        world.client.write_credentials(writer, method, uri, "body");
        require(!out.overflowed());
        const auto written = fields_of(out.view());
        require(written.size() == world.client.sessions());
        for (const HeaderField& field : written) {
            const auto parsed = parse_credentials(field.value);
            require(parsed.has_value() && parsed->is_digest && parsed->username == "alice");
            require(parsed->qop.empty() || parsed->nc == static_cast<std::uint32_t>(i + 1));
        }
    }
    // The secret for any realm is never used for a NOTIFY.
    attempt = {};
    require(!world.client.answer(response, "NOTIFY", attempt));
}

void agree(World& world) {
    std::vector<char> room(65'536);
    Appender out(room);
    MessageWriter writer(out);
    world.server.write_challenges(writer, world.now, realm, true);
    const auto challenges = fields_of(out.view());
    MessageView response;
    response.status = 401;
    response.headers = challenges;
    DigestAttempt attempt;
    require(world.client.answer(response, method, attempt).has_value());
    const std::size_t from = out.size();
    world.client.write_credentials(writer, method, uri, {});
    require(!out.overflowed());
    const auto credentials = fields_of(out.view().substr(from));
    require(world.verify(credentials).outcome == DigestVerdict::Outcome::accepted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    World world;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const char kind = input.empty() ? 'A' : input[0];
    const std::string_view rest = input.substr(input.empty() ? 0 : 1);
    if (kind == 'C') {
        try_challenges(world, rest);
    } else if (kind == 'I') {
        agree(world);
        const auto fields = lines_of(rest, HeaderId::authentication_info);
        MessageView response;
        response.status = 200;
        response.headers = fields;
        (void)world.client.check_authentication_info(response, uri);
    } else {
        try_authorization(world, rest);
    }
    agree(world);
    return 0;
}
