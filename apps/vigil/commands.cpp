#include "apps/vigil/commands.hpp"

#include <cstdio>

#include "apps/vigil/console.hpp"
#include "apps/vigil/text.hpp"

namespace vigil {

namespace {

ExitCode say(const Say& what) {
    if (what.code == ExitCode::done) {
        std::fwrite(what.text.data(), 1, what.text.size(), stdout);
        std::fflush(stdout);
        return what.code;
    }
    return fail(what.code, {escape(what.text), {}, 0, {}}, what.json);
}

struct Runner {
    ExitCode operator()(const Say& what) const { return say(what); }
    ExitCode operator()(const ServeOptions& options) const { return run_serve(options); }
    ExitCode operator()(const WatchOptions& options) const { return run_watch(options); }
    ExitCode operator()(const PublishOptions& options) const { return run_publish(options); }
    ExitCode operator()(const RegisterOptions& options) const { return run_register(options); }
    ExitCode operator()(const EdgeOptions& options) const { return run_edge(options); }
    ExitCode operator()(const ParseOptions& options) const { return run_parse(options); }
    ExitCode operator()(const LimitsOptions& options) const { return run_limits(options); }
    ExitCode operator()(const UserOptions& options) const { return run_user(options); }
    ExitCode operator()(const DecideOptions& options) const { return run_decide(options); }
    ExitCode operator()(const ShowOptions& options) const { return run_show(options); }
    ExitCode operator()(const ExplainOptions& options) const { return run_explain(options); }
    ExitCode operator()(const RulesOptions& options) const { return run_rules(options); }
    ExitCode operator()(const LoadOptions& options) const { return run_load(options); }
};

}  // namespace

ExitCode run(const Command& command) { return std::visit(Runner{}, command); }

}  // namespace vigil
