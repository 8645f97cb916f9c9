#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/edge/net/listen_spec.hpp"
#include "apps/edge/net/outcome.hpp"
#include "apps/edge/net/tls.hpp"
#include "apps/vigil/log_level.hpp"
#include "apps/vigil/raw_options.hpp"
#include "apps/vigil/user_table.hpp"
#include "presence/composition_policy.hpp"
#include "presence/migration.hpp"
#include "sip/base/address_range.hpp"
#include "sip/base/clock.hpp"
#include "sip/base/limits.hpp"

namespace vigil {

/// --policy: what holds for a presentity that has no rules.
enum class DefaultPolicy : std::uint8_t { allow, confirm, polite_block, block };
/// --on-stop: what watchers are told at the end.
enum class OnStop : std::uint8_t { probation, deactivate };

/// --relay: for whom requests are carried on.
enum class RelayMode : std::uint8_t { none, local, authenticated };

/// What `vigil serve` goes by: every option checked, every default in its place.
struct ServeSettings {
    std::vector<edge::ListenSpec> listen;
    std::string advertise;
    std::uint32_t workers = 1;         ///< threads, each with a core of its own
    std::vector<std::string> domains;  ///< lower case, at least one
    std::vector<std::string> users;    ///< NAME:PASSWORD
    std::string users_file;
    bool digest = true;
    DefaultPolicy policy = DefaultPolicy::confirm;
    std::string rules;  ///< folder of rule documents; empty: nobody has rules
    /// Who may publish for whom besides: both canonical addresses-of-record.
    std::vector<std::pair<std::string, std::string>> delegates;
    sip::Duration notify_interval = sip::seconds{5};
    bool hold_per_watcher = false;
    presence::CompositionPolicy composition;
    std::string hard_state_folder;
    bool strict = false, sips_only = false, rfc3265_compat = false, gruu = false;
    RelayMode relay = RelayMode::local;
    bool learn = false;
    presence::MigrationMode migrate = presence::MigrationMode::capable;
    std::uint32_t expires_min_s = 60, expires_max_s = 7200, expires_default_s = 3600;
    std::vector<sip::DigestAlgorithm> algorithms;
    std::vector<sip::Endpoint> dns;  ///< none: the system's
    std::uint32_t expires_jitter_percent = 10;
    std::uint32_t rate_source = sip::Limits{}.rate_source;
    std::uint32_t rate_user = sip::Limits{}.rate_user;
    std::uint32_t rate_strangers = sip::Limits{}.rate_strangers;
    std::vector<sip::AddressRange> limit_exempt;
    std::vector<std::string> limit;  ///< NAME=N, as given
    sip::Limits limits;              ///< with these in it
    std::vector<sip::AddressRange> trusted_networks;
    std::vector<std::string> trusted_names;  ///< of certificates, lower case
    bool refuse_untrusted_identity = false, anonymous = false;
    OnStop on_stop = OnStop::probation;
    LogLevel log = LogLevel::info;
    std::string trace_file;
    std::string control;  ///< path of the socket; empty: the default one; "none": there is none
    edge::TlsSettings tls;
    /// What is unwise though allowed; one line each, for standard error.
    std::vector<std::string> warnings;
};

/// Puts `command_line` over what its --config file says, checks each value and all together. The
/// error is one line: the option, the value, what is wrong and the fix.
edge::Outcome<ServeSettings> read_serve_settings(const RawOptions& command_line);

/// The users of --user and --users; `warnings` gets what is unwise about them.
edge::Outcome<UserTable> load_users(const ServeSettings& settings,
                                    std::vector<std::string>& warnings);

/// The first option that differs between the two and takes a restart to change; empty: none.
std::string needs_restart(const ServeSettings& running, const ServeSettings& wanted);

}  // namespace vigil
