#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/json_output.hpp"
#include "apps/vigil/sizing.hpp"
#include "apps/vigil/text.hpp"

namespace vigil {

namespace {

Record record_of(const sip::Limits& limits) {
    const auto number = [](auto value) { return static_cast<std::int64_t>(value); };
    Record record;
    record.set("memory_bytes", number(limits.memory_bytes))
        .set("resources", number(limits.resources))
        .set("subscriptions", number(limits.subscriptions))
        .set("subscriptions_per_resource", number(limits.subscriptions_per_resource))
        .set("undecided_watchers", number(limits.undecided_watchers))
        .set("publications", number(limits.publications))
        .set("bindings", number(limits.bindings))
        .set("flows", number(limits.flows))
        .set("flows_per_address", number(limits.flows_per_address))
        .set("stream_bytes_percent", number(limits.stream_bytes_percent))
        .set("server_transactions", number(limits.server_transactions))
        .set("server_transactions_per_user", number(limits.server_transactions_per_user))
        .set("server_transactions_per_address", number(limits.server_transactions_per_address))
        .set("completed_transactions", number(limits.completed_transactions))
        .set("client_transactions", number(limits.client_transactions))
        .set("rate_buckets", number(limits.rate_buckets))
        .set("known_sources", number(limits.known_sources))
        .set("nonces", number(limits.nonces))
        .set("name_cache_bytes", number(limits.name_cache_bytes));
    return record;
}

Record record_of(const Costs& costs) {
    const auto number = [](std::size_t value) { return static_cast<std::int64_t>(value); };
    Record record;
    record.set("start_bytes", number(costs.start))
        .set("presentity_bytes", number(costs.presentity))
        .set("subscription_bytes", number(costs.subscription))
        .set("publication_bytes", number(costs.publication))
        .set("binding_bytes", number(costs.binding))
        .set("connection_bytes", number(costs.connection))
        .set("server_transaction_bytes", number(costs.server_transaction))
        .set("completed_transaction_bytes", number(costs.completed_transaction))
        .set("client_transaction_bytes", number(costs.client_transaction));
    return record;
}

void print(const Record& record, std::string_view before) {
    for (const auto& [name, value] : record.fields())
        print_line(std::string(before) + name + " " + std::to_string(std::get<1>(value)));
}

}  // namespace

ExitCode run_limits(const LimitsOptions& options) {
    const std::size_t memory = parse_size(options.memory);
    if (memory == 0)
        return fail(ExitCode::wrong_usage,
                    {"--memory wants a size, as 512K, 8M or 1G, and not \"" +
                         escape(options.memory, 60) + "\"",
                     {},
                     0,
                     {}},
                    options.json);
    Mix mix;
    mix.watchers = options.watchers;
    mix.document_bytes = options.document_bytes;
    const Costs costs = measure_costs(mix);
    const sip::Limits found = limits_within(memory, mix, costs);
    if (found.resources == 0)
        return fail(ExitCode::failed,
                    {"no server runs in " + options.memory + "; it begins with " +
                         std::to_string(2 * costs.start) + " bytes",
                     {},
                     0,
                     {}},
                    options.json);
    const Record limits = record_of(found), each = record_of(costs);
    if (options.json) {
        Record all = limits;
        for (const auto& [name, value] : each.fields()) all.set(name, value);
        print_line(json_of(all));
        return ExitCode::done;
    }
    print(limits, {});
    print(each, "# ");
    return ExitCode::done;
}

}  // namespace vigil
