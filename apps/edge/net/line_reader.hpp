#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace edge {

/// Reads lines from a descriptor that is not ours to close, in the loop: standard input. Its end,
/// or an error, ends the reading and nothing else. A line that is longer than `line_max` is left
/// out, and told as one that is too long.
class LineReader {
public:
    static constexpr std::size_t line_max = 4'096;
    struct User {
        std::function<void(std::string_view line)> take;
        std::function<void()> too_long;
    };

    LineReader(uv_loop_t* loop, int descriptor, User user);
    LineReader(const LineReader&) = delete;
    LineReader& operator=(const LineReader&) = delete;
    /// The loop has to turn once more, or to be closed, before it is freed: see Driver.
    ~LineReader();

private:
    struct Poll;
    bool read_some();
    void stop();
    void take(std::string_view bytes);

    int descriptor_;
    int flags_ = -1;  ///< as they were
    User user_;
    std::string line_;
    bool skipping_ = false;  ///< the rest of a line that is too long
    Poll* poll_ = nullptr;
};

}  // namespace edge
