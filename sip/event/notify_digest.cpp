#include "sip/event/notify_digest.hpp"

#include "sip/auth/quoted_text.hpp"
#include "sip/base/ranges.hpp"
#include "sip/message/digest_header.hpp"

namespace sip {
namespace {

constexpr std::array<HeaderId, 2> challenge_fields{HeaderId::www_authenticate,
                                                   HeaderId::proxy_authenticate};

template <class Visit>
void for_each_challenge(const MessageView& response, HeaderId id, Visit visit) {
    for (const HeaderField& field : response.headers) {
        if (field.id != id) continue;
        const auto challenge = parse_challenge(field.value);
        if (challenge && challenge->is_digest) visit(*challenge);
    }
}

}  // namespace

NotifyDigest::NotifyDigest(Memory& memory, Entropy& entropy, const NotifySecretSource& secrets)
    : memory_(memory), entropy_(entropy), secrets_(secrets), key_{entropy.next(), entropy.next()} {}

bool NotifyDigest::was_answered(std::uint64_t nonce) const { return has(answered_, nonce); }

/// False: one of the challenges was answered before.
bool NotifyDigest::add_secrets(DigestClient& client, const MessageView& response, HeaderId id,
                               std::string_view watcher) {
    bool fresh = true;
    for_each_challenge(response, id, [&](const DigestChallenge& challenge) {
        NotifySecret secret;
        const Unquoted realm(challenge.realm);
        if (realm.too_long() ||
            !secrets_.find(watcher, realm.view(), base_of(challenge.algorithm), secret))
            return;
        const std::uint64_t nonce =
            mix(table_hash(key_, challenge.nonce), table_hash(key_, watcher));
        fresh = fresh && !was_answered(nonce);
        if (client.add_ha1(realm.view(), secret.user, secret.ha1))
            answered_[next_++ % answered_.size()] = nonce;
    });
    return fresh;
}

bool NotifyDigest::answer(const Now&, const Response& response, std::string_view uri,
                          std::string_view watcher, std::string_view body, MessageWriter& writer) {
    DigestClient client(memory_, entropy_);
    bool fresh = true;
    for (HeaderId id : challenge_fields)
        fresh = add_secrets(client, response.message, id, watcher) && fresh;
    DigestAttempt attempt;
    if (!fresh || !client.answer(response.message, "NOTIFY", attempt)) return false;
    client.write_credentials(writer, "NOTIFY", uri, body);
    return true;
}

}  // namespace sip
