#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/serve_settings.hpp"

namespace vigil {

namespace {

ExitCode refuse(const char* what, bool json) {
    return fail(ExitCode::wrong_usage,
                {std::string("vigil ") + what + ": not built in yet", {}, 0, {}}, json);
}

}  // namespace

ExitCode run_serve(const ServeOptions& options) {
    const auto settings = read_serve_settings(options.given);
    if (!settings)
        return fail(ExitCode::wrong_usage, {"vigil serve: " + settings.error(), {}, 0, {}}, false);
    return refuse("serve", false);
}
ExitCode run_watch(const WatchOptions& options) { return refuse("watch", options.client.json); }
ExitCode run_publish(const PublishOptions& options) {
    return refuse("publish", options.client.json);
}
ExitCode run_register(const RegisterOptions& options) {
    return refuse("register", options.client.json);
}

}  // namespace vigil
