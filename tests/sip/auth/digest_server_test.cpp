#include "sip/auth/digest_server.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "sip/auth/digest_response.hpp"
#include "tests/sip/auth/digest_world.hpp"

using namespace sip;
using Outcome = DigestVerdict::Outcome;

namespace {

/// A client that does exactly what a test says, and its own arithmetic.
struct Signer {
    std::string user = "alice", hashed_as, realm = "example.com", password = "wonderland";
    std::string nonce, uri = "sip:bob@example.com", method = "SUBSCRIBE", body;
    std::string qop = "auth", nc = "00000001", cnonce = "0a4f113b";
    DigestAlgorithm algorithm = DigestAlgorithm::md5;
    bool name_algorithm = true;

    std::string response() const {
        const Ha1 ha1 = make_ha1(algorithm, hashed_as.empty() ? user : hashed_as, realm, password);
        const HexDigest key = session_key(ha1, algorithm, nonce, cnonce);
        return std::string(
            digest_response(key, {algorithm, nonce, qop, cnonce, nc, method, uri, body}).view());
    }
    std::string value() const {
        std::string text = "Digest username=\"" + user + "\",realm=\"" + realm + "\",nonce=\"" +
                           nonce + "\",uri=\"" + uri + "\",response=\"" + response() + "\"";
        if (name_algorithm) text += ",algorithm=" + std::string(name_of(algorithm));
        if (!qop.empty()) text += ",qop=" + qop + ",cnonce=\"" + cnonce + "\",nc=" + nc;
        return text;
    }
};

TestMessage request_with(std::string_view value) {
    TestMessage request;
    request.with(HeaderId::authorization, std::string(value));
    return request;
}

DigestVerdict judge(TestServer& world, const Signer& signer) {
    TestMessage request = request_with(signer.value());
    DigestVerdict verdict = world.verify(request);
    verdict.credentials = {};  // its views have gone
    return verdict;
}

void check_stale(const DigestVerdict& verdict, bool stale) {
    CHECK(verdict.outcome == Outcome::challenge);
    CHECK(verdict.stale == stale);
    CHECK(verdict.error.condition == Condition::not_authenticated);
    CHECK(verdict.user.empty());
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const auto at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), with);
}

DigestServerOptions offering(std::initializer_list<DigestAlgorithm> algorithms) {
    DigestServerOptions options;
    for (const DigestAlgorithm algorithm : algorithms) REQUIRE(options.algorithms.push(algorithm));
    return options;
}

}  // namespace

TEST_CASE("R7616-3.3-1 R8760-2.6-1 D-6: the default challenge is MD5 with qop auth") {
    TestServer world;
    const std::string text = world.challenges();
    CHECK(text.find("WWW-Authenticate: Digest realm=\"example.com\",nonce=\"") == 0);
    CHECK(text.find(",qop=\"auth\",algorithm=MD5\r\n") != std::string::npos);
    CHECK(text.find("WWW-Authenticate", 1) == std::string::npos);
    CHECK(text.find("stale") == std::string::npos);
    CHECK(world.challenges(true).find(",stale=true\r\n") != std::string::npos);
    const std::string value = world.challenge(true);
    const auto challenge = parse_challenge(value);
    REQUIRE(challenge);
    CHECK(challenge->stale);
    CHECK(challenge->realm == "example.com");
    CHECK(challenge->nonce.size() == NonceTable::nonce_bytes);
}

TEST_CASE("R8760-2.3-1: several algorithms are one field each, in the order of preference") {
    DigestServerOptions options =
        offering({DigestAlgorithm::sha512_256, DigestAlgorithm::sha256, DigestAlgorithm::md5});
    options.offer_auth_int = true;
    TestServer world(options);
    TestMessage message;
    message.with_written(world.challenges());
    REQUIRE(message.fields.size() == 3);
    const char* names[] = {"SHA-512-256", "SHA-256", "MD5"};
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(message.fields[i].first == HeaderId::www_authenticate);
        CHECK(parameter(message.fields[i].second, "algorithm") == names[i]);
        CHECK(parameter(message.fields[i].second, "qop") == "auth,auth-int");
    }
}

