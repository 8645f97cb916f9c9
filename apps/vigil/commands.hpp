#pragma once

#include "apps/vigil/exit_code.hpp"
#include "apps/vigil/options.hpp"

namespace vigil {

/// Does what `command` says, speaking on standard output and standard error.
ExitCode run(const Command& command);

ExitCode run_serve(const ServeOptions& options);
ExitCode run_watch(const WatchOptions& options);
ExitCode run_publish(const PublishOptions& options);
ExitCode run_register(const RegisterOptions& options);
ExitCode run_edge(const EdgeOptions& options);
ExitCode run_limits(const LimitsOptions& options);
ExitCode run_parse(const ParseOptions& options);
ExitCode run_user(const UserOptions& options);
ExitCode run_decide(const DecideOptions& options);
ExitCode run_show(const ShowOptions& options);
ExitCode run_explain(const ExplainOptions& options);
ExitCode run_rules(const RulesOptions& options);
ExitCode run_load(const LoadOptions& options);

}  // namespace vigil
