#include "sip/auth/digest_client.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "tests/sip/auth/digest_world.hpp"

using namespace sip;
using Outcome = DigestVerdict::Outcome;
using Proof = DigestClient::Proof;

namespace {

struct TestClient {
    explicit TestClient(std::uint64_t seed = 7) : entropy(seed), client(memory, entropy) {}

    Expected<void> answer(std::initializer_list<std::string> challenges,
                          std::string_view method = "SUBSCRIBE",
                          HeaderId id = HeaderId::www_authenticate) {
        TestMessage response;
        response.status = 401;
        for (const std::string& value : challenges) response.with(id, value);
        return client.answer(response.view(), method, attempt);
    }
    /// The header fields for a request.
    std::string credentials(std::string_view method = "SUBSCRIBE",
                            std::string_view uri = "sip:bob@example.com",
                            std::string_view body = {}) {
        std::array<char, 16'384> room;
        Appender out(room);
        MessageWriter writer(out);
        client.write_credentials(writer, method, uri, body);
        CHECK_FALSE(out.overflowed());
        return std::string(out.view());
    }
    std::string value(std::string_view method = "SUBSCRIBE") {
        TestMessage request;
        request.with_written(credentials(method));
        return request.fields.empty() ? "" : request.fields[0].second;
    }

    Memory memory;
    SeededEntropy entropy;
    DigestClient client;
    DigestAttempt attempt;
};

std::string challenge(std::string_view realm, std::string_view nonce,
                      std::string_view more = "qop=\"auth\",algorithm=MD5") {
    std::string text =
        "Digest realm=\"" + std::string(realm) + "\",nonce=\"" + std::string(nonce) + "\"";
    if (!more.empty()) text += "," + std::string(more);
    return text;
}

DigestVerdict send(TestServer& server, TestClient& client, std::string_view body = {}) {
    TestMessage request;
    request.body = std::string(body);
    request.with_written(client.credentials("SUBSCRIBE", request.uri, body));
    DigestVerdict verdict = server.verify(request);
    verdict.credentials = {};
    return verdict;
}

Expected<void> take(TestServer& server, TestClient& client, bool stale = false) {
    TestMessage response;
    response.status = 401;
    response.with_written(server.challenges(stale));
    return client.client.answer(response.view(), "SUBSCRIBE", client.attempt);
}

}  // namespace

TEST_CASE(
    "R7616-3.4-1 R3261-22.2-2: client and server agree in every algorithm and qop, with nonces "
    "reused") {
    using enum DigestAlgorithm;
    for (const auto algorithm : {md5, md5_sess, sha256, sha256_sess, sha512_256, sha512_256_sess})
        for (const bool integrity : {false, true})
            for (const char* body : {"", "a body"}) {
                DigestServerOptions options;
                REQUIRE(options.algorithms.push(algorithm));
                options.offer_auth_int = integrity;
                TestServer server(options);
                TestClient client;
                REQUIRE(client.client.add_password("example.com", "alice", "wonderland"));
                CHECK(send(server, client, body).outcome == Outcome::challenge);
                REQUIRE(take(server, client));
                for (int i = 0; i < 3; ++i) {
                    const DigestVerdict verdict = send(server, client, body);
                    CHECK(verdict.outcome == Outcome::accepted);
                    CHECK(verdict.user == "alice");
                }
                CHECK(server.server.nonces().size() == 1);
                // An expired nonce costs one more exchange.
                server.clock += seconds{301};
                const DigestVerdict old = send(server, client, body);
                CHECK(old.outcome == Outcome::challenge);
                CHECK(old.stale);
                client.attempt = {};
                REQUIRE(take(server, client, old.stale));
                CHECK(send(server, client, body).outcome == Outcome::accepted);
            }
}

