#include "apps/vigil/load_report.hpp"

#include <fmt/format.h>

namespace vigil {

namespace {

using load::Percentiles;
using load::PhaseResult;

constexpr std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

std::uint64_t each(std::uint64_t all, std::uint64_t count) { return count == 0 ? 0 : all / count; }

/// Of all streams of the phase together there is one only where it has one.
void set_percentiles(Record& record, const std::string& name, const Percentiles& times) {
    if (times.count() == 0) return;
    record.set(name + "_count", number(times.count()));
    record.set(name + "_p50_ns", number(times.at(0.5)));
    record.set(name + "_p90_ns", number(times.at(0.9)));
    record.set(name + "_p99_ns", number(times.at(0.99)));
    record.set(name + "_p999_ns", number(times.at(0.999)));
    record.set(name + "_max_ns", number(times.max()));
}

std::vector<std::string> statuses_of(const PhaseResult& result) {
    std::vector<std::string> texts;
    for (const auto& [status, count] : result.statuses)
        texts.push_back(fmt::format("{} {}", status, count));
    return texts;
}

std::string time_of(std::uint64_t ns) {
    if (ns < 10'000) return fmt::format("{:.2f} us", static_cast<double>(ns) / 1e3);
    if (ns < 1'000'000) return fmt::format("{:.0f} us", static_cast<double>(ns) / 1e3);
    if (ns < 1'000'000'000) return fmt::format("{:.2f} ms", static_cast<double>(ns) / 1e6);
    return fmt::format("{:.2f} s", static_cast<double>(ns) / 1e9);
}

void add_percentiles(std::vector<std::string>& lines, const std::string& what,
                     const Percentiles& times) {
    if (times.count() == 0) return;
    lines.push_back(fmt::format("    {}: p50 {}, p90 {}, p99 {}, p99.9 {}, max {}", what,
                                time_of(times.at(0.5)), time_of(times.at(0.9)),
                                time_of(times.at(0.99)), time_of(times.at(0.999)),
                                time_of(times.max())));
}

void add_server(std::vector<std::string>& lines, const LoadPhase& phase) {
    const PhaseResult& result = phase.result;
    if (!phase.after.found) return;
    const std::uint64_t cpu = phase.after.cpu_ns - phase.before.cpu_ns;
    std::string line = fmt::format("    server: {} of CPU, {} an operation", time_of(cpu),
                                   time_of(each(cpu, result.succeeded())));
    if (result.notifications > 0)
        line += fmt::format(", {} a notification", time_of(each(cpu, result.notifications)));
    constexpr double megabyte = 1 << 20;
    lines.push_back(line + fmt::format("; PSS {:.1f} MB, was {:.1f} MB",
                                       static_cast<double>(phase.after.pss_bytes) / megabyte,
                                       static_cast<double>(phase.before.pss_bytes) / megabyte));
}

/// What is seldom other than zero.
void add_trouble(std::vector<std::string>& lines, const PhaseResult& result) {
    std::string line;
    const auto add = [&](std::uint64_t count, const char* what) {
        if (count > 0) line += fmt::format("{}{} {}", line.empty() ? "    " : ", ", count, what);
    };
    add(result.failed(), "failed");
    add(result.timeouts, "timed out");
    add(result.retransmissions, "retransmitted");
    add(result.repeated, "NOTIFYs repeated");
    add(result.strange, "NOTIFYs of no subscription of ours");
    add(result.ended, "subscriptions ended by the server");
    add(result.lost_connections, "connections lost");
    add(result.dropped_here, "datagrams dropped at our sockets");
    add(result.unreachable, "datagrams that nobody took");
    if (!line.empty()) lines.push_back(line);
    if (result.statuses.empty() || (result.statuses.size() == 1 && result.statuses.contains(200)))
        return;
    line = "    responses:";
    for (const std::string& status : statuses_of(result)) line += " " + status + ",";
    line.pop_back();
    lines.push_back(line);
}

}  // namespace

Record record_of(const LoadPhase& phase) {
    const PhaseResult& result = phase.result;
    const std::uint64_t messages = result.sent + result.received;
    Record record;
    record.set("phase", result.name)
        .set("started", number(result.started()))
        .set("succeeded", number(result.succeeded()))
        .set("failed", number(result.failed()))
        .set("duration_ns", number(result.duration_ns))
        .set("statuses", statuses_of(result))
        .set("retransmissions", number(result.retransmissions))
        .set("timeouts", number(result.timeouts))
        .set("notifications", number(result.notifications))
        .set("repeated", number(result.repeated))
        .set("strange", number(result.strange))
        .set("ended", number(result.ended))
        .set("lost_connections", number(result.lost_connections))
        .set("sent", number(result.sent))
        .set("received", number(result.received))
        .set("received_bytes", number(result.received_bytes))
        .set("dropped_here", number(result.dropped_here))
        .set("unreachable", number(result.unreachable))
        .set("late_ns", number(result.late_ns))
        .set("own_cpu_ns", number(result.own_cpu_ns))
        .set("own_cpu_a_message_ns", number(each(result.own_cpu_ns, messages)));
    if (phase.after.found) {
        record.set("server_cpu_ns", number(phase.after.cpu_ns - phase.before.cpu_ns))
            .set("server_pss_before", number(phase.before.pss_bytes))
            .set("server_pss_after", number(phase.after.pss_bytes));
    }
    if (result.streams.size() == 1) {
        set_percentiles(record, "latency", result.streams.front().latency);
        set_percentiles(record, "whole", result.streams.front().whole);
    }
    set_percentiles(record, "lamp", result.lamp);
    set_percentiles(record, "probe", result.probe);
    return record;
}

std::vector<Record> records_of_kinds(const LoadPhase& phase) {
    std::vector<Record> records;
    if (phase.result.streams.size() < 2) return records;
    for (const load::StreamResult& stream : phase.result.streams) {
        Record record;
        record.set("phase", phase.result.name)
            .set("operation", std::string(name_of(stream.kind)))
            .set("started", number(stream.started))
            .set("succeeded", number(stream.succeeded))
            .set("failed", number(stream.failed));
        set_percentiles(record, "latency", stream.latency);
        set_percentiles(record, "whole", stream.whole);
        records.push_back(record);
    }
    return records;
}

std::vector<std::string> lines_of(const LoadPhase& phase) {
    const PhaseResult& result = phase.result;
    const double seconds = static_cast<double>(result.duration_ns) / 1e9;
    std::vector<std::string> lines;
    std::string line =
        fmt::format("{}: {} of {} done in {:.3f} s, {:.0f} a second", result.name,
                    result.succeeded(), result.started(), seconds,
                    seconds > 0 ? static_cast<double>(result.succeeded()) / seconds : 0);
    if (result.notifications > 0)
        line += fmt::format("; {} notifications, {:.0f} a second", result.notifications,
                            seconds > 0 ? static_cast<double>(result.notifications) / seconds : 0);
    lines.push_back(line);
    const bool several = result.streams.size() > 1;
    for (const load::StreamResult& stream : result.streams) {
        const std::string name = several ? std::string(name_of(stream.kind)) + ", " : "";
        if (several)
            lines.push_back(fmt::format("    {}: {} of {}", name_of(stream.kind), stream.succeeded,
                                        stream.started));
        add_percentiles(lines, name + "to the response", stream.latency);
        if (stream.kind <= load::Kind::unsubscribe)
            add_percentiles(lines, name + "to response and NOTIFY", stream.whole);
    }
    add_percentiles(lines, "publish to lamp", result.lamp);
    add_percentiles(lines, "probe", result.probe);
    add_server(lines, phase);
    lines.push_back(fmt::format("    generator: {} of CPU a message, {} messages",
                                time_of(each(result.own_cpu_ns, result.sent + result.received)),
                                result.sent + result.received));
    if (result.late_ns > 10'000'000)
        lines.push_back("    the generator fell behind its rate by " + time_of(result.late_ns));
    add_trouble(lines, result);
    return lines;
}

}  // namespace vigil