TEST_CASE("R7616-3.4-1: right credentials are accepted in every algorithm and qop") {
    using enum DigestAlgorithm;
    for (const auto algorithm : {md5, md5_sess, sha256, sha256_sess, sha512_256, sha512_256_sess})
        for (const char* qop : {"auth", "auth-int"}) {
            DigestServerOptions options = offering({algorithm});
            options.offer_auth_int = true;
            TestServer world(options);
            Signer signer;
            signer.algorithm = algorithm;
            signer.qop = qop;
            signer.nonce = world.nonce();
            const DigestVerdict verdict = judge(world, signer);
            CHECK(verdict.outcome == Outcome::accepted);
            CHECK(verdict.user == "alice");
            signer.nonce = world.nonce();
            signer.password = "Wonderland";
            check_stale(judge(world, signer), false);
        }
}

TEST_CASE("T-13: one changed byte of the response, or another method, uri or body, is refused") {
    DigestServerOptions options;
    options.offer_auth_int = true;
    TestServer world(options);
    Signer signer;
    signer.qop = "auth-int";
    signer.body = "body";
    signer.nonce = world.nonce();
    const std::string value = signer.value(), response = signer.response();
    for (std::size_t i = 0; i < response.size(); ++i) {
        std::string wrong = response;
        wrong[i] = wrong[i] == '0' ? '1' : '0';
        TestMessage request = request_with(replaced(value, response, wrong));
        request.body = "body";
        check_stale(world.verify(request), false);
        request = request_with(replaced(value, response, response.substr(0, i)));
        request.body = "body";
        CHECK(world.verify(request).outcome != Outcome::accepted);
    }
    TestMessage request = request_with(value);
    check_stale(world.verify(request), false);  // the body left out
    request.body = "body";
    request.method = "PUBLISH";
    check_stale(world.verify(request), false);
    request.method = "SUBSCRIBE";
    request.uri = "sip:carol@example.com";
    CHECK(world.verify(request).outcome == Outcome::malformed);
    CHECK(world.server.nonces().size() == 0);
    request.uri = "sip:bob@example.com";
    CHECK(world.verify(request).outcome == Outcome::accepted);
    CHECK(world.server.nonces().size() == 1);
}

TEST_CASE("R7616-3.3-2: stale is said to right credentials on an old or foreign nonce alone") {
    TestServer world, before({}, 99);
    Signer signer;
    signer.nonce = world.nonce();
    world.clock += seconds{300};
    Signer wrong = signer;
    wrong.password = "guess";
    check_stale(judge(world, wrong), false);
    CHECK(judge(world, signer).outcome == Outcome::accepted);
    world.clock += Duration{1};
    signer.nc = "00000002";
    check_stale(judge(world, signer), true);
    wrong.nonce = signer.nonce;
    check_stale(judge(world, wrong), false);
    // That of a server before its restart, or made up.
    signer.nonce = before.nonce();
    check_stale(judge(world, signer), true);
    signer.nonce = "made up";
    check_stale(judge(world, signer), true);
    wrong.nonce = signer.nonce;
    check_stale(judge(world, wrong), false);
}

TEST_CASE("R7616-3.4-2 T-13: a count is good once, later and overtaken ones are good") {
    TestServer world;
    Signer signer;
    signer.nonce = world.nonce();
    CHECK(judge(world, signer).outcome == Outcome::accepted);
    check_stale(judge(world, signer), true);
    signer.nc = "00000003";
    CHECK(judge(world, signer).outcome == Outcome::accepted);
    signer.nc = "00000002";
    CHECK(judge(world, signer).outcome == Outcome::accepted);
    check_stale(judge(world, signer), true);
    signer.nc = "0000000A";
    CHECK(judge(world, signer).outcome == Outcome::accepted);
    signer.nc = "0000000a";
    check_stale(judge(world, signer), true);
}

TEST_CASE("D-6 T-13: a response without qop is good once for each nonce, and can be refused") {
    TestServer world;
    Signer signer;
    signer.qop.clear();
    signer.nonce = world.nonce();
    CHECK(judge(world, signer).outcome == Outcome::accepted);
    check_stale(judge(world, signer), true);
    signer.nonce = world.nonce();
    CHECK(judge(world, signer).outcome == Outcome::accepted);

    DigestServerOptions options;
    options.accept_without_qop = false;
    TestServer firm(options);
    signer.nonce = firm.nonce();
    check_stale(judge(firm, signer), false);
    options = {};
    options.strict = true;
    TestServer strict(options);
    signer.nonce = strict.nonce();
    check_stale(judge(strict, signer), false);
    TestServer sha(offering({DigestAlgorithm::sha256, DigestAlgorithm::md5_sess}));
    for (const auto algorithm : {DigestAlgorithm::sha256, DigestAlgorithm::md5_sess}) {
        signer.algorithm = algorithm;
        signer.nonce = sha.nonce();
        check_stale(judge(sha, signer), false);
    }
}

