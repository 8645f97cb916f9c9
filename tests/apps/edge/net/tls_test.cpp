// TLS against itself, over memory and over loopback. What another implementation sees of it is in
// tests/apps/vigil/tls_test.py.

#include "apps/edge/net/tls.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "tests/apps/edge/net/fake_engine.hpp"
#include "tests/apps/edge/net/loopback.hpp"
#include "tests/support/paths.hpp"

namespace {

using edge::ClientCertificates;
using edge::TlsContext;
using edge::TlsSession;
using edge::TlsSettings;
using State = edge::TlsSession::State;
using Names = std::vector<std::string>;

std::string file(const std::string& name) { return std::string(VIGIL_TLS_FILES) + "/" + name; }

TlsSettings::Pair files_of(const std::string& name) {
    return {file(name + ".pem"), file(name + ".key")};
}

TlsSettings settings(const std::vector<std::string>& names,
                     ClientCertificates asks = ClientCertificates::none) {
    TlsSettings out;
    for (const std::string& name : names) out.certificates.push_back(files_of(name));
    out.authorities = file("ca.pem");
    out.client_certificates = asks;
    return out;
}

std::shared_ptr<TlsContext> context_of(const TlsSettings& wanted) {
    std::vector<std::string> warnings;
    auto made = TlsContext::make(wanted, warnings);
    REQUIRE_MESSAGE(made, made.error());
    return *made;
}
std::shared_ptr<TlsContext> context(const std::vector<std::string>& names,
                                    ClientCertificates asks = ClientCertificates::none) {
    return context_of(settings(names, asks));
}

std::string error_of(const TlsSettings& wanted) {
    std::vector<std::string> warnings;
    const auto made = TlsContext::make(wanted, warnings);
    return made ? "" : made.error();
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// Two sessions and what is between them.
struct Pair {
    Pair(TlsContext& client_context, TlsContext& server_context, std::string_view domain,
         std::size_t piece = SIZE_MAX)
        : client(client_context.connect(domain)), server(server_context.accept()), piece_(piece) {
        client->start();
        pump();
    }
    /// All that either has to say arrives, `piece` bytes at a time.
    void pump() {
        for (bool any = true; any;) {
            any = give(*client, *server, at_server);
            any = give(*server, *client, at_client) || any;
        }
    }
    bool stands() const { return client->state() == State::open && server->state() == State::open; }

    std::unique_ptr<TlsSession> client, server;
    std::string at_client, at_server;  ///< what was read
    std::size_t bytes = 0;             ///< that were sent, in both directions

private:
    bool give(TlsSession& from, TlsSession& to, std::string& read) {
        const std::string out = from.take_output();
        bytes += out.size();
        for (std::size_t i = 0; i < out.size(); i += std::min(piece_, out.size() - i)) {
            const std::size_t size = std::min(piece_, out.size() - i);
            // A copy of exact size, so that a sanitizer sees what is read behind its end.
            const std::vector<char> input(out.begin() + static_cast<std::ptrdiff_t>(i),
                                          out.begin() + static_cast<std::ptrdiff_t>(i + size));
            to.receive(input);
            std::array<char, 1'000> room;
            for (auto got = to.read(room); !got.empty(); got = to.read(room))
                read.append(got.data(), got.size());
        }
        return !out.empty();
    }
    std::size_t piece_;
};

/// Why a client that wants `domain` does not get along with a server of that certificate.
std::string refusal(const std::string& certificate, std::string_view domain, bool strict = false) {
    TlsSettings ours = settings({});
    ours.strict = strict;
    const auto client = context_of(ours), server = context({certificate});
    Pair pair(*client, *server, domain);
    CHECK_FALSE(pair.stands());
    return pair.client->error();
}

}  // namespace

TEST_CASE(
    "R3856-9.1-1 R3261-26.3.1-1: two sides agree, prove and exchange, whole or byte by byte") {
    const auto client = context({}), server = context({"localhost"});
    for (const std::size_t piece : {SIZE_MAX, std::size_t{1}, std::size_t{7}}) {
        Pair pair(*client, *server, "localhost", piece);
        REQUIRE(pair.stands());
        CHECK(pair.client->peer_names() == Names{"localhost", "localhost", "127.0.0.1", "[::1]"});
        CHECK(pair.server->peer_names().empty());
        CHECK(pair.client->parameters().starts_with("TLSv1.3 TLS_AES_256_GCM_SHA384"));
        // Longer than two records.
        const std::string large(40'000, 'x');
        CHECK(pair.client->write("question"));
        CHECK(pair.server->write(large));
        CHECK(pair.server->write(""));
        pair.pump();
        CHECK(pair.at_server == "question");
        CHECK((pair.at_client == large));
        pair.client->close();
        pair.client->close();
        CHECK_FALSE(pair.client->write("too late"));
        pair.pump();
        CHECK(pair.server->state() == State::ended);
        CHECK(pair.client->state() == State::open);
    }
}

TEST_CASE("R5922-7.3-1 T-30: who is not the one that was wanted is refused, and it is said who") {
    CHECK(refusal("localhost", "example.com") ==
          "its certificate is of localhost, 127.0.0.1, [::1], not of example.com");
    CHECK(refusal("localhost", "127.0.0.2") ==
          "its certificate is of localhost, 127.0.0.1, [::1], not of 127.0.0.2");
    // A sip URI names a domain, and then DNS names do not.
    CHECK(refusal("example", "host.example.com") ==
          "its certificate is of example.com, not of host.example.com");
    CHECK(refusal("wildcard", "a.example.com") ==
          "its certificate is of no SIP domain, not of a.example.com");
    CHECK(refusal("nul", "localhost") == "its certificate is of no SIP domain, not of localhost");
    CHECK(has(refusal("untrusted", "localhost"), "from no authority that we trust"));
    CHECK(has(refusal("expired", "expired.example"), "its certificate expired on 20"));
    const auto client = context({});
    for (const auto& [certificate, domain] : {std::pair{"example", "EXAMPLE.com"},
                                              {"common-name", "common.example"},
                                              {"localhost", "127.0.0.1"},
                                              {"localhost", "[0::1]"},
                                              {"localhost", "localhost."}}) {
        const auto server = context({certificate});
        CHECK(Pair(*client, *server, domain).stands());
    }
}

TEST_CASE("R5924-4.1-1: what a certificate may be used for is checked, strictly if so asked") {
    const auto client = context({});
    TlsSettings strict = settings({});
    strict.strict = true;
    const auto strict_client = context_of(strict);
    const auto sip = context({"for-sip"}), web = context({"for-web"});
    CHECK(Pair(*client, *sip, "sip.example").stands());
    CHECK(Pair(*strict_client, *sip, "sip.example").stands());
    CHECK(Pair(*client, *web, "web.example").stands());
    CHECK(has(refusal("for-web", "web.example", true), "for another use than SIP"));
    CHECK(has(refusal("for-mail", "mail.example"), "for another use than SIP"));
}

TEST_CASE("R5922-7.4-1 R3903-14.4-1: a client's certificate proves its domain, none proves none") {
    const auto bare = context({}), phone = context({"phone"}), stranger = context({"untrusted"});
    const auto late = context({"expired"});
    {
        const auto server = context({"localhost"}, ClientCertificates::none);
        Pair pair(*phone, *server, "localhost");
        CHECK(pair.stands());
        CHECK(pair.server->peer_names().empty());
    }
    {
        const auto server = context({"localhost"}, ClientCertificates::ask);
        Pair shown(*phone, *server, "localhost");
        CHECK(shown.stands());
        CHECK(shown.server->peer_names() == Names{"phone.example"});
        CHECK(shown.server->doubt().empty());
        Pair none(*bare, *server, "localhost");
        CHECK(none.stands());
        CHECK(none.server->peer_names().empty());
        for (const auto& client : {stranger, late}) {
            Pair bad(*client, *server, "localhost");
            CHECK(bad.stands());
            CHECK(bad.server->peer_names().empty());
            CHECK(has(bad.server->doubt(), "its certificate "));
        }
    }
    {
        const auto server = context({"localhost"}, ClientCertificates::require);
        Pair shown(*phone, *server, "localhost");
        CHECK(shown.stands());
        CHECK(shown.server->peer_names() == Names{"phone.example"});
        Pair none(*bare, *server, "localhost");
        CHECK(none.server->state() == State::failed);
        CHECK(none.server->error() == "it showed no certificate");
        Pair bad(*stranger, *server, "localhost");
        CHECK(bad.server->state() == State::failed);
        CHECK(has(bad.server->error(), "from no authority that we trust"));
        CHECK(has(Pair(*late, *server, "localhost").server->error(), "expired on"));
    }
}

TEST_CASE("T-30: a session is resumed with what it proved, for its domain alone") {
    for (const auto asks : {ClientCertificates::none, ClientCertificates::ask}) {
        const auto client = context({"phone"});
        const auto server = context({"localhost"}, asks);
        Pair first(*client, *server, "localhost");
        REQUIRE(first.stands());
        CHECK_FALSE(first.client->is_resumed());
        Pair second(*client, *server, "LOCALHOST");
        REQUIRE(second.stands());
        CHECK(second.client->is_resumed());
        CHECK(second.server->is_resumed());
        CHECK(second.bytes < first.bytes);
        CHECK(second.client->peer_names() == Names{"LOCALHOST", "localhost", "127.0.0.1", "[::1]"});
        CHECK(second.server->peer_names() ==
              (asks == ClientCertificates::ask ? Names{"phone.example"} : Names{}));
        // Another name has to be proved anew, and is not.
        Pair other(*client, *server, "other.example");
        CHECK_FALSE(other.client->is_resumed());
        CHECK(has(other.client->error(), "not of other.example"));
        // With other keys the server knows nothing of it: a whole handshake, and no failure.
        const auto restarted = context({"localhost"}, asks);
        Pair third(*client, *restarted, "localhost");
        CHECK(third.stands());
        CHECK_FALSE(third.client->is_resumed());
    }
}

TEST_CASE("a session with a client that proved nothing is resumed as one that proved nothing") {
    const auto client = context({"untrusted"});
    const auto server = context({"localhost"}, ClientCertificates::ask);
    Pair first(*client, *server, "localhost");
    Pair second(*client, *server, "localhost");
    REQUIRE(second.stands());
    CHECK(second.server->is_resumed());
    CHECK(second.server->peer_names().empty());
    CHECK(has(second.server->doubt(), "its certificate "));
}

TEST_CASE("R5922-7.3-1: the certificate is chosen by the name that is asked for, else the first") {
    const auto client = context({});
    const auto server = context({"localhost", "example", "for-sip"});
    CHECK(Pair(*client, *server, "example.com").stands());
    CHECK(Pair(*client, *server, "SIP.example").stands());
    CHECK(Pair(*client, *server, "localhost").stands());
    CHECK(Pair(*client, *server, "127.0.0.1").stands());
    CHECK(has(Pair(*client, *server, "nobody.example").client->error(), "is of localhost"));
}

TEST_CASE("T-30: what is no TLS ends the handshake with a reason, and never with a wait") {
    const auto server = context({"localhost"});
    for (const std::string bytes :
         {"SUBSCRIBE sip:alice@localhost SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1\r\n\r\n",
          "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff\x01\x02\x03\x04\x05\x06",
          "\x80\x2e\x01"}) {
        const auto session = server->accept();
        session->receive(bytes);
        std::array<char, 100> room;
        CHECK(session->read(room).empty());
        if (bytes.size() > 5) CHECK(session->state() == State::failed);
        if (session->state() == State::failed) CHECK_FALSE(session->error().empty());
        CHECK_FALSE(session->write("x"));
        session->receive(bytes);
        session->close();
    }
    const auto client = context({});
    const auto session = client->connect("localhost");
    session->start();
    CHECK(session->take_output().size() > 100);
    session->receive(std::string_view("SIP/2.0 400 Bad Request\r\n\r\n"));
    CHECK(session->state() == State::failed);
    CHECK(session->error() == "it does not speak TLS");
}

TEST_CASE("T-30: a byte that was changed on the way breaks the connection, and is not read") {
    const auto client = context({}), server = context({"localhost"});
    Pair pair(*client, *server, "localhost");
    REQUIRE(pair.client->write("words that nobody may change"));
    std::string sealed = pair.client->take_output();
    sealed[sealed.size() / 2] = static_cast<char>(sealed[sealed.size() / 2] ^ 1);
    pair.server->receive(sealed);
    std::array<char, 100> room;
    CHECK(pair.server->read(room).empty());
    CHECK(pair.server->state() == State::failed);
}

TEST_CASE("a context that is made later reads its files when the first connection wants it") {
    const auto server = context({"localhost"});
    const auto client = TlsContext::later(settings({}));
    REQUIRE(client);
    for (int i = 0; i < 2; ++i) {
        Pair pair(*client, *server, "localhost");
        CHECK(pair.stands());
    }
    TlsSettings nowhere;
    nowhere.authorities = file("nowhere.pem");
    const auto none = TlsContext::later(nowhere);  // of that file nothing is known yet
    REQUIRE(none);
    for (int i = 0; i < 2; ++i) CHECK(none->connect("localhost") == nullptr);
    CHECK(none->accept() == nullptr);
}

TEST_CASE("what is wrong with a file is said with its name, in one line") {
    TlsSettings wanted = settings({"localhost"});
    wanted.certificates[0].key = file("phone.key");
    CHECK(error_of(wanted) == "--key " + file("phone.key") +
                                  " is not the key of the certificate in " + file("localhost.pem"));
    wanted.certificates[0].key = file("locked.key");
    CHECK(has(error_of(wanted), "is locked with a password"));
    wanted.certificates[0].key = file("ca.pem");
    CHECK(has(error_of(wanted), "there is no private key in it"));
    wanted.certificates[0] = {file("localhost.key"), file("localhost.key")};
    CHECK(has(error_of(wanted), "there is no certificate in it"));
    wanted.certificates[0].certificate = file("nowhere.pem");
    CHECK(error_of(wanted) == "--cert " + file("nowhere.pem") + ": No such file or directory");
    wanted = settings({});
    wanted.authorities = file("nowhere.pem");
    CHECK(error_of(wanted) == "--ca " + file("nowhere.pem") + ": No such file or directory");
    CHECK(has(error_of(settings({"weak"})), "--cert " + file("weak.pem") + ": "));
    for (const std::string odd : {"expired", "wildcard"}) {
        std::vector<std::string> warnings;
        CHECK(TlsContext::make(settings({odd}), warnings));
        REQUIRE(warnings.size() == 1);
        CHECK(has(warnings[0], file(odd + ".pem")));
    }
}
