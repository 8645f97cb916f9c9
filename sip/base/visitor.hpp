#pragma once

namespace sip {

/// A callable that is called before the call that it is given to returns: two pointers, so that
/// what calls it is one function for all of them.
template <class... Arguments>
class Visitor {
public:
    template <class Callable>
    Visitor(const Callable& callable)
        : callable_(&callable), call_([](const void* to, Arguments... arguments) {
              (*static_cast<const Callable*>(to))(arguments...);
          }) {}
    void operator()(Arguments... arguments) const { call_(callable_, arguments...); }

private:
    const void* callable_;
    void (*call_)(const void*, Arguments...);
};

}  // namespace sip