TEST_CASE("T-13: taking qop out of a signed request does not make it good again") {
    TestServer world;
    Signer signer;
    signer.nonce = world.nonce();
    const std::string value = signer.value();
    CHECK(judge(world, signer).outcome == Outcome::accepted);
    TestMessage request = request_with(value.substr(0, value.find(",qop=")));
    check_stale(world.verify(request), false);
}

TEST_CASE("T-15: an unknown user is answered as a wrong password, after the same questions") {
    TestServer world;
    Signer wrong, unknown;
    wrong.password = "guess";
    unknown.user = "mallory";
    for (const char* nonce : {"", "made up"}) {
        wrong.nonce = unknown.nonce = *nonce == '\0' ? world.nonce() : nonce;
        const DigestVerdict a = judge(world, wrong), b = judge(world, unknown);
        check_stale(a, false);
        check_stale(b, false);
        CHECK(a.error.rule == b.error.rule);
    }
    CHECK(world.users.asked == std::vector<std::string>{"alice", "mallory", "alice", "mallory"});
}

TEST_CASE("R3261-22.1-4: anonymous is nobody, even where somebody made it a user") {
    TestServer world;
    world.users.passwords["anonymous"] = "";
    world.users.passwords[""] = "";
    Signer signer;
    signer.user = "anonymous";
    signer.password = "";
    signer.nonce = world.nonce();
    check_stale(judge(world, signer), false);
    signer.user = "@";
    signer.hashed_as = "";
    signer.nonce = world.nonce();
    check_stale(judge(world, signer), false);
}

TEST_CASE("R3261-22.1-1: Basic and unknown schemes count as no credentials") {
    TestServer world;
    TestMessage none;
    check_stale(world.verify(none), false);
    for (const char* value :
         {"Basic YWxpY2U6d29uZGVybGFuZA==", "NoOneKnowsThisScheme opaque-data=x", "NTLM abc"}) {
        TestMessage request = request_with(value);
        check_stale(world.verify(request), false);
    }
    CHECK(world.users.asked.empty());
}

TEST_CASE("R3261-22.3-1: of several Authorization fields the one of our realm counts") {
    TestServer world;
    Signer ours, foreign;
    ours.nonce = world.nonce();
    foreign.realm = "other.example";
    foreign.nonce = "x";
    for (const bool first : {true, false}) {
        TestMessage request;
        if (!first) request.with(HeaderId::authorization, foreign.value());
        request.with(HeaderId::authorization, ours.value());
        request.with(HeaderId::authorization, foreign.value());
        request.with(HeaderId::authorization, "Basic abc");
        CHECK(world.verify(request).outcome == Outcome::accepted);
        ours.nc = "00000002";
    }
    TestMessage request = request_with(foreign.value());
    check_stale(world.verify(request), false);
    CHECK(world.users.asked.size() == 2);
}

TEST_CASE("D-6: of two credentials for our realm the algorithm that was offered counts") {
    TestServer world(offering({DigestAlgorithm::sha256}));
    Signer weak, strong;
    weak.nonce = strong.nonce = world.nonce();
    strong.algorithm = DigestAlgorithm::sha256;
    check_stale(judge(world, weak), false);
    TestMessage request = request_with(weak.value());
    request.with(HeaderId::authorization, strong.value());
    CHECK(world.verify(request).outcome == Outcome::accepted);
}

TEST_CASE("R7616-3.4-3: a missing parameter is 400, and so are nc or cnonce missing with qop") {
    TestServer world;
    Signer signer;
    signer.nonce = world.nonce();
    const std::string value = signer.value();
    for (const char* name : {"username", "nonce", "uri", "response", "cnonce", "nc"}) {
        const auto at = value.find(std::string(name) + "=");
        const auto end = value.find(',', at);
        std::string cut = value;
        cut.erase(at, end == std::string::npos ? end : end + 1 - at);
        if (cut.back() == ',') cut.pop_back();
        TestMessage request = request_with(cut);
        const DigestVerdict verdict = world.verify(request);
        CHECK_MESSAGE(verdict.outcome == Outcome::malformed, cut);
        CHECK(status_of(verdict.error.condition) == 400);
        CHECK(verdict.error.rule.view().find("Authorization") == 0);
    }
    for (const char* nc : {"1", "0000000g", "000000001"}) {
        TestMessage request = request_with(replaced(value, "nc=00000001", std::string("nc=") + nc));
        CHECK(world.verify(request).outcome == Outcome::malformed);
    }
    TestMessage other_qop = request_with(replaced(value, "qop=auth", "qop=auth-int"));
    check_stale(world.verify(other_qop), false);
    CHECK(world.server.nonces().size() == 0);
}

