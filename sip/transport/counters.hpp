#pragma once

#include <cstdint>

namespace sip {

/// What happened, counted from the start. Every bound of `Limits` has its counter here, but for
/// `nonces` (NonceTable::forgotten) and the edge's `flow_write_bytes`.
struct Counters {
    std::uint64_t messages_in = 0, messages_out = 0, bytes_in = 0, bytes_out = 0;
    std::uint64_t requests_in = 0, responses_in = 0, retransmissions_in = 0;
    std::uint64_t malformed_requests = 0, malformed_responses = 0, malformed_ack = 0;
    std::uint64_t unmatched_responses = 0, foreign_responses = 0, unmatched_ack = 0;
    std::uint64_t stateless_replies = 0, challenges = 0, merged_requests = 0;
    std::uint64_t keepalive_pings = 0;

    std::uint64_t limit_memory = 0;
    std::uint64_t limit_message_bytes = 0, limit_body_bytes = 0, limit_headers = 0,
                  limit_uri_bytes = 0, limit_uri_parts = 0, limit_response_bytes = 0;
    std::uint64_t limit_flows = 0, limit_flows_per_address = 0, flow_timeouts = 0,
                  flow_framing_errors = 0, limit_stream_bytes = 0;
    std::uint64_t limit_server_transactions = 0, limit_server_transactions_per_user = 0,
                  limit_server_transactions_per_address = 0, limit_completed_transactions = 0,
                  limit_response_forms = 0, limit_client_transactions = 0,
                  limit_waiting_requests = 0;
    std::uint64_t limit_rate_source = 0, limit_rate_user = 0, limit_rate_strangers = 0,
                  limit_rate_connection = 0, limit_rate_buckets = 0, limit_known_sources = 0;
    std::uint64_t limit_subscriptions = 0, limit_subscriptions_per_user = 0,
                  limit_subscriptions_per_resource = 0, limit_resources = 0;
    std::uint64_t limit_undecided_watchers = 0, limit_undecided_watchers_per_user = 0,
                  limit_ended_watchers = 0;
    std::uint64_t limit_unproven_peers = 0;
    std::uint64_t limit_publications = 0, limit_publications_per_resource = 0,
                  limit_publication_bytes = 0, limit_notify_body_bytes = 0;
    std::uint64_t limit_bindings = 0, limit_bindings_per_address = 0, limit_binding_bytes = 0;
    std::uint64_t limit_route_set = 0, limit_dialog_bytes = 0;
    std::uint64_t limit_watches = 0, limit_own_publications = 0, limit_own_registrations = 0,
                  limit_notices = 0;
    std::uint64_t limit_name_lookups = 0, limit_name_questions = 0, limit_name_records = 0,
                  limit_name_cache = 0, limit_failed_targets = 0;
    std::uint64_t limit_response_contexts = 0, limit_forks = 0, limit_response_context_bytes = 0,
                  limit_breadth = 0, limit_timer_c = 0;
    std::uint64_t limit_migration_patience = 0, limit_migrated_watchers = 0;
    std::uint64_t effects_dropped = 0;

    std::uint64_t transaction_timeouts = 0, transport_failures = 0;
    std::uint64_t unreachable_unproved = 0;  ///< Stack::unreachable, and it failed no request
    std::uint64_t name_lookups = 0, name_questions = 0, name_failures = 0, name_timeouts = 0;
    std::uint64_t target_failures = 0;  ///< and another server was there to be tried, or may be
    std::uint64_t subscribes = 0, publishes = 0, registers = 0, notifies = 0;
    std::uint64_t silent_peers = 0;  ///< a NOTIFY to where nobody subscribes from, unanswered
    std::uint64_t notify_failures = 0, notify_over_udp_for_size = 0;
    /// Watchers whose connection went; those whose device came back with a new dialog.
    std::uint64_t suspect_watchers = 0, superseded_watchers = 0;
    std::uint64_t publications_superseded = 0;  ///< whose publisher published anew without an etag
    std::uint64_t watchers_given_up = 0;        ///< undecided until the giveup timer fired
    std::uint64_t bindings_lost = 0;            ///< with the connection that led to them
    std::uint64_t pongs_missed = 0;             ///< connections of ours that were closed for one
    std::uint64_t forwarded_requests = 0, forwarded_responses = 0, forwarding_refused = 0,
                  forwarding_loops = 0;
    std::uint64_t handed_over = 0, taken_over = 0;  ///< messages, between workers
    std::uint64_t learnt_agents = 0;                ///< that we have subscribed to
    /// SUBSCRIBEs that a UA was asked to answer in our place; those that it gave back to us.
    std::uint64_t migrations = 0, migrations_returned = 0;
    std::uint64_t commits = 0, commits_failed = 0;
};

}  // namespace sip
