#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "apps/vigil/log_level.hpp"
#include "sip/base/clock.hpp"

namespace vigil {

/// Lines for an operator: time, level, text. Whatever the text holds, it stays one line and does
/// nothing to a terminal. Lines that come too often are counted and not printed; the next one that
/// is says how many were left out. The door to fmt.
class Log {
public:
    using Sink = std::function<void(std::string_view line)>;

    struct Rate {
        std::uint32_t lines = 10;  ///< of one key, in one interval
        sip::Duration interval = sip::seconds{10};
        std::uint32_t debug_lines = 2'000;
        std::size_t keys_max = 128;  ///< further keys share one count
    };

    Log(LogLevel level, Sink sink, Rate rate);
    Log(LogLevel level, Sink sink) : Log(level, std::move(sink), Rate{}) {}

    void set_level(LogLevel level) { level_ = level; }
    bool wants(LogLevel level) const { return level <= level_; }

    /// A line that is written however often it comes: start, stop, configuration.
    void say(const sip::Now& now, LogLevel level, std::string_view text);
    /// What the operator asked for: written whatever the level is.
    void answer(const sip::Now& now, std::string_view text);
    /// A line that peers can cause; `key` names its kind and is no text of theirs.
    void say_limited(const sip::Now& now, LogLevel level, std::string_view key,
                     std::string_view text);
    std::uint64_t left_out() const { return left_out_; }

private:
    struct Count {
        sip::Instant since{};
        std::uint32_t written = 0;
        std::uint64_t left_out = 0;
    };
    void write(const sip::Now& now, LogLevel level, std::string_view text);
    void say_one(const sip::Now& now, LogLevel level, std::string_view text);
    Count& count_of(std::string_view key);

    std::atomic<LogLevel> level_;
    std::mutex mutex_;  ///< workers of one server write one line at a time
    Sink sink_;
    Rate rate_;
    std::map<std::string, Count, std::less<>> counts_;
    Count others_;
    std::uint64_t left_out_ = 0;
};

}  // namespace vigil