TEST_CASE("R3261-22.4-1: the digest uri is the Request-URI, or an earlier form of it") {
    struct Case {
        const char *digest, *request, *to;
        bool in_dialog, lenient, strict;
    };
    const Case cases[] = {
        {"sip:bob@example.com", "sip:bob@example.com", "sip:x@y", false, true, true},
        {"sip:bob@EXAMPLE.com", "sip:b%6fb@example.com", "sip:x@y", false, true, true},
        {"sip:bob@example.com", "sip:bob@example.com;transport=udp", "sip:x@y", false, true, false},
        {"sip:bob@example.com:5060", "sip:bob@example.com", "sip:x@y", false, true, false},
        {"sip:example.com", "sip:bob@example.com", "sip:x@y", false, true, false},
        // Retargeted by a proxy before us.
        {"sip:bob@example.com", "sip:bob@192.0.2.1:5080", "sip:x@y", false, true, false},
        {"sip:bob@second.example", "sip:bob@192.0.2.1", "sip:x@y", false, true, false},
        {"sip:bob@foreign.example", "sip:bob@192.0.2.1", "sip:x@y", false, false, false},
        {"sip:bob@foreign.example", "sip:i7@192.0.2.1", "sip:bob@foreign.example", false, true,
         false},
        // In a dialog the Request-URI is the Contact of the server.
        {"sip:d41@192.0.2.1:5060", "sip:d41@192.0.2.1:5060", "sip:bob@example.com", true, true,
         true},
        {"sip:bob@example.com", "sip:d41@192.0.2.1", "sip:bob@example.com", true, true, false},
        {"sip:bob@example.com", "sip:d41@example.com", "sip:bob@example.com", true, true, false},
        // One user swapped for another.
        {"sip:bob@example.com", "sip:carol@example.com", "sip:bob@example.com", false, false,
         false},
        {"sip:bob@example.com", "sip:carol@example.com", "sip:x@y", true, false, false},
        {"sip:bob@example.com", "sip:carol@192.0.2.1", "sip:carol@example.com", false, false,
         false},
        {"bob", "sip:bob@example.com", "sip:bob@example.com", false, false, false},
        {"sip:", "sip:bob@example.com", "sip:bob@example.com", false, false, false},
    };
    const std::string_view domains[] = {"second.example"};
    for (const bool strict : {false, true})
        for (const Case& c : cases) {
            DigestServerOptions options;
            options.domains = domains;
            options.strict = strict;
            TestServer world(options);
            Signer signer;
            signer.nonce = world.nonce();
            signer.uri = c.digest;
            TestMessage request = request_with(signer.value());
            request.uri = c.request;
            request.to = c.to;
            request.in_dialog = c.in_dialog;
            const DigestVerdict verdict = world.verify(request);
            const bool good = strict ? c.strict : c.lenient;
            CHECK_MESSAGE((verdict.outcome == Outcome::accepted) == good,
                          c.digest << " for " << c.request << (strict ? ", strict" : ""));
            if (!good) CHECK(verdict.error.condition == Condition::mismatch);
        }
}

TEST_CASE("R7616-3.3-1: an opaque that was sent is checked when it comes back") {
    DigestServerOptions options;
    options.send_opaque = true;
    TestServer world(options);
    const std::string challenge = world.challenge();
    const std::string opaque = parameter(challenge, "opaque");
    CHECK(opaque.size() == 16);
    Signer signer;
    signer.nonce = parameter(challenge, "nonce");
    TestMessage wrong = request_with(signer.value() + ",opaque=\"0123456789abcdef\"");
    check_stale(world.verify(wrong), false);
    TestMessage right = request_with(signer.value() + ",opaque=\"" + opaque + "\"");
    CHECK(world.verify(right).outcome == Outcome::accepted);
    signer.nc = "00000002";
    CHECK(judge(world, signer).outcome == Outcome::accepted);

    options.strict = true;
    TestServer strict(options);
    signer.nonce = strict.nonce();
    check_stale(judge(strict, signer), false);
}

