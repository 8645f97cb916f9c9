#include "apps/vigil/limit_names.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <variant>
#include <vector>

#include "apps/vigil/raw_options.hpp"
#include "sip/base/text.hpp"

namespace vigil {

namespace {

using sip::Limits;

struct Name {
    std::string_view name;
    std::variant<std::uint32_t Limits::*, std::uint64_t Limits::*> field;
    std::uint64_t most = UINT64_MAX;
};

// What a server may want more or less of. Rates have options of their own; lengths of what stands
// in a header are not for a deployment to say.
constexpr std::array names{
    Name{"memory_bytes", &Limits::memory_bytes},
    Name{"message_bytes", &Limits::message_bytes},
    Name{"body_bytes", &Limits::body_bytes},
    Name{"flows", &Limits::flows},
    Name{"flows_per_address", &Limits::flows_per_address},
    Name{"flow_write_bytes", &Limits::flow_write_bytes},
    Name{"server_transactions", &Limits::server_transactions},
    Name{"server_transactions_per_user", &Limits::server_transactions_per_user},
    Name{"server_transactions_per_address", &Limits::server_transactions_per_address},
    Name{"client_transactions", &Limits::client_transactions},
    Name{"waiting_requests", &Limits::waiting_requests},
    Name{"response_contexts", &Limits::response_contexts},
    Name{"subscriptions", &Limits::subscriptions},
    Name{"subscriptions_per_user", &Limits::subscriptions_per_user},
    Name{"subscriptions_per_resource", &Limits::subscriptions_per_resource},
    Name{"resources", &Limits::resources},
    Name{"undecided_watchers", &Limits::undecided_watchers},
    Name{"undecided_watchers_per_user", &Limits::undecided_watchers_per_user},
    Name{"ended_watchers", &Limits::ended_watchers},
    Name{"publications", &Limits::publications},
    Name{"publications_per_resource", &Limits::publications_per_resource},
    Name{"publication_bytes", &Limits::publication_bytes},
    Name{"notify_body_bytes", &Limits::notify_body_bytes},
    Name{"bindings", &Limits::bindings},
    Name{"bindings_per_address", &Limits::bindings_per_address},
    Name{"nonces", &Limits::nonces},
    Name{"stream_bytes_percent", &Limits::stream_bytes_percent, 100},
    Name{"completed_transactions", &Limits::completed_transactions},
    Name{"rate_buckets", &Limits::rate_buckets},
    Name{"known_sources", &Limits::known_sources},
    Name{"name_cache_bytes", &Limits::name_cache_bytes},
};

}  // namespace

edge::Outcome<void> set_limit(std::string_view text, Limits& limits) {
    const auto equals = text.find('=');
    const std::string_view wanted = text.substr(0, equals);
    const auto* found = std::find_if(names.begin(), names.end(),
                                     [&](const Name& each) { return each.name == wanted; });
    if (equals == std::string_view::npos || found == names.end()) {
        std::vector<std::string_view> all;
        std::string list;
        for (const Name& each : names) {
            all.push_back(each.name);
            list.append(list.empty() ? "" : ", ").append(each.name);
        }
        const std::string near = suggestion(wanted, all);
        return edge::failure("it wants NAME=N, as subscriptions=200000" +
                             (near.empty() ? "; there are " + list : near));
    }
    return std::visit(
        [&](auto field) -> edge::Outcome<void> {
            using Number = std::remove_reference_t<decltype(limits.*field)>;
            const std::uint64_t most =
                std::min<std::uint64_t>(std::numeric_limits<Number>::max(), found->most);
            const auto number = sip::parse_decimal(text.substr(equals + 1), most);
            if (!number || *number == 0)
                return edge::failure("it wants a whole number from 1 to " + std::to_string(most));
            limits.*field = static_cast<Number>(*number);
            return {};
        },
        found->field);
}

}  // namespace vigil