TEST_CASE("R7616-3.4-3: a challenge with auth-int alone is answered over the body") {
    TestClient client;
    REQUIRE(client.client.add_password("r", "alice", "secret"));
    REQUIRE(client.answer({challenge("r", "n", "qop=\"auth-int\"")}));
    const std::string with = client.credentials("PUBLISH", "sip:a@b", "body");
    CHECK(with.find("qop=auth-int") != std::string::npos);
    TestMessage fields;
    fields.with_written(with);
    const std::string value = fields.fields[0].second;
    const HexDigest key = make_ha1(DigestAlgorithm::md5, "alice", "r", "secret").hex;
    const std::string cnonce = parameter(value, "cnonce");
    CHECK(parameter(value, "response") ==
          digest_response(key, {DigestAlgorithm::md5, "n", "auth-int", cnonce, "00000001",
                                "PUBLISH", "sip:a@b", "body"})
              .view());
    REQUIRE(client.answer({challenge("r", "m", "qop=\"auth-int,auth\",stale=true")}));
    CHECK(parameter(client.value(), "qop") == "auth");
}

TEST_CASE("R8760-2.6-1: qop goes back when it was offered, with a count that rises") {
    TestClient client;
    REQUIRE(client.client.add_password("r", "alice", "secret"));
    CHECK(client.credentials().empty());
    REQUIRE(client.answer({challenge("r", "n", "qop=\"auth\",algorithm=MD5,opaque=\"o\\\"p\"")}));
    const std::string first = client.value(), second = client.value();
    CHECK(parameter(first, "nc") == "00000001");
    CHECK(parameter(second, "nc") == "00000002");
    CHECK(parameter(first, "cnonce").size() == 16);
    CHECK(first.find(",algorithm=MD5,qop=auth,") != std::string::npos);
    CHECK(first.find(",opaque=\"o\\\"p\"") != std::string::npos);
    CHECK(parameter(first, "uri") == "sip:bob@example.com");
    CHECK(parameter(first, "response") != parameter(second, "response"));

    REQUIRE(client.answer({challenge("r", "n2", "stale=true")}));
    const std::string plain = client.value();
    for (const char* absent : {"qop", "cnonce", "nc", "algorithm", "opaque"})
        CHECK_MESSAGE(parameter(plain, absent).empty(), absent);
}

TEST_CASE("R8760-2.4-1: the topmost challenge that can be answered is, the others passed over") {
    const std::string sha512 = challenge("r", "a", "qop=\"auth\",algorithm=SHA-512-256");
    const std::string sha = challenge("r", "b", "qop=\"auth\",algorithm=SHA-256");
    const std::string md5 = challenge("r", "c");
    const std::string unknown = challenge("r", "d", "qop=\"auth\",algorithm=SHA3-999");
    const std::string odd_qop = challenge("r", "e", "qop=\"auth-conf\"");
    const std::string bare_sess = challenge("r", "f", "algorithm=MD5-sess");
    struct Case {
        std::initializer_list<std::string> challenges;
        const char* nonce;
    };
    const Case cases[] = {
        {{sha512, sha, md5}, "a"},
        {{md5, sha}, "c"},
        {{md5, challenge("r", "z", "qop=\"auth\",algorithm=SHA-256,stale=true")}, "c"},
        {{"Basic realm=\"r\"", unknown, odd_qop, bare_sess, sha, md5}, "b"},
        {{"Digest realm=\"r", "", ",", sha}, "b"},
    };
    for (const Case& c : cases) {
        TestClient client;
        REQUIRE(client.client.add_password("r", "alice", "secret"));
        REQUIRE(client.answer(c.challenges));
        CHECK(parameter(client.value(), "nonce") == c.nonce);
        CHECK(client.client.sessions() == 1);
    }
    TestClient client;
    const Ha1 kept = make_ha1(DigestAlgorithm::md5, "alice", "r", "secret");
    REQUIRE(client.client.add_ha1("r", "alice", kept));
    REQUIRE(client.answer({sha512, sha, md5}));
    CHECK(parameter(client.value(), "nonce") == "c");
    CHECK_FALSE(client.answer({sha512, sha, unknown}));
    CHECK_FALSE(client.client.add_ha1("", "alice", kept));
}