TEST_CASE("a user with escapes in the name is known by the name without them") {
    TestServer world;
    world.users.passwords["a\"b\\c"] = "secret";
    Signer signer;
    signer.user = R"(a\"b\\c)";
    signer.hashed_as = "a\"b\\c";
    signer.password = "secret";
    signer.nonce = world.nonce();
    TestMessage request = request_with(signer.value());
    const DigestVerdict verdict = world.verify(request);
    CHECK(verdict.outcome == Outcome::accepted);
    CHECK(verdict.user == "a\"b\\c");
}

TEST_CASE("T-8: a user name is never cut, at a NUL or at its length") {
    TestServer world;
    for (const std::string& name :
         {std::string("alice\0x", 7), "alice" + std::string(300, 'x'), std::string(256, 'a')}) {
        Signer signer;
        signer.user = name;
        signer.nonce = world.nonce();
        CHECK(judge(world, signer).outcome != Outcome::accepted);
    }
    world.users.passwords[std::string(256, 'a')] = "wonderland";
    world.users.passwords[std::string(257, 'b')] = "wonderland";
    Signer longest, too_long;
    longest.user = std::string(256, 'a');
    too_long.user = std::string(257, 'b');
    longest.nonce = too_long.nonce = world.nonce();
    CHECK(judge(world, longest).outcome == Outcome::accepted);
    check_stale(judge(world, too_long), false);
}

TEST_CASE("userhash is not offered, and who uses it is nobody") {
    TestServer world;
    Signer signer;
    signer.nonce = world.nonce();
    TestMessage request = request_with(signer.value() + ",userhash=true");
    check_stale(world.verify(request), false);
}

// ---- Credentials in the shape of each client of the digest table -------------------------------

TEST_CASE("D-6 T-13: libpurple sends a quoted nc, no qop, no cnonce and no algorithm") {
    TestServer world;
    Signer signer;
    signer.qop.clear();
    signer.nonce = world.nonce();
    const std::string value = "Digest username=\"alice\", realm=\"example.com\", nonce=\"" +
                              signer.nonce + "\", uri=\"" + signer.uri +
                              "\", nc=\"00000001\", response=\"" + signer.response() + "\"";
    TestMessage request = request_with(value);
    CHECK(world.verify(request).outcome == Outcome::accepted);
    // Its nc is not signed, so another one does not make the nonce good again.
    TestMessage replay = request_with(replaced(value, "00000001", "00000002"));
    check_stale(world.verify(replay), true);
    DigestServerOptions options;
    options.strict = true;
    TestServer strict(options);
    CHECK(strict.verify(request).outcome == Outcome::malformed);
}

TEST_CASE("liblinphone sends two spaces between all parts") {
    TestServer world;
    Signer signer;
    signer.nonce = world.nonce();
    const std::string value = " Digest  realm=\"example.com\",  nonce=\"" + signer.nonce +
                              "\",  algorithm=MD5,   username=\"alice\",  uri=\"" + signer.uri +
                              "\",  response=\"" + signer.response() +
                              "\",  cnonce=\"0a4f113b\",  nc=00000001,  qop=auth";
    TestMessage request = request_with(value);
    CHECK(world.verify(request).outcome == Outcome::accepted);
}

TEST_CASE("Net::SIP sends no spaces, others fold or quote qop and algorithm") {
    TestServer world;
    Signer signer;
    signer.nonce = world.nonce();
    TestMessage net_sip = request_with(signer.value());
    CHECK(world.verify(net_sip).outcome == Outcome::accepted);
    signer.nc = "00000002";
    TestMessage quoted = request_with(replaced(replaced(signer.value(), "qop=auth", "qop=\"auth\""),
                                               "algorithm=MD5", "algorithm=\"MD5\""));
    CHECK(world.verify(quoted).outcome == Outcome::accepted);
    signer.nc = "00000003";
    TestMessage folded = request_with(replaced(signer.value(), ",realm=", "\r\n , \t realm ="));
    CHECK(world.verify(folded).outcome == Outcome::accepted);
}

TEST_CASE("sipsak writes a name with a stray at sign, which strict refuses") {
    Signer signer;
    signer.user = "alice@";
    signer.hashed_as = "alice";
    TestServer world;
    signer.nonce = world.nonce();
    TestMessage request = request_with(signer.value());
    const DigestVerdict verdict = world.verify(request);
    CHECK(verdict.outcome == Outcome::accepted);
    CHECK(verdict.user == "alice");
    DigestServerOptions options;
    options.strict = true;
    TestServer strict(options);
    signer.nonce = strict.nonce();
    check_stale(judge(strict, signer), false);
}

