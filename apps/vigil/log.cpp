#include "apps/vigil/log.hpp"

#include <fmt/format.h>

#include <array>

#include "apps/vigil/text.hpp"

namespace vigil {

namespace {

constexpr std::array<std::string_view, 4> level_names{"error", "warn", "info", "debug"};
constexpr std::size_t line_bytes_max = 1'000;

}  // namespace

Log::Log(LogLevel level, Sink sink, Rate rate)
    : level_(level), sink_(std::move(sink)), rate_(rate) {}

void Log::say(const sip::Now& now, LogLevel level, std::string_view text) {
    const std::lock_guard lock(mutex_);
    say_one(now, level, text);
}

void Log::say_one(const sip::Now& now, LogLevel level, std::string_view text) {
    if (wants(level)) write(now, level, text);
}

void Log::answer(const sip::Now& now, std::string_view text) {
    const std::lock_guard lock(mutex_);
    write(now, LogLevel::info, text);
}

void Log::write(const sip::Now& now, LogLevel level, std::string_view text) {
    sink_(fmt::format("{} {:<5} {}\n", time_text(now.wall_ms),
                      level_names[static_cast<std::size_t>(level)], escape(text, line_bytes_max)));
}

void Log::say_limited(const sip::Now& now, LogLevel level, std::string_view key,
                      std::string_view text) {
    if (!wants(level)) return;
    const std::lock_guard lock(mutex_);
    Count& count = count_of(key);
    if (count.written == 0 || now.mono - count.since >= rate_.interval) {
        if (count.left_out > 0)
            say_one(now, level,
                    fmt::format("{}: {} more lines of this kind left out", key, count.left_out));
        count = {now.mono, 0, 0};
    }
    const std::uint32_t most = level == LogLevel::debug ? rate_.debug_lines : rate_.lines;
    if (count.written >= most) {
        ++count.left_out;
        ++left_out_;
        return;
    }
    ++count.written;
    say_one(now, level, text);
}

Log::Count& Log::count_of(std::string_view key) {
    if (const auto found = counts_.find(key); found != counts_.end()) return found->second;
    if (counts_.size() >= rate_.keys_max) return others_;
    return counts_.emplace(std::string(key), Count{}).first->second;
}

}  // namespace vigil