TEST_CASE("R3261-22.2-1: after a second refusal without stale=true the client gives up") {
    TestClient client;
    REQUIRE(client.client.add_password("r", "alice", "wrong"));
    REQUIRE(client.answer({challenge("r", "1")}));
    const auto again = client.answer({challenge("r", "2")});
    REQUIRE_FALSE(again);
    CHECK(again.error().condition == Condition::not_authenticated);
    CHECK_FALSE(client.answer({challenge("r", "3")}));
    REQUIRE(client.answer({challenge("r", "4", "qop=\"auth\",stale=true")}));
    CHECK_FALSE(client.answer({challenge("r", "5")}));
    // A new request may try once more: the password may have been changed since.
    client.attempt = {};
    CHECK(client.answer({challenge("r", "6")}));
}

TEST_CASE("R3261-22.2-1: a server that calls every nonce stale is answered four times") {
    TestClient client;
    REQUIRE(client.client.add_password("r", "alice", "secret"));
    for (unsigned i = 0; i < DigestClient::answers_max; ++i)
        CHECK(client.answer({challenge("r", "n" + std::to_string(i), "qop=\"auth\",stale=true")}));
    CHECK_FALSE(client.answer({challenge("r", "last", "qop=\"auth\",stale=true")}));
}

TEST_CASE("R3261-22.3-1: all realms of a response are answered in one retry") {
    TestClient client;
    REQUIRE(client.client.add_password("one", "alice", "a"));
    REQUIRE(client.client.add_password("two", "alice2", "b"));
    TestMessage response;
    response.status = 407;
    response.with(HeaderId::proxy_authenticate, challenge("one", "p1"));
    response.with(HeaderId::www_authenticate, challenge("two", "w2"));
    response.with(HeaderId::proxy_authenticate, challenge("two", "p2"));
    response.with(HeaderId::proxy_authenticate, challenge("unknown", "p3"));
    REQUIRE(client.client.answer(response.view(), "SUBSCRIBE", client.attempt));
    TestMessage request;
    request.with_written(client.credentials());
    REQUIRE(request.fields.size() == 3);
    std::string seen;
    for (const auto& [id, value] : request.fields)
        seen += (id == HeaderId::authorization ? "w " : "p ") + parameter(value, "username") + " " +
                parameter(value, "nonce") + ";";
    CHECK(seen.find("p alice p1;") != std::string::npos);
    CHECK(seen.find("w alice2 w2;") != std::string::npos);
    CHECK(seen.find("p alice2 p2;") != std::string::npos);
    // Behind the proxy another realm shows up: its first refusal.
    CHECK(client.answer({challenge("one", "w1")}));
    CHECK(client.client.sessions() == 4);
}

TEST_CASE("R3261-22.3-1: a secret for any realm serves those that have none of their own") {
    TestClient client;
    REQUIRE(client.client.add_password("", "alice", "any"));
    REQUIRE(client.client.add_password("own", "bob", "own"));
    REQUIRE(client.answer({challenge("own", "1"), challenge("else", "2")}));
    TestMessage request;
    request.with_written(client.credentials());
    REQUIRE(request.fields.size() == 2);
    for (const auto& [id, value] : request.fields)
        CHECK(parameter(value, "username") ==
              (parameter(value, "realm") == "own" ? "bob" : "alice"));
}

TEST_CASE("no secret, no challenge or an unreadable one: the answer is an error") {
    TestClient client;
    CHECK_FALSE(client.answer({challenge("r", "1")}));
    REQUIRE(client.client.add_password("r", "alice", "secret"));
    CHECK_FALSE(client.answer({}));
    CHECK_FALSE(client.answer({challenge("R", "1")}));
    CHECK_FALSE(client.answer({"Digest realm=\"r\",nonce=\"\""}));
    CHECK_FALSE(client.answer({challenge("r", std::string(1024, 'n'))}));
    CHECK(client.credentials().empty());
    CHECK(client.answer({challenge("r", std::string(1023, 'n'))}));
}