TEST_CASE("R7616-3.4-3: SIPp takes auth-int when it is offered, and only then may it") {
    Signer signer;
    signer.qop = "auth-int";
    signer.body = "v=0";
    for (const bool offered : {true, false}) {
        DigestServerOptions options;
        options.offer_auth_int = offered;
        TestServer world(options);
        signer.nonce = world.nonce();
        TestMessage request = request_with(signer.value());
        request.body = "v=0";
        const DigestVerdict verdict = world.verify(request);
        CHECK((verdict.outcome == Outcome::accepted) == offered);
        CHECK_FALSE(verdict.stale);
    }
}

TEST_CASE("a response in upper case is taken, by the letter it is not") {
    Signer signer;
    for (const bool strict : {false, true}) {
        DigestServerOptions options;
        options.strict = strict;
        TestServer world(options);
        signer.nonce = world.nonce();
        std::string upper = signer.response();
        for (char& c : upper) c = c >= 'a' ? static_cast<char>(c - 32) : c;
        TestMessage request = request_with(replaced(signer.value(), signer.response(), upper));
        CHECK((world.verify(request).outcome == Outcome::accepted) == !strict);
    }
}

TEST_CASE("R3261-22.4-3: Authentication-Info proves the secret and renews an old nonce") {
    TestServer world;
    Signer signer;
    signer.nonce = world.nonce();
    TestMessage request = request_with(signer.value());
    DigestVerdict verdict = world.verify(request);
    REQUIRE(verdict.outcome == Outcome::accepted);
    std::string info = world.info(verdict);
    Signer proof = signer;
    proof.method.clear();
    CHECK(info == "Authentication-Info: qop=auth,rspauth=\"" + proof.response() +
                      "\",cnonce=\"0a4f113b\",nc=00000001\r\n");

    world.clock += seconds{226};
    signer.nc = "00000002";
    request = request_with(signer.value());
    verdict = world.verify(request);
    REQUIRE(verdict.outcome == Outcome::accepted);
    info = world.info(verdict);
    info.resize(info.size() - 2);
    signer.nonce = parameter(info, "nextnonce");
    CHECK(signer.nonce.size() == NonceTable::nonce_bytes);
    world.clock += seconds{200};
    CHECK(judge(world, signer).outcome == Outcome::accepted);

    signer.qop.clear();
    signer.nonce = world.nonce();
    request = request_with(signer.value());
    verdict = world.verify(request);
    REQUIRE(verdict.outcome == Outcome::accepted);
    CHECK(world.info(verdict).empty());
}

TEST_CASE("T-13 T-35: with memory refused anywhere nothing is accepted twice") {
    for (std::uint64_t n = 0; n < 5; ++n) {
        TestServer world;
        Signer signer;
        signer.nonce = world.nonce();
        world.memory.refuse_after(n);
        CHECK(judge(world, signer).outcome == Outcome::accepted);
        check_stale(judge(world, signer), true);
    }
}

TEST_CASE("T-1: credentials cut or broken at any byte are never accepted") {
    TestServer world;
    Signer signer;
    signer.nonce = world.nonce();
    const std::string value = signer.value();
    for (std::size_t i = 0; i < value.size(); ++i) {
        const std::unique_ptr<char[]> exact(new char[i]);
        value.copy(exact.get(), i);
        TestMessage cut;
        MessageView view = cut.view();
        const HeaderField field{HeaderId::authorization, "Authorization", {exact.get(), i}};
        view.headers = {&field, 1};
        const DigestVerdict verdict = world.server.verify(world.now(), view, cut.essentials(),
                                                          TestServer::realm, world.users);
        CHECK_MESSAGE(verdict.outcome != Outcome::accepted, i);
    }
    // Inside what is signed no byte may change; around it a space or letter case may.
    const auto from = value.find("nonce=\"") + 7;
    for (std::size_t i = from; i < value.find("\",algorithm"); ++i)
        for (const char c : {'\0', '\xff'}) {
            std::string broken = value;
            broken[i] = c;
            TestMessage request = request_with(broken);
            CHECK_MESSAGE(world.verify(request).outcome != Outcome::accepted, i);
        }
    CHECK(judge(world, signer).outcome == Outcome::accepted);
}
