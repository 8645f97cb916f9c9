#include "apps/vigil/client_session.hpp"

#include <doctest/doctest.h>

using namespace vigil;

namespace {

std::string server(const std::string& given, const std::string& uri) {
    const auto chosen = choose_server(given, uri);
    return chosen ? edge::to_text(*chosen) : "error: " + chosen.error();
}

}  // namespace

TEST_CASE("The server is the one given, or the URI's host where that needs no name service") {
    CHECK(server("", "sip:a@example.com") == "udp:127.0.0.1:5060");
    CHECK(server("", "sip:a@example.com:5070") == "udp:127.0.0.1:5060");
    CHECK(server("", "sip:a@localhost") == "udp:127.0.0.1:5060");
    CHECK(server("", "sip:a@localhost:5070") == "udp:127.0.0.1:5070");
    CHECK(server("", "sip:a@192.0.2.1:5070;transport=tcp") == "tcp:192.0.2.1:5070");
    CHECK(server("", "sip:a@[2001:db8::1]") == "udp:[2001:db8::1]:5060");
    CHECK(server("tcp:[::1]:5070", "sip:a@192.0.2.1") == "tcp:[::1]:5070");
    CHECK(server("udp:127.0.0.1:0", "sip:a@h") == "udp:127.0.0.1:5060");
    CHECK(server("wss:127.0.0.1:443", "sip:a@h").find("not built in yet") != std::string::npos);
    CHECK(server("127.0.0.1", "sip:a@h").starts_with("error: --server "));
}

TEST_CASE("A --server that is a name is looked up; an address, localhost or nonsense is not") {
    CHECK(named_server("dns") == "");
    CHECK(named_server("udp:example.com") == "sip:example.com;transport=udp");
    CHECK(named_server("tcp:sip.example.com:5070") == "sip:sip.example.com:5070;transport=tcp");
    for (const auto* none :
         {"", "udp:127.0.0.1:5060", "udp:[::1]:5060", "udp:localhost:5060", "example.com", "dns:x",
          "udp:a b", "udp:", "udp:example.com:", "udp:example.com:0", "udp:example.com:65536",
          "udp:example.com:1:2", "ftp:example.com", "udp:x;y"})
        CHECK_FALSE(named_server(none));
}

TEST_CASE("An address-of-record is a sip URI with a user") {
    CHECK(check_address("sip:alice@example.com"));
    CHECK(check_address("sip:alice@[::1]:5060;transport=tcp"));
    for (const auto* wrong : {"", "alice", "alice@example.com", "sip:example.com", "sip:@h",
                              "tel:+1", "mailto:a@h", "sip:a@h\r\nX: y", "sip:a b@h"}) {
        const auto checked = check_address(wrong);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().find("sip:alice@example.com") != std::string::npos);
        CHECK(checked.error().find('\n') == std::string::npos);
    }
    CHECK(check_address("sips:a@h"));
}

TEST_CASE("A session that cannot be opened says why") {
    const auto error_of = [](const ClientOptions& options) {
        const auto session = ClientSession::open(options, "sip:alice@localhost");
        REQUIRE_FALSE(session);
        CHECK(session.error().code == ExitCode::wrong_usage);
        return session.error().error;
    };
    ClientOptions options;
    options.as = "bob";
    CHECK(error_of(options).starts_with("--as \"bob\""));
    options = {};
    options.dns = {"ns.example.com"};
    CHECK(error_of(options).starts_with("--dns \"ns.example.com\""));
    options = {};
    options.password_env = "NO_SUCH_VARIABLE_HERE";
    CHECK(error_of(options).find("NO_SUCH_VARIABLE_HERE") != std::string::npos);
    for (const double timeout : {0.0, -1.0, 1e9}) {
        options = {};
        options.timeout_s = timeout;
        CHECK(error_of(options).starts_with("--timeout"));
    }
}
