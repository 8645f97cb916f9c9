#include "apps/edge/net/line_server.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "tests/apps/edge/net/fake_engine.hpp"
#include "tests/apps/edge/net/loopback.hpp"
#include "tests/apps/vigil/temporary_folder.hpp"

using namespace edge;

namespace {

/// So many pieces of so many bytes, and turns in which there is none.
class Pieces final : public LineAnswer {
public:
    Pieces(int count, std::size_t size, bool pauses, int& given)
        : left_(count), size_(size), pauses_(pauses), given_(given) {}
    bool next(std::string& out) override {
        if (pauses_ && (turn_ = !turn_)) return true;
        ++given_;
        out += std::string(size_ - 1, 'x') + "\n";
        return --left_ > 0;
    }

private:
    int left_;
    std::size_t size_;
    bool pauses_;
    int& given_;
    bool turn_ = false;
};

struct Asking {
    explicit Asking(const LineServer::Options& options = {}) {
        auto socket = LocalSocket::bind(path);
        REQUIRE(socket);
        const auto served = driver.serve_lines(
            std::move(*socket),
            [this](std::string_view line) {
                asked.emplace_back(line);
                return std::make_unique<Pieces>(pieces, size, pauses, given);
            },
            [](std::string_view why) { return "refused: " + std::string(why) + "\n"; }, options);
        REQUIRE(served);
    }
    Descriptor connect() {
        auto made = connect_local(path);
        REQUIRE(made);
        return std::move(*made);
    }
    static void send(const Descriptor& to, std::string_view text) {
        (void)::send(to.get(), text.data(), text.size(), MSG_NOSIGNAL);
    }
    /// All that comes until the end; turns the loop for it.
    std::string read_all(const Descriptor& from) {
        std::string all;
        const bool ended = turn_until(driver, [&] {
            char room[65'536];
            const ssize_t got = ::recv(from.get(), room, sizeof room, MSG_DONTWAIT);
            if (got > 0) all.append(room, static_cast<std::size_t>(got));
            return got == 0 || (got < 0 && errno == ECONNRESET);
        });
        CHECK(ended);
        return all;
    }

    TemporaryFolder folder;
    std::string path = folder.path("s");
    FakeEngine engine;
    Driver driver{engine};
    std::vector<std::string> asked;
    int pieces = 3, given = 0;
    std::size_t size = 10;
    bool pauses = true;
};

}  // namespace

TEST_CASE("a line is answered in pieces, and the connection closed") {
    Asking w;
    const Descriptor client = w.connect();
    Asking::send(client, "show all\nand what comes behind is not looked at\n");
    CHECK(w.read_all(client) == "xxxxxxxxx\nxxxxxxxxx\nxxxxxxxxx\n");
    CHECK(w.asked == std::vector<std::string>{"show all"});
    CHECK(w.driver.counters().local_requests == 1);
}

TEST_CASE("a line that comes byte by byte, with a CR at its end, is a line") {
    Asking w;
    const Descriptor client = w.connect();
    for (const char c : std::string_view("a b\r\n")) {
        Asking::send(client, {&c, 1});
        w.driver.turn(false);
        w.driver.turn(false);
    }
    CHECK(w.read_all(client).size() == 30);
    CHECK(w.asked == std::vector<std::string>{"a b"});
}

TEST_CASE("a line of as many bytes as there may be is taken, one more is refused unread") {
    for (const std::size_t over : {0U, 1U}) {
        LineServer::Options options;
        options.request_bytes = 100;
        Asking w(options);
        const Descriptor client = w.connect();
        Asking::send(client, std::string(100 + over, 'a'));
        w.driver.turn(false);
        Asking::send(client, "\n");
        const std::string answer = w.read_all(client);
        CHECK((answer == "refused: the request is too long\n") == (over == 1));
        CHECK(w.asked.size() == 1 - over);
        CHECK(w.driver.counters().local_refused == over);
    }
}

TEST_CASE("bytes of any value, nulls included, are a line like any other") {
    Asking w;
    const Descriptor client = w.connect();
    Asking::send(client, std::string_view("\0\xff\x80 \x01\n", 6));
    CHECK(w.read_all(client).size() == 30);
    REQUIRE(w.asked.size() == 1);
    CHECK(w.asked[0] == std::string_view("\0\xff\x80 \x01", 5));
}

TEST_CASE("who does not read gets no more than the system takes, and is let go after a while") {
    LineServer::Options options;
    options.piece_time = sip::milliseconds{30};
    Asking w(options);
    w.pieces = 1'000;
    w.size = 100'000;
    const Descriptor client = w.connect();
    Asking::send(client, "all\n");
    CHECK(turn_until(w.driver, [&] { return w.driver.counters().local_timeouts == 1; }));
    // Not all of the hundred megabytes was ever made.
    CHECK(w.given < 50);
}

TEST_CASE("who says nothing, or half a line, is let go after a while") {
    LineServer::Options options;
    options.request_time = sip::milliseconds{20};
    Asking w(options);
    const Descriptor silent = w.connect(), half = w.connect();
    Asking::send(half, "sho");
    CHECK(w.read_all(silent).empty());
    CHECK(w.read_all(half).empty());
    CHECK(w.driver.counters().local_timeouts == 2);
    CHECK(w.asked.empty());
}

TEST_CASE("at most so many are heard at one time: one more is told so, and those before go on") {
    LineServer::Options options;
    options.clients = 2;
    Asking w(options);
    const Descriptor first = w.connect(), second = w.connect(), third = w.connect();
    CHECK(w.read_all(third).starts_with("refused: too many"));
    CHECK(w.driver.counters().local_refused == 1);
    Asking::send(first, "a\n");
    Asking::send(second, "b\n");
    CHECK(w.read_all(first).size() == 30);
    CHECK(w.read_all(second).size() == 30);
    // There is room again.
    const Descriptor fourth = w.connect();
    Asking::send(fourth, "c\n");
    CHECK(w.read_all(fourth).size() == 30);
}

TEST_CASE("between two pieces of an answer the loop has a turn for everything else") {
    Asking w;
    w.pieces = 50;
    w.pauses = false;
    const Descriptor client = w.connect();
    Asking::send(client, "all\n");
    for (int turn = 0; turn < 1'000 && w.given < 50; ++turn) {
        const int before = w.given;
        w.driver.turn(false);
        CHECK(w.given <= before + 1);
    }
    CHECK(w.given == 50);
    CHECK(w.read_all(client).size() == 500);
}

TEST_CASE("who goes in the middle of a line, or of an answer, leaves nothing behind") {
    Asking w;
    w.pieces = 1'000;
    w.size = 100'000;
    for (const std::string_view said : {"", "half", "all\n"}) {
        Descriptor client = w.connect();
        Asking::send(client, said);
        for (int i = 0; i < 10; ++i) w.driver.turn(false);
        client = Descriptor();
        for (int i = 0; i < 10; ++i) w.driver.turn(false);
    }
    CHECK(w.driver.counters().local_timeouts == 0);
    w.pieces = 1;
    const Descriptor last = w.connect();
    Asking::send(last, "a\n");
    CHECK(w.read_all(last).size() == 100'000);
}

TEST_CASE("the server may go while somebody is asking") {
    const TemporaryFolder folder;
    Descriptor open, answered;
    {
        Asking w;
        w.pieces = 1'000;
        w.size = 100'000;
        open = w.connect();
        answered = w.connect();
        Asking::send(answered, "all\n");
        for (int i = 0; i < 10; ++i) w.driver.turn(false);
    }
    char room[1];
    CHECK(::recv(open.get(), room, 1, MSG_DONTWAIT) <= 0);
}
