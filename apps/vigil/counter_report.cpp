#include "apps/vigil/counter_report.hpp"

#include <algorithm>
#include <array>

namespace vigil {

namespace {

// A log line is cut at 1000 bytes.
constexpr std::size_t line_bytes = 900;
constexpr bool trouble = true;

template <class Counters>
struct Name {
    std::string_view name;
    std::uint64_t Counters::*value;
    bool is_trouble = false;
};

using Core = sip::Counters;
constexpr std::array core_names = std::to_array<Name<Core>>({
    {"messages_in", &Core::messages_in},
    {"messages_out", &Core::messages_out},
    {"bytes_in", &Core::bytes_in},
    {"bytes_out", &Core::bytes_out},
    {"requests_in", &Core::requests_in},
    {"responses_in", &Core::responses_in},
    {"retransmissions_in", &Core::retransmissions_in},
    {"malformed_requests", &Core::malformed_requests},
    {"malformed_responses", &Core::malformed_responses},
    {"malformed_ack", &Core::malformed_ack},
    {"unmatched_responses", &Core::unmatched_responses},
    {"foreign_responses", &Core::foreign_responses},
    {"unmatched_ack", &Core::unmatched_ack},
    {"stateless_replies", &Core::stateless_replies},
    {"challenges", &Core::challenges},
    {"merged_requests", &Core::merged_requests},
    {"keepalive_pings", &Core::keepalive_pings},
    {"limit_memory", &Core::limit_memory, trouble},
    {"limit_message_bytes", &Core::limit_message_bytes},
    {"limit_body_bytes", &Core::limit_body_bytes},
    {"limit_headers", &Core::limit_headers},
    {"limit_uri_bytes", &Core::limit_uri_bytes},
    {"limit_uri_parts", &Core::limit_uri_parts},
    {"limit_response_bytes", &Core::limit_response_bytes},
    {"limit_flows", &Core::limit_flows, trouble},
    {"limit_flows_per_address", &Core::limit_flows_per_address, trouble},
    {"flow_timeouts", &Core::flow_timeouts},
    {"flow_framing_errors", &Core::flow_framing_errors},
    {"limit_stream_bytes", &Core::limit_stream_bytes, trouble},
    {"limit_completed_transactions", &Core::limit_completed_transactions, trouble},
    {"limit_response_forms", &Core::limit_response_forms, trouble},
    {"limit_server_transactions", &Core::limit_server_transactions, trouble},
    {"limit_server_transactions_per_user", &Core::limit_server_transactions_per_user, trouble},
    {"limit_server_transactions_per_address", &Core::limit_server_transactions_per_address,
     trouble},
    {"limit_client_transactions", &Core::limit_client_transactions, trouble},
    {"limit_waiting_requests", &Core::limit_waiting_requests, trouble},
    {"limit_rate_source", &Core::limit_rate_source, trouble},
    {"limit_rate_user", &Core::limit_rate_user, trouble},
    {"limit_rate_strangers", &Core::limit_rate_strangers, trouble},
    {"limit_rate_connection", &Core::limit_rate_connection, trouble},
    {"limit_rate_buckets", &Core::limit_rate_buckets, trouble},
    {"limit_known_sources", &Core::limit_known_sources, trouble},
    {"limit_subscriptions", &Core::limit_subscriptions, trouble},
    {"limit_subscriptions_per_user", &Core::limit_subscriptions_per_user},
    {"limit_subscriptions_per_resource", &Core::limit_subscriptions_per_resource},
    {"limit_resources", &Core::limit_resources, trouble},
    {"limit_undecided_watchers", &Core::limit_undecided_watchers, trouble},
    {"limit_undecided_watchers_per_user", &Core::limit_undecided_watchers_per_user},
    {"limit_ended_watchers", &Core::limit_ended_watchers},
    {"limit_unproven_peers", &Core::limit_unproven_peers, trouble},
    {"limit_publications", &Core::limit_publications, trouble},
    {"limit_publications_per_resource", &Core::limit_publications_per_resource},
    {"limit_publication_bytes", &Core::limit_publication_bytes},
    {"limit_notify_body_bytes", &Core::limit_notify_body_bytes},
    {"limit_bindings", &Core::limit_bindings, trouble},
    {"limit_bindings_per_address", &Core::limit_bindings_per_address},
    {"limit_binding_bytes", &Core::limit_binding_bytes},
    {"limit_route_set", &Core::limit_route_set},
    {"limit_dialog_bytes", &Core::limit_dialog_bytes},
    {"limit_watches", &Core::limit_watches},
    {"limit_own_publications", &Core::limit_own_publications},
    {"limit_own_registrations", &Core::limit_own_registrations},
    {"limit_notices", &Core::limit_notices},
    {"limit_name_lookups", &Core::limit_name_lookups, trouble},
    {"limit_name_questions", &Core::limit_name_questions, trouble},
    {"limit_name_records", &Core::limit_name_records},
    {"limit_name_cache", &Core::limit_name_cache},
    {"limit_failed_targets", &Core::limit_failed_targets},
    {"limit_response_contexts", &Core::limit_response_contexts},
    {"limit_forks", &Core::limit_forks},
    {"limit_response_context_bytes", &Core::limit_response_context_bytes},
    {"limit_breadth", &Core::limit_breadth},
    {"limit_timer_c", &Core::limit_timer_c},
    {"limit_migration_patience", &Core::limit_migration_patience},
    {"limit_migrated_watchers", &Core::limit_migrated_watchers},
    {"effects_dropped", &Core::effects_dropped, trouble},
    {"transaction_timeouts", &Core::transaction_timeouts},
    {"transport_failures", &Core::transport_failures},
    {"unreachable_unproved", &Core::unreachable_unproved},
    {"name_lookups", &Core::name_lookups},
    {"name_questions", &Core::name_questions},
    {"name_failures", &Core::name_failures},
    {"name_timeouts", &Core::name_timeouts},
    {"target_failures", &Core::target_failures},
    {"subscribes", &Core::subscribes},
    {"publishes", &Core::publishes},
    {"registers", &Core::registers},
    {"notifies", &Core::notifies},
    {"silent_peers", &Core::silent_peers},
    {"notify_failures", &Core::notify_failures},
    {"suspect_watchers", &Core::suspect_watchers},
    {"superseded_watchers", &Core::superseded_watchers},
    {"publications_superseded", &Core::publications_superseded},
    {"watchers_given_up", &Core::watchers_given_up},
    {"bindings_lost", &Core::bindings_lost},
    {"pongs_missed", &Core::pongs_missed},
    {"notify_over_udp_for_size", &Core::notify_over_udp_for_size},
    {"forwarded_requests", &Core::forwarded_requests},
    {"forwarded_responses", &Core::forwarded_responses},
    {"forwarding_refused", &Core::forwarding_refused},
    {"forwarding_loops", &Core::forwarding_loops},
    {"handed_over", &Core::handed_over},
    {"taken_over", &Core::taken_over},
    {"learnt_agents", &Core::learnt_agents},
    {"migrations", &Core::migrations},
    {"migrations_returned", &Core::migrations_returned},
    {"commits", &Core::commits},
    {"commits_failed", &Core::commits_failed, trouble},
});

using Net = edge::NetCounters;
constexpr std::array net_names = std::to_array<Name<Net>>({
    {"datagrams_in", &Net::datagrams_in},
    {"datagrams_out", &Net::datagrams_out},
    {"datagrams_truncated", &Net::datagrams_truncated},
    {"receive_calls", &Net::receive_calls},
    {"send_calls", &Net::send_calls},
    {"send_blocked", &Net::send_blocked},
    {"send_refused", &Net::send_refused, trouble},
    {"send_queue_dropped", &Net::send_queue_dropped, trouble},
    {"icmp_errors", &Net::icmp_errors},
    {"connections_accepted", &Net::connections_accepted},
    {"connections_opened", &Net::connections_opened},
    {"accept_errors", &Net::accept_errors, trouble},
    {"accept_pauses", &Net::accept_pauses, trouble},
    {"connections_refused", &Net::connections_refused, trouble},
    {"connect_failures", &Net::connect_failures},
    {"write_overflows", &Net::write_overflows, trouble},
    {"close_timeouts", &Net::close_timeouts},
    {"tls_handshakes", &Net::tls_handshakes},
    {"tls_resumed", &Net::tls_resumed},
    {"tls_failures", &Net::tls_failures},
    {"tls_timeouts", &Net::tls_timeouts},
    {"unknown_flows", &Net::unknown_flows},
    {"hand_over_dropped", &Net::hand_over_dropped, trouble},
    {"hand_over_waits", &Net::hand_over_waits, trouble},
    {"hand_over_kept", &Net::hand_over_kept},
    {"hand_over_too_long", &Net::hand_over_too_long, trouble},
    {"flows_mirrored", &Net::flows_mirrored},
    {"flows_released", &Net::flows_released},
    {"local_requests", &Net::local_requests},
    {"local_refused", &Net::local_refused},
    {"local_timeouts", &Net::local_timeouts},
});

void add_to_line(std::string& line, std::string_view name, std::uint64_t value) {
    if (!line.empty()) line += ", ";
    line += name;
    line += ' ';
    line += std::to_string(value);
}

/// Calls `visit` with each counter of trouble.
template <class Visit>
void each_trouble(const Core& core, const Net& net, Visit visit) {
    for (const auto& each : core_names)
        if (each.is_trouble) visit(each.name, core.*each.value);
    for (const auto& each : net_names)
        if (each.is_trouble) visit(each.name, net.*each.value);
}

}  // namespace

std::vector<CounterReport::Named> CounterReport::all(const Core& core, const Net& net) {
    std::vector<Named> found;
    for (const auto& each : core_names)
        found.push_back({each.name, core.*each.value, each.is_trouble});
    for (const auto& each : net_names)
        found.push_back({each.name, net.*each.value, each.is_trouble});
    return found;
}

void CounterReport::add(Core& sum, const Core& more) {
    for (const auto& each : core_names) sum.*each.value += more.*each.value;
}

void CounterReport::add(Net& sum, const Net& more) {
    for (const auto& each : net_names) sum.*each.value += more.*each.value;
}

std::vector<std::string> CounterReport::lines() const {
    std::vector<std::string> lines;
    for (const Named& each : all(core_, net_)) {
        if (each.value == 0) continue;
        if (lines.empty() || lines.back().size() > line_bytes) lines.emplace_back();
        add_to_line(lines.back(), each.name, each.value);
    }
    return lines;
}

std::size_t CounterReport::trouble_size() {
    std::size_t size = 0;
    each_trouble({}, {}, [&](std::string_view, std::uint64_t) { ++size; });
    return size;
}

std::string CounterReport::new_trouble() {
    std::string line;
    auto told = told_.begin();
    each_trouble(core_, net_, [&](std::string_view name, std::uint64_t value) {
        if (value != *told) {
            add_to_line(line, name, value - *told);
            *told = value;
        }
        ++told;
    });
    return line;
}

}  // namespace vigil