TEST_CASE("T-15: a NOTIFY is answered from the secret of its realm, once for each nonce") {
    TestClient client;
    REQUIRE(client.client.add_password("", "alice", "any"));
    CHECK_FALSE(client.answer({challenge("watcher", "1")}, "NOTIFY"));
    REQUIRE(client.client.add_password("watcher", "notifier", "secret"));
    REQUIRE(client.answer({challenge("watcher", "1")}, "NOTIFY"));
    CHECK(parameter(client.value("NOTIFY"), "nonce") == "1");
    CHECK(client.credentials("NOTIFY").empty());
    // The same nonce again, in the same attempt or for the next NOTIFY.
    CHECK_FALSE(client.answer({challenge("watcher", "1", "qop=\"auth\",stale=true")}, "NOTIFY"));
    client.attempt = {};
    CHECK_FALSE(client.answer({challenge("watcher", "1")}, "NOTIFY"));
    REQUIRE(client.answer({challenge("watcher", "2")}, "NOTIFY"));
    CHECK(parameter(client.value("NOTIFY"), "nonce") == "2");
    // What the secret for any realm has signed elsewhere is not for a NOTIFY either.
    TestClient other;
    REQUIRE(other.client.add_password("", "alice", "any"));
    REQUIRE(other.answer({challenge("watcher", "1")}));
    CHECK(other.credentials("NOTIFY").empty());
    CHECK_FALSE(other.credentials("SUBSCRIBE").empty());
}

TEST_CASE("R3261-22.4-3: the server's proof is checked and its next nonce taken") {
    for (const bool integrity : {false, true}) {
        DigestServerOptions options;
        options.offer_auth_int = integrity;
        TestServer server(options);
        TestClient client;
        REQUIRE(client.client.add_password("example.com", "alice", "wonderland"));
        REQUIRE(take(server, client));
        server.clock += seconds{290};
        TestMessage request;
        request.with_written(client.credentials());
        const DigestVerdict verdict = server.verify(request);
        REQUIRE(verdict.outcome == Outcome::accepted);
        TestMessage response;
        response.status = 200;
        response.body = "done";
        response.with_written(server.info(verdict, response.body));
        const std::string value = response.fields[0].second;

        TestMessage forged = response;
        const auto at = value.find("rspauth=\"") + 9;
        forged.fields[0].second[at] = value[at] == '0' ? '1' : '0';
        CHECK(client.client.check_authentication_info(forged.view(), request.uri) == Proof::wrong);
        CHECK(client.client.check_authentication_info(response.view(), "sip:x@y") == Proof::wrong);
        CHECK(client.client.check_authentication_info(response.view(), request.uri) ==
              Proof::right);
        const std::string next = client.value();
        CHECK(parameter(next, "nonce") == parameter(value, "nextnonce"));
        CHECK(parameter(next, "nc") == "00000001");
        server.clock += seconds{290};
        CHECK(send(server, client).outcome == Outcome::accepted);
        // The first answer once more: its nonce is no longer in use.
        CHECK(client.client.check_authentication_info(response.view(), request.uri) ==
              Proof::absent);
    }
    TestClient client;
    TestMessage none;
    CHECK(client.client.check_authentication_info(none.view(), "sip:a@b") == Proof::absent);
    none.with(HeaderId::authentication_info, "nextnonce=\"x\"");
    CHECK(client.client.check_authentication_info(none.view(), "sip:a@b") == Proof::absent);
}

TEST_CASE("a secret that is replaced signs nothing more") {
    TestServer server;
    TestClient client;
    REQUIRE(client.client.add_password("example.com", "alice", "old"));
    REQUIRE(take(server, client));
    CHECK(send(server, client).outcome == Outcome::challenge);
    REQUIRE(client.client.add_password("example.com", "alice", "wonderland"));
    CHECK(client.credentials().empty());
    REQUIRE(take(server, client));
    CHECK(send(server, client).outcome == Outcome::accepted);
}

