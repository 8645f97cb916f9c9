#include "apps/edge/net/line_reader.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "apps/edge/net/descriptor.hpp"

namespace {

/// A loop with one reader of a pipe.
struct Reading {
    Reading() {
        uv_loop_init(&loop);
        std::array<int, 2> ends{};
        REQUIRE(::pipe(ends.data()) == 0);
        from = edge::Descriptor(ends[0]);
        to = edge::Descriptor(ends[1]);
        reader = read(from.get());
    }
    ~Reading() {
        reader.reset();
        uv_run(&loop, UV_RUN_DEFAULT);
        CHECK(uv_loop_close(&loop) == 0);
    }
    std::unique_ptr<edge::LineReader> read(int fd) {
        return std::make_unique<edge::LineReader>(
            &loop, fd,
            edge::LineReader::User{[this](std::string_view line) { lines.emplace_back(line); },
                                   [this] { ++too_long; }});
    }
    void write(const std::string& text) {
        CHECK(::write(to.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        for (int i = 0; i < 4; ++i) uv_run(&loop, UV_RUN_NOWAIT);
    }

    uv_loop_t loop{};
    edge::Descriptor from, to;
    std::vector<std::string> lines;
    int too_long = 0;
    std::unique_ptr<edge::LineReader> reader;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("Lines are told one by one, however they are cut, and the last one without its end too") {
    Reading r;
    for (const char* part : {"aw", "ay\nopen\n\nno", "te x"}) r.write(part);
    CHECK(r.lines == Lines{"away", "open", ""});
    r.to = {};
    for (int i = 0; i < 4; ++i) uv_run(&r.loop, UV_RUN_NOWAIT);
    CHECK(r.lines == Lines{"away", "open", "", "note x"});
    CHECK(uv_run(&r.loop, UV_RUN_NOWAIT) == 0);  // nothing is waited for any more
}

TEST_CASE("A line of the most bytes is told, one more is too many, and the next is a line again") {
    Reading r;
    const std::string most(edge::LineReader::line_max, 'x');
    r.write(most + "\n");
    CHECK(r.lines == Lines{most});
    r.write(most + "x");
    r.write("y\nopen\n");
    CHECK(r.lines == Lines{most, "open"});
    CHECK(r.too_long == 1);
}

TEST_CASE("A file is read to its end, and a descriptor keeps the flags that it had") {
    Reading r;
    std::FILE* file = std::tmpfile();
    REQUIRE(file != nullptr);
    std::fputs("away\nclosed", file);
    std::rewind(file);
    const auto reader = r.read(::fileno(file));
    CHECK(r.lines == Lines{"away", "closed"});
    std::fclose(file);
    CHECK((::fcntl(r.from.get(), F_GETFL) & O_NONBLOCK) != 0);
    r.reader.reset();
    CHECK((::fcntl(r.from.get(), F_GETFL) & O_NONBLOCK) == 0);
    CHECK_NOTHROW(r.read(-1));
}