TEST_CASE(
    "secrets and realms have their limits: one secret too many is refused, the realm least "
    "used goes") {
    TestClient client;
    for (std::size_t i = 0; i < DigestClient::secrets_max; ++i)
        CHECK(client.client.add_password("r" + std::to_string(i), "alice", "secret"));
    CHECK_FALSE(client.client.add_password("one more", "alice", "secret"));
    CHECK(client.client.add_password("r3", "alice", "another"));

    TestClient any;
    REQUIRE(any.client.add_password("", "alice", "secret"));
    for (const char* realm : {"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r0", "r8"}) {
        any.attempt = {};
        REQUIRE(any.answer({challenge(realm, "n")}));
    }
    CHECK(any.client.sessions() == DigestClient::sessions_max);
    const std::string text = any.credentials();
    CHECK(text.find("realm=\"r0\"") != std::string::npos);
    CHECK(text.find("realm=\"r1\"") == std::string::npos);
    CHECK(text.find("realm=\"r8\"") != std::string::npos);
}

TEST_CASE("T-35: with memory refused anywhere the client says so and goes on") {
    for (std::uint64_t n = 0; n < 3; ++n) {
        TestClient client;
        client.memory.refuse_after(n);
        const bool added = client.client.add_password("r", "alice", "secret");
        CHECK(added == (n != 0));
        if (!added) continue;
        const auto answered = client.answer({challenge("r", "1")});
        CHECK(answered.has_value() == (n != 1));
        if (!answered) CHECK(answered.error().condition == Condition::overloaded);
        client.attempt = {};
        CHECK(client.answer({challenge("r", "2")}).has_value() == (n != 2));
        client.attempt = {};
        CHECK(client.answer({challenge("r", "3")}));
        CHECK(parameter(client.value(), "nonce") == "3");
    }
}

TEST_CASE("T-36: what a server sent cannot start a header field in our request") {
    TestClient client;
    REQUIRE(client.client.add_password("", "alice", "secret"));
    for (const char* value : {"Digest realm=\"r\",nonce=\"a\r\n b\",qop=\"auth\"",
                              "Digest realm=\"r\r\n\tX: y\",nonce=\"n\",qop=\"auth\"",
                              "Digest realm=\"r\",nonce=\"n\",qop=\"auth\",opaque=\"\r\n x\""}) {
        client.attempt = {};
        const bool answered = client.answer({value}).has_value();
        const std::string text = client.credentials();
        CHECK_MESSAGE(text.find('\n') == (answered ? text.size() - 1 : std::string::npos), value);
    }
    REQUIRE(client.answer({challenge("q", "n")}));
    CHECK(client.credentials("SUBSCRIBE", "sip:a\"@b").empty());
    CHECK(client.credentials("SUBSCRIBE", "sip:a\r\n@b").empty());
}

TEST_CASE("T-1: a challenge cut or broken at any byte is answered or not, and never crashes") {
    const std::string whole =
        challenge("r", "n", "qop=\"auth,auth-int\",algorithm=SHA-256,opaque=\"o\",stale=true");
    for (std::size_t i = 0; i < whole.size(); ++i)
        for (const int how : {0, 1, 2}) {
            std::string value = how == 0 ? whole.substr(0, i) : whole;
            if (how != 0) value[i] = how == 1 ? '\0' : '\xff';
            const std::unique_ptr<char[]> exact(new char[value.size()]);
            value.copy(exact.get(), value.size());
            TestClient client;
            REQUIRE(client.client.add_password("", "alice", "secret"));
            MessageView view;
            view.status = 401;
            const HeaderField field{
                HeaderId::www_authenticate, "WWW-Authenticate", {exact.get(), value.size()}};
            view.headers = {&field, 1};
            const bool answered =
                client.client.answer(view, "SUBSCRIBE", client.attempt).has_value();
            CHECK(client.credentials().empty() == !answered);
        }
}
